"""Law 2: a constrained output always validates, or ends with a stated reason. Random weights, high temperature."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import lark
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft.errors import GrammarError
from weft.grammar import choices, grammar, json_schema, regex, structural_tag
from weft.request import Constraint, FinishReason, GenerateRequest, GenerateResult, Sampling
from weft.runtime import Engine

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 99}, "b": {"type": ["null", "boolean"]}},
    "required": ["a"],
    "additionalProperties": False,
}

_ids = itertools.count()


@pytest.fixture(scope="module")
def engine(tiny_folder: Path) -> Iterator[Engine]:
    with Engine(tiny_folder, device="cpu") as engine:
        yield engine


def generate(engine: Engine, constraint: Constraint, **sampling: Any) -> GenerateResult:
    options = {"max_tokens": 200, "temperature": 1.5, **sampling}
    request = GenerateRequest(
        id=f"law2-{next(_ids)}", prompt="Go: ", sampling=Sampling(**options), constraint=constraint
    )
    return engine.generate(request).result(120)


def leaf() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": "integer"}, {"type": "number"}]),
        st.builds(lambda n: {"type": "string", "maxLength": n}, st.integers(0, 6)),
        st.builds(
            lambda values: {"enum": values}, st.lists(st.sampled_from(["a", 'b"c', 3, None, True, "é"]), min_size=1)
        ),
        st.just({"type": ["string", "null"], "maxLength": 4}),
        st.just({"type": "string", "format": "date"}),
        st.just({"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"}),
        st.builds(
            lambda low, n: {"type": "integer", "minimum": low, "multipleOf": n}, st.integers(-9, 9), st.integers(1, 9)
        ),
        st.just({"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 5}, {"const": "x"}]}),
        st.just({"not": {"type": ["object", "array", "string"]}}),
    )


def schemas() -> st.SearchStrategy[dict[str, Any]]:
    def deeper(children: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
        fields = st.dictionaries(st.sampled_from(["name", "a b", 'q"', "日本"]), children, max_size=3)
        objects = fields.map(
            lambda given: {"type": "object", "properties": given, "required": [*given], "additionalProperties": False}
        )
        arrays = st.builds(lambda item, n: {"type": "array", "items": item, "maxItems": n}, children, st.integers(0, 3))
        optional = fields.map(lambda given: {"type": "object", "properties": given, "maxProperties": 2})
        return objects | arrays | optional

    return st.recursive(leaf(), deeper, max_leaves=4)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(schema=schemas(), seed=st.integers(0, 2**32), order=st.sampled_from(["schema", "any"]))
def test_random_schemas(engine: Engine, schema: dict[str, Any], seed: int, order: str) -> None:
    result = generate(engine, json_schema(schema, property_order=order), seed=seed)
    if result.finish is FinishReason.STOP:
        jsonschema.validate(json.loads(result.text), schema, format_checker=jsonschema.FormatChecker())
    else:
        assert result.finish is FinishReason.LENGTH
        assert len(result.token_ids) == 200


@pytest.mark.parametrize("pattern", ["[a-c]{2,9}", "(yes|no)+", r"\d{3}-\d{4}", "[éß日]{1,5}!", "", "x?y*"])
@pytest.mark.parametrize("seed", range(3))
def test_regexes(engine: Engine, pattern: str, seed: int) -> None:
    result = generate(engine, regex(pattern), seed=seed)
    assert result.finish in (FinishReason.STOP, FinishReason.LENGTH)
    if result.finish is FinishReason.STOP:
        assert re.fullmatch(pattern, result.text)


@pytest.mark.parametrize("seed", range(4))
def test_grammars(engine: Engine, seed: int) -> None:
    source = 'start: sum\nsum: sum "+" item | item\nitem: /[0-9]{1,3}/ | "(" sum ")"'
    result = generate(engine, grammar(source), seed=seed)
    parser = lark.Lark(source, parser="earley", lexer="dynamic_complete")
    if result.finish is FinishReason.STOP:
        parser.parse(result.text)
    else:
        assert result.finish is FinishReason.LENGTH


@pytest.mark.parametrize("name", ["<|tool|>", "<call>"], ids=["special token", "text"])
@pytest.mark.parametrize("seed", range(4))
def test_structural_tags(engine: Engine, name: str, seed: int) -> None:
    tag = {
        "type": "tags_with_separator",
        "tags": [{"type": "tag", "begin": name, "content": {"json_schema": SCHEMA}, "end": name}],
        "separator": "; ",
        "at_least_one": True,
    }
    result = generate(engine, structural_tag({"format": tag}), seed=seed, temperature=0.7)
    special = engine.tokenizer.encode(name, special=True)
    parts = result.text.split(name)
    assert parts[0] == ""
    for content, separator in zip(parts[1::2], parts[2::2], strict=False):
        jsonschema.validate(json.loads(content), SCHEMA)
        assert separator in ("; ", "")
    if len(special) == 1:
        assert result.token_ids.count(special[0]) == result.text.count(name)


def test_a_long_schema_is_compiled_beside_the_engine(engine: Engine) -> None:
    values = [f"value number {number}" for number in range(3000)]
    for order in ("schema", "any"):
        text = generate(engine, json_schema({"enum": values}, property_order=order)).text
        assert json.loads(text) in values
    with pytest.raises(GrammarError, match="thing") as caught:
        generate(engine, json_schema({"anyOf": [{"enum": values}, {"type": "thing"}]}))
    assert caught.value.pointer == "/anyOf/1/type"


def test_choices_and_allowed_counts(engine: Engine) -> None:
    options = ["naming", "name", "the end", "日本語"]
    for seed in range(12):
        request = GenerateRequest(
            id=f"choice{seed}",
            prompt="Go: ",
            sampling=Sampling(max_tokens=20, temperature=2.0, seed=seed),
            constraint=choices(options),
        )
        ticket = engine.generate(request)
        events = list(ticket)
        assert ticket.result(60).text in options
        assert all(event.allowed == 1 for event in events if event.forced)
        assert all(event.allowed >= 1 for event in events if event.token_id >= 0)


def test_a_bias_cannot_break_a_constraint(engine: Engine) -> None:
    forbidden = engine.tokenizer.encode("x")[0]
    result = generate(engine, regex("[ab]{4}"), logit_bias=((forbidden, 100.0),))
    assert re.fullmatch("[ab]{4}", result.text)


def test_the_length_bound_is_a_stated_reason(engine: Engine) -> None:
    result = generate(engine, regex("[ab]{50}"), max_tokens=5)
    assert result.finish is FinishReason.LENGTH
    assert re.fullmatch("[ab]+", result.text)


@pytest.mark.parametrize(
    "constraint",
    [
        json_schema({"type": "object", "properties": {"a": {"enum": []}}, "required": ["a"]}),
        json_schema({"type": "integer", "minimum": 3, "exclusiveMaximum": 3}),
        json_schema({"type": "array", "items": {"type": "thing"}}),
        grammar("root ::= missing"),
        structural_tag({"format": {"type": "any_text", "max_tokens": 3}}),
        regex("a("),
        regex(r"(a)\1"),
    ],
)
def test_impossible_constraints_are_refused_and_the_next_request_is_served(
    engine: Engine, constraint: Constraint
) -> None:
    with pytest.raises(GrammarError):
        generate(engine, constraint)
    assert generate(engine, regex("ok")).text == "ok"
