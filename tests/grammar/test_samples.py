"""Random texts of a constraint are texts of it, and what describes one counts what is there."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import jsonschema
import pytest

from weft.grammar import compile, json_schema, regex
from weft.grammar.compiler import parse
from weft.grammar.describe import describe
from weft.grammar.samples import byte_vocabulary, random_text


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 3, "maxLength": 200},
        {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        {"type": "object", "properties": {"a": {"type": "null"}, "é": {"enum": ["x", 2]}}, "required": ["é"]},
        {"type": "string", "pattern": "^[a-c]{90}(z|y)$"},
    ],
)
def test_random_json_is_valid(schema: dict[str, Any]) -> None:
    vocabulary = byte_vocabulary()
    grammar = compile(json_schema(schema), vocabulary=vocabulary)
    rng = random.Random(5)
    texts = [random_text(grammar, vocabulary, rng, length=40) for _ in range(8)]
    for text in texts:
        assert text is not None
        jsonschema.validate(json.loads(text), schema)
    assert len(set(texts)) > 1


def test_random_matches_are_matches() -> None:
    vocabulary = byte_vocabulary()
    pattern = r"(ab|cd)+[0-9]{3}(é|日本)*x"
    grammar = compile(regex(pattern), vocabulary=vocabulary)
    rng = random.Random(1)
    for length in (0, 5, 30):
        text = random_text(grammar, vocabulary, rng, length=length)
        assert text is not None
        assert re.fullmatch(pattern, text)


def test_an_end_that_must_be_spelled_out_is_found() -> None:
    vocabulary = byte_vocabulary(["<go>"])
    for tag in ({"reasoning_end": "</think>", "then": {"text": "!"}}, {"reasoning_end": "<go>", "then": {"text": "!"}}):
        grammar = compile(structural_tag=tag, vocabulary=vocabulary)
        text = random_text(grammar, vocabulary, random.Random(2), length=20)
        assert text is not None
        assert text.rstrip("!").rstrip("\n").endswith(str(tag["reasoning_end"]))


def test_the_seed_decides() -> None:
    vocabulary = byte_vocabulary()
    grammar = compile(regex("[a-z]{5,20}"), vocabulary=vocabulary)
    first, again, other = (random_text(grammar, vocabulary, random.Random(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_keywords_are_counted_where_they_are_keywords() -> None:
    schema = {
        "type": "object",
        "title": "maxLength",
        "properties": {
            "maxLength": {"type": "string", "maxLength": 3},
            "c": {"type": "string", "format": "date"},
            "b": {"type": "string", "format": "no-such-format"},
        },
        "required": ["b"],
        "examples": [{"pattern": "x"}],
        "additionalProperties": False,
    }
    constraint = json_schema(schema)
    described = describe(constraint, parse(constraint))
    assert described.enforced == {
        "type": 4,
        "properties": 1,
        "maxLength": 1,
        "format: date": 1,
        "required": 1,
        "additionalProperties": 1,
    }
    assert described.comments == {"title": 1, "format: no-such-format": 1, "examples": 1}
    assert described.options == {"property_order": "schema", "whitespace": "spaced", "formats": "assert"}
    assert described.nodes > 5
