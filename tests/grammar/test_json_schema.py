"""json_schema=: all that is let through validates; what cannot be enforced is refused by keyword and place."""

from __future__ import annotations

import datetime
import enum
import json
import random
from typing import Literal

import jsonschema
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.errors import GrammarError
from weft.grammar import compile, json_schema
from weft.grammar.compiler import parse
from weft.grammar.schemas.keywords import KEYWORDS
from weft.grammar.schemas.values import OF_TYPE


def validates(schema, instance):
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(schema, format_checker=checker).is_valid(instance)


def obj(required=None, **properties):
    return {"type": "object", "properties": properties, "required": list(properties) if required is None else required}


TEXT = {"type": "string"}
INT = {"type": "integer"}

# A schema, instances that `json.dumps` writes and the grammar takes, and ones it must not take.
CASES = {
    "string": (TEXT, ["", "a", 'say "x" \\ / \n\t\x00\x1f', "é😀"], [1, None]),
    "integer": (INT, [0, 7, -12, 10**14], [1.5, "1", True]),
    "number": ({"type": "number"}, [0, -1, 1.5, -0.25, 1e-07, 2.5e100, 123456.789], ["1", None]),
    "boolean": ({"type": "boolean"}, [True, False], [0, "true"]),
    "null": ({"type": "null"}, [None], [0, ""]),
    "types": ({"type": ["string", "null", "integer"]}, ["a", None, 3], [1.5, []]),
    "lengths": ({"type": "string", "minLength": 1, "maxLength": 2}, ["a", "é😀", '"\\', "\n"], ["", "abc"]),
    "minLength": ({"type": "string", "minLength": 2}, ["ab", "abc"], ["a"]),
    "enum": (
        {"enum": ["a", "é\n", 1, 2.5, None, True, {"x": [1, "y"]}, []]},
        ["a", "é\n", 1, None, {"x": [1, "y"]}],
        [0],
    ),
    "enum and type": ({"enum": ["a", 1, 2.0, True], "type": ["string", "integer"]}, ["a", 1, 2], [True]),
    "const": ({"const": {"a": [True, None]}}, [{"a": [True, None]}], [{"a": [True]}]),
    "const and enum": ({"const": 1, "enum": [1.0, 2]}, [1], [2]),
    "object": (obj(a=TEXT, b=INT), [{"a": "x", "b": 1}], [{"a": "x"}, {}, {"a": 1, "b": 1}]),
    "optional": (
        obj(["b"], a=INT, b=INT, c=INT),
        [{"b": 1}, {"a": 1, "b": 2}, {"b": 1, "c": 2}, {"a": 1, "b": 2, "c": 3}],
        [{}, {"a": 1}, {"c": 1}],
    ),
    "all optional": (
        obj([], a=INT, b=INT, c=INT),
        [{}, {"a": 1}, {"b": 1}, {"c": 1}, {"a": 1, "c": 1}, {"a": 1, "b": 2, "c": 3}],
        [{"a": "x"}],
    ),
    "closed": ({**obj(a=INT), "additionalProperties": False}, [{"a": 1}], [{"a": 1, "b": 2}]),
    "empty object": ({"type": "object", "additionalProperties": False}, [{}], [{"a": 1}]),
    "map": ({"type": "object", "additionalProperties": INT}, [{}, {"x": 1, 'y "': 2}], [{"x": "a"}]),
    "any object": ({"type": "object"}, [{}, {"x": [1], "y": {"z": None}}], [[]]),
    "undescribed but required": (
        {"properties": {"a": INT}, "required": ["b"], "additionalProperties": TEXT},
        [{"b": "x"}, {"a": 1, "b": "x"}],
        [{"a": 1}, {"b": 1}],
    ),
    "odd keys": (obj(**{'a "b"\\': INT, "é~/": INT, "": INT}), [{'a "b"\\': 1, "é~/": 2, "": 3}], []),
    "array": ({"type": "array", "items": INT}, [[], [1], [1, 2, 3]], [["a"], {}]),
    "array bounds": ({"items": INT, "minItems": 2, "maxItems": 3}, [[1, 2], [1, 2, 3]], [[], [1], [1, 2, 3, 4]]),
    "no items": ({"type": "array", "maxItems": 0}, [[]], [[1]]),
    "tuple": (
        {"type": "array", "prefixItems": [INT, TEXT], "items": False, "minItems": 1},
        [[1], [1, "a"]],
        [[], ["a"], [1, "a", 1]],
    ),
    "tuple and rest": (
        {"prefixItems": [INT, TEXT], "items": {"type": "null"}, "minItems": 3, "maxItems": 4},
        [[1, "a", None], [1, "a", None, None]],
        [[1, "a"], [1, "a", 1]],
    ),
    "tuple cut short": ({"prefixItems": [INT, TEXT, INT], "maxItems": 2}, [[], [1], [1, "a"]], [[1, "a", 1]]),
    "anyOf": ({"anyOf": [INT, {"type": "null"}, False]}, [1, None], ["a"]),
    "oneOf of types": ({"oneOf": [INT, TEXT]}, [1, "a"], [None]),
    "oneOf of constants": ({"oneOf": [{"const": "a"}, {"enum": ["b", 1]}]}, ["a", "b", 1], ["c"]),
    "oneOf of tags": (
        {"oneOf": [obj(kind={"const": "a"}, x=INT), obj(kind={"enum": ["b", "c"]})]},
        [{"kind": "a", "x": 1}, {"kind": "c"}],
        [{"kind": "a"}],
    ),
    "allOf of one": ({"allOf": [INT], "title": "n"}, [1], ["a"]),
    "reference": (
        {"$defs": {"a~b/c": {"type": "array", "items": {"$ref": "#/$defs/n"}}, "n": INT}, "$ref": "#/$defs/a~0b~1c"},
        [[], [1]],
        [["a"]],
    ),
    "pattern": ({"type": "string", "pattern": "^[A-Z]{2}-\\d+$"}, ["AB-1"], ["AB-", "xAB-1", "AB-1 "]),
    "pattern anywhere": ({"type": "string", "pattern": "b+"}, ["b", 'a"b\n', "bb"], ["", "a"]),
    "pattern from the start": ({"type": "string", "pattern": "^ab|^c"}, ["ab", "cxx"], ["xab", ""]),
    "pattern of escapes": ({"type": "string", "pattern": r'^["\\\n\u00e9/]+$'}, ['"\\\n', "é/"], ["a"]),
    "pattern of anything": ({"type": "string", "pattern": r"^[^a]$"}, ['"', "\\", "\n", "é", "\x01"], ["a"]),
    "pattern and length": ({"type": "string", "pattern": "^a{2,3}$", "maxLength": 3, "minLength": 2}, ["aa"], ["a"]),
    "date": (
        {"type": "string", "format": "date"},
        ["2024-02-29", "2000-02-29", "2023-12-31", "0001-01-01", "2024-04-30"],
        ["2023-02-29", "1900-02-29", "2024-04-31", "2024-13-01", "0000-01-01", "2024-1-1"],
    ),
    "reference beside annotations": (
        {"$id": "https://example.com/x", "$ref": "#/$defs/n", "$defs": {"n": INT}, "x-order": 1},
        [1],
        ["a"],
    ),
    "unknown format": ({"type": "string", "format": "phone"}, ["x"], []),
    "annotations": (
        {
            "type": "integer",
            "title": "t",
            "description": "d",
            "default": 1,
            "examples": [1],
            "x-order": 1,
            "$comment": "",
        },
        [1],
        ["a"],
    ),
    "anything": ({}, [1, "a", None, True, [1, {"a": 2}], {"a": [1, "b"]}], []),
    "true": (True, [1, "a"], []),
    "deep": (
        obj(a=obj(b={"type": "array", "items": obj(["c"], c=TEXT, d={"type": ["integer", "null"]})})),
        [{"a": {"b": []}}, {"a": {"b": [{"c": "x"}, {"c": "y", "d": None}]}}],
        [{"a": {"b": [{}]}}],
    ),
}


