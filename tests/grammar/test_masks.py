"""Masks against a slow reference that tries every token byte by byte, and against the engine with parts off."""

from __future__ import annotations

import itertools
import random

import pytest
from checkout import ROOT
from expressions import LETTERS, expressions, regular
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from schema_cases import BYTES, accepts, maskbench, spellings
from slow_matcher import SlowMask

from weft.errors import GrammarError
from weft.grammar import Vocabulary, compile
from weft.grammar import expression as ex
from weft.grammar.engine.matcher import compile_expression
from weft.grammar.engine.store import Switches

TOKENS = [
    *(bytes([byte]) for byte in sorted({*LETTERS.encode(), *b"()[]{},: 2345\n<>t", 0xC3, 0xA8, 0xF0, 0xED, 0xA0})),
    *(b"ab", b"ba", b"aab", b"01", b".0", b"10.", b"((", b"()", b"))"),
    *(
        '"é'.encode(),
        "é".encode(),
        b"a\xc3",
        b"\xa9",
        b"\xa9b",
        "日".encode(),
        b"\xe6\x97",
        "😀😀".encode(),
        b"\x9f\x98",
    ),
    *(b'{"', b'"}', b'": ', b'", "', b'": "', b"], [", b"[0", b", 0", b'": 0}', b'\\"', b"\\u", b"00e9", b"<t>"),
    bytes(range(256)),  # the engine drops what no token holds; the reference, which asks for characters, does not
]
VOCABULARY = Vocabulary(
    [*TOKENS, None, None, None], [len(TOKENS) + 2], special={"<t>": len(TOKENS), "<u>": len(TOKENS) + 1}
)
"""Without most bytes: the slow reference tries every token. So a mask may be empty here where none would be else."""

