"""Law 1: every optimisation against itself switched off.

With `batch_invariant=True` greedy output is identical, token for token and log-probability for log-probability.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tiny

from weft.grammar import choices, json_schema, regex
from weft.request import Constraint, FinishReason, GenerateRequest, GenerateResult, Sampling, TokenEvent
from weft.runtime import Engine

PREFIX = "The quick brown fox reads the name of the thing. " * 2
PROMPTS = [PREFIX + tail for tail in ("", "One", "Two and more words to follow here.", "naming the thing", "One more")]
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "ok": {"type": "boolean"}},
    "required": ["name", "ok"],
    "additionalProperties": False,
}


def run(folder: Path, *, rounds: int = 1, **options: Any) -> list[GenerateResult]:
    """All prompts at once, greedily, `rounds` times over; the last round's results."""
    with Engine(folder, device="cpu", batch_invariant=True, **options) as engine:
        for turn in range(rounds):
            tickets = [
                engine.generate(
                    GenerateRequest(
                        id=f"{turn}-{at}",
                        prompt=prompt,
                        sampling=Sampling(max_tokens=24, ignore_eos=True, logprobs=True),
                    )
                )
                for at, prompt in enumerate(PROMPTS)
            ]
            results = [ticket.result(120) for ticket in tickets]
            engine.recount()
    return results


@pytest.fixture(scope="module")
def plain(tiny_folder: Path) -> list[GenerateResult]:
    """Everything off: no cache, one request at a time, prompts in one piece."""
    return run(tiny_folder, radix_cache=False, max_running=1, prefill_chunk=512)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"radix_cache": False}, id="batching"),
        pytest.param({"max_running": 1}, id="radix cache"),
        pytest.param({"rounds": 2}, id="warm radix cache"),
        pytest.param({"radix_cache": False, "prefill_chunk": 5, "max_running": 1}, id="chunked prefill"),
        pytest.param({"prefill_chunk": 9}, id="cache, batching and chunks"),
        pytest.param({"num_pages": 20, "prefill_chunk": 16}, id="retraction"),
        pytest.param({"num_pages": 20, "prefill_chunk": 16, "eviction": "lru"}, id="eviction"),
        pytest.param({"page_size": 4}, id="small pages"),
        pytest.param({"num_pages": 20, "prefill_chunk": 16, "rounds": 3, "host_cache_bytes": 1 << 24}, id="host tier"),
    ],
)
def test_greedy_output_is_identical(tiny_folder: Path, plain: list[GenerateResult], options: dict[str, Any]) -> None:
    for got, expected in zip(run(tiny_folder, **options), plain, strict=True):
        assert got.token_ids == expected.token_ids
        assert got.logprobs == expected.logprobs  # the same bits


def test_retraction_really_happens(tiny_folder: Path) -> None:
    with Engine(tiny_folder, device="cpu", num_pages=20, prefill_chunk=16) as engine:
        tickets = [
            engine.generate(
                GenerateRequest(id=str(at), prompt=prompt, sampling=Sampling(max_tokens=100, ignore_eos=True))
            )
            for at, prompt in enumerate(PROMPTS)
        ]
        assert [len(ticket.result(120).token_ids) for ticket in tickets] == [100] * len(PROMPTS)
        assert engine.stats().retractions > 0
        engine.recount()


def test_a_warm_cache_serves_the_prompt(tiny_folder: Path) -> None:
    results = run(tiny_folder, rounds=2)
    for result in results:
        known = result.prompt_tokens - 1  # the last page is partly filled: only a running prompt's can be taken along
        assert known // 16 * 16 <= result.cached_tokens <= known


CONSTRAINTS = {
    "schema": json_schema(SCHEMA),
    "choices": choices(["the naming of names", "the nameless", "nothing true"]),
    "regex": regex("(true|null)(: the [ab]+;){2}"),
    "literal": choices(["é: naming the 日本 thing"]),
}


def with_and_without_forced_text(folder: Path, constraint: Constraint) -> tuple[list[TokenEvent], list[TokenEvent]]:
    """The events of a greedy generation, jump-forward on and off."""
    with Engine(folder, device="cpu", batch_invariant=True) as engine:
        runs = []
        for forced in (True, False):
            request = GenerateRequest(
                id=str(forced),
                prompt="Fill it in: ",
                sampling=Sampling(max_tokens=100, logit_bias=((engine.tokenizer.encode('"')[0], 5.0),)),
                constraint=constraint,
                forced_text=forced,
            )
            runs.append(list(engine.generate(request)))
    return runs[0], runs[1]


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_forced_text_is_told_from_sampled_text_by_its_tokens_alone(tiny_folder: Path, name: str) -> None:
    """Up to where forced text is spelled otherwise than it would have been sampled, nothing differs."""
    on, off = with_and_without_forced_text(tiny_folder, CONSTRAINTS[name])
    assert not any(event.forced for event in off)
    for event, other in zip(on, off, strict=False):
        if event.token_id != other.token_id:
            assert event.forced  # a sampled token after the same tokens is the same
            break
    else:
        assert len(on) == len(off)


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_forced_text_changes_nothing_where_a_text_has_one_spelling(byte_folder: Path, name: str) -> None:
    on, off = with_and_without_forced_text(byte_folder, CONSTRAINTS[name])
    assert any(event.forced for event in on)
    assert [event.token_id for event in on if event.token_id >= 0] == [e.token_id for e in off if e.token_id >= 0]
    assert "".join(event.text for event in on) == "".join(event.text for event in off)


@pytest.fixture(scope="module")
def byte_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny model whose tokens are single bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny, "MERGED", ())
        yield tiny.write_llama(tmp_path_factory.mktemp("models") / "bytes")


def test_forced_text_keeps_to_the_schema_as_sampled_text_does(tiny_folder: Path) -> None:
    with Engine(tiny_folder, device="cpu", batch_invariant=True) as engine:
        results = {}
        for forced in (True, False):
            request = GenerateRequest(
                id=str(forced),
                prompt="Fill it in: ",
                sampling=Sampling(max_tokens=100, logit_bias=((engine.tokenizer.encode('"')[0], 20.0),)),
                constraint=json_schema(SCHEMA),
                forced_text=forced,
            )
            results[forced] = engine.generate(request).result(60)
        assert results[True].forced_tokens > 0
        assert results[False].forced_tokens == 0
        for result in results.values():
            assert result.finish is FinishReason.STOP
            jsonschema.validate(json.loads(result.text), SCHEMA)
            assert engine.tokenizer.decode(result.token_ids) == result.text
