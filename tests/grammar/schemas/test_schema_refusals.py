"""What is refused, with the keyword and the place; and that no schema, however hostile, takes long or crashes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from weft.errors import GrammarError, UnknownOption
from weft.grammar.schemas import parse_json_schema


def refusal(source: str, **options: str) -> GrammarError:
    with pytest.raises(GrammarError) as caught:
        parse_json_schema(source, **options)
    return caught.value


REFUSED: dict[str, tuple[Any, str, str]] = {
    "no type": ({"type": "text"}, "type", "/type"),
    "a property that is no schema": ({"properties": {"a": 3}}, "schema", "/properties/a"),
    "properties in a list": ({"properties": []}, "properties", "/properties"),
    "required as a flag": ({"properties": {"a/b": {"required": True}}}, "required", "/properties/a~1b/required"),
    "a length below 0": ({"items": {"minLength": -1}}, "minLength", "/items/minLength"),
    "a bound that is text": ({"minimum": "1"}, "minimum", "/minimum"),
    "a step of 0": ({"multipleOf": 0}, "multipleOf", "/multipleOf"),
    "branches that are no list": ({"anyOf": {}}, "anyOf", "/anyOf"),
    "a pattern that is no regex": ({"pattern": "("}, "pattern", "/pattern"),
    "a pattern with a back reference": (
        {"properties": {"a": {"pattern": r"(a)\1"}}},
        "pattern",
        "/properties/a/pattern",
    ),
    "a reference to nowhere": ({"items": {"$ref": "#/$defs/a"}}, "$ref", "/items/$ref"),
    "a reference to elsewhere": ({"$ref": "https://example.com/x"}, "$ref", "/$ref"),
    "a reference to itself": ({"$ref": "#"}, "$ref", "/$ref"),
    "a metaschema nobody knows": ({"$schema": "https://example.com/meta"}, "$schema", "/$schema"),
    "unique objects": ({"type": "array", "uniqueItems": True}, "uniqueItems", ""),
    "some property that fails": (
        {"not": {"additionalProperties": {"type": "integer"}}},
        "additionalProperties",
        "/not",
    ),
    "a step of many remainders": ({"items": {"multipleOf": 1000003}}, "multipleOf", "/items"),
    "a step of many remainders for integers": ({"type": "integer", "multipleOf": 0.123456789}, "multipleOf", ""),
    "many patterns": (
        {"patternProperties": {f"a{n}": {"minimum": n} for n in range(9)}},
        "patternProperties",
        "",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_keyword_and_the_place(name: str) -> None:
    schema, keyword, pointer = REFUSED[name]
    error = refusal(json.dumps(schema), property_order="any")
    assert (error.keyword, error.pointer) == (keyword, pointer)
    assert (pointer or "/") in error.message


EMPTY: dict[str, Any] = {
    "false": False,
    "no listed value": {"enum": []},
    "types that exclude each other": {"allOf": [{"type": "integer"}, {"type": "string"}]},
    "bounds that cross": {"type": "number", "minimum": 3, "maximum": 2},
    "no whole number between": {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
    "a required property that cannot be": {"type": "object", "properties": {"a": False}, "required": ["a"]},
    "too few properties": {"type": "object", "maxProperties": 1, "required": ["a", "b"]},
    "no end": {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    "no end in a list": {"type": "array", "contains": {"$ref": "#"}},
    "not anything": {"not": {}},
    "half a surrogate pair": {"const": "\ud800"},
}


@pytest.mark.parametrize("name", EMPTY)
def test_schemas_under_which_nothing_is_valid_are_refused(name: str) -> None:
    assert refusal(json.dumps(EMPTY[name])).keyword in ("empty", "false")


@pytest.mark.parametrize("source", ["", "{", "nul", '{"const": NaN}', '{"maximum": 1e99999}', "3", "[]", '"x"'])
def test_what_is_no_schema(source: str) -> None:
    refusal(source)


@pytest.mark.parametrize("option", ["property_order", "whitespace", "formats"])
def test_unknown_options(option: str) -> None:
    with pytest.raises(UnknownOption, match=option):
        parse_json_schema("{}", **{option: "tidy"})


def nested(opening: str, inside: str, closing: str, depth: int) -> str:
    return opening * depth + inside + closing * depth


def cycles(*lengths: int) -> Any:
    """Merged lists that come back to their beginnings at different times."""
    steps = {
        f"{length}_{step}": {
            "properties": {"next": {"$ref": f"#/$defs/{length}_{(step + 1) % length}"}},
            **({"maxProperties": 1} if step else {}),
        }
        for length in lengths
        for step in range(length)
    }
    return {"allOf": [{"$ref": f"#/$defs/{length}_0"} for length in lengths], "$defs": steps}


def doubled(depth: int, make: Any) -> Any:
    """A schema in which each definition uses the next one twice."""
    parts = {f"d{n}": make({"$ref": f"#/$defs/d{n + 1}"}) for n in range(depth)}
    return {"$ref": "#/$defs/d0", "$defs": {**parts, f"d{depth}": {"type": "string"}}}


HOSTILE: dict[str, str] = {
    "10,000 deep": nested('{"items":', "{}", "}", 10_000),
    "900 deep": nested('{"items":', '{"type": "null"}', "}", 900),
    "not, 5,000 deep": nested('{"not":', "{}", "}", 5_000),
    "10,000 values": json.dumps({"enum": [f"value {n}" for n in range(10_000)]}),
    "10,000 numbers": json.dumps({"enum": list(range(10_000))}),
    "500 constants in oneOf": json.dumps({"oneOf": [{"const": n} for n in range(500)]}),
    "overlapping branches": json.dumps({"oneOf": [{"properties": {f"p{n}": {"type": "null"}}} for n in range(20)]}),
    "2 to the 30 cases": json.dumps(
        {"allOf": [{"anyOf": [{"required": [f"a{n}"]}, {"required": [f"b{n}"]}]} for n in range(30)]}
    ),
    "2 to the 40 dependencies": json.dumps({"dependentRequired": {f"a{n}": [f"b{n}"] for n in range(40)}}),
    "what is not looked at in 20 branches": json.dumps(
        {"anyOf": [{"properties": {f"p{n}": {}}} for n in range(20)], "unevaluatedProperties": False}
    ),
    "twice the next, 60 times": json.dumps(doubled(60, lambda ref: {"properties": {"l": ref, "r": ref}})),
    "twice the next, merged": json.dumps(doubled(60, lambda ref: {"allOf": [ref, ref]})),
    "twice the next, one of both": json.dumps(doubled(20, lambda ref: {"oneOf": [ref, {"items": ref}]})),
    "cycles of many lengths": json.dumps(cycles(2, 3, 5, 7, 11, 13)),
    "a wide regex over a long value": json.dumps({"enum": ["a" * 500 + "b"], "pattern": "^(a+)+$"}),
    "huge counts": '{"minItems": 1000000000, "items": {"minLength": 1000000, "maxLength": 1e30}}',
    "huge bounds": json.dumps({"minimum": -(10**900), "maximum": 10**900, "multipleOf": 7}),
    "a tiny step": '{"multipleOf": 1e-300}',
    "odd URIs": '{"$id": "http://[x", "properties": {"a": {"$id": "http://[y", "$ref": "//["}}}',
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_schemas_are_read_or_refused(name: str) -> None:
    try:
        parse_json_schema(HOSTILE[name], property_order="any")
    except GrammarError as error:
        assert error.keyword in ("nesting", "size", "empty", "$ref", "multipleOf")
