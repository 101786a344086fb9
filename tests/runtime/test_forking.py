"""Requests with one prompt: computed once between them, and each as it would be alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from weft.grammar import regex
from weft.request import Constraint, GenerateRequest, GenerateResult, Sampling
from weft.runtime import Engine

PROMPTS = ("Hi", "A prompt of two pages and a bit.", "exactly a page..")
OUTPUT = 40


@pytest.fixture
def engine(tiny_folder: Path) -> Iterator[Engine]:
    with Engine(tiny_folder, device="cpu", batch_invariant=True, speculation="off") as engine:
        yield engine


def choices(engine: Engine, prompt: str, n: int, constraint: Constraint | None = None) -> list[GenerateResult]:
    """`n` choices for one prompt, as the server asks for them: the i-th draws with the seed plus i."""
    tickets = [
        engine.generate(
            GenerateRequest(
                id=f"choice-{at}",
                prompt=prompt,
                sampling=Sampling(max_tokens=OUTPUT, temperature=1.0, seed=5 + at, ignore_eos=True),
                constraint=constraint,
            )
        )
        for at in range(n)
    ]
    results = [ticket.result(60) for ticket in tickets]
    engine.recount()
    return results


@pytest.mark.parametrize("prompt", PROMPTS)
def test_choices_compute_their_prompt_once_but_for_its_last_token(engine: Engine, prompt: str) -> None:
    tokens = len(engine.tokenizer.encode(prompt))
    results = choices(engine, prompt, 6)
    assert engine.stats().computed_tokens == tokens + 5 * 1 + 6 * (OUTPUT - 1)
    assert [result.cached_tokens for result in results] == [0] + [tokens - 1] * 5
    assert len({result.text for result in results}) == 6


@pytest.mark.parametrize("constraint", [None, regex("name: [a-z]{40}")])
def test_a_choice_is_what_it_would_be_alone(tiny_folder: Path, engine: Engine, constraint: Constraint | None) -> None:
    together = choices(engine, PROMPTS[1], 4, constraint)
    with Engine(tiny_folder, device="cpu", batch_invariant=True, radix_cache=False, max_running=1) as alone:
        assert [result.token_ids for result in choices(alone, PROMPTS[1], 4, constraint)] == [
            result.token_ids for result in together
        ]
        tokens = len(alone.tokenizer.encode(PROMPTS[1]))
        if constraint is None:
            assert alone.stats().computed_tokens == 4 * (tokens + OUTPUT - 1)
