"""Law 1: every optimisation against itself switched off.

With `batch_invariant=True` greedy output is identical, token for token and log-probability for log-probability.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from weft.grammar import json_schema
from weft.request import FinishReason, GenerateRequest, GenerateResult, Sampling
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
        pytest.param({"page_size": 4}, id="small pages"),
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
        assert result.cached_tokens == (result.prompt_tokens - 1) // 16 * 16


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