@pytest.mark.parametrize("whitespace", ["spaced", "compact"])
@pytest.mark.parametrize("name", CASES)
def test_all_that_is_let_through_validates(vocabulary, accepts, walk, name, whitespace):
    schema, taken, left = CASES[name]
    grammar = compile(vocabulary=vocabulary, json_schema=schema, whitespace=whitespace)
    separators = (", ", ": ") if whitespace == "spaced" else (",", ":")
    for instance in taken:
        assert validates(schema, instance)
        assert accepts(grammar, json.dumps(instance, ensure_ascii=False, separators=separators)), instance
    for instance in left:
        assert not validates(schema, instance), instance
        assert not accepts(grammar, json.dumps(instance, ensure_ascii=False, separators=separators)), instance
    rng = random.Random(name)
    finished = 0
    for _ in range(12):
        drawn = walk(grammar, rng)
        if drawn is not None:
            finished += 1
            instance = json.loads(drawn)
            assert validates(schema, instance), drawn
    assert finished


@pytest.mark.parametrize("schema", [INT, {"enum": [1, 7]}, {"type": "integer", "minimum": 1, "multipleOf": 1}])
def test_integers_are_written_without_a_fraction_unless_any_spelling_is_wanted(vocabulary, accepts, schema):
    plain = compile(vocabulary=vocabulary, json_schema=schema)
    assert accepts(plain, "7")
    assert not accepts(plain, "7.0")
    assert accepts(compile(vocabulary=vocabulary, json_schema=schema, property_order="any"), "7.0")


