"""`backend="outlines-core"`: the same masks as our own engine's, or a refusal by name. Each is the other's oracle."""

from __future__ import annotations

import random
import re

import pytest
from expressions import LETTERS, elements, members, regular
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slow_matcher import matches

from weft.errors import GrammarError
from weft.grammar import Vocabulary, compile
from weft.grammar import expression as ex
from weft.grammar.flatten import flatten
from weft.grammar.outlines import compile_expression

TOKENS = [
    *(bytes([byte]) for byte in range(256)),
    *(b'{"', b'": "', b'", "', b'"}', b"ab", b"abc", b"ba", b"12", b"\xc3\xa9", b"\xa9a", b" true", b"}]", b"], ["),
]
VOCABULARY = Vocabulary([*TOKENS, None, None], [len(TOKENS)])

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 3},
        "age": {"type": "integer"},
        "kind": {"enum": ["é", "a", 'ab"', None, 1.5]},
        "tags": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2},
    },
    "required": ["age"],
}
OPTIONAL = {"type": "object", "properties": {name: {"const": index} for index, name in enumerate("abcde")}}
NESTED = {
    "$defs": {"point": {"type": "array", "prefixItems": [{"type": "number"}, {"const": "x"}], "items": False}},
    "type": "array",
    "items": {"$ref": "#/$defs/point"},
    "minItems": 1,
}
LONGER_LIST = {
    "type": "array",
    "prefixItems": [{"const": 1}, {"const": 2}],
    "items": {"const": 3},
    "minItems": 1,
    "maxItems": 4,
}
WANTED = [
    {"json_schema": PERSON},
    {"json_schema": PERSON, "whitespace": "compact"},
    {"json_schema": OPTIONAL},
    {"json_schema": {**OPTIONAL, "minProperties": 1}},
    {"json_schema": {**OPTIONAL, "required": ["b", "e"]}},
    {"json_schema": NESTED},
    {"json_schema": LONGER_LIST, "whitespace": "compact"},
    {"json_schema": {"type": "object", "additionalProperties": {"type": "null"}, "minProperties": 1}},
    {"json_schema": {"type": "object", "patternProperties": {"^a+$": {"const": 1}}, "additionalProperties": False}},
    {"json_schema": {"type": "string", "pattern": "^[a-c]{2,4}é?$"}},
    {"json_schema": {"type": "string", "minLength": 2, "maxLength": 4}},
    {"json_schema": {"type": ["integer", "null"], "minimum": -3, "maximum": 120}},
    {"json_schema": {"type": "string", "format": "date"}},
    {"regex": "a|ab"},
    {"regex": "(ab)*"},
    {"regex": "(a|ab)(c|bcd)?"},
    {"regex": r"[^\d\W]{2}é?|\d{1,3}"},
    {"regex": "(?i:ab)+😀"},
    {"choices": ["a", "ab", "abc", "é", "a.b", "(", '"']},
    {"grammar": 'start: item ("," item)*\nitem: "a" | "(" "b"+ ")"'},
]


