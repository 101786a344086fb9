"""Scores of many choices in one pass: what each choice alone would score, with every token computed once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from weft.request import GenerateRequest, Sampling, ScoreRequest, ScoreResult
from weft.runtime import Engine

PAGE = 16
PROMPT = "The quick brown fox reads the name of the thing and says that it is"
STEM = " a very long beginning that all of them share, so that it is worth sharing:"
Ids = tuple[int, ...]

CHOICES: dict[str, list[str]] = {
    "one": [" a single choice of some length"],
    "one token each": ["a", "b", "c", "d"],
    "a shared stem": [STEM + end for end in (" red", " green", " blue", " grey", " true", " null", "", " re")],
    "prefixes of another": ["a", "ab", "abc", "abcd", "abx", "b"],
    "one first token": ["xa", "xb", "xcc", "xcd"],
    "nothing shared": ["the name", "naming", "12 12 12", "é 日本 of it"],
    "more than a page of branches": [f"{first}{second} and on" for first in "abc" for second in "xyz"],
}


def ids(engine: Engine, texts: list[str]) -> list[Ids]:
    return [tuple(engine.tokenizer.encode(text)) for text in texts]


def inner(choices: list[Ids]) -> set[Ids]:
    """What comes before some token of some choice: the trie's inner nodes."""
    return {choice[:end] for choice in choices for end in range(1, len(choice))}


def score(engine: Engine, prompt: Any, choices: list[Any], **fields: Any) -> ScoreResult:
    request = ScoreRequest(id=f"{random.random()}", prompt=prompt, choices=tuple(choices), **fields)
    return engine.score(request).result(60)


def alone(engine: Engine, prompt: Any, choices: list[Any], **fields: Any) -> list[ScoreResult]:
    return [score(engine, prompt, [choice], **fields) for choice in choices]


@pytest.fixture(scope="module")
def exact(tiny_folder: Path) -> Iterator[Engine]:
    """Bit-identical whatever the batch, without a cache."""
    with Engine(tiny_folder, device="cpu", batch_invariant=True, radix_cache=False) as engine:
        yield engine


@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES.keys())
@pytest.mark.parametrize("batch_invariant", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="one pass"),
        pytest.param({"prefill_chunk": 7}, id="chunks"),
        pytest.param({"radix_cache": False, "page_size": 4, "prefill_chunk": 24}, id="no cache"),
    ],
)
def test_together_is_as_alone(
    tiny_folder: Path, exact: Engine, choices: list[str], batch_invariant: bool, options: dict[str, Any]
) -> None:
    wanted = alone(exact, PROMPT, choices, top_logprobs=3)
    with Engine(tiny_folder, device="cpu", batch_invariant=batch_invariant, **options) as engine:
        for _ in range(2):  # the second time with what the first one left in the cache
            got = score(engine, PROMPT, choices, top_logprobs=3)
            assert len(got.token_logprobs) == len(choices)
            for mine, tops, other in zip(got.token_logprobs, got.top_logprobs, wanted, strict=True):
                if batch_invariant:
                    assert mine == other.token_logprobs[0]  # the same bits
                    assert tops == other.top_logprobs[0]
                else:
                    assert mine == pytest.approx(other.token_logprobs[0], abs=1e-4)
                    assert [[p for _, p in top] for top in tops] == [
                        pytest.approx([p for _, p in top], abs=1e-4) for top in other.top_logprobs[0]
                    ]
        engine.recount()


def test_together_is_as_alone_in_bfloat16_beside_other_requests(tiny_folder: Path) -> None:
    """To what bfloat16 makes of the same sums in another order."""
    choices = CHOICES["more than a page of branches"]
    with Engine(tiny_folder, device="cpu", dtype="bfloat16") as engine:
        wanted = alone(engine, PROMPT, choices)
        sampling = Sampling(max_tokens=40, ignore_eos=True)
        others = [engine.generate(GenerateRequest(id=f"{at}", prompt="x" * at, sampling=sampling)) for at in (1, 30)]
        got = score(engine, PROMPT, choices)
        for mine, other in zip(got.token_logprobs, wanted, strict=True):
            assert mine == pytest.approx(other.token_logprobs[0], abs=0.2)
        assert all(len(other.result(60).token_ids) == 40 for other in others)


@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES.keys())
def test_the_prompt_and_each_node_are_computed_once(tiny_folder: Path, choices: list[str]) -> None:
    with Engine(tiny_folder, device="cpu", page_size=PAGE) as engine:
        tokens = ids(engine, choices)
        prompt = len(engine.tokenizer.encode(PROMPT))
        result = score(engine, PROMPT, choices)
        stats = engine.stats()
        assert (stats.computed_tokens, stats.steps) == (prompt + len(inner(tokens)), 1)
        assert (result.prompt_tokens, result.cached_tokens) == (prompt, 0)
        again = score(engine, PROMPT, choices)
        assert again.cached_tokens == (prompt - 1) // PAGE * PAGE
        computed = engine.stats().computed_tokens - stats.computed_tokens
        assert computed == prompt + len(inner(tokens)) - again.cached_tokens


