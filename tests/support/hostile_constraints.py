"""Constraints that have brought engines down, by what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

REGEXES = {
    "nested plus": r"(a+)+b",
    "equal choices": r"(a|a)*",
    "overlapping choices": r"(a|aa)+$",
    "stars of stars": r"((a*)*)*b",
    "counts in counts": r"(x{0,1000}){0,1000}",
    "counts in counts in counts": r"(((x{0,100}y?){0,100}){0,100}){0,100}",
    "optional then required": "a?" * 2000 + "a" * 2000,
    "a count of a billion": r"a{1000000000}",
    "a count beyond any number": r"a{99999999999999999999999}",
    "exponential automaton": r"(a|b)*a(a|b){200}",
    "many stars": r"(.*a){50}",
    "many looks ahead": "".join(f"(?=.*{letter})" for letter in "abcdefghijklmnop") + ".{100}",
    "looks that refuse": "".join(f"(?!.*{letter}{{3}})" for letter in "abcdefghijklmnop") + ".*",
    "wide count": r".{0,100000}x",
    "deep groups": "(" * 10_000 + "a" + ")" * 10_000,
    "deep open groups": "(?:" * 10_000,
    "deep brackets": "[" * 10_000,
    "deep counts": "(" * 500 + "a" + "{2})" * 500,
    "100k choices": "|".join(map(str, range(100_000))),
    "a million letters": "a" * 1_000_000,
    "half a pair": "a\ud800b",
    "range of halves": "[\ud800-\udfff]",
    "escaped half": r"\ud800",
    "NUL": "a\0b",
    "reference": r"(a)\1",
    "named reference": r"(?P<n>a)(?P=n)",
    "range backwards": "[z-a]",
    "look behind without end": r"(?<=a+)b",
    "nothing": r"(?!)",
    "every class": r"[\w\W\d\D\s\S]{0,5000}",
    "letters of any case": "(?i)" + "é" * 5000,
}


def nested(depth: int, wrap: str, inner: str = "{}", unwrap: str = "}") -> str:
    return wrap * depth + inner + unwrap * depth


def doubling(keyword: str, depth: int) -> dict[str, Any]:
    """Definitions each of which holds the next one twice."""
    definitions: dict[str, Any] = {
        f"d{level}": {keyword: [{"$ref": f"#/$defs/d{level + 1}"}, {"$ref": f"#/$defs/d{level + 1}"}]}
        for level in range(depth)
    }
    definitions[f"d{depth}"] = {"type": "object", "properties": {"a": {"type": "integer"}}}
    return {"$ref": "#/$defs/d0", "$defs": definitions}


def objects(count: int) -> list[dict[str, Any]]:
    """Schemas that overlap in no simple way."""
    return [{"properties": {f"p{i}": {"minimum": i}}, "required": [f"p{(i * 7) % count}"]} for i in range(count)]


SCHEMAS: dict[str, Any] = {
    "deep properties": nested(10_000, '{"properties": {"a": ', unwrap="}}"),
    "deep items": nested(10_000, '{"items": '),
    "deep allOf": nested(10_000, '{"allOf": [', unwrap="]}"),
    "deep anyOf": nested(10_000, '{"anyOf": [{"type": "null"}, ', unwrap="]}"),
    "deep not": nested(10_000, '{"not": '),
    "deep if": nested(2_000, '{"then": {"type": "integer"}, "if": '),
    "deep const": '{"const": ' + nested(10_000, "[", "", "]") + "}",
    "deep enum": '{"enum": [' + nested(10_000, '{"a": ', "1", "}") + "]}",
    "deep annotation": '{"x-note": ' + nested(10_000, "[", "", "]") + "}",
    "unclosed": '{"a":' * 10_000,
    "100k strings": {"enum": [f"value {i}" for i in range(100_000)]},
    "100k numbers": {"enum": list(range(0, 300_000, 3))},
    "100k objects": {"enum": [{"id": i} for i in range(100_000)]},
    "not 100k strings": {"type": "string", "not": {"enum": [f"value {i}" for i in range(100_000)]}},
    "itself": {"$ref": "#"},
    "itself by name": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    "all of itself": {"allOf": [{"$ref": "#"}, {"type": "object"}]},
    "not itself": {"not": {"$ref": "#"}},
    "one of itself": {"oneOf": [{"$ref": "#"}, {"type": "null"}]},
    "if itself": {"if": {"$ref": "#"}, "then": {"type": "null"}},
    "endless": {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    "a tree of two kinds": {
        "$defs": {"t": {"anyOf": [{"type": "null"}, {"type": "array", "items": {"$ref": "#/$defs/t"}}]}},
        "allOf": [{"$ref": "#/$defs/t"}, {"not": {"type": "array", "maxItems": 0}}],
    },
    "doubling allOf": doubling("allOf", 60),
    "doubling anyOf": doubling("anyOf", 60),
    "doubling oneOf": doubling("oneOf", 60),
    "oneOf of many": {"oneOf": objects(200)},
    "anyOf of many": {"anyOf": objects(500)},
    "allOf of anyOf": {"allOf": [{"anyOf": objects(8)} for _ in range(12)]},
    "not of many": {"not": {"anyOf": objects(100)}},
    "unevaluated under many": {"anyOf": objects(40), "unevaluatedProperties": False},
    "unevaluated under a product": {
        "allOf": [{"anyOf": [{"properties": {f"a{i}": {}}}, {"properties": {f"b{i}": {}}}]} for i in range(30)],
        "unevaluatedProperties": False,
    },
    "10k properties": {"properties": {f"p{i}": {"type": "integer"} for i in range(10_000)}},
    "10k required": {"required": [f"p{i}" for i in range(10_000)]},
    "40 overlapping patterns": {"patternProperties": {f"^.*a.{{{i}}}$": {"minimum": i} for i in range(40)}},
    "chained dependencies": {"dependentSchemas": {f"p{i}": {"required": [f"p{i + 1}"]} for i in range(200)}},
    "all dependencies": {"dependentRequired": {f"p{i}": [f"p{j}" for j in range(40)] for i in range(40)}},
    "many ifs": {"allOf": [{"if": {"required": [f"p{i}"]}, "then": {"required": [f"q{i}"]}} for i in range(40)]},
    "long strings": {"type": "string", "minLength": 10**18, "maxLength": 10**19},
    "long arrays": {"type": "array", "minItems": 10**12, "items": {"type": "integer"}},
    "many kinds of items": {"contains": {"type": "integer"}, "minContains": 10**9, "maxContains": 10**12},
    "all different": {"type": "array", "uniqueItems": True, "items": {"type": "string"}, "minItems": 10**9},
    "all different of few": {"type": "array", "uniqueItems": True, "items": {"enum": [1, 2, 3]}, "minItems": 4},
    "long prefix": {"prefixItems": [{"type": "integer"}] * 20_000},
    "fine steps": {"type": "number", "multipleOf": 1e-300},
    "coarse steps": {"type": "integer", "multipleOf": 10**300 + 1},
    "odd steps": {"type": "number", "multipleOf": 0.123456789123456789},
    "wide bounds": {"type": "number", "minimum": -1e308, "exclusiveMaximum": 1e308},
    "long bounds": {"type": "integer", "minimum": 10**4000, "maximum": 10**4000 + 5},
    "bounds of no number": {"type": "integer", "minimum": 5, "maximum": 4},
    "a number past all floats": '{"minimum": 1e99999999}',
    "many multiples": {"allOf": [{"multipleOf": prime} for prime in (7, 11, 13, 17, 19, 23, 29, 31, 37)]},
    "half a pair in a key": {"properties": {"\ud800": {"type": "integer"}}, "required": ["\ud800"]},
    "half a pair in a value": {"enum": ["\udfff", "a"]},
    "keywords of wrong types": {"properties": [], "required": {}, "type": 7, "enum": 1, "items": "x", "allOf": {}},
    "counts below zero": {"minLength": -1, "maxItems": -5, "minProperties": 1.5},
    "no object": "[1, 2]",
    "no JSON": "{'a': 1}",
    "NaN": '{"const": NaN}',
    "references into nothing": {"$ref": "#/$defs/missing/deeper/~2"},
    "references out": {"$ref": "https://example.org/schema.json#/definitions/x"},
    "names twice": '{"type": "integer", "type": "string"}',
}


GRAMMARS = {
    "deep groups": "start: " + "(" * 10_000 + '"a"' + ")" * 10_000,
    "itself": "start: start",
    "itself on the left": 'start: start "a" | "b"',
    "itself hidden": 'start: empty start "a" | "b"\nempty: "x"?',
    "itself in a ring": 'start: a\na: b "x" | "y"\nb: a "z"',
    "endless": 'start: "a" start',
    "ambiguous": 'start: start start | "a" | ',
    "a terminal of itself": 'start: A\nA: "x" A',
    "100k choices": "start: " + " | ".join(f'"{i}"' for i in range(100_000)),
    "10k rules": "start: r0\n" + "\n".join(f'r{i}: "a" r{i + 1}?' for i in range(10_000)) + '\nr10000: "a"',
    "doubling": "start: r0\n" + "\n".join(f"r{i}: r{i + 1} r{i + 1}" for i in range(60)) + '\nr60: "a"',
    "counts": 'start: ("a"~0..1000)~0..1000',
    "a hostile terminal": "start: /(a+)+b/",
    "unknown rule": "start: nowhere",
    "half a pair": 'start: "\ud800"',
    "no grammar": "start: ((",
    "an open template": 'start: t{"a"}\nt{x}: t{t{x}}',
    "nothing": "",
    "EBNF: itself": "root ::= root",
    "EBNF: itself on the left": 'root ::= root "a" | "b"',
    "EBNF: deep groups": "root ::= " + "(" * 10_000 + '"a"' + ")" * 10_000,
    "EBNF: counts": 'root ::= (("a"{0,1000}){0,1000}){1000}',
    "EBNF: no end": 'root ::= "a',
    "EBNF: a range of halves": "root ::= [\\ud800-\\udfff]",
}


TAGS = {
    "deep": nested(10_000, '{"type": "structural_tag", "format": ', "1"),
    "no tag": "{}",
    "unknown format": '{"type": "structural_tag", "format": {"type": "none such"}}',
    "a hostile schema": json.dumps(
        {"structures": [{"begin": "<f>", "schema": SCHEMAS["doubling oneOf"], "end": "</f>"}], "triggers": ["<f>"]}
    ),
    "many triggers": json.dumps(
        {
            "structures": [{"begin": f"<f{i}>", "schema": {"type": "integer"}, "end": "</f>"} for i in range(500)],
            "triggers": [f"<f{i}" for i in range(500)],
        }
    ),
    "an empty trigger": '{"structures": [{"begin": "<f>", "schema": {}, "end": ""}], "triggers": [""]}',
}


KEYWORDS = (
    "type enum const properties required additionalProperties patternProperties propertyNames minProperties "
    "maxProperties items prefixItems contains minContains maxContains minItems maxItems uniqueItems minLength "
    "maxLength pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf $ref $defs $id $anchor "
    "allOf anyOf oneOf not if then else dependentRequired dependentSchemas unevaluatedProperties unevaluatedItems "
    "$schema"
).split()
