"""JSON's spelling: strings and values are taken exactly as JSON readers read them, however `json.dumps` writes them."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_matcher import matches

from weft.errors import GrammarError
from weft.grammar.expression import (
    ANY_CHARACTER,
    NOTHING,
    Expression,
    Ref,
    Rule,
    alt,
    both,
    chars,
    one_of,
    optional,
    repeat,
    seq,
    text,
    without,
)
from weft.grammar.json_text import (
    STRING,
    STRING_CHARACTER,
    STYLES,
    Spelling,
    inside_string,
    literal,
    literals,
    string,
    string_of,
    type_of,
)

LETTERS = 'ab"\\/\n\t\x00\x1f\x7f\x80é€\ue000\uffff😀\U0010ffff'
TEXTS = st.text(alphabet=LETTERS, max_size=5) | st.text(max_size=3)
SETS = st.lists(st.tuples(st.sampled_from(LETTERS), st.sampled_from(LETTERS)), min_size=1, max_size=3).map(
    lambda pairs: chars((min(map(ord, pair)), max(map(ord, pair))) for pair in pairs)
)
REGULAR: st.SearchStrategy[Expression] = st.recursive(
    SETS | TEXTS.map(text),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda items: seq(*items)),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: alt(*items)),
        st.tuples(inner, st.integers(0, 2), st.none() | st.integers(2, 3)).map(lambda made: repeat(*made)),
        st.lists(inner, min_size=1, max_size=2).map(lambda items: both(repeat(ANY_CHARACTER), *items)),
        inner.map(lambda item: without(repeat(ANY_CHARACTER, 0, 4), item)),
    ),
    max_leaves=6,
)


def spellings(value: Any) -> set[str]:
    return {json.dumps(value), json.dumps(value, ensure_ascii=False)}


@settings(max_examples=400, deadline=None)
@given(REGULAR, TEXTS)
def test_a_string_is_taken_when_its_content_is(content: Expression, value: str) -> None:
    expected = matches(content, value)
    made = string_of(content)
    for spelled in spellings(value):
        assert (made is not NOTHING and matches(made, spelled)) == expected
    mixed = "".join(json.dumps(letter, ensure_ascii=place % 2 == 0)[1:-1] for place, letter in enumerate(value))
    assert (made is not NOTHING and matches(made, f'"{mixed}"')) == expected


@settings(max_examples=200, deadline=None)
@given(SETS, st.sampled_from(["raw", "ascii"]), TEXTS)
def test_one_spelling_each(content: Expression, spelling: Spelling, value: str) -> None:
    made = string_of(repeat(content), spelling)
    chosen = json.dumps(value, ensure_ascii=spelling == "ascii")
    assert matches(made, chosen) == matches(repeat(content), value)
    for other in spellings(value) - {chosen}:
        assert not matches(made, other)


@pytest.mark.parametrize(
    "spelled",
    [
        '"\\/"',
        '"\\u00E9"',
        '"\\u0061"',
        '"\\uD83D\\uDE00"',
        '"\\ud83d\\uDE00"',
        '"\\u0000"',
        '"\x7f"',
        '"\\b\\f"',
        '"\\u2028"',
        '"\\ue000"',
        '"\\uFFFF"',
    ],
)
def test_a_free_string_takes_every_escape_for_one_character(spelled: str) -> None:
    assert len(json.loads(spelled).encode("utf-16", "surrogatepass")) > 2
    for made in (STRING, string(2 if "b\\f" in spelled else 1, 2 if "b\\f" in spelled else 1)):
        assert matches(made, spelled)


@pytest.mark.parametrize(
    "spelled",
    ['"', '""x', '"\\x"', '"\\u12"', '"\\ud83d"', '"\\ude00"', '"\\ud83dx"', '"\n"', '"\\', '"\\ud83d\\ud83d"'],
)
def test_what_is_no_string(spelled: str) -> None:
    assert not matches(STRING, spelled)
    assert not matches(string_of(repeat(ANY_CHARACTER)), spelled)


@given(TEXTS)
@settings(max_examples=100, deadline=None)
def test_lengths_count_characters(value: str) -> None:
    for spelled in spellings(value):
        assert matches(string(len(value), len(value)), spelled)
        assert not matches(string(len(value) + 1), spelled)


def test_what_is_shared_is_one_object() -> None:
    assert string() is STRING
    assert string(0, 5) is string(0, 5)
    content = one_of("ab")
    assert string_of(content) is string_of(content)
    assert inside_string(content) is content
    assert STRING.item.items[1].item is STRING_CHARACTER  # type: ignore[attr-defined]
    assert string(3, 2) is NOTHING


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
SEPARATORS = {"compact": (",", ":"), "spaced": (", ", ": "), "flexible": (",", ":")}


@settings(max_examples=150, deadline=None)
@given(JSON_VALUES, JSON_VALUES, st.sampled_from(list(STYLES)))
def test_a_literal_is_taken_as_dumped_and_nothing_else(value: Any, other: Any, style: str) -> None:
    made = literal(value, STYLES[style])
    for ascii in (True, False):
        assert matches(made, json.dumps(value, ensure_ascii=ascii, separators=SEPARATORS[style]))
    if style == "flexible":
        assert matches(made, json.dumps(value, indent=2))
    written = json.dumps(other, separators=SEPARATORS[style])
    if matches(made, written):
        assert json.loads(written) == value


def test_many_literals() -> None:
    values = [*(f"value {k}" for k in range(2000)), "é", 5, 2.5, None, True, [1, "x"], "\ud800"]
    made = literals(values)
    for value in ("value 0", "value 1999", "é", 5, 5.0, 2.5, None, True, [1, "x"], [1.0, "x"]):
        for spelled in spellings(value):
            assert matches(made, spelled)
    for value in ("value", "value 2000", "e", 6, False, [1, "y"], [1]):
        for spelled in spellings(value):
            assert not matches(made, spelled)


def test_half_a_surrogate_pair_is_nothing() -> None:
    assert literal("\ud800") is NOTHING
    assert literal(["a", "\ud800"]) is NOTHING
    assert literals(["\udfff"]) is NOTHING


def test_what_cannot_be_spelled_is_refused() -> None:
    deep: Any = []
    for _ in range(20_000):
        deep = [deep]
    nested: Expression = one_of("é")
    for _ in range(20_000):
        nested = seq(optional(nested), one_of("é"))
    rule = Rule("rule")
    for refused in (
        lambda: literal(deep),
        lambda: literal({1, 2}),
        lambda: literal(float("inf")),
        lambda: string_of(nested),
        lambda: string_of(Ref(rule)),
    ):
        with pytest.raises(GrammarError):
            refused()


def test_types() -> None:
    named = {"null": None, "boolean": True, "integer": 1, "number": 1.5, "string": "", "array": [], "object": {}}
    for name, value in named.items():
        assert type_of(value) == name
    assert type_of(2.0) == "integer"
    assert literal(Fraction(1, 2)) is not NOTHING
