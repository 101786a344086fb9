"""Law 1 for speculation: guessing ahead changes when a token is computed, never which one it is.

With `batch_invariant=True` ids, log-probabilities and texts are the same bits, greedy and sampled.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from weft.grammar import choices, json_schema, regex
from weft.request import FinishReason, GenerateRequest, GenerateResult, Sampling
from weft.runtime import Engine, drafts
from weft.runtime.prompt_lookup import Match
from weft.runtime.stats import EngineStats

REPEATED = "the name of the thing is the name of the thing is the "
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "names": {"type": "array", "items": {"type": "string", "maxLength": 4}, "maxItems": 5},
    },
    "required": ["name", "names"],
    "additionalProperties": False,
}
FEW = tuple((token, 60.0) for token in range(65, 69))
"""A bias to four tokens, so that what a random model writes repeats itself now and then."""


def few(**options: Any) -> Sampling:
    return Sampling(**{"max_tokens": 60, "ignore_eos": True, "logit_bias": FEW, **options})


CASES: dict[str, dict[str, Any]] = {
    "greedy": {"sampling": few()},
    "free": {"sampling": few(logit_bias=())},
    "log-probabilities": {"sampling": few(top_logprobs=3)},
    "sampled": {"sampling": few(temperature=0.7, seed=5)},
    "filtered": {"sampling": few(temperature=1.5, top_k=3, top_p=0.9, min_p=0.05, seed=6)},
    "penalties": {"sampling": few(presence_penalty=1.4, frequency_penalty=0.8, repetition_penalty=1.2)},
    "min_tokens": {"sampling": few(min_tokens=20, ignore_eos=False, stop_token_ids=(65,), max_tokens=40)},
    "stop token": {"sampling": few(stop_token_ids=(66,), temperature=1.0, seed=11)},
    "bad words": {"sampling": few(bad_words=("bb", "cda", "D"), temperature=0.8, seed=2)},
    "ends under a schema": {
        "sampling": few(stop=("AB", "cc"), stop_token_ids=(66,), min_tokens=12, bad_words=("cb",), seed=4),
        "constraint": json_schema(SCHEMA),
    },
    "stop string": {"sampling": few(stop=("bcb", "dd", "aca"), temperature=1.0, seed=3)},
    "length": {"sampling": few(max_tokens=7, logit_bias=((65, 100.0),))},
    "schema": {"sampling": few(ignore_eos=False), "constraint": json_schema(SCHEMA)},
    "every token sampled": {
        "sampling": few(ignore_eos=False),
        "constraint": json_schema(SCHEMA),
        "forced_text": False,
    },
    "sampled schema": {
        "sampling": few(ignore_eos=False, temperature=1.0, seed=9),
        "constraint": json_schema(SCHEMA),
    },
    "log-probabilities of a schema": {
        "sampling": few(ignore_eos=False, logprobs=True),
        "constraint": json_schema(SCHEMA),
    },
    "forced text between guesses": {
        "sampling": Sampling(max_tokens=150, temperature=1.0, seed=1),
        "constraint": regex("(the name is (A|B|C), and naming [ab]{2}; ){4}"),
    },
    "choices": {"sampling": Sampling(), "constraint": choices(["the name of the thing", "the name of a thing"])},
}
PROMPTS = {name: f"{REPEATED * 2}{at}" for at, name in enumerate(CASES)}


def run(folder: Path, speculation: str, **options: Any) -> tuple[dict[str, GenerateResult], EngineStats]:
    """All cases at once on a fresh engine."""
    with Engine(folder, device="cpu", batch_invariant=True, speculation=speculation, **options) as engine:
        tickets = [engine.generate(GenerateRequest(id=name, prompt=PROMPTS[name], **CASES[name])) for name in CASES]
        results = {ticket.request_id: ticket.result(120) for ticket in tickets}
        engine.recount()
        return results, engine.stats()


@pytest.fixture(scope="module")
def plain(tiny_folder: Path) -> dict[str, GenerateResult]:
    """Every case with speculation off, one after the other, without a cache."""
    results, stats = run(tiny_folder, "off", max_running=1, radix_cache=False)
    assert stats.drafted_tokens == 0
    assert {result.finish for result in results.values()} == {FinishReason.STOP, FinishReason.LENGTH}
    return results


def same(results: dict[str, GenerateResult], expected: dict[str, GenerateResult]) -> None:
    for name, got in results.items():
        other = expected[name]
        assert got.token_ids == other.token_ids, name
        assert got.text == other.text, name
        assert (got.finish, got.stop_reason) == (other.finish, other.stop_reason), name
        assert got.logprobs == other.logprobs, name
        assert got.top_logprobs == other.top_logprobs, name
        assert got.forced_tokens == other.forced_tokens, name


OPTIONS = [
    pytest.param({}, id="all at once"),
    pytest.param({"max_running": 1}, id="one by one"),
    pytest.param({"prefill_chunk": 9, "page_size": 4}, id="little room"),
    pytest.param({"num_pages": 30, "page_size": 8, "max_context": 240}, id="retraction"),
    pytest.param({"radix_cache": False}, id="without a cache"),
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("mode", ["auto", "prompt_lookup"])
def test_output_is_identical(
    tiny_folder: Path, plain: dict[str, GenerateResult], mode: str, options: dict[str, Any]
) -> None:
    results, stats = run(tiny_folder, mode, **options)
    same(results, plain)
    assert stats.accepted_tokens <= stats.drafted_tokens
    if mode == "prompt_lookup":
        assert stats.accepted_tokens > 0
    if "num_pages" in options:
        assert stats.retractions > 0


class Oracle:
    """Stands in for the n-gram index: guesses what `truths` say, and wrongly at the share `wrong` of places."""

    truths: ClassVar[list[list[int]]] = []
    wrong: ClassVar[float] = 0.0

    def __init__(self, ids: list[int]) -> None:
        self._ids = ids
        self._truth = next(truth for truth in self.truths if truth[: len(ids)] == ids)

    def find(self, ahead: Sequence[int] = ()) -> Match | None:
        place = len(self._ids) + len(ahead)
        return Match(place, 5) if place < len(self._truth) else None

    def token(self, place: int, ahead: Sequence[int] = ()) -> int:
        if place >= len(self._truth):
            return 65
        return 65 + place % 4 if random.Random(place).random() < self.wrong else self._truth[place]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("wrong", [0.0, 0.3])
def test_drafts_accepted_to_any_length_change_nothing(
    tiny_folder: Path,
    plain: dict[str, GenerateResult],
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    wrong: float,
) -> None:
    with Engine(tiny_folder, device="cpu") as engine:
        truths = [engine.tokenizer.encode(PROMPTS[name]) + list(plain[name].token_ids) for name in CASES]
    monkeypatch.setattr(Oracle, "truths", truths)
    monkeypatch.setattr(Oracle, "wrong", wrong)
    monkeypatch.setattr(drafts, "PromptLookup", Oracle)
    results, stats = run(tiny_folder, "prompt_lookup", **options)
    same(results, plain)
    assert stats.accepted_tokens > 50
    if not wrong and options == {}:
        sampled = stats.generated_tokens - stats.forced_tokens
        assert stats.steps < sampled / len(CASES) / 2


def test_a_request_can_do_without(tiny_folder: Path) -> None:
    with Engine(tiny_folder, device="cpu", speculation="prompt_lookup") as engine:
        for wanted in (False, True):
            before = engine.stats().drafted_tokens
            request = GenerateRequest(id="r", prompt=REPEATED, sampling=few(), speculation=wanted)
            assert len(engine.generate(request).result(60).token_ids) == 60
            assert (engine.stats().drafted_tokens > before) == wanted