def test_branches_are_never_cached(tiny_folder: Path) -> None:
    """Of choices that branch only the prompt is any other request's prefix, and nothing stays in use."""
    choices = [f"{first} and so on for a page or more" for first in "abcdef"]
    with Engine(tiny_folder, device="cpu", page_size=4) as engine:
        prompt = engine.tokenizer.encode(PROMPT)
        score(engine, PROMPT, choices)
        stats = engine.stats()
        assert (stats.pages_in_use, stats.pages_cached) == (0, len(prompt) // 4)
        engine.recount()
        for choice in choices:
            request = GenerateRequest(id=choice, prompt=PROMPT + choice, sampling=Sampling(max_tokens=1))
            assert engine.generate(request).result(60).cached_tokens == len(prompt) // 4 * 4


def test_what_all_choices_share_is_cached_as_a_prefix(tiny_folder: Path) -> None:
    with Engine(tiny_folder, device="cpu", page_size=4) as engine:
        first, second = score(engine, PROMPT, [STEM + "a", STEM + "b"]), score(engine, PROMPT + STEM, ["a", "b"])
        assert second.cached_tokens == (second.prompt_tokens - 1) // 4 * 4
        assert [tokens[-1] for tokens in first.token_logprobs] == [
            pytest.approx(tokens[-1], abs=1e-4) for tokens in second.token_logprobs
        ]


def test_too_many_branches_take_several_passes(tiny_folder: Path, exact: Engine) -> None:
    """Choices whose trie is more than the cache holds, as each alone is not."""
    choices = [f"{first}{second}{'and so on ' * 4}{first}" for first in "abcde" for second in "uvwxyz"]
    assert len(inner(ids(exact, choices))) > 512
    wanted = alone(exact, PROMPT, choices)
    with Engine(tiny_folder, device="cpu", batch_invariant=True, prefill_chunk=64, num_pages=12) as engine:
        got = score(engine, PROMPT, choices)
        assert list(got.token_logprobs) == [other.token_logprobs[0] for other in wanted]
        engine.recount()
        assert engine.stats().pages_in_use == 0


def test_a_retraction_among_the_branches_changes_no_bit(tiny_folder: Path, exact: Engine) -> None:
    """Generations grow until the pages run out while the branches are computed a few at a time."""
    choices = [f"{first}{second} and so on" for first in "abc" for second in "xyz"]
    branches = len(inner(ids(exact, choices)))
    wanted = alone(exact, "x", choices)
    options: dict[str, Any] = {"num_pages": branches // 4 + 4, "page_size": 4, "prefill_chunk": 2}
    sampling = Sampling(max_tokens=branches // 2, ignore_eos=True)
    with Engine(tiny_folder, device="cpu", batch_invariant=True, **options) as engine:
        grow = GenerateRequest(id="grow", prompt="y", sampling=sampling, priority=1)
        request = ScoreRequest(id="score", prompt="x", choices=tuple(choices))
        growing, scoring = engine._on_thread(lambda: (engine.generate(grow), engine.score(request)))  # in one step
        got = scoring.result(60)
        growing.result(60)
        assert engine.stats().retractions > 0
        engine.recount()
    assert list(got.token_logprobs) == [each.token_logprobs[0] for each in wanted]


@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES.keys())
def test_unconditional_scores_are_those_without_the_prompt(
    tiny_folder: Path, exact: Engine, choices: list[str]
) -> None:
    """A first token, before which nothing stands, counts as certain."""
    tokens = ids(exact, choices)
    plain = score(exact, PROMPT, choices)
    with Engine(tiny_folder, device="cpu", batch_invariant=True, prefill_chunk=48, page_size=4) as engine:
        for _ in range(2):
            got = score(engine, PROMPT, choices, unconditional=True)
            assert got.token_logprobs == plain.token_logprobs
            for mine, (first, *rest) in zip(got.unconditional_logprobs, tokens, strict=True):
                alone = score(exact, (first,), [tuple(rest)]).token_logprobs[0] if rest else ()
                assert mine == (0.0, *alone)
        engine.recount()
    assert plain.unconditional_logprobs == ()


def test_unconditional_scores_compute_each_node_once_more(tiny_folder: Path) -> None:
    choices = CHOICES["a shared stem"]
    with Engine(tiny_folder, device="cpu") as engine:
        prompt, nodes = len(engine.tokenizer.encode(PROMPT)), len(inner(ids(engine, choices)))
        score(engine, PROMPT, choices, unconditional=True)
        assert (engine.stats().computed_tokens, engine.stats().steps) == (prompt + 2 * nodes, 1)


def test_equal_choices_score_alike(exact: Engine) -> None:
    result = score(exact, PROMPT, [(5, 6), (5, 6), (5,)])
    assert result.token_logprobs[0] == result.token_logprobs[1]
    assert result.token_logprobs[2] == result.token_logprobs[0][:1]


def test_branches_may_be_more_than_positions(tiny_folder: Path) -> None:
    """Choices side by side hold more tokens than the context, and none stands at a position beyond it."""
    choices = tuple((at, at + 1, at + 2) for at in range(0, 240, 3))
    request = ScoreRequest(id="many", prompt=tuple(range(40)), choices=choices)
    with Engine(tiny_folder, device="cpu", max_context=64, num_pages=128) as engine:
        many = engine.score(request).result(60).logprobs
        alone = [
            engine.score(ScoreRequest(id=str(at), prompt=request.prompt, choices=(choice,))).result(60).logprobs[0]
            for at, choice in enumerate(choices[:5])
        ]
    assert many[:5] == pytest.approx(alone, abs=1e-3)
