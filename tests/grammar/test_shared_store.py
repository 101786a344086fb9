"""What one constraint leaves in the store that all share must not change the next: order and failures mean nothing."""

from __future__ import annotations

import json

import pytest
from checkout import ROOT

from weft.errors import GrammarError
from weft.grammar import Vocabulary, compile
from weft.grammar.compiler import parse
from weft.grammar.constraints import grammar as grammar_of
from weft.grammar.constraints import json_schema
from weft.grammar.engine.limits import Limits
from weft.grammar.engine.matcher import EngineGrammar, compile_expression
from weft.grammar.engine.store import Store

LONG = b"a" * 40


def fresh() -> Vocabulary:
    return Vocabulary([*(bytes([byte]) for byte in range(256)), LONG, b"a" * 26, None], [258])


def allowed(grammar, matcher) -> set[int]:
    bits = grammar.mask(matcher.mask_row())
    return {token for token in range(grammar.vocabulary.size) if int(bits[token // 32]) >> (token % 32) & 1}


def read(grammar, text: str):
    matcher = grammar.matcher()
    for byte in text.encode():
        if not matcher.advance(byte):
            return None
    return matcher


@pytest.mark.parametrize("backwards", [False, True])
def test_short_and_long_counts_of_one_pattern_keep_apart(backwards) -> None:
    vocabulary = fresh()
    patterns = ["^[a-z]*$", "^[a-z]{0,30}$", "^[a-z]{0,39}$", "^[a-z]{0,400}$"]
    for pattern in reversed(patterns) if backwards else patterns:
        grammar = compile(json_schema={"type": "string", "pattern": pattern}, vocabulary=vocabulary)
        matcher = read(grammar, '"')
        found = allowed(grammar, matcher)
        for token in (256, 257):
            follower = matcher.fork()
            assert follower.advance(token) == (token in found), (pattern, token)
        assert (256 in found) == (pattern not in ("^[a-z]{0,30}$", "^[a-z]{0,39}$"))


def test_a_constraint_that_was_refused_leaves_nothing_behind() -> None:
    vocabulary = fresh()
    store = Store(vocabulary)
    store.limits = Limits(compile_steps=16)
    refused = parse(grammar_of('start: a\na: ("x" a)? \nb: /[ab]*a[ab]{12}c/ b | "c"\n'))
    with pytest.raises(GrammarError):
        store.add(refused)
    schema = {
        "$defs": {"v": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#/$defs/v"}}]}},
        "type": "object",
        "properties": {"v": {"$ref": "#/$defs/v"}},
        "required": ["v"],
    }
    store.limits = Limits()
    expression = parse(json_schema(schema))
    grammar = EngineGrammar(store, store.add(expression), expression)
    assert read(grammar, '{"v": }') is None
    assert read(grammar, '{"v": [1, [2]]}').is_accepting()


def test_an_item_is_not_led_to_be_one_that_was_there() -> None:
    vocabulary = fresh()
    schema = {"type": "array", "items": {"type": "string", "pattern": "^[^!]*!$"}, "uniqueItems": True}
    grammar = compile(json_schema=schema, vocabulary=vocabulary)
    matcher = read(grammar, '["x!", "x')
    for token in allowed(grammar, matcher):
        assert matcher.fork().advance(token)
    assert ord("!") not in allowed(grammar, matcher)


def test_distinct_strings_cost_little_over_a_real_vocabulary() -> None:
    vocabulary = Vocabulary.from_file(ROOT / "seedling" / "model" / "tokenizer.json")
    schema = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    grammar = compile(json_schema=schema, vocabulary=vocabulary)
    matcher = grammar.matcher()
    before = grammar.store.size
    for token in vocabulary.encode('["one", "two", "three", "four"]'):
        assert token in allowed(grammar, matcher)
        assert matcher.advance(token)
    assert matcher.is_accepting()
    assert grammar.store.size - before < 20_000


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "patternProperties": {"^(a|b)$": {}}, "additionalProperties": False, "minProperties": 3},
        {"type": "object", "propertyNames": {"pattern": "^[ab]$"}, "minProperties": 2},
        {"type": "array", "items": {"type": "string", "pattern": "^[ab]$"}, "uniqueItems": True, "minItems": 3},
    ],
)
def test_what_could_run_out_of_values_is_refused_by_name(schema) -> None:
    with pytest.raises(GrammarError) as caught:
        compile(json_schema=schema, vocabulary=fresh(), property_order="any")
    assert caught.value.keyword in ("minProperties", "uniqueItems", "empty")


def test_a_text_goes_on_in_another_store_where_its_own_is_full() -> None:
    expression = parse(json_schema({"type": "object", "minProperties": 2}, property_order="any"))
    grammar = compile_expression(expression, fresh(), Limits(nodes=3_000))
    matcher = grammar.matcher()
    text = json.dumps({"key " * 60: 1, "other " * 40: [1, 2]})
    for byte in text.encode():
        assert byte in {token for token in allowed(grammar, matcher) if token < 256}
        assert matcher.advance(byte)
    assert matcher.is_accepting()
    assert matcher.grammar.store is not grammar.store
    matcher.rollback(len(text) - 1)
    assert not matcher.is_accepting()
    assert matcher.advance(ord('"'))