def allowed_ids(grammar, matcher) -> list[int]:
    bits = grammar.mask(matcher.mask_row())
    return [token for token in range(VOCABULARY.size) if bits[token // 32] >> (token % 32) & 1]


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_masks_are_those_of_our_own_engine(wanted) -> None:
    ours = compile(vocabulary=VOCABULARY, **wanted)
    theirs = compile(vocabulary=VOCABULARY, backend="outlines-core", **wanted)
    rng = random.Random(7)
    for _ in range(4):
        left, right = ours.matcher(), theirs.matcher()
        for _ in range(40):
            allowed = allowed_ids(ours, left)
            assert allowed_ids(theirs, right) == allowed
            assert left.is_accepting() == right.is_accepting()
            assert left.is_finished() == right.is_finished()
            assert right.forced().data.startswith(left.forced().data)
            going_on = [token for token in allowed if token not in VOCABULARY.eos_ids]
            if not going_on:
                break
            token = rng.choice(going_on)
            assert left.advance(token)
            assert right.advance(token)


@pytest.mark.parametrize(
    ("source", "taken", "left"),
    [
        ("a|ab", ["a", "ab"], ["", "b", "abb"]),  # its automaton stops at the alternative it likes best
        ("(ab)*", ["", "ab", "ababab"], ["a", "aba"]),  # its index ends where a text may end
        ("a*?b??", ["", "aaa", "aab"], ["ba"]),
        ("(?:|a)b", ["b", "ab"], ["aab"]),
        ("", [""], ["a"]),
    ],
)
def test_its_habits_lose_no_texts(vocabulary, accepts, source, taken, left) -> None:
    grammar = compile(vocabulary=vocabulary, regex=source, backend="outlines-core")
    for text in (*taken, *left):
        assert accepts(grammar, text) == bool(re.fullmatch(source, text)) == (text in taken)


def test_a_matcher_rolls_back_forks_and_starts_again(vocabulary) -> None:
    matcher = compile(vocabulary=vocabulary, regex="abc|abd", backend="outlines-core").matcher()
    rows = [matcher.mask_row()]
    for letter in b"ab":
        assert matcher.advance(letter)
        rows.append(matcher.mask_row())
    branch = matcher.fork()
    assert branch.advance(ord("d"))
    assert branch.advance(vocabulary.eos_ids[0])
    assert branch.is_finished()
    branch.rollback(3)
    assert (branch.mask_row(), matcher.mask_row()) == (rows[1], rows[2])
    with pytest.raises(ValueError, match="take back"):
        matcher.rollback(3)
    matcher.reset()
    assert matcher.mask_row() == rows[0]


@pytest.mark.parametrize(
    ("wanted", "keyword"),
    [
        ({"json_schema": {}}, "recursion"),
        ({"json_schema": {"type": "array", "items": {"$ref": "#"}}}, "recursion"),
        ({"json_schema": {**PERSON, "additionalProperties": False}, "property_order": "any"}, "property_order"),
        ({"json_schema": {**OPTIONAL, "maxProperties": 2}}, "maxProperties"),
        ({"json_schema": {**OPTIONAL, "minProperties": 2}}, "minProperties"),
        (
            {"json_schema": {"additionalProperties": {"const": 1}, "type": "object", "minProperties": 2}},
            "minProperties",
        ),
        ({"json_schema": {**OPTIONAL, "additionalProperties": {"type": "null"}}}, "additionalProperties"),
        ({"json_schema": {"type": "array", "items": {"type": "string"}, "uniqueItems": True}}, "uniqueItems"),
        ({"json_schema": {"type": "array", "items": {"type": "null"}, "contains": {"type": "null"}}}, "contains"),
        ({"json_schema": {"type": "integer", "multipleOf": 7}}, ("intersection", "multipleOf")),
        ({"json_schema": {"type": "string", "not": {"pattern": "a"}}}, "intersection"),
        ({"structural_tag": {"type": "token", "token": "<t>"}}, "token"),
        ({"grammar": 'start: "(" start ")" | "a"'}, "recursion"),
        ({"regex": "(?!ab)[a-c]{2}"}, "intersection"),
        ({"regex": r"a\0b"}, "NUL"),
        ({"regex": r"[^\s\S]"}, "empty"),
        ({"regex": "(a|b)*a(a|b){30}"}, "size"),
        ({"regex": "((a{0,100}){0,100}){0,100}"}, "size"),
        ({"regex": "(a?){1000}a{1000}"}, "size"),
    ],
    ids=str,
)
def test_refuses_by_name_what_it_cannot_say(vocabulary, wanted, keyword) -> None:
    with pytest.raises(GrammarError) as caught:
        compile(vocabulary=vocabulary, backend="outlines-core", **wanted)
    assert caught.value.keyword in (keyword if isinstance(keyword, tuple) else (keyword,))


def test_a_vocabulary_that_cannot_spell_the_way_on_is_refused() -> None:
    vocabulary = Vocabulary([b"a", b"b", b"ab", None], [3])
    assert compile(vocabulary=vocabulary, choices=["aab"], backend="outlines-core").matcher().forced().data == b""
    with pytest.raises(GrammarError, match="vocabulary"):
        compile(vocabulary=vocabulary, regex="a*c|b", backend="outlines-core")


# -- flattening -----------------------------------------------------------------------------------------------------

LETTER = ex.one_of("ab")


@pytest.mark.parametrize(
    "expression",
    [
        ex.both(ex.chars([(0x61, 0x7A)]), ex.chars([(0x70, 0x100)]), ex.Not(ex.one_of("xq"))),
        ex.both(ex.repeat(LETTER, 1, 5), ex.repeat(ex.one_of("bc"), 2)),
        ex.both(ex.repeat(ex.ANY_CHARACTER), ex.Text("ab")),
        ex.both(ex.repeat(LETTER, 0, 1), ex.repeat(LETTER, 2, 3)),
        *(
            ex.Members(tuple(ex.Member(name, ex.Text("0"), name in required) for name in "abcd"), (), low, ordered=True)
            for required in ("", "a", "c", "bd", "abcd")
            for low in (0, 1, 4)
        ),
        ex.Members((ex.Member("a", ex.NOTHING), ex.Member("b", ex.Text("0"))), ordered=True),
        ex.Members((ex.Member("a", ex.NOTHING, True), ex.Member("b", ex.Text("0"))), ordered=True),
        *(
            ex.Elements(first, rest, low, high, comma=ex.Text(","))
            for first in ((), ((ex.Option(LETTER),),), ((ex.Option(LETTER),), (), (ex.Option(ex.Text("0")),)))
            for rest in ((), (ex.Option(ex.Text("0")), ex.Option(ex.Text("1"))))
            for low, high in ((0, None), (1, None), (2, 3), (0, 1), (0, 0), (3, None))
        ),
    ],
)
def test_flat_expressions_match_the_same_texts(expression) -> None:
    flat = flatten(expression)
    pairs = [f'"{name}": 0' for name in "abcd"]
    chosen = [[pair for bit, pair in enumerate(pairs) if number >> bit & 1] for number in range(16)]
    texts = [", ".join(some) for some in (*chosen, pairs[::-1], [pairs[0]] * 2)]
    texts += ["p", "x", "abab", "ab", "bb", "bbb", "bbbbbb", "a", "b", "0", "1"]
    texts += ["a,0", "a,1,0", "0,0,0", "0,1", "0,0,0,0", "a,a", "a,0,0,0", ",", "a,"]
    for text in texts:
        assert matches(flat, text) == matches(expression, text), text


VALUES = regular().map(lambda item: ex.seq(ex.Text("0"), item))  # never empty, as no JSON value is


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(expression=regular() | members(VALUES) | elements(VALUES), texts=st.lists(st.text(LETTERS, max_size=4)))
def test_any_expression_is_refused_or_says_the_same_flat(expression, texts) -> None:
    try:
        flat = flatten(expression)
    except GrammarError as error:
        assert error.keyword
        return
    lists = ["[]", *(f"[0{text}]" for text in texts), "[" + ", ".join(f"0{text}" for text in texts) + "]"]
    objects = ["{}", *(f'{{"a": 0{text}}}' for text in texts), *(f'{{"a": 0, "b": 0{text}}}' for text in texts)]
    for text in ("", *texts, *lists, *objects):
        assert matches(flat, text) == matches(expression, text), text


def test_shared_parts_stay_shared() -> None:
    expression: ex.Expression = LETTER
    for _ in range(100):
        expression = ex.Alt((ex.Seq((expression, expression)), ex.Seq((expression,))))
    with pytest.raises(GrammarError, match="too large"):
        compile_expression(expression, VOCABULARY)


def test_what_nests_too_deeply_is_refused() -> None:
    expression: ex.Expression = LETTER
    for _ in range(100_000):
        expression = ex.Repeat(expression, 0, 1)
    with pytest.raises(GrammarError, match="deep"):
        compile_expression(expression, VOCABULARY)
