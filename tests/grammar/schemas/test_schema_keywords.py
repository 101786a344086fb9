"""What each keyword means, in the spellings of all drafts: texts that are taken and texts that are not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from slow_matcher import matches

from weft.grammar.schemas import parse_json_schema

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
NEWEST = "https://json-schema.org/draft/2020-12/schema"

# A schema, values that are valid under it, and values that are not; in any order, with others allowed.
CASES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "exclusive bounds of draft 4": (
        {"minimum": 1, "exclusiveMinimum": True, "maximum": 3, "exclusiveMaximum": False},
        [1.5, 3, "x"],
        [1, 3.5],
    ),
    "both kinds of lower bound": ({"minimum": 2, "exclusiveMinimum": 2}, [3], [2, 1]),
    "array-form items": (
        {"$schema": DRAFT_7, "items": [{"type": "integer"}], "additionalItems": {"type": "null"}},
        [[], [1], [1, None], 5],
        [["a"], [1, 2]],
    ),
    "array-form items without a draft": (
        {"items": [{"type": "integer"}], "additionalItems": False},
        [[], [1]],
        [["a"], [1, 2]],
    ),
    "siblings of a reference in draft 7": (
        {"$schema": DRAFT_7, "definitions": {"a": {"type": "integer"}}, "$ref": "#/definitions/a", "minimum": 3},
        [1, 5],
        ["a"],
    ),
    "siblings of a reference since 2019": (
        {"$schema": NEWEST, "$defs": {"a": {"type": "integer"}}, "$ref": "#/$defs/a", "minimum": 3},
        [5],
        [1, "a"],
    ),
    "integers of draft 4 have no fraction": ({"$schema": DRAFT_4, "type": "integer"}, [1, -20, 0], [1.0, 1.5]),
    "integers since draft 6": ({"type": "integer"}, [1, 1.0], [1.5]),
    "dependencies": (
        {"dependencies": {"a": ["b"], "c": {"maxProperties": 1}}},
        [{}, {"b": 1}, {"a": 1, "b": 1}, {"c": 1}],
        [{"a": 1}, {"c": 1, "b": 1}],
    ),
    "$id and references to it": (
        {
            "$id": "https://example.com/root.json",
            "$defs": {"a": {"$id": "item.json", "$defs": {"b": {"type": "string"}}, "$ref": "#/$defs/b"}},
            "items": {"$ref": "item.json"},
            "properties": {"p": {"$ref": "/item.json#/$defs/b"}},
        },
        [["a"], {"p": "a"}],
        [[1], {"p": 1}],
    ),
    "id of draft 4": (
        {
            "$schema": DRAFT_4,
            "id": "http://example.com/root",
            "definitions": {"a": {"id": "#here", "type": "string"}, "b": {"id": "other", "type": "null"}},
            "items": {"$ref": "#here"},
            "properties": {"id": {"$ref": "http://example.com/other"}},
        },
        [["a"], {"id": None}],
        [[1], {"id": 1}],
    ),
    "anchors": ({"$defs": {"a": {"$anchor": "x", "type": "null"}}, "items": {"$ref": "#x"}}, [[None]], [[1]]),
    "references by escaped pointers": (
        {"$defs": {"a/b~c d": {"type": "null"}}, "items": {"$ref": "#/$defs/a~1b~0c%20d"}},
        [[None]],
        [[1]],
    ),
    "dynamic references": (
        {
            "$id": "https://example.com/strict",
            "$dynamicAnchor": "node",
            "$ref": "tree",
            "unevaluatedProperties": False,
            "$defs": {
                "tree": {
                    "$id": "tree",
                    "$dynamicAnchor": "node",
                    "properties": {"kids": {"items": {"$dynamicRef": "#node"}}},
                }
            },
        },
        [{"kids": [{"kids": []}]}],
        [{"kids": [{"kid": []}]}],
    ),
    "recursion through merged schemas": (
        {
            "$ref": "#/$defs/a",
            "$defs": {
                "a": {"allOf": [{"$ref": "#/$defs/base"}, {"properties": {"next": {"$ref": "#/$defs/a"}}}]},
                "base": {"type": "object", "required": ["v"], "properties": {"v": {"type": "integer"}}},
            },
        },
        [{"v": 1}, {"v": 1, "next": {"v": 2, "next": {"v": 3}}}],
        [{"v": 1, "next": {}}, {"next": {"v": 1}}],
    ),
    "oneOf that overlaps": (
        {"oneOf": [{"type": "integer"}, {"minimum": 2}]},
        [1, 2.5, "a"],
        [3, 1.5],
    ),
    "oneOf of required": (
        {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        [{"a": 1}, {"b": 1, "c": 1}],
        [{}, {"a": 1, "b": 1}],
    ),
    "oneOf of many tags": (
        {"oneOf": [{"required": ["t"], "properties": {"t": {"const": f"k{n}"}, "v": {"const": n}}} for n in range(9)]},
        [{"t": "k3", "v": 3}, {"t": "k8"}],
        [{"t": "k3", "v": 4}, {"t": "k9"}, {}],
    ),
    "oneOf of listed values": ({"oneOf": [{"enum": [1, 2, "a"]}, {"enum": [2, 3, "a", None]}]}, [1, 3, None], [2, "a"]),
    "not": ({"not": {"properties": {"a": {"type": "integer"}}, "required": ["a"]}}, [{}, {"a": "x"}], [{"a": 1}, 3]),
    "not of an array": ({"not": {"items": {"type": "integer"}, "minItems": 1}}, [[], [1, "a"]], [[1], [1, 2], 1]),
    "not of a closed object": (
        {"type": "object", "not": {"properties": {"a": {}, "b": {}}, "additionalProperties": False}},
        [{"c": 1}, {"a": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}],
        [{}, {"a": 1}, {"a": 1, "b": 2}],
    ),
    "not of a constant": ({"not": {"const": {"a": [1, 2]}}}, [{"a": [1]}, {"a": [2, 1]}, {}, 1], [{"a": [1, 2]}]),
    "if, then, else": (
        {
            "type": "object",
            "if": {"properties": {"k": {"const": "x"}}, "required": ["k"]},
            "then": {"required": ["p"]},
            "else": {"required": ["q"]},
        },
        [{"k": "x", "p": 1}, {"k": "y", "q": 1}, {"q": 1}],
        [{"k": "x", "q": 1}, {"p": 1}],
    ),
    "constants are equal by value": ({"const": {"a": 1, "b": [2.0]}}, [{"b": [2], "a": 1.0}], [{"a": 1}, {"a": True}]),
    "patterns meet properties": (
        {"properties": {"ab": {"minimum": 2}}, "patternProperties": {"^a": {"type": "integer"}, "b$": {"maximum": 9}}},
        [{"ab": 3, "a": 20, "b": 1.5}],
        [{"ab": 10}, {"ab": 2.5}, {"cb": 10}, {"ac": 1.5}],
    ),
    "propertyNames": ({"propertyNames": {"pattern": "^[a-c]+$", "maxLength": 2}}, [{"ab": 1}], [{"abc": 1}, {"d": 1}]),
    "counts of properties": ({"minProperties": 1, "maxProperties": 2}, [{"a": 1}, 7], [{}, {"a": 1, "b": 1, "c": 1}]),
    "contains": (
        {"contains": {"type": "string"}, "minContains": 2, "maxContains": 3},
        [["a", 1, "b"], ["a", "b", "c"]],
        [["a"], ["a", "b", "c", "d"], []],
    ),
    "minContains is nothing to draft 7": (
        {"$schema": DRAFT_7, "contains": {"type": "string"}, "minContains": 0},
        [["a"]],
        [[], [1]],
    ),
    "unique strings": (
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        [[], ["a", "b"], ["é", "e", '"']],
        [["a", "a"], ["é", "b", "é"]],
    ),
    "unique scalars of several kinds": (
        {"items": {"enum": [1, "1", True, None]}, "uniqueItems": True, "type": "array"},
        [[1, "1", True, None]],
        [[1, 1], [None, True, None]],
    ),
    "unique, but for one item at most": (
        {"uniqueItems": True, "maxItems": 1, "type": "array"},
        [[], [{"a": 1}]],
        [[1, 2]],
    ),
    "what is not looked at": (
        {
            "properties": {"a": {}},
            "anyOf": [{"properties": {"b": {"type": "null"}}}, {}],
            "unevaluatedProperties": False,
        },
        [{}, {"a": 1}, {"a": 1, "b": None}],
        [{"b": 1}, {"c": 1}],
    ),
    "items that contains looks at": (
        {"contains": {"type": "string"}, "unevaluatedItems": {"type": "null"}},
        [["a", None], ["a"]],
        [["a", 1], [None]],
    ),
    "formats no standard names": ({"format": "phone"}, ["a", 1], []),
    "keywords of others": ({"x-order": 1, "optional": True, "type": "null", "nullable": True}, [None], [1]),
    "a property that is never valid": ({"properties": {"a": False}}, [{}, {"b": 1}], [{"a": 1}]),
    "whole numbers for counts": ({"maxLength": 2.0}, ["ab"], ["abc"]),
}


@pytest.mark.parametrize("name", CASES)
def test_keywords_mean_what_the_standard_says(name: str) -> None:
    schema, valid, invalid = CASES[name]
    expression = parse_json_schema(json.dumps(schema), property_order="any")
    for value in valid:
        for ascii_only in (True, False):
            assert matches(expression, json.dumps(value, ensure_ascii=ascii_only)), value
    for value in invalid:
        for ascii_only in (True, False):
            assert not matches(expression, json.dumps(value, ensure_ascii=ascii_only)), value


ORDERED: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "listed properties only, in their order": (
        {"properties": {"b": {}, "a": {}}},
        [{}, {"b": 1, "a": 2}, {"a": 1}],
        [{"a": 1, "b": 1}, {"c": 1}],
    ),
    "others where the schema speaks of them": (
        {"properties": {"b": {}}, "additionalProperties": {"type": "null"}},
        [{"b": 1, "c": None}, {"c": None}],
        [{"c": None, "b": 1}],
    ),
    "all where it lists none": ({"type": "object"}, [{"x": 1, "a": 2}], [1]),
    "required ones that are not listed": (
        {"properties": {"a": {}}, "required": ["z", "a"]},
        [{"a": 1, "z": 1}],
        [{"a": 1}, {"z": 1, "a": 1}],
    ),
    "others that a count asks for": ({"properties": {"a": {}}, "minProperties": 2}, [{"a": 1, "b": 1}], [{"a": 1}]),
    "others that patterns allow": (
        {"properties": {"a": {}}, "patternProperties": {"^x": {"type": "null"}}},
        [{"a": 1, "x1": None}],
        [{"a": 1, "b": None}, {"x": 1}],
    ),
    "others that a pattern of all names allows": (
        {"properties": {"a": {}}, "patternProperties": {".*": {"type": "null"}}, "additionalProperties": False},
        [{"a": None, "b": None}],
        [{"a": 1}, {"b": 1}],
    ),
    "unique objects": (
        {
            "type": "array",
            "uniqueItems": True,
            "items": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"enum": ["x", "é"]}}},
        },
        [[], [{}, {"a": 1}, {"a": 1, "b": "é"}, {"b": "é"}]],
        [[{"a": 1}, {}, {"a": 1}], [{"b": "é"}, {"b": "é"}]],
    ),
    "unique lists": (
        {
            "type": "array",
            "uniqueItems": True,
            "items": {"prefixItems": [{"type": "boolean"}], "items": {"type": "null"}, "maxItems": 2, "type": "array"},
        },
        [[[], [True], [False, None], [True, None]]],
        [[[True], [True]], [[None]]],
    ),
    "what is merged first comes first": (
        {"allOf": [{"properties": {"z": {}}}, {"properties": {"y": {}}}], "properties": {"a": {}}},
        [{"z": 1, "y": 1, "a": 1}],
        [{"a": 1, "z": 1}],
    ),
    "what is merged last comes last": (
        {"properties": {"a": {}}, "$ref": "#/$defs/x", "$defs": {"x": {"properties": {"z": {}}}}},
        [{"a": 1, "z": 1}],
        [{"z": 1, "a": 1}],
    ),
}


@pytest.mark.parametrize("name", ORDERED)
def test_the_order_of_the_schema(name: str) -> None:
    schema, taken, left = ORDERED[name]
    expression = parse_json_schema(json.dumps(schema))
    assert all(matches(expression, json.dumps(value)) for value in taken)
    assert not any(matches(expression, json.dumps(value)) for value in left)


@pytest.mark.parametrize(
    ("whitespace", "taken", "left"),
    [
        ("spaced", ['{"a": [1, 2]}', "{}"], ['{"a":[1,2]}', "{ }"]),
        ("compact", ['{"a":[1,2]}', "{}"], ['{"a": [1,2]}', "{ }"]),
        ("flexible", ['{"a":[1,2]}', '{ "a" : [\n1 ,\t2 ] }', "{ }"], ['{"a":[1,2]' + " " * 30 + "}", "[1 1]"]),
    ],
)
@pytest.mark.parametrize("order", ["schema", "any"])
@pytest.mark.parametrize("schema", [{}, {"properties": {"a": {"items": {"type": "integer"}}}}])
def test_whitespace(schema: Any, order: str, whitespace: str, taken: list[str], left: list[str]) -> None:
    expression = parse_json_schema(json.dumps(schema), property_order=order, whitespace=whitespace)
    assert all(matches(expression, text) for text in taken)
    assert not any(matches(expression, text) for text in left)


def test_formats_are_enforced_or_annotations() -> None:
    schema = json.dumps({"format": "date"})
    asserted = parse_json_schema(schema)
    assert matches(asserted, '"2024-02-29"')
    assert not matches(asserted, '"soon"')
    assert matches(parse_json_schema(schema, formats="annotate"), '"soon"')
