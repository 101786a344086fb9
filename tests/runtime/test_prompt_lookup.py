"""The n-gram index against a naive search of the longest match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.runtime.prompt_lookup import CANDIDATES, LONGEST, Match, PromptLookup

TOKENS = st.lists(st.integers(0, 3), max_size=40)


def naive(ids: list[int], ahead: list[int], longest: int, shortest: int, candidates: int = 1000) -> Match | None:
    """Compare the end of `ids + ahead` with every place of `ids` that something follows."""
    whole = ids + ahead
    places = [
        place
        for place in range(len(ids) - 1, shortest - 1, -1)
        if len(whole) >= shortest and ids[place - shortest : place] == whole[-shortest:]
    ][:candidates]
    for length in range(min(longest, len(whole)), shortest - 1, -1):
        for place in places:
            if place >= length and ids[place - length : place] == whole[-length:]:
                return Match(place, length)
    return None


@given(TOKENS, TOKENS, st.integers(1, 3), st.integers(0, 3), st.sampled_from([1, 2, 1000]))
def test_the_index_finds_what_a_search_finds_as_the_sequence_grows(
    prompt: list[int], output: list[int], shortest: int, more: int, candidates: int
) -> None:
    ids = list(prompt)
    lookup = PromptLookup(ids, longest=shortest + more, shortest=shortest, candidates=candidates)
    for token in [*output, 0]:
        assert lookup.find() == naive(ids, [], shortest + more, shortest, candidates)
        ids.append(token)


@given(TOKENS, TOKENS)
def test_a_guess_may_be_looked_up_before_it_is_part_of_the_sequence(ids: list[int], ahead: list[int]) -> None:
    lookup = PromptLookup(ids, longest=4, shortest=2, candidates=1000)
    assert lookup.find(ahead) == naive(ids, ahead, 4, 2)
    assert lookup.find() == naive(ids, [], 4, 2)  # and nothing of it stays


def test_what_repeats_goes_on_repeating() -> None:
    ids = [1, 2, 3, 1, 2, 3, 1, 2]
    lookup = PromptLookup(ids)
    match = lookup.find()
    assert match == Match(place=5, length=5)
    ahead: list[int] = []
    for at in range(7):
        ahead.append(lookup.token(match.place + at, ahead))
    assert ahead == [3, 1, 2, 3, 1, 2, 3]


def test_a_longer_match_wins_over_a_later_one_among_the_latest_places() -> None:
    long = list(range(100, 100 + LONGEST))
    others = [token for _ in range(CANDIDATES - 1) for token in (0, *long[-2:])]
    assert PromptLookup([*long, *others, *long]).find() == Match(LONGEST, LONGEST)
    assert PromptLookup([*long, 0, *long[-2:], *others, *long]).find() == Match(LONGEST + 3 * CANDIDATES, 2)


def test_lengths_must_make_sense() -> None:
    with pytest.raises(ValueError, match="0 < shortest <= longest"):
        PromptLookup([], longest=1, shortest=2)
