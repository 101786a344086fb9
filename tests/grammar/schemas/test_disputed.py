"""Strings that validators do not agree on: what is taken is valid in every reading, also where a schema says not."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from slow_matcher import matches

from weft.errors import GrammarError
from weft.grammar.formats import FORMATS
from weft.grammar.schemas import parse_json_schema
from weft.grammar.schemas.language import of_format, pattern

# A schema, values that are to be taken, and values that must not be; in any order, with others allowed.
CASES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "not a digit": ({"not": {"pattern": r"^\d$"}}, ["a", "12", "", "\u0663\u0663"], ["1", "\u0663", "1\n"]),
    "not at the end of a line": ({"not": {"pattern": "^a$"}}, ["b", "aa", "a\n\n"], ["a", "a\n"]),
    "not not a digit": ({"not": {"not": {"pattern": r"^\d$"}}}, ["1"], ["a", "\u0663", "1\n"]),
    "a complement within a pattern": ({"not": {"pattern": r"^\D$"}}, ["1", "ab"], ["a", "\u0663"]),
    "one of two patterns": (
        {"type": "string", "oneOf": [{"pattern": r"^\d+$"}, {"pattern": "^.$"}]},
        ["12", "a"],
        ["1", "\u0663", "\u0663\u0663", "12\n", "a\n", "ab"],
    ),
    "if": (
        {"type": "string", "if": {"pattern": r"^\w+$"}, "then": {"maxLength": 2}, "else": {"minLength": 4}},
        ["ab", "a-b-"],
        ["abc", "\u00e9\u00e9\u00e9", "\u00e9", "a-b", "ab\n"],
    ),
    "listed values": ({"enum": ["a", "a\n", "b"], "not": {"pattern": "^a$"}}, ["b"], ["a", "a\n"]),
    "listed values within": (
        {"type": "string", "not": {"allOf": [{"enum": ["a", "a\n", "b"]}, {"pattern": "^a$"}]}},
        ["b", "c"],
        ["a", "a\n"],
    ),
    "one of listed values and a pattern": (
        {"oneOf": [{"enum": ["1", "\u0663", "x"]}, {"type": "string", "pattern": r"^\d$"}]},
        ["x", "2"],
        ["1", "\u0663", "\u0664"],
    ),
    "a name that may match": (
        {"patternProperties": {r"^\w$": {"type": "integer"}}},
        [{"a": 1}, {"\u00e9": 1}, {"ab": "x"}],
        [{"a": "x"}, {"\u00e9": "x"}],
    ),
    "a name that may match, or else": (
        {"patternProperties": {r"^\w$": {"type": "integer"}}, "additionalProperties": {"type": "string"}},
        [{"a": 1, "ab": "x"}],
        [{"\u00e9": "x"}, {"\u00e9": 1}, {"a\n": "x"}, {"a\n": 1}],
    ),
    "two patterns for names": (
        {"patternProperties": {r"\d": {"type": "integer"}, "^.$": {"minimum": 3}}},
        [{"1": 3}, {"1a": 1}, {"a": "x"}, {"\u0663": 3}],
        [{"1": 1}, {"\u0663": 1}, {"\u0663\u0663": "x"}, {"\u0663": "x"}],
    ),
    "no other names": (
        {"patternProperties": {r"^\w$": {}}, "additionalProperties": False},
        [{"a": 1}],
        [{"\u00e9": 1}, {"a\n": 1}, {"ab": 1}],
    ),
    "names": ({"propertyNames": {"pattern": r"^\d$"}}, [{"1": 1}], [{"\u0663": 1}, {"1\n": 1}]),
    "names that are not so": ({"propertyNames": {"not": {"pattern": r"^\d$"}}}, [{"a": 1}], [{"\u0663": 1}, {"1": 1}]),
    "names and a property": (
        {"propertyNames": {"pattern": "^[a-z]$"}, "patternProperties": {"^[a-b]$": {"type": "null"}}},
        [{"a": None, "c": 1}],
        [{"a": 1}, {"a\n": 1}, {"c\n": 1}],
    ),
    "at most one item": (
        {"type": "array", "contains": {"pattern": r"^\d$", "type": "string"}, "maxContains": 1},
        [["1"], ["1", "a"]],
        [[], ["1", "1"], ["\u0663"], ["1", "\u0663"]],
    ),
    "no item": (
        {"type": "array", "not": {"contains": {"pattern": r"^\d$", "type": "string"}}},
        [[], ["a"]],
        [["1"], ["\u0663"], ["a", "1\n"]],
    ),
    "some item that is not so": (
        {"type": "array", "not": {"items": {"pattern": r"^\d$"}}},
        [["a"], ["1", "a"]],
        [[], ["1"], ["\u0663"], ["1\n"]],
    ),
    "unevaluated": (
        {"patternProperties": {r"^\d$": {"type": "integer"}}, "unevaluatedProperties": {"type": "string"}},
        [{"1": 1, "a": "x"}],
        [{"\u0663": "x"}, {"\u0663": 1}, {"1": "x"}],
    ),
    "a number in all its spellings": ({"not": {"const": 1}}, [2, 1.5, "1"], [1, 1.0]),
    "listed numbers": ({"type": "number", "not": {"enum": [0, 100]}}, [1, 0.5], [0, 0.0, -0.0, 100, 100.0, 1e2]),
}


def takes(schema: Any, value: Any, ensure_ascii: bool, **options: str) -> bool:
    expression = parse_json_schema(json.dumps(schema), property_order="any", **options)
    return matches(expression, json.dumps(value, ensure_ascii=ensure_ascii))


@pytest.mark.parametrize("ensure_ascii", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_what_one_reading_refuses_is_not_taken(name: str, ensure_ascii: bool) -> None:
    schema, taken, refused = CASES[name]
    for value in taken:
        assert takes(schema, value, ensure_ascii), value
    for value in refused:
        assert not takes(schema, value, ensure_ascii), value


@pytest.mark.parametrize("numeral", ["1", "1.0", "1e0", "1E0", "10e-1", "0.1e1", "100E-2", "1.00"])
def test_no_spelling_of_a_number_gets_past_a_not(numeral: str) -> None:
    for schema in ({"not": {"const": 1}}, {"not": {"type": "integer"}}, {"not": {"multipleOf": 0.5}}):
        assert not matches(parse_json_schema(json.dumps(schema)), numeral), schema


@pytest.mark.parametrize("letter", [r"\u0061", "a"])
def test_no_spelling_of_a_string_gets_past_a_not(letter: str) -> None:
    for schema in ({"not": {"const": "a"}}, {"not": {"pattern": "^a"}}, {"not": {"maxLength": 1}}):
        assert not matches(parse_json_schema(json.dumps(schema)), f'"{letter}"'), schema
    for schema in ({"not": {"const": {"a": 1}}}, {"not": {"required": ["a"]}}):
        assert not matches(parse_json_schema(json.dumps(schema), property_order="any"), f'{{"{letter}": 1}}'), schema


def test_a_name_is_not_judged_where_readings_differ() -> None:
    schema = {"properties": {"\u00e9": {"type": "integer"}}, "patternProperties": {r"^\w$": {"minimum": 3}}}
    with pytest.raises(GrammarError, match="depends on who reads") as caught:
        parse_json_schema(json.dumps(schema))
    assert (caught.value.keyword, caught.value.pointer) == ("patternProperties", "/patternProperties")
    schema["patternProperties"] = {r"^\w$": {}, "^x": {"type": "integer"}}
    assert takes(schema, {"\u00e9": 1}, True)


FORMAT_CASES = {
    "date": (["x", "12:30"], ["1", "2020-01-01", "2020-02-30", "0000-01-01", "2020-W01-1"]),
    "date-time": (["x", "2020-01-01"], ["2020-01-01T00:00:00Z", "2020-01-01T15:59:60-08:00", "2020-01-01 00:00:00Z"]),
    "email": (["x"], ["a@b", "a@b.com", "a@", "a@b@c"]),
    "ipv4": (["x", "::"], ["1.2.3.4", "01.02.03.04", "1.2.3"]),
    "ipv6": (["x", "1.2.3.4"], ["::", "fe80::1%eth0", "1::2::3"]),
    "hostname": (["a b", "a@b", "x:y"], ["a", "xn--x", "a_b", "." * 300]),
    "uri": (["x", "/a", "1:"], ["a:b", "http://a b"]),
    "uuid": (["x", "1234"], ["0" * 8 + "-0000-0000-0000-" + "0" * 12]),
}


@pytest.mark.parametrize("name", FORMAT_CASES)
def test_what_may_be_of_a_format_is_not_taken_where_it_must_not_be(name: str) -> None:
    taken, refused = FORMAT_CASES[name]
    for value in taken:
        assert takes({"not": {"format": name}}, value, True), value
    for value in refused:
        assert not takes({"not": {"format": name}}, value, True), value


def test_one_of_two_formats_that_are_apart() -> None:
    schema = {"type": "string", "oneOf": [{"format": "ipv4"}, {"format": "ipv6"}, {"format": "date-time"}]}
    for value in ("1.2.3.4", "fe80::1", "2020-01-01T00:00:00Z"):
        assert takes(schema, value, True)


@pytest.mark.parametrize("name", ["regex", "uri-reference", "iri-reference", "uri-template"])
def test_a_format_that_nothing_is_surely_outside_of_is_refused_under_not(name: str) -> None:
    schema = {"type": "string", "not": {"format": name}}
    with pytest.raises(GrammarError) as caught:
        parse_json_schema(json.dumps(schema))
    assert (caught.value.keyword, caught.value.pointer) == ("format", "/not")


SAMPLES = {
    "date-time": "2020-06-30T23:59:60Z",
    "date": "2020-02-29",
    "time": "23:59:60.5Z",
    "duration": "P1DT2H",
    "email": '"a b"@[IPv6:::]',
    "idn-email": "\u00e9@\u00e9.fr",
    "hostname": "a-b.c",
    "host-name": "a-b.c",
    "idn-hostname": "\u00e9.fr",
    "ipv4": "255.0.0.1",
    "ip-address": "255.0.0.1",
    "ipv6": "::ffff:1.2.3.4",
    "uri": "a+b.c-d://u@h:1/p?q#f",
    "uri-reference": "",
    "iri": "a:\u00e9",
    "iri-reference": "\u00e9",
    "uri-template": "{a}",
    "uuid": "12345678-1234-1234-1234-123456789abc",
    "json-pointer": "/a~0b",
    "relative-json-pointer": "0#",
    "regex": "a|b",
}


def test_the_bounds_of_formats_take_in_the_formats() -> None:
    assert SAMPLES.keys() == FORMATS.keys()
    for name, sample in SAMPLES.items():
        language = of_format(name)
        assert language.contains(sample), name
        assert language.may_contain(sample), name


def test_only_patterns_that_are_read_in_two_ways_dispute() -> None:
    for source in ("^x-", "a|b", "[0-9]{3}", "^.{0}"):
        assert pattern(source).widest is pattern(source).expression or source == "^.{0}"
    for source in (r"\d", "a$", r"\bx", "."):
        assert pattern(source).widest is not pattern(source).expression


# Random schemas; each is judged as Python reads its patterns, and as ECMA-262 does.

PATTERNS = {
    r"^\d$": r"^[0-9]\Z",
    r"^\w+$": r"^[0-9A-Za-z_]+\Z",
    "^.$": "^[^\\n\\r\u2028\u2029]\\Z",
    r"\D": "[^0-9]",
    "^a": "^a",
    "a$": r"a\Z",
}
STRINGS = ["", "a", "1", "1a", "-", "ba"]
DISPUTED = ["\u0663", "a\n", "1\n", "\u00e9", "\r", "a\u00e9", "\n"]


def make_schema(choice: random.Random, depth: int) -> Any:
    def inner() -> Any:
        return make_schema(choice, depth - 1)

    def some_pattern() -> str:
        return choice.choice(list(PATTERNS))

    if depth == 0:
        return choice.choice(
            [
                {"pattern": some_pattern()},
                {"pattern": some_pattern(), "type": "string"},
                {"enum": choice.sample(STRINGS + DISPUTED, 4)},
                {"type": choice.choice(["string", "integer", "object"])},
                {"minLength": 2},
            ]
        )
    kind = choice.choice(
        "not oneOf anyOf allOf if items contains patterns patterns names not-patterns dependent unevaluated".split()
    )
    schema: Any = {}
    if kind == "not":
        schema = {"not": inner()}
    elif kind in ("oneOf", "anyOf", "allOf"):
        schema = {kind: [inner(), inner()]}
    elif kind == "if":
        schema = {"if": inner(), "then": inner(), "else": inner()}
    elif kind == "items":
        schema = {"items": inner(), "minItems": choice.randrange(2)}
    elif kind == "contains":
        schema = {"contains": inner(), "minContains": choice.randrange(2), "maxContains": choice.choice([1, 2])}
    elif kind == "names":
        schema = {"propertyNames": inner()}
    elif kind == "dependent":
        schema = {"dependentSchemas": {"a": inner()}, "properties": {"1": inner()}}
    else:
        schema = {"patternProperties": {some_pattern(): inner(), some_pattern(): inner()}}
        if choice.random() < 0.6:
            rest = "unevaluatedProperties" if kind == "unevaluated" else "additionalProperties"
            schema[rest] = choice.choice([False, inner()])
        if choice.random() < 0.3:
            schema["required"] = [choice.choice(STRINGS)]
        if kind == "not-patterns":
            schema = {"not": schema}
    if choice.random() < 0.3:
        schema["type"] = choice.choice([["string", "object"], "object", "array", "string"])
    return schema


def make_value(choice: random.Random, depth: int, strings: list[str]) -> Any:
    kind = choice.randrange(5) if depth else 0
    if kind < 2:
        return choice.choice([*strings, 1])
    if kind == 2:
        return [make_value(choice, depth - 1, strings) for _ in range(choice.randrange(3))]
    return {choice.choice(strings): make_value(choice, depth - 1, strings) for _ in range(choice.randrange(3))}


def as_ecma(schema: Any) -> Any:
    """The same with its patterns written so that Python reads them as ECMA-262 does."""
    if isinstance(schema, list):
        return [as_ecma(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    read = {}
    for keyword, said in schema.items():
        if keyword == "pattern":
            said = PATTERNS[said]
        elif keyword == "patternProperties":
            said = {PATTERNS[source]: as_ecma(part) for source, part in said.items()}
        elif keyword != "enum":
            said = as_ecma(said)
        read[keyword] = said
    return read


@pytest.mark.parametrize("start", range(0, 600, 100))
def test_what_is_taken_is_valid_in_both_readings(start: int) -> None:
    judged = 0
    for seed in range(start, start + 100):
        choice = random.Random(seed)
        schema = make_schema(choice, choice.choice([1, 2, 2, 3]))
        readings = [Draft202012Validator(schema), Draft202012Validator(as_ecma(schema))]
        try:
            expression = parse_json_schema(json.dumps(schema), property_order="any")
        except GrammarError as error:
            expression = None
            if error.keyword not in ("empty", "false"):
                continue
        for number in range(24):
            disputed = bool(number % 2)
            value = make_value(choice, choice.choice([0, 1, 1, 2]), STRINGS + DISPUTED if disputed else STRINGS)
            text = json.dumps(value, ensure_ascii=choice.random() < 0.5)
            taken = expression is not None and matches(expression, text)
            valid = all(reading.is_valid(value) for reading in readings)
            assert valid or not taken, (seed, schema, text)
            assert disputed or taken == valid, (seed, schema, text)
            judged += 1
    assert judged > 1000
