"""The engine's counts and times, against what its requests say of themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import write_llama

from weft.errors import Aborted, GrammarError
from weft.grammar import regex
from weft.request import Constraint, ConstraintKind, EmbedRequest, GenerateRequest, Pooling, Sampling, ScoreRequest
from weft.runtime import Engine
from weft.runtime.histogram import Histogram
from weft.runtime.stats import EngineStats


@pytest.fixture
def engine(tiny_folder: Path) -> Iterator[Engine]:
    with Engine(tiny_folder, device="cpu", dtype="float32", prefill_chunk=32) as engine:
        yield engine


def generation(name: str, prompt: str = "Say: ", **sampling: int) -> GenerateRequest:
    return GenerateRequest(
        id=name, prompt=prompt, sampling=Sampling(**{"max_tokens": 8, "ignore_eos": True} | sampling)
    )


def check_sums(stats: EngineStats) -> None:
    assert stats.pages_free + stats.pages_cached + stats.pages_in_use == stats.pages_total
    assert 0 <= stats.pages_evictable <= stats.pages_cached


def test_a_histogram_counts_up_to_each_bound() -> None:
    histogram = Histogram((0.5, 2.0))
    for value in (0.5, 0.6, 2.0, 3.0):
        histogram.observe(value)
    assert histogram.buckets() == (("0.5", 1), ("2.0", 3), ("+Inf", 4))
    assert histogram.total == pytest.approx(6.1)


def test_admission_comes_before_the_first_step_and_prefill_takes_all_steps_of_the_prompt(engine: Engine) -> None:
    ticket = engine.generate(generation("long", "a" * 200))
    events = list(ticket)
    times = ticket.result(60).times
    assert times.arrived < times.admitted < times.prefilled == times.first_token
    assert times.first_token < times.last_token == times.finished
    tokens = [event.times.last_token for event in events]
    assert tokens == sorted(set(tokens)), "a time for each token"
    assert engine.stats().steps == math.ceil(200 / 32) + 7


def test_forced_leading_text_is_there_before_admission(engine: Engine) -> None:
    request = GenerateRequest(id="f", prompt="Say: ", sampling=Sampling(), constraint=regex("Name: [ab]"))
    times = engine.generate(request).result(60).times
    assert times.arrived < times.first_token < times.admitted < times.prefilled == times.last_token


def test_scores_and_embeddings_have_times_too(engine: Engine) -> None:
    scored = engine.score(ScoreRequest(id="s", prompt="Say: ", choices=("a", "bc"))).result(60)
    embedded = engine.embed(EmbedRequest(id="e", prompt="Say: ", pooling=Pooling.MEAN)).result(60)
    for times in (scored.times, embedded.times):
        assert times.arrived < times.admitted < times.prefilled == times.finished
    assert dict(engine.stats().requests) == {"score": 1, "embed": 1}


def test_output_tokens_are_counted_as_they_come(tmp_path: Path) -> None:
    roomy = write_llama(tmp_path / "roomy", max_position_embeddings=8192)  # not to end before it is asked
    with Engine(roomy, device="cpu", dtype="float32", num_pages=8192 // 16) as engine:
        ticket = engine.generate(generation("long", max_tokens=8000))
        events = iter(ticket)
        seen = [next(events) for _ in range(5)]
        stats = engine.stats()
        assert stats.generated_tokens >= len(seen)
        assert stats.running == 1
        assert stats.pages_total - stats.pages_free - stats.pages_evictable > 0
        check_sums(stats)
        ticket.abort()
        with pytest.raises(Aborted):
            ticket.result(60)
        after = engine.stats()
    assert after.generated_tokens >= stats.generated_tokens
    assert (after.running, after.waiting, after.pages_in_use) == (0, 0, 0)
    assert dict(after.requests) == {"abort": 1}


def test_compilations_are_timed_once_each_and_refusals_too(engine: Engine) -> None:
    for name in ("one", "two"):
        engine.generate(GenerateRequest(id=name, prompt="a", constraint=regex("[ab]{3}"))).result(60)
    for name in ("three", "four"):
        with pytest.raises(GrammarError):
            engine.generate(GenerateRequest(id=name, prompt="a", constraint=Constraint(ConstraintKind.REGEX, "(")))
    stats = engine.stats()
    assert dict(stats.compile_buckets)["+Inf"] == 2
    assert stats.compile_seconds > 0


def test_pages_evicted_for_others_are_counted_and_flushed_ones_are_not(tiny_folder: Path) -> None:
    with Engine(tiny_folder, device="cpu", dtype="float32", page_size=4, num_pages=16) as engine:
        for at in range(4):
            engine.generate(generation(f"r{at}", f"{at}" * 20)).result(60)
        evicted = engine.stats().evicted_pages
        assert evicted > 0
        engine.flush_cache()
        stats = engine.stats()
        assert (stats.evicted_pages, stats.pages_cached) == (evicted, 0)
        check_sums(stats)
