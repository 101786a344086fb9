"""Random schemas against `jsonschema`: what compiles judges every instance right, and produces only valid ones."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from random_schemas import NAMES, schemas, values
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
@given(schema=schemas, seed=st.integers(0, 1000), leaf=values)
def test_neighbours_of_what_is_produced_are_judged_as_by_jsonschema(schema: Any, seed: int, leaf: Any) -> None:
    validator = Draft202012Validator(schema)
    grammar = compiled(schema, property_order="any")
    rng = random.Random(seed)
    text = produce(grammar, rng)
    assume(text is not None)
    assert text is not None
    value = json.loads(text)
    assume(all(abs(number) < 2**40 and number * 2**20 % 1 == 0 for number in numbers(value)))  # floats are exact
    for neighbour in (value, *(changed(value, leaf, rng) for _ in range(4))):
        for spelled in spellings(neighbour):
            assume("\\ud" not in json.dumps(neighbour) or spelled.isascii())
            assert accepts(grammar, spelled) == validator.is_valid(neighbour), spelled


def changed(value: Any, leaf: Any, rng: random.Random) -> Any:
    """`value` with something in it left out, put in, put elsewhere, or replaced by `leaf`."""
    if rng.random() < 0.2 or not isinstance(value, dict | list):
        return leaf
    if isinstance(value, dict):
        members = list(value.items())
        rng.shuffle(members)
        if members and rng.random() < 0.7:
            name, inner = members.pop()
            if rng.random() < 0.7:
                members.insert(0, (name, changed(inner, leaf, rng)))
        else:
            members.append((rng.choice(NAMES), leaf))
        return dict(members)
    items = list(value)
    place = rng.randrange(len(items) + 1)
    if place < len(items) and rng.random() < 0.7:
        inner = items.pop(place)
        return items if rng.random() < 0.3 else [*items[:place], changed(inner, leaf, rng), *items[place:]]
    return [*items[:place], rng.choice([leaf, *items]), *items[place:]]


@pytest.mark.parametrize("whitespace", ["spaced", "compact", "flexible"])
@pytest.mark.parametrize("order", ["any", "schema"])
@settings(thorough, max_examples=60)
@given(schema=schemas, seed=st.integers(0, 10))
def test_what_is_produced_is_valid(order: str, whitespace: str, schema: Any, seed: int) -> None:
    grammar = compiled(schema, property_order=order, whitespace=whitespace)
    text = produce(grammar, random.Random(seed))
    assume(text is not None)
    assert text is not None
    value = json.loads(text, parse_float=short)
    assert Draft202012Validator(schema).is_valid(value), text


def numbers(value: Any) -> Iterator[float]:
    """All numbers in a JSON value."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from numbers(item)
    elif isinstance(value, int | float):
        yield value


def short(numeral: str) -> float:
    """The numeral's value; one with more digits than a float keeps ends the example, for the oracle would round it."""
    assume(len(numeral) <= 15)
    return float(numeral)


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
