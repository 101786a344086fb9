"""What one request sees of the engine: text, stops, counts, scores, embeddings."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import write_llama

from weft.errors import Aborted, EngineClosed, InvalidRequest
from weft.grammar import regex
from weft.request import EmbedRequest, FinishReason, GenerateRequest, Pooling, Sampling, ScoreRequest
from weft.runtime import Engine


@pytest.fixture(scope="module")
def engine(tiny_folder: Path) -> Iterator[Engine]:
    with Engine(tiny_folder, device="cpu", dtype="float32") as engine:
        yield engine


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32).eval()


def text_of(engine: Engine, name: str, **sampling: Any) -> str:
    options = {"max_tokens": 40, "ignore_eos": True, **sampling}
    return engine.generate(GenerateRequest(id=name, prompt="Say: ", sampling=Sampling(**options))).result(60).text


def test_events_add_up_to_the_result(engine: Engine) -> None:
    request = GenerateRequest(id="sum", prompt="Hello", sampling=Sampling(max_tokens=30, logprobs=True, top_logprobs=3))
    ticket = engine.generate(request)
    events = list(ticket)
    result = ticket.result(60)
    assert "".join(event.text for event in events) == result.text
    assert [event.finish is not None for event in events] == [False] * (len(events) - 1) + [True]
    assert events[-1].finish is result.finish
    for event in events:
        if event.token_id >= 0 and event.finish is not FinishReason.STOP:
            assert event.logprob is not None
            assert event.logprob <= 0
            assert event.top_logprobs[0] == (event.token_id, pytest.approx(event.logprob))  # greedy
            assert event.prompt_tokens == 5
    assert 0 < result.times.arrived <= result.times.admitted <= result.times.first_token <= result.times.finished


def test_every_output_token_has_a_logprob_also_one_that_would_have_ended_it(engine: Engine) -> None:
    (end,) = engine.tokenizer.eos_ids
    sampling = Sampling(max_tokens=3, ignore_eos=True, logit_bias=((end, 100.0),), logprobs=True)
    result = engine.generate(GenerateRequest(id="ends", prompt="a", sampling=sampling)).result(60)
    assert result.token_ids == (end,) * 3
    assert len(result.logprobs) == 3


def test_alternatives_are_reported_with_or_without_logprobs(engine: Engine) -> None:
    results = [
        engine.generate(
            GenerateRequest(id=f"top{logprobs}", prompt="a", sampling=Sampling(4, logprobs=logprobs, top_logprobs=2))
        ).result(60)
        for logprobs in (True, False)
    ]
    assert [len(tops) for tops in results[0].top_logprobs] == [2] * 4
    assert results[1].top_logprobs == results[0].top_logprobs
    assert results[1].logprobs == results[0].logprobs


def test_logprobs_under_a_constraint_are_the_models_own(engine: Engine) -> None:
    request = GenerateRequest(
        id="own", prompt="Go: ", sampling=Sampling(logprobs=True), constraint=regex("name: [xy] true")
    )
    result = engine.generate(request).result(60)
    scored = engine.score(ScoreRequest(id="scored", prompt="Go: ", choices=(result.token_ids,))).result(60)
    assert result.logprobs == pytest.approx(scored.token_logprobs[0], abs=1e-4)


def test_a_stop_string_ends_the_text_and_is_not_part_of_it(engine: Engine) -> None:
    whole = text_of(engine, "whole")
    stop = whole[10:13]
    request = GenerateRequest(
        id="stop", prompt="Say: ", sampling=Sampling(max_tokens=40, ignore_eos=True, stop=(stop,))
    )
    ticket = engine.generate(request)
    streamed = "".join(event.text for event in ticket)
    result = ticket.result(60)
    assert result.text == streamed == whole[: whole.index(stop)]
    assert (result.finish, result.stop_reason) == (FinishReason.STOP, stop)


def test_a_stop_token_id_ends_the_text(engine: Engine) -> None:
    ids = engine.generate(
        GenerateRequest(id="ids", prompt="Say: ", sampling=Sampling(max_tokens=20, ignore_eos=True))
    ).result(60)
    stop = ids.token_ids[7]
    sampling = Sampling(max_tokens=20, ignore_eos=True, stop_token_ids=(stop,))
    result = engine.generate(GenerateRequest(id="stopped", prompt="Say: ", sampling=sampling)).result(60)
    assert result.token_ids == ids.token_ids[: ids.token_ids.index(stop)]
    assert result.stop_reason == stop


def test_end_of_sequence_waits_for_min_tokens(engine: Engine) -> None:
    (end,) = engine.tokenizer.eos_ids
    bias = ((end, 100.0),)
    short = engine.generate(GenerateRequest(id="short", prompt="a", sampling=Sampling(logit_bias=bias))).result(60)
    assert (short.text, short.token_ids, short.finish) == ("", (), FinishReason.STOP)
    longer = engine.generate(
        GenerateRequest(id="longer", prompt="a", sampling=Sampling(logit_bias=bias, min_tokens=6))
    ).result(60)
    assert len(longer.token_ids) == 6


def test_max_tokens_zero_gives_an_empty_answer(engine: Engine) -> None:
    result = engine.generate(GenerateRequest(id="zero", prompt="abc", sampling=Sampling(max_tokens=0))).result(60)
    assert (result.text, result.finish) == ("", FinishReason.LENGTH)


def test_output_ends_where_the_context_does(engine: Engine) -> None:
    prompt = "x" * (engine.context_length - 4)
    result = engine.generate(GenerateRequest(id="full", prompt=prompt, sampling=Sampling(ignore_eos=True))).result(60)
    assert (len(result.token_ids), result.finish) == (4, FinishReason.LENGTH)


def test_a_bias_bans_and_forces_tokens(engine: Engine) -> None:
    (token,) = engine.tokenizer.encode("q")
    assert set(text_of(engine, "force", logit_bias=((token, 100.0),))) == {"q"}
    results = {}
    for bias in (0.0, -100.0):
        sampling = Sampling(max_tokens=20, ignore_eos=True, logit_bias=((token, bias),))
        results[bias] = engine.generate(GenerateRequest(id=str(bias), prompt="Say: ", sampling=sampling)).result(60)
        token = results[0.0].token_ids[0]
    assert token not in results[-100.0].token_ids


def test_scores_are_the_models_probabilities(engine: Engine, reference: Any) -> None:
    prompt, choices = "The name is", (" true", " null", "12", " naming things")
    result = engine.score(ScoreRequest(id="score", prompt=prompt, choices=choices)).result(60)
    start = engine.tokenizer.encode(prompt)
    for choice, got in zip(choices, result.token_logprobs, strict=True):
        ids = engine.tokenizer.encode(choice)
        with torch.inference_mode():
            logprobs = reference(torch.tensor([start + ids])).logits[0].log_softmax(-1)
        wanted = [logprobs[len(start) - 1 + at, token].item() for at, token in enumerate(ids)]
        assert got == pytest.approx(wanted, abs=2e-4)
    assert result.logprobs[0] == pytest.approx(math.fsum(result.token_logprobs[0]))


@pytest.mark.parametrize("pooling", list(Pooling))
def test_embeddings_are_the_pooled_last_hidden_states(engine: Engine, reference: Any, pooling: Pooling) -> None:
    text = "a text that is long enough to fill more than one page of the cache"
    for name in ("cold", "warm"):
        result = engine.embed(EmbedRequest(id=f"{name}{pooling}", prompt=text, pooling=pooling)).result(60)
        with torch.inference_mode():
            hidden = reference.model(torch.tensor([engine.tokenizer.encode(text)])).last_hidden_state[0]
        pooled = hidden[-1] if pooling is Pooling.LAST else hidden.mean(dim=0)
        assert result.embedding == pytest.approx((pooled / pooled.norm()).tolist(), abs=1e-4)


@pytest.mark.parametrize("pooling", list(Pooling))
@pytest.mark.parametrize("radix_cache", [True, False])
def test_embeddings_in_chunks_are_those_in_one_piece(tiny_folder: Path, pooling: Pooling, radix_cache: bool) -> None:
    """Beside each other, with and without a common beginning, and once more over what is cached by then."""
    texts = ["a text of some length that ends so", "a text of some length that ends otherwise", "x", "another one"]
    with Engine(tiny_folder, device="cpu", batch_invariant=True) as engine:
        whole = [engine.embed(EmbedRequest(id=text, prompt=text, pooling=pooling)).result(60) for text in texts]
    with Engine(
        tiny_folder, device="cpu", batch_invariant=True, prefill_chunk=5, page_size=4, radix_cache=radix_cache
    ) as engine:
        for _ in range(2):
            tickets = [engine.embed(EmbedRequest(id=text, prompt=text, pooling=pooling)) for text in texts]
            for ticket, expected in zip(tickets, whole, strict=True):
                assert ticket.result(60).embedding == pytest.approx(expected.embedding, abs=1e-6)
        engine.recount()


@pytest.mark.parametrize("kind", ["score", "embed"])
def test_a_retraction_midway_changes_no_answer(tiny_folder: Path, kind: str) -> None:
    """Three generations grow until the pages run out, and what came last has to make room."""
    text = "a text that is long enough to be computed in many small chunks, while others grow"
    request: Any = (
        ScoreRequest(id="s", prompt="The text: ", choices=(text, "short"))
        if kind == "score"
        else EmbedRequest(id="e", prompt=text, pooling=Pooling.MEAN)
    )
    with Engine(tiny_folder, device="cpu") as engine:
        alone = engine.submit(request).result(60)
    with Engine(tiny_folder, device="cpu", num_pages=12, prefill_chunk=2, max_context=128) as engine:
        sampling = Sampling(max_tokens=110, ignore_eos=True)
        others = [engine.generate(GenerateRequest(id=str(n), prompt="x", sampling=sampling)) for n in range(3)]
        crowded = engine.submit(request).result(60)
        assert engine.stats().retractions > 0
        for other in others:
            other.abort()
    if kind == "score":
        for got, expected in zip(crowded.token_logprobs, alone.token_logprobs, strict=True):
            assert got == pytest.approx(expected, abs=1e-4)
    else:
        assert crowded.embedding == pytest.approx(alone.embedding, abs=1e-4)


def test_a_fork_of_the_process_is_told_that_the_engine_is_not_there(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = GenerateRequest(id="child", prompt="x", sampling=Sampling(max_tokens=1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        for call in (lambda: engine.generate(request), engine.stats):
            with pytest.raises(EngineClosed, match="fork"):
                call()
        engine.close()
    assert engine.generate(request).result(60)


def test_text_without_tokens_is_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.tokenizer, "encode", lambda text, **where: [])  # as where blanks are stripped
    with pytest.raises(InvalidRequest, match="no token"):
        engine.generate(GenerateRequest(id="blank", prompt=" "))


def test_text_that_the_tokenizer_writes_past_the_models_vocabulary_is_refused(tmp_path: Path) -> None:
    with Engine(write_llama(tmp_path / "small", vocab_size=200), device="cpu") as engine:
        assert engine.generate(GenerateRequest(id="a", prompt="abc", sampling=Sampling(max_tokens=2))).result(60)
        with pytest.raises(InvalidRequest, match="outside the vocabulary of 200"):
            engine.generate(GenerateRequest(id="b", prompt="the name", sampling=Sampling(max_tokens=2)))


def test_an_abort_raises_where_the_caller_waits(engine: Engine) -> None:
    ticket = engine.generate(GenerateRequest(id="gone", prompt="x", sampling=Sampling(ignore_eos=True)))
    ticket.abort()
    with pytest.raises(Aborted, match="gone"):
        ticket.result(60)
    engine.abort("never heard of")
    engine.recount()


def test_an_id_in_flight_is_refused_and_free_again_after(engine: Engine) -> None:
    request = GenerateRequest(id="same", prompt="x", sampling=Sampling(ignore_eos=True))
    ticket = engine.generate(request)
    with pytest.raises(InvalidRequest, match="same"):
        engine.generate(request)
    ticket.abort()
    with pytest.raises(Aborted):
        ticket.result(60)
    again = engine.generate(GenerateRequest(id="same", prompt="x", sampling=Sampling(max_tokens=1)))
    assert again.result(60)


def test_an_id_is_free_as_soon_as_its_answer_is_there(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_again = threading.Event()
    request = GenerateRequest(id="same", prompt="x", sampling=Sampling(max_tokens=3, ignore_eos=True))
    with Engine(tiny_folder, device="cpu") as engine:
        finish = engine._scheduler.finish

        def finish_late(sequence: Any) -> None:
            asked_again.wait(10)
            finish(sequence)

        monkeypatch.setattr(engine._scheduler, "finish", finish_late)
        first = engine.generate(request)
        text = first.result(60).text
        second = engine.generate(request)
        first.abort()  # it has ended: this concerns nobody
        asked_again.set()
        assert second.result(60).text == text


def test_a_wait_can_be_bounded(engine: Engine) -> None:
    ticket = engine.generate(GenerateRequest(id="slow", prompt="x", sampling=Sampling(ignore_eos=True)))
    with pytest.raises(TimeoutError):
        ticket.result(0.0)
    ticket.abort()
