"""The programs that the radix cache is measured on: cache on and off agree, and hits are near the best possible."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import TEMPLATE

from weft.benchmarks.programs.command import WORKLOADS, Outcome, append, measure
from weft.benchmarks.programs.oracle import PrefixTrie, most_cached
from weft.benchmarks.serving.model import SMALL, write_model

IDS = st.lists(st.integers(0, 2), min_size=1, max_size=6)
PAGE = 4
SHARE = 0.8
"""At least this share of the best: what pages of 4 tokens lose to rounding is less, on prompts this short."""


def common(a: list[int], b: list[int]) -> int:
    """How many leading elements are the same."""
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return length


@given(kept=st.lists(IDS, max_size=6), asked=IDS)
def test_the_trie_finds_the_longest_beginning(kept: list[list[int]], asked: list[int]) -> None:
    trie = PrefixTrie()
    for ids in kept:
        trie.insert(ids)
    assert trie.match(asked) == max((common(ids, asked) for ids in kept), default=0)


@given(calls=st.lists(st.tuples(IDS, st.lists(IDS, max_size=2)), max_size=6))
def test_the_best_possible_is_what_earlier_calls_hold(calls: list[tuple[list[int], list[list[int]]]]) -> None:
    earlier: list[list[int]] = []
    best = 0
    for prompt, continuations in calls:
        best += min(max((common(ids, prompt) for ids in earlier), default=0), len(prompt) - 1)
        earlier += [prompt, *(prompt + more for more in continuations)]
    assert most_cached(calls) == best


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """All workloads, quick, on a small random model with a chat template."""
    folder = write_model(tmp_path_factory.mktemp("models") / "small", SMALL)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": TEMPLATE}))
    measured = measure(WORKLOADS, quick=True, model=folder, batch_invariant=True, page_size=PAGE)
    return {outcome.name: outcome for outcome in measured}


@pytest.mark.parametrize("name", [workload.name for workload in WORKLOADS])
def test_the_cache_saves_nearly_all_it_can_and_changes_nothing(name: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[name]
    off, on = outcome.off.tokens, outcome.on.tokens
    assert outcome.off.outputs == outcome.on.outputs
    assert (off.prompt, off.cacheable, off.generated) == (on.prompt, on.cacheable, on.generated)
    assert off.cached == 0
    assert SHARE <= on.share_of_best <= 1
    assert outcome.on.computed < outcome.off.computed


def test_every_workload_has_something_to_share(outcomes: dict[str, Outcome]) -> None:
    assert all(outcome.on.tokens.cacheable > outcome.on.tokens.prompt / 4 for outcome in outcomes.values())


def test_rows_are_added_to_a_file(outcomes: dict[str, Outcome], tmp_path: Path) -> None:
    file = tmp_path / "rows.md"
    for _ in range(2):
        append(list(outcomes.values()), file, "Quickly.")
    lines = file.read_text().splitlines()
    assert lines[0] == "# benchmarks/programs"
    assert sum(line.startswith("| tree of thought | 2 |") for line in lines) == 2