SCHEMAS = st.recursive(
    st.one_of(
        st.just(TEXT),
        st.just(INT),
        st.just({"type": "number"}),
        st.just({"type": ["boolean", "null"]}),
        st.builds(
            lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more}, *[st.integers(0, 4)] * 2
        ),
        st.lists(st.one_of(st.text(max_size=4), st.integers(-9, 9), st.none()), min_size=1, max_size=4).map(
            lambda values: {"enum": values}
        ),
        st.sampled_from(["date", "time", "uuid", "ipv4"]).map(lambda form: {"type": "string", "format": form}),
        st.sampled_from([r"^\d{2}:\d{2}$", '"', r"^[a-c]+\.?$", r"^(\\|/)"]).map(
            lambda pattern: {"type": "string", "pattern": pattern}
        ),
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda items, low, more: {"type": "array", "items": items, "minItems": low, "maxItems": low + more},
            inner,
            st.integers(0, 2),
            st.integers(0, 2),
        ),
        st.builds(
            lambda properties, required: obj(sorted(set(required) & set(properties)), **properties),
            st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3),
            st.lists(st.text(min_size=1, max_size=3), max_size=2),
        ),
        st.lists(inner, min_size=1, max_size=2).map(lambda branches: {"anyOf": branches}),
    ),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(schema=SCHEMAS, seed=st.integers(0, 2**32))
def test_any_schema_lets_only_valid_text_through(vocabulary, walk, schema, seed):
    grammar = compile(vocabulary=vocabulary, json_schema=schema)
    drawn = walk(grammar, random.Random(seed))
    if drawn is not None:
        assert validates(schema, json.loads(drawn)), drawn


@settings(max_examples=60, deadline=None)
@given(value=st.text(), ascii_only=st.booleans())
def test_any_string_is_taken_in_both_spellings(vocabulary, accepts, value, ascii_only):
    grammar = compile(vocabulary=vocabulary, json_schema=TEXT)
    if not any("\ud800" <= character <= "\udfff" for character in value):
        assert accepts(grammar, json.dumps(value, ensure_ascii=ascii_only))


