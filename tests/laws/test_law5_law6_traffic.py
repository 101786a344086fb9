"""Laws 5 and 6: pages are conserved, and every request gets an answer or an error, whatever happens to it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from weft.errors import Aborted, EngineClosed, EngineError, InvalidRequest, Overloaded, PromptTooLong, WeftError
from weft.grammar import regex
from weft.radix_cache import IntegrityError
from weft.request import EmbedRequest, FinishReason, GenerateRequest, ProgramHints, Sampling, ScoreRequest
from weft.runtime import Engine
from weft.runtime.runner import Runner


def random_request(rng: random.Random, name: str) -> GenerateRequest | ScoreRequest | EmbedRequest:
    prompt = tuple(rng.randrange(300) if rng.random() < 0.3 else 65 for _ in range(rng.randint(1, 90)))
    salt = rng.choice(["", "", "tenant"])
    kind = rng.random()
    if kind < 0.15:
        kinds = rng.choice([2, 300])  # of two kinds of tokens choices have much in common
        choices = tuple(
            tuple(rng.randrange(kinds) for _ in range(rng.randint(1, 12))) for _ in range(rng.randint(1, 9))
        )
        return ScoreRequest(id=name, prompt=prompt, choices=choices, cache_salt=salt, unconditional=rng.random() < 0.5)
    if kind < 0.25:
        return EmbedRequest(id=name, prompt=prompt, cache_salt=salt)
    constraint = regex("(yes|no|maybe[0-9]{2,5})") if rng.random() < 0.3 else None
    sampling = Sampling(max_tokens=rng.randint(0, 40), temperature=rng.choice([0.0, 1.0]), top_p=rng.choice([1.0, 0.9]))
    return GenerateRequest(
        id=name, prompt=prompt, sampling=sampling, constraint=constraint, cache_salt=salt, priority=rng.randint(0, 1)
    )


def tell_of_a_program(engine: Engine, request: GenerateRequest | ScoreRequest | EmbedRequest) -> Any:
    """The request with some hints, true or not; sometimes the engine is told of a fork or an end before it."""
    rng = random.Random(f"hints of {request.id}")
    if rng.random() < 0.2:
        engine.fork("a", ["b"])
    if rng.random() < 0.3:
        engine.release(rng.choice(["a", "b", "batch"]))
    hints = ProgramHints(
        session=rng.choice([None, "a", "b"]),
        fork_group=rng.choice([None, "fork"]),
        more_calls=rng.random() < 0.5,
        batch=rng.choice([None, "batch"]),
        common_prefix=rng.randint(0, 90),
    )
    return replace(request, hints=hints)


@pytest.mark.parametrize("seed", range(4))
def test_random_traffic_with_aborts_and_failures(
    tiny_folder: Path, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiers: dict[str, Any] = {"host_cache_bytes": 1 << 16, "cache_dir": tmp_path} if seed % 2 else {}
    rng = random.Random(seed)
    forward = Runner.forward
    failures = 0

    def sometimes_fails(self: Runner, chunks: list[object]) -> torch.Tensor:
        nonlocal failures
        if rng.random() < 0.03:
            failures += 1
            raise RuntimeError("the device is on fire")
        return forward(self, chunks)  # type: ignore[arg-type]

    monkeypatch.setattr(Runner, "forward", sometimes_fails)
    options = {"num_pages": 24, "max_running": 6, "prefill_chunk": 32, "max_context": 200, **tiers}
    mode = ("auto", "prompt_lookup")[seed // 2]
    with Engine(tiny_folder, device="cpu", overlap=seed % 2 == 1, speculation=mode, **options) as engine:
        tickets = []
        for number in range(60):
            ticket = engine.submit(tell_of_a_program(engine, random_request(rng, str(number))))
            tickets.append(ticket)
            if rng.random() < 0.2:
                rng.choice(tickets).abort()
            if number % 10 == 0:
                engine.recount()
        outcomes = []
        for ticket in tickets:
            try:
                ticket.result(120)
                outcomes.append("answer")
            except (Aborted, EngineError) as error:
                outcomes.append(type(error).__name__)
        engine.recount()
        stats = engine.stats()
        assert len(outcomes) == 60
        assert outcomes.count("answer") > 10
        assert sum(count for _, count in stats.requests) == 60
        assert (stats.running, stats.waiting, stats.pages_in_use) == (0, 0, 0)
        assert stats.pages_free + stats.pages_cached == stats.pages_total
        engine.flush_cache()
        assert engine.stats().pages_free == 24
        if failures:
            assert "EngineError" in outcomes


def test_the_engine_serves_on_after_a_failed_step(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Engine(tiny_folder, device="cpu") as engine:
        with monkeypatch.context() as patch:
            patch.setattr(Runner, "forward", lambda self, chunks: 1 / 0)
            with pytest.raises(EngineError, match="division by zero"):
                engine.generate(GenerateRequest(id="a", prompt="x")).result(60)
        assert engine.generate(GenerateRequest(id="a", prompt="x", sampling=Sampling(max_tokens=3))).result(60)
        engine.recount()


def test_a_mask_and_a_draw_that_fail_in_one_step_end_no_engine(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("out of order")

    with Engine(tiny_folder, device="cpu") as engine:
        with monkeypatch.context() as patch:
            patch.setattr(Runner, "sample", fails)
            patch.setattr(engine._masks, "acquire", fails)
            constrained = engine.generate(GenerateRequest(id="a", prompt="x", constraint=regex("[ab]{3}")))
            with pytest.raises(EngineError, match="out of order"):
                constrained.result(60)
        assert engine.generate(GenerateRequest(id="a", prompt="x", sampling=Sampling(max_tokens=3))).result(60)
        engine.recount()


def test_not_a_number_is_that_requests_error(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Engine(tiny_folder, device="cpu") as engine:
        forward = Runner.forward
        with monkeypatch.context() as patch:
            patch.setattr(Runner, "forward", lambda self, chunks: forward(self, chunks) * float("nan"))
            for request in (
                GenerateRequest(id="a", prompt="some words that fill a page and more"),
                ScoreRequest(id="a", prompt="some words that fill a page and more", choices=("x", "y")),
                EmbedRequest(id="a", prompt="some words that fill a page and more"),
            ):
                with pytest.raises(EngineError, match="not numbers"):
                    engine.submit(request).result(60)
        after = engine.generate(GenerateRequest(id="b", prompt="some words that fill a page and more")).result(60)
        assert after.cached_tokens == 0  # what failed after its KV was written is not kept
        engine.recount()


def test_close_answers_everyone(tiny_folder: Path) -> None:
    engine = Engine(tiny_folder, device="cpu", max_running=2)
    tickets = [engine.generate(GenerateRequest(id=str(n), prompt="x" * 50)) for n in range(6)]
    engine.close()
    engine.close()
    for ticket in tickets:
        with pytest.raises(EngineClosed):
            ticket.result(60)
    with pytest.raises(EngineClosed):
        engine.generate(GenerateRequest(id="late", prompt="x"))
    engine.recount()


def test_everyone_hears_of_an_engine_that_dies(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Even where the books are so wrong that nothing can be put back."""

    def wrong(*_: object) -> None:
        raise IntegrityError("page 3 is free already")

    with Engine(tiny_folder, device="cpu", max_running=2) as engine:
        tickets = [engine.generate(GenerateRequest(id=str(n), prompt="x" * 50)) for n in range(6)]
        for method in ("finish", "drop", "plan"):
            monkeypatch.setattr(engine._scheduler, method, wrong)
        for ticket in tickets:
            with pytest.raises(EngineClosed, match="page 3 is free already"):
                ticket.result(60)
        with pytest.raises(EngineClosed):
            engine.generate(GenerateRequest(id="late", prompt="x"))
        assert engine.stats().steps >= 0
    assert "page 3 is free already" in caplog.text


