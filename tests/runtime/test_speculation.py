"""The rule that says how far to guess, as arithmetic; and drafts under a constraint."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import GrammarError, InvalidRequest
from weft.grammar import Vocabulary, choices, compile, regex
from weft.runtime import Engine
from weft.runtime.drafts import EMPTY, Bounds, Draft, Drafter, Place, write
from weft.runtime.prompt_lookup import PromptLookup
from weft.runtime.speculation import MAX_GUESSES, REST, Guesses, PassCost, Speculation

ANY = Bounds(tokens=100, ends=frozenset(), forces=True)


def speculation(cost: float, mode: str = "auto") -> Speculation:
    return Speculation(mode, token_cost=cost)


def seen(rule: Speculation, hits: int, misses: int) -> Guesses:
    guesses = Guesses()
    for _ in range(20):
        rule.verified(guesses, 3, hits, misses)
    return guesses


def test_guesses_go_as_far_as_their_chance_is_worth_their_cost() -> None:
    """A chance of 0.5: the second guess has 0.25, the third 0.125."""
    assert speculation(0.2).length(Guesses(), 3, sequences=1) == 2
    assert speculation(0.5).length(Guesses(), 3, sequences=1) == 1
    assert speculation(0.2).length(Guesses(), 3, sequences=8) == 0


def test_sequences_whose_guesses_come_true_are_guessed_further() -> None:
    rule = speculation(0.1)
    good, bad = seen(rule, 4, 0), seen(rule, 0, 1)
    assert rule.length(good, 3, 1) > rule.length(Guesses(), 3, 1) > rule.length(bad, 3, 1)
    assert rule.length(good, 3, 1) >= rule.length(good, 3, 16) >= rule.length(good, 3, 5000) == 0


def test_what_is_asked_for_is_done_whatever_it_costs() -> None:
    rule = speculation(100.0, "prompt_lookup")
    assert rule.length(seen(rule, 0, 1), 3, 64) == MAX_GUESSES


@given(st.floats(0.001, 0.1), st.floats(0.02, 2.0), st.lists(st.integers(1, 64), min_size=30, max_size=60))
def test_the_cost_of_a_token_is_measured(fixed: float, ratio: float, sizes: list[int]) -> None:
    cost = PassCost(0.25)
    for tokens in [1, 64, *sizes, 1, 64]:
        cost.observe(tokens, fixed * (1 + ratio * tokens))
    assert cost.ratio == pytest.approx(min(2.0, max(0.25 / 8, ratio)), rel=1e-2)


def test_a_bad_measurement_is_forgotten_where_all_passes_are_alike() -> None:
    cost = PassCost(0.25)
    for at in range(100):
        cost.observe(1 + at % 2 * 9, 1.0 + at % 2 * 90.0)
    assert cost.ratio == pytest.approx(2.0)
    for _ in range(1000):
        cost.observe(1, 1.0)
    assert cost.ratio == pytest.approx(0.25, rel=0.1)


def test_what_does_not_pay_rests_and_comes_back_when_it_does() -> None:
    """Guesses that are only compared with what is drawn cost no pass anything."""
    rule = speculation(0.2)
    ids = [1, 2, 3, 4] * 3
    drafter = Drafter(ids)
    for _ in range(10):
        rule.verified(drafter._guesses, 5, 0, 1)
    in_pass = []
    for step in range(40 * REST):
        tokens = () if drafter.rests() else drafter.propose(rule, 1, None, ANY)
        in_pass.append(len(tokens))
        ids += [*tokens, (len(ids) + len(tokens)) % 4 + 1]
        drafter.settle(rule, len(tokens))
        assert step > 0 or not tokens
    assert in_pass[-1] == MAX_GUESSES
    assert rule.accepted == rule.drafted == sum(in_pass)


def test_among_many_a_text_without_repetition_is_seldom_searched() -> None:
    rule = speculation(0.2)
    for sequences, searches in ((1, 18), (3, 6), (100, 2)):
        drafter = Drafter(list(range(50)))
        asked = 0
        for _ in range(18):
            if not drafter.rests():
                asked += 1
                assert drafter.propose(rule, sequences, None, ANY) == ()
        assert asked == searches


def test_a_draft_cut_for_want_of_room_counts_what_was_in_the_pass() -> None:
    rule = speculation(0.01, "prompt_lookup")
    ids = [1, 2, 3, 4, 5, 1, 2]
    drafter = Drafter(ids)
    assert drafter.propose(rule, 1, None, ANY)[:4] == (3, 4, 5, 1)
    assert [place.ahead for place in drafter.places(2)] == [1, 2]
    ids += [3, 4, 5]
    drafter.settle(rule, 2)
    assert (rule.drafted, rule.accepted) == (2, 2)


def test_no_token_is_guessed_that_ends_the_text() -> None:
    bounds = Bounds(tokens=100, ends=frozenset({5}), forces=True)
    assert write(PromptLookup([1, 2, 3, 4, 5, 1, 2]), None, 8, bounds).tokens == (3, 4)
    assert write(PromptLookup([1, 2, 5, 1, 2]), None, 8, bounds) == EMPTY


def test_a_draft_keeps_to_its_bound() -> None:
    bounds = Bounds(tokens=3, ends=frozenset(), forces=True)
    assert write(PromptLookup([1, 2, 3, 4, 5, 1, 2]), None, 8, bounds).tokens == (3, 4, 5)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    """Bytes, and no end of their own but 256."""
    return Vocabulary([*(bytes([byte]) for byte in range(256)), None], eos_ids=[256], encode=list_bytes)


def list_bytes(text: str) -> list[int]:
    return list(text.encode())


def test_forced_text_follows_a_guess_within_the_draft(vocabulary: Vocabulary) -> None:
    """After `n` the text can only go on as `ame: `; then it is guessed again."""
    matcher = compile(regex("((name|age): [a-z]+;){3}"), vocabulary=vocabulary).matcher()
    ids = list(b"name: bob; age: five;name: ")
    for token in b"name: bob;":
        matcher.advance(token)
    ids += b"bob;"  # after which the prompt went on with a blank, which the constraint does not allow
    assert write(PromptLookup(ids), matcher, 8, ANY) == EMPTY
    ids = list(b"name: bob;age: five;name: bob;")
    draft = write(PromptLookup(ids), matcher, 4, ANY)
    assert bytes(draft.tokens) == b"age: five"[: len(draft.tokens)] == b"age: fiv"
    assert draft.guesses == [0, 5, 6, 7]
    assert [place.ahead for place in draft.places] == [5, 6, 7, 8]
    assert matcher.mask_row() != draft.places[0].row
    for token in b"age: ":
        matcher.advance(token)
    assert matcher.mask_row() == draft.places[0].row


def test_the_matcher_is_back_in_its_place_whatever_happens(vocabulary: Vocabulary) -> None:
    matcher = compile(choices(["abcabd", "abcabc"]), vocabulary=vocabulary).matcher()
    for token in b"abc":
        matcher.advance(token)
    before = matcher.mask_row()
    draft = write(PromptLookup(list(b"abcabcabcabc")), matcher, 8, ANY)
    assert bytes(draft.tokens) == b"ab"  # after the next one nothing would follow
    assert matcher.mask_row() == before

    class Fails:
        def __init__(self) -> None:
            self.at = 0

        def advance(self, token: int) -> bool:
            self.at += 1
            return True

        def is_finished(self) -> bool:
            return False

        def forced(self) -> object:
            raise GrammarError("too much work")

        def rollback(self, count: int) -> None:
            self.at -= count

    fails = Fails()
    assert write(PromptLookup([1, 2, 3, 1, 2]), fails, 8, ANY) == EMPTY  # type: ignore[arg-type]
    assert fails.at == 0


def test_a_draft_agrees_up_to_the_first_other_token() -> None:
    draft = Draft((1, 2, 3), (Place(1), Place(2), Place(3)), 2)
    assert [draft.agreed(ids) for ids in ([], [1], [1, 2, 4], [1, 2, 3, 9], [2])] == [0, 1, 2, 3, 0]


def test_an_unknown_mode_is_refused(tiny_folder: Path) -> None:
    with pytest.raises(InvalidRequest, match="speculation must be one of auto, off, prompt_lookup"):
        Engine(tiny_folder, device="cpu", speculation="always")