COMPLETE = Vocabulary(
    [*(bytes([byte]) for byte in range(256)), *(token for token in TOKENS if len(token) > 1), None, None],
    [257 + sum(len(token) > 1 for token in TOKENS)],
    special={"<t>": 256 + sum(len(token) > 1 for token in TOKENS)},
)
slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def allowed(grammar, matcher) -> set[int]:
    bits = grammar.mask(matcher.mask_row())
    return {token for token in range(grammar.vocabulary.size) if int(bits[token // 32]) >> (token % 32) & 1}


def follow(expression: ex.Expression, rng: random.Random, most: int) -> None:
    """Walk at random; at every step the mask must be the reference's, wherever the reference knows."""
    reference = SlowMask(expression, VOCABULARY.tokens, VOCABULARY.eos_ids, VOCABULARY.special)
    try:
        grammar = compile_expression(expression, VOCABULARY)
    except GrammarError as error:
        assert error.keyword == "empty", error
        assert reference.machine.is_live(reference.node) is not True
        return
    matcher = grammar.matcher()
    for _ in range(most):
        expected = reference.allowed()
        unknown = {token for token, verdict in expected.items() if verdict is None}
        found = allowed(grammar, matcher)
        assert found - unknown == expected.keys() - unknown
        assert matcher.is_accepting() == reference.is_accepting()
        going_on = sorted(found - set(VOCABULARY.eos_ids))
        if not going_on:
            return
        token = rng.choice(going_on)
        note(f"token {token}: {VOCABULARY.tokens[token]!r}")
        assert matcher.advance(token)
        reference.advance(token)


@slow
@given(expression=regular(), rng=st.randoms(use_true_random=False))
def test_masks_of_regular_expressions_are_the_references(expression, rng) -> None:
    assume(expression is not ex.NOTHING)
    follow(expression, rng, most=8)


@slow
@given(expression=expressions(), rng=st.randoms(use_true_random=False))
def test_masks_of_objects_arrays_and_brackets_are_the_references(expression, rng) -> None:
    assume(expression is not ex.NOTHING)
    follow(expression, rng, most=12)


@slow
@given(expression=expressions(), rng=st.randoms(use_true_random=False))
def test_advance_takes_exactly_what_the_mask_allows(expression, rng) -> None:
    try:
        grammar = compile_expression(expression, COMPLETE)
    except GrammarError:
        assume(False)
    matcher = grammar.matcher()
    for _ in range(8):
        permitted = allowed(grammar, matcher)
        assert permitted, "nothing may follow"
        for token in range(COMPLETE.size):
            probe = matcher.fork()
            assert probe.advance(token) == (token in permitted)
        going_on = sorted(permitted - set(COMPLETE.eos_ids))
        if not going_on:
            break
        matcher.advance(rng.choice(going_on))


@slow
@given(expression=expressions(), rng=st.randoms(use_true_random=False))
def test_rollback_fork_and_reset_come_back_to_the_same_masks(expression, rng) -> None:
    try:
        grammar = compile_expression(expression, COMPLETE)
    except GrammarError:
        assume(False)
    matcher = grammar.matcher()
    seen = [allowed(grammar, matcher)]
    while len(seen) < 8 and COMPLETE.eos_ids[0] not in seen[-1]:
        copy = matcher.fork()
        assert matcher.advance(rng.choice(sorted(seen[-1])))
        assert allowed(grammar, copy) == seen[-1]
        seen.append(allowed(grammar, matcher))
    back = rng.randrange(len(seen))
    matcher.rollback(back)
    assert allowed(grammar, matcher) == seen[len(seen) - 1 - back]
    matcher.reset()
    assert allowed(grammar, matcher) == seen[0]
    with pytest.raises(ValueError, match="take back"):
        matcher.rollback(1)


@slow
@given(expression=expressions(), rng=st.randoms(use_true_random=False))
def test_forced_text_is_the_only_way_on(expression, rng) -> None:
    try:
        grammar = compile_expression(expression, BYTES)
    except GrammarError:
        assume(False)
    matcher = grammar.matcher()
    for _ in range(6):
        forced = matcher.forced()
        for byte in forced.data:
            assert allowed(grammar, matcher) == {byte}
            matcher.advance(byte)
        choices = sorted(allowed(grammar, matcher))
        assert len(choices) != 1 or choices[0] == 256 or len(forced.data) >= 4096, "all that is forced is said at once"
        if choices == [256]:
            break
        matcher.advance(rng.choice([choice for choice in choices if choice != 256]))


SWITCHES = [Switches(*on) for on in itertools.product([True, False], repeat=3)]


@pytest.fixture(scope="module")
def seedling() -> Vocabulary:
    """A real vocabulary of a few thousand tokens: the built-in model's."""
    return Vocabulary.from_file(ROOT / "seedling" / "model" / "tokenizer.json")


@pytest.mark.parametrize("case", list(maskbench())[5::60], ids=lambda case: case.name)
def test_masks_do_not_depend_on_caches_and_slices(case, seedling) -> None:
    from weft.grammar.compiler import parse
    from weft.grammar.constraints import json_schema

    try:
        expression = parse(json_schema(case.schema, property_order="any"))
    except GrammarError:
        pytest.skip("refused")
    grammars = [compile_expression(expression, seedling, switches=switches) for switches in SWITCHES]
    for value, _ in case.instances[:2]:
        matchers = [grammar.matcher() for grammar in grammars]
        for token in seedling.encode(spellings(value)[0])[:150]:
            masks = [grammar.mask(matcher.mask_row()) for grammar, matcher in zip(grammars, matchers, strict=True)]
            assert all((mask == masks[0]).all() for mask in masks[1:])
            taken = [matcher.advance(token) for matcher in matchers]
            assert len(set(taken)) == 1
            if not taken[0]:
                break


@pytest.mark.parametrize("case", list(maskbench())[7::60], ids=lambda case: case.name)
def test_a_real_vocabulary_judges_as_bytes_do(case, seedling) -> None:
    try:
        over_tokens, over_bytes = (
            compile(json_schema=case.schema, vocabulary=vocabulary, property_order="any")
            for vocabulary in (seedling, BYTES)
        )
    except GrammarError:
        pytest.skip("refused")
    for value, _ in case.instances:
        text = spellings(value)[0]
        matcher = over_tokens.matcher()
        taken = True
        for token in seedling.encode(text):
            permitted = int(over_tokens.mask(matcher.mask_row())[token // 32]) >> (token % 32) & 1
            taken = matcher.advance(token)
            assert taken == bool(permitted)
            if not taken:
                break
        assert (taken and matcher.is_accepting()) == accepts(over_bytes, text)
