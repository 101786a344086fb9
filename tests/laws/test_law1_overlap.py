"""Law 1 for the overlapped order of a step: callers are told later, and the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from weft.errors import WeftError
from weft.grammar import choices, json_schema, regex
from weft.request import Constraint, GenerateRequest, Sampling, TokenEvent
from weft.runtime import Engine
from weft.runtime.runner import Runner

SCHEMA = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 8}}, "required": ["name"]}
CONSTRAINTS: tuple[Constraint | None, ...] = (
    None,
    None,
    json_schema(SCHEMA),
    regex("[ab]{3,9}"),
    choices(["the naming", "the name"]),
)


def requests() -> list[GenerateRequest]:
    rng = random.Random(4)
    made = []
    for number in range(30):
        sampling = Sampling(
            max_tokens=rng.randint(0, 30),
            temperature=rng.choice([0.0, 1.0]),
            seed=number,
            logprobs=rng.random() < 0.3,
            stop=rng.choice([(), ("a", "the")]),
            logit_bias=((65, 5.0), (66, 5.0)),
        )
        prompt = "the name " * rng.randint(1, 6) + str(number)
        made.append(
            GenerateRequest(
                id=str(number),
                prompt=prompt,
                sampling=sampling,
                constraint=rng.choice(CONSTRAINTS),
                forced_text=rng.random() < 0.8,
            )
        )
    return made


def run(folder: Path, overlap: bool) -> list[list[tuple[object, ...]]]:
    """Every request's events, without their times, and its error where there was one."""

    def told(event: TokenEvent) -> tuple[object, ...]:
        what = (event.token_id, event.text, event.logprob, event.allowed, event.forced, event.prompt_tokens)
        return (*what, event.finish, event.stop_reason)

    with Engine(folder, device="cpu", batch_invariant=True, overlap=overlap, num_pages=24, max_context=120) as engine:
        tickets = [engine.generate(request) for request in requests()]
        heard: list[list[tuple[object, ...]]] = []
        for ticket in tickets:
            events = [told(event) for event in ticket]
            result = ticket.result(60)
            events.append((result.text, result.token_ids, result.logprobs, result.finish, result.forced_tokens))
            heard.append(events)
        engine.recount()
    return heard


def test_events_and_results_are_the_same(tiny_folder: Path) -> None:
    assert run(tiny_folder, True) == run(tiny_folder, False)


@pytest.mark.parametrize("overlap", [True, False])
def test_an_abort_comes_after_what_came_before_it(tiny_folder: Path, overlap: bool) -> None:
    with Engine(tiny_folder, device="cpu", overlap=overlap) as engine:
        ticket = engine.generate(
            GenerateRequest(id="r", prompt="Say: ", sampling=Sampling(max_tokens=400, ignore_eos=True))
        )
        events = iter(ticket)
        for _ in range(3):
            next(events)
        ticket.abort()
        with pytest.raises(WeftError, match="aborted"):
            list(events)
        engine.recount()


@pytest.mark.parametrize("overlap", [True, False])
def test_a_failed_step_is_told_after_the_steps_before_it(
    tiny_folder: Path, overlap: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = Runner.forward
    steps = 0

    def fails_at_last(self: Runner, chunks: list[object]) -> object:
        nonlocal steps
        steps += 1
        if steps == 4:
            raise RuntimeError("the device is on fire")
        return forward(self, chunks)  # type: ignore[arg-type]

    with Engine(tiny_folder, device="cpu", overlap=overlap, speculation="off") as engine:
        monkeypatch.setattr(Runner, "forward", fails_at_last)
        request = GenerateRequest(id="r", prompt="Say: ", sampling=Sampling(max_tokens=9, ignore_eos=True))
        ticket = engine.generate(request)
        events = iter(ticket)
        for _ in range(3):
            next(events)
        with pytest.raises(WeftError, match="on fire"):
            next(events)
        with pytest.raises(WeftError, match="on fire"):
            ticket.result(60)
        engine.recount()
