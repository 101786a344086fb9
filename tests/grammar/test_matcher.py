"""What a matcher promises: masks that agree with advance, endings, forced text, taking back."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.errors import GrammarError, UnknownOption
from weft.grammar import Vocabulary, choices, compile
from weft.request import Constraint, ConstraintKind

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "kind": {"enum": ["é", "a", "ab"]}, "n": {"type": "integer"}},
    "required": ["name", "kind", "n"],
}


def feed(matcher, data):
    for byte in data:
        assert matcher.advance(byte)


def test_mask_rows_are_bits_of_the_vocabulary(vocabulary):
    grammar = compile(vocabulary=vocabulary, choices=["a", "ab", "b"])
    matcher = grammar.matcher()
    bits = grammar.mask(matcher.mask_row())
    assert bits.dtype == np.int32
    assert bits.shape == ((vocabulary.size + 31) // 32,)
    assert not bits.flags.writeable
    allowed = {token for token in range(len(bits) * 32) if bits[token // 32] >> (token % 32) & 1}
    spelled = {vocabulary.tokens[token] for token in allowed}
    assert spelled == {b"a", b"b", b"ab"}


@pytest.mark.parametrize("wanted", [{"regex": "(a|ab)*é?"}, {"json_schema": SCHEMA}, {"choices": ["ab", "abc", "é"]}])
def test_advance_takes_exactly_what_the_mask_allows(vocabulary, wanted):
    grammar = compile(vocabulary=vocabulary, **wanted)
    rng = random.Random(1)
    for _ in range(10):
        matcher = grammar.matcher()
        for _ in range(25):
            bits = grammar.mask(matcher.mask_row())
            allowed = [t for t in range(vocabulary.size) if bits[t // 32] >> (t % 32) & 1]
            for token in range(-1, vocabulary.size + 3):
                trial = matcher.fork()
                assert trial.advance(token) == (token in allowed)
            if not matcher.advance(rng.choice(allowed)) or matcher.is_finished():
                break


def test_any_end_of_sequence_is_allowed_exactly_where_the_text_may_end(vocabulary):
    grammar = compile(vocabulary=vocabulary, choices=["a", "ab"])
    for end in vocabulary.eos_ids:
        matcher = grammar.matcher()
        assert not matcher.is_accepting()
        assert not matcher.advance(end)
        feed(matcher, b"a")
        assert matcher.is_accepting()
        assert not matcher.is_finished()
        assert matcher.advance(end)
        assert matcher.is_finished()
        assert not any(matcher.advance(token) for token in range(vocabulary.size))
        assert not grammar.mask(matcher.mask_row()).any()


def test_is_finished_where_nothing_can_follow(vocabulary):
    matcher = compile(vocabulary=vocabulary, choices=["a", "ab"]).matcher()
    feed(matcher, b"ab")
    assert matcher.is_accepting()
    assert matcher.is_finished()
    assert matcher.forced().data == b""


def test_special_tokens_never_match(vocabulary):
    grammar = compile(vocabulary=vocabulary, regex=r"[\s\S]*")
    special = vocabulary.size - 1
    assert vocabulary.tokens[special] is None
    assert not grammar.matcher().advance(special)


def test_rollback_fork_and_reset(vocabulary):
    grammar = compile(vocabulary=vocabulary, regex="abc|abd")
    matcher = grammar.matcher()
    start = matcher.mask_row()
    feed(matcher, b"ab")
    middle = matcher.mask_row()
    branch = matcher.fork()
    feed(branch, b"d")
    branch.advance(vocabulary.eos_ids[0])
    assert matcher.mask_row() == middle
    branch.rollback(2)
    assert branch.mask_row() == middle
    feed(branch, b"c")
    with pytest.raises(ValueError, match="take back"):
        matcher.rollback(3)
    with pytest.raises(ValueError, match="take back"):
        matcher.rollback(-1)
    matcher.rollback(0)
    assert matcher.mask_row() == middle
    matcher.reset()
    assert matcher.mask_row() == start
    with pytest.raises(ValueError, match="take back"):
        matcher.rollback(1)


# -- forced text ------------------------------------------------------------------------------------------------------


def test_forces_the_only_text_and_keeps_back_what_may_begin_a_longer_token(vocabulary):
    matcher = compile(vocabulary=vocabulary, json_schema=SCHEMA).matcher()
    forced = matcher.forced()
    assert forced.data == b'{"name": "'
    assert vocabulary.text_of(forced.tokens) == b'{"name": "'  # in the string, no token goes on from `": "`
    feed(matcher, forced.data + b'x", "kind": "')
    assert matcher.forced().data == b""


def test_the_end_of_forced_bytes_is_left_where_a_longer_token_may_stand():
    tokens = [bytes([byte]) for byte in range(256)] + [b"ab", b"bc", None]
    vocabulary = Vocabulary(tokens, [258], lambda text: [ord(c) for c in text])
    grammar = compile(vocabulary=vocabulary, regex="xab(c|d)")
    forced = grammar.matcher().forced()
    assert forced.data == b"xab"
    assert forced.tokens == (ord("x"), ord("a"))  # b may begin bc


def test_a_longer_token_that_the_grammar_forbids_holds_nothing_back():
    tokens = [bytes([byte]) for byte in range(256)] + [b"be", None]
    vocabulary = Vocabulary(tokens, [257], lambda text: [ord(c) for c in text])
    forced = compile(vocabulary=vocabulary, regex="xab(c|d)").matcher().forced()
    assert vocabulary.text_of(forced.tokens) == b"xab"


def test_forced_bytes_may_end_inside_a_character(vocabulary):
    forced = compile(vocabulary=vocabulary, choices=["é", "è"]).matcher().forced()
    assert forced.data == b"\xc3"
    assert forced.tokens == ()


def test_nothing_is_forced_where_the_text_may_end(vocabulary):
    matcher = compile(vocabulary=vocabulary, regex="a(bb)?").matcher()
    assert matcher.forced().data == b"a"
    feed(matcher, b"a")
    assert matcher.forced().data == b""


def test_a_tokenizer_that_adds_to_the_text_forces_no_tokens():
    tokens = [bytes([byte]) for byte in range(256)] + [None]
    vocabulary = Vocabulary(tokens, [256], lambda text: [ord(" "), *text.encode()])
    forced = compile(vocabulary=vocabulary, regex="abc").matcher().forced()
    assert forced.data == b"abc"
    assert forced.tokens == ()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(alphabet='ab{"é: ', min_size=1, max_size=8), min_size=1, max_size=4), st.integers(0, 2**32))
def test_forced_text_is_what_every_ending_shares(vocabulary, options, seed):
    grammar = compile(vocabulary=vocabulary, choices=options)
    rng = random.Random(seed)
    goal = rng.choice(options).encode()
    for done in range(len(goal)):
        matcher = grammar.matcher()
        feed(matcher, goal[:done])
        ways = [option.encode()[done:] for option in options if option.encode().startswith(goal[:done])]
        shared = b""
        while b"" not in ways and len({way[:1] for way in ways}) == 1:
            shared += ways[0][:1]
            ways = [way[1:] for way in ways]
        forced = matcher.forced()
        assert forced.data == shared
        assert shared.startswith(vocabulary.text_of(forced.tokens))
        assert all(matcher.advance(token) for token in forced.tokens)


def test_what_a_vocabulary_cannot_spell_is_no_way_on():
    vocabulary = Vocabulary([b"a", b"b", b"ab", None], [3])
    assert compile(vocabulary=vocabulary, choices=["aab"]).matcher().forced().data == b"aab"
    with pytest.raises(GrammarError, match="no text"):
        compile(vocabulary=vocabulary, choices=["aac"])
    grammar = compile(vocabulary=vocabulary, regex="a*c|b|[d-f]")
    assert grammar.mask(grammar.matcher().mask_row()).tolist() == [0b10]


# -- what compile takes -----------------------------------------------------------------------------------------------


def test_exactly_one_constraint_is_needed(vocabulary):
    with pytest.raises(GrammarError, match="exactly one"):
        compile(vocabulary=vocabulary)
    with pytest.raises(GrammarError, match="exactly one"):
        compile(vocabulary=vocabulary, regex="a", choices=["a"])


def test_unknown_options_are_refused_by_name(vocabulary):
    with pytest.raises(UnknownOption, match="xgrammar"):
        compile(vocabulary=vocabulary, regex="a", backend="xgrammar")
    with pytest.raises(UnknownOption, match="colour"):
        compile(Constraint(ConstraintKind.REGEX, "a", (("colour", "red"),)), vocabulary=vocabulary)
    with pytest.raises(UnknownOption, match="whitespace"):
        compile(Constraint(ConstraintKind.REGEX, "a", (("whitespace", "compact"),)), vocabulary=vocabulary)


@pytest.mark.parametrize("options", [[], ["a", ""], ["a", 3], "ab", ["\ud800"]])
def test_bad_choices_are_refused(vocabulary, options):
    with pytest.raises(GrammarError) as caught:
        compile(vocabulary=vocabulary, choices=options)
    assert caught.value.param == "choices"


@pytest.mark.parametrize("source", ["[", "{}", '"a"', "[1]", "[]"])
def test_a_choices_constraint_must_hold_a_list_of_texts(vocabulary, source):
    with pytest.raises(GrammarError):
        compile(Constraint(ConstraintKind.CHOICES, source), vocabulary=vocabulary)


def test_choices_are_taken_verbatim(vocabulary, accepts):
    options = ["a.b", "a|b", '"quoted"', "é\n", "(", "a"]
    grammar = compile(choices(options), vocabulary=vocabulary)
    assert all(accepts(grammar, option) for option in options)
    assert not accepts(grammar, "axb")
