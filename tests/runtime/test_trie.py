"""The trie of choices: every choice's way through it, each node once, and runs that keep to their bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.runtime.jobs.trie import Layout, lay_out

CHOICES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=12)
PLENTY = 10**6


def spelled(run: Layout, place: int) -> list[int]:
    """The tokens from the prompt to `place`, by following the parents."""
    stem = len(run.stem)
    if place <= stem:
        return list(run.stem[:place])
    at = place - stem - 1
    before = spelled(run, stem + 1 + run.parents[at]) if run.parents[at] >= 0 else list(run.stem)
    return [*before, run.branches[at]]


def prefixes(choices: list[list[int]]) -> set[tuple[int, ...]]:
    """What comes before some token of some choice, the empty text left out: what has to be computed."""
    return {tuple(choice[:end]) for choice in choices for end in range(1, len(choice))}


@given(CHOICES, st.integers(0, 12), st.integers(0, 20))
def test_every_token_is_wanted_behind_those_before_it(choices: list[list[int]], budget: int, room: int) -> None:
    runs = lay_out(choices, budget=budget, room=room)
    assert sorted(number for run in runs for number in run.ways) == list(range(len(choices)))
    for run in runs:
        for number, way in run.ways.items():
            for at, place in enumerate(way):
                assert spelled(run, place) == choices[number][:at]
                assert choices[number][at] in run.wanted[place]


@given(CHOICES)
def test_with_room_enough_each_node_is_there_once(choices: list[list[int]]) -> None:
    (run,) = lay_out(choices, budget=PLENTY, room=PLENTY)
    places = range(1, len(run.stem) + len(run.branches) + 1)
    assert len(run.wanted) == len(places) + 1
    assert {tuple(spelled(run, place)) for place in places} == prefixes(choices)
    assert len(places) == len(prefixes(choices))
    assert sum(map(len, run.wanted)) == len({tuple(c[:end]) for c in choices for end in range(1, len(c) + 1)})
    assert run.parents[:2] in ((), (-1, 0), (-1, -1))  # a lone branch would be stem


@given(CHOICES, st.integers(0, 12), st.integers(0, 20))
def test_runs_keep_to_their_bounds(choices: list[list[int]], budget: int, room: int) -> None:
    for run in lay_out(choices, budget=budget, room=room):
        if len({tuple(choices[number]) for number in run.ways}) > 1:
            assert len(run.branches) <= budget
            assert len(run.stem) + len(run.branches) <= room
        else:
            assert not run.branches


@pytest.mark.parametrize(
    ("choices", "stem", "branches", "parents"),
    [
        ([[5]], (), (), ()),
        ([[5], [6], [7]], (), (), ()),
        ([[1, 2, 3]], (1, 2), (), ()),
        ([[1], [1, 2], [1, 2, 3]], (1, 2), (), ()),
        ([[1, 2, 3], [1, 2, 4]], (1, 2), (), ()),
        ([[1, 2, 3], [1, 4, 5], [6]], (1,), (2, 4), (-1, -1)),
        ([[1, 2, 3, 4], [5, 6]], (), (1, 2, 3, 5), (-1, 0, 1, -1)),
        ([[1, 2, 3]] * 3, (1, 2), (), ()),
    ],
)
def test_what_does_not_branch_is_plain(
    choices: list[list[int]], stem: tuple[int, ...], branches: tuple[int, ...], parents: tuple[int, ...]
) -> None:
    (run,) = lay_out(choices, budget=PLENTY, room=PLENTY)
    assert (run.stem, run.branches, run.parents) == (stem, branches, parents)


def test_choices_that_begin_alike_stay_together() -> None:
    choices = [[1, 0, 0, 7], [2, 0, 0, 7], [1, 0, 0, 8], [2, 0, 0, 8]]
    runs = lay_out(choices, budget=3, room=PLENTY)
    assert [sorted(run.ways) for run in runs] == [[0, 2], [1, 3]]
    assert [run.stem for run in runs] == [(1, 0, 0), (2, 0, 0)]
