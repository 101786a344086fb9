"""Random schemas against `jsonschema`: what compiles judges every instance right, and produces only valid ones."""

from __future__ import annotations

import json
import random
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from random_schemas import schemas, values
from schema_cases import BYTES, accepts, spellings

from weft.errors import GrammarError
from weft.grammar import Grammar, compile

thorough = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def compiled(schema: Any, **options: str) -> Grammar:
    """The schema's grammar; a refusal ends the example."""
    try:
        return compile(json_schema=schema, vocabulary=BYTES, formats="annotate", **options)
    except GrammarError as error:
        assert error.keyword, error
        assume(False)
        raise


@thorough
@given(schema=schemas, instances=st.lists(values, min_size=4, max_size=12))
def test_instances_are_judged_as_by_jsonschema(schema: Any, instances: list[Any]) -> None:
    validator = Draft202012Validator(schema)
    grammar = compiled(schema, property_order="any")
    for instance in instances:
        valid = validator.is_valid(instance)
        for text in spellings(instance):
            assert accepts(grammar, text) == valid, text


@thorough
@given(data=st.data(), schema=schemas)
def test_instances_made_for_the_schema_are_taken(data: st.DataObject, schema: Any) -> None:
    from_schema = pytest.importorskip("hypothesis_jsonschema").from_schema
    validator = Draft202012Validator(schema)
    grammar = compiled(schema, property_order="any")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            strategy = from_schema(schema)
            instance = data.draw(strategy)
        except (ValueError, TypeError, AssertionError):
            assume(False)  # it does not know this schema
    text = json.dumps(instance)
    assume("NaN" not in text and "Infinity" not in text and "\\ud" not in text)
    assert accepts(grammar, text) == validator.is_valid(instance), text


@pytest.mark.parametrize("whitespace", ["spaced", "compact", "flexible"])
@pytest.mark.parametrize("order", ["any", "schema"])
@settings(thorough, max_examples=60)
@given(schema=schemas, seed=st.integers(0, 10))
def test_what_is_produced_is_valid(order: str, whitespace: str, schema: Any, seed: int) -> None:
    grammar = compiled(schema, property_order=order, whitespace=whitespace)
    text = produce(grammar, random.Random(seed))
    assume(text is not None)
    assert text is not None
    value = json.loads(text, object_pairs_hook=distinct)
    assert Draft202012Validator(schema).is_valid(value), text


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({name for name, _ in pairs}) == len(pairs), "a key comes twice"
    return dict(pairs)


def produce(grammar: Grammar, rng: random.Random, most: int = 300) -> str | None:
    """A text drawn through the masks, heading for its end; None where it grew too long."""
    matcher = grammar.matcher()
    data = bytearray()
    while len(data) < most:
        bits = grammar.mask(matcher.mask_row())
        allowed = [byte for byte in range(256) if int(bits[byte // 32]) >> (byte % 32) & 1]
        assert allowed or matcher.is_accepting(), f"nothing may follow {bytes(data)!r}"
        if matcher.is_accepting() and (not allowed or rng.random() < 0.5):
            return data.decode()
        ends = [byte for byte in allowed if byte in b'"}]'] if rng.random() < 0.4 else []
        byte = rng.choice(ends or [byte for byte in allowed if byte < 0x80 and rng.random() < 0.8] or allowed)
        assert matcher.advance(byte)
        data.append(byte)
    return None