@pytest.mark.parametrize("text", ['"\n"', '"\\x"', '"\\ud800"', '"\\udc00\\ud800"', '"\\u12"', '"a', "'a'", '"\x00"'])
def test_what_is_not_a_json_string_is_not_taken(vocabulary, accepts, text):
    assert not accepts(compile(vocabulary=vocabulary, json_schema=TEXT), text)


@pytest.mark.parametrize("text", ["01", "+1", "1.5", "1.", "--1", "", "1_0"])
def test_what_is_not_a_plain_integer_is_not_taken(vocabulary, accepts, text):
    assert not accepts(compile(vocabulary=vocabulary, json_schema=INT), text)


@pytest.mark.parametrize("text", ["01", ".5", "1.", "1e", "1e400", "NaN", "Infinity", "0x1"])
def test_what_is_not_a_finite_number_is_not_taken(vocabulary, accepts, text):
    assert not accepts(compile(vocabulary=vocabulary, json_schema={"type": "number"}), text)


def test_refuses_text_that_is_no_json():
    with pytest.raises(GrammarError, match="not JSON"):
        parse(json_schema('{"type": '))
    with pytest.raises(GrammarError, match="nests too deeply"):
        parse(json_schema("[" * 20_000))


WORDS = [*sorted(KEYWORDS), "minimum", "x-order", "$id"]
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-2, 3), st.just(1e300), st.text(max_size=2),
        st.sampled_from([*OF_TYPE, "a", "#", "#/$defs/a", "#/oneOf/0"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
        st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
        st.lists(inner, min_size=1, max_size=2).map(lambda branches: {"oneOf": branches}),
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300)
@given(VALUES)
def test_any_json_is_read_or_refused(schema):
    """Whatever a client sends as a schema, it is told what is wrong: nothing but a typed error comes out."""
    try:
        parse(json_schema(json.dumps(schema)))
    except GrammarError as error:
        assert error.keyword


def test_refuses_what_is_no_schema():
    for wrong in (3, None, [1], {"default": float("nan")}, {"default": object()}):
        with pytest.raises(GrammarError) as caught:
            json_schema(wrong)
        assert caught.value.param == "json_schema"
    with pytest.raises(GrammarError, match="whitespace"):
        json_schema({}, whitespace="loose")


def test_a_pydantic_model_is_a_schema(vocabulary, accepts, walk):
    class Colour(enum.Enum):
        RED = "red"
        BLUE = "blue"

    class Part(pydantic.BaseModel):
        name: str
        size: int | None = None

    class Order(pydantic.BaseModel):
        """An order."""

        model_config = pydantic.ConfigDict(extra="forbid")

        id: str = pydantic.Field(pattern=r"^A-\d{3}$", description="number")
        day: datetime.date
        colour: Colour
        kind: Literal["new", "old"] = "new"
        parts: list[Part]
        spare: Part | None
        pair: tuple[int, str]

    grammar = compile(vocabulary=vocabulary, json_schema=Order)
    order = Order(
        id="A-123",
        day=datetime.date(2024, 2, 29),
        colour=Colour.BLUE,
        parts=[Part(name="x", size=3)],
        spare=None,
        pair=(1, "a"),
    )
    assert accepts(grammar, json.dumps(order.model_dump(mode="json"), ensure_ascii=False))
    rng = random.Random(0)
    drawn = [text for _ in range(10) if (text := walk(grammar, rng)) is not None]
    assert drawn
    for text in drawn:
        Order.model_validate_json(text)


def test_the_same_schema_is_the_same_constraint():
    assert json_schema({"type": "string"}) == json_schema({"type": "string"})
    assert hash(json_schema({"type": "string"})) == hash(json_schema({"type": "string"}))
    assert json_schema(TEXT, whitespace="compact").options == (("whitespace", "compact"),)