def test_a_full_queue_refuses_by_name(tiny_folder: Path) -> None:
    with Engine(tiny_folder, device="cpu", max_running=1, max_queue=1) as engine:
        tickets = [engine.generate(GenerateRequest(id=str(n), prompt="x" * 20)) for n in range(2)]
        with pytest.raises(Overloaded):
            engine.generate(GenerateRequest(id="third", prompt="x"))
        for ticket in tickets:
            ticket.abort()


@pytest.mark.parametrize(
    ("request_", "kind", "param"),
    [
        (GenerateRequest(id="r", prompt="x" * 600), PromptTooLong, "prompt"),
        (GenerateRequest(id="r", prompt=()), InvalidRequest, "prompt"),
        (GenerateRequest(id="r", prompt=(1, 999)), InvalidRequest, "prompt"),
        (GenerateRequest(id="r", prompt=(1, 2.5)), InvalidRequest, "prompt"),  # type: ignore[arg-type]
        (GenerateRequest(id="r", prompt="x", sampling=Sampling(stop="###")), InvalidRequest, "stop"),  # type: ignore[arg-type]
        (GenerateRequest(id="r", prompt="x", sampling=Sampling(stop=(3,))), InvalidRequest, "stop"),  # type: ignore[arg-type]
        (
            GenerateRequest(id="r", prompt="x", sampling=Sampling(logit_bias=(("a", 1.0),))),  # type: ignore[arg-type]
            InvalidRequest,
            "logit_bias",
        ),
        (GenerateRequest(id="r", prompt="x", sampling=Sampling(max_tokens=-1)), InvalidRequest, "max_tokens"),
        (GenerateRequest(id="r", prompt="x", sampling=Sampling(top_p=0.0)), InvalidRequest, "top_p"),
        (
            GenerateRequest(id="r", prompt="x", sampling=Sampling(temperature=float("nan"))),
            InvalidRequest,
            "temperature",
        ),
        (
            GenerateRequest(id="r", prompt="x", sampling=Sampling(stop_token_ids=(4000,))),
            InvalidRequest,
            "stop_token_ids",
        ),
        (
            GenerateRequest(id="r", prompt="x", sampling=Sampling(bad_words=("",)), constraint=regex("b")),
            InvalidRequest,
            "bad_words",
        ),
        (ScoreRequest(id="r", prompt="x", choices=()), InvalidRequest, "choices"),
    ],
)
def test_bad_requests_are_refused_by_name_and_the_next_one_is_served(
    tiny_folder: Path, request_: GenerateRequest, kind: type[WeftError], param: str
) -> None:
    with Engine(tiny_folder, device="cpu") as engine:
        with pytest.raises(kind) as caught:
            engine.submit(request_)
        assert caught.value.param == param
        assert param in str(caught.value) or param == "prompt"
        result = engine.generate(GenerateRequest(id="r", prompt="x", sampling=Sampling(max_tokens=2))).result(60)
        assert result.finish in (FinishReason.LENGTH, FinishReason.STOP)


def test_async_callers_share_the_engine(tiny_folder: Path) -> None:
    async def read(engine: Engine, name: str) -> tuple[str, str]:
        ticket = engine.generate(GenerateRequest(id=name, prompt=f"{name}: ", sampling=Sampling(max_tokens=12)))
        text = "".join([event.text async for event in ticket])
        return text, (await ticket).text

    async def main(engine: Engine) -> list[tuple[str, str]]:
        return await asyncio.gather(*(read(engine, f"task {n}") for n in range(5)))

    with Engine(tiny_folder, device="cpu") as engine:
        for streamed, whole in asyncio.run(main(engine)):
            assert streamed == whole
