"""Law 2: a constrained output always validates, or ends with a stated reason. Random weights, high temperature."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft.errors import GrammarError
from weft.grammar import choices, json_schema, regex
from weft.request import Constraint, FinishReason, GenerateRequest, GenerateResult, Sampling
from weft.runtime import Engine

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
    )


def schemas() -> st.SearchStrategy[dict[str, Any]]:
    def deeper(children: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
        fields = st.dictionaries(st.sampled_from(["name", "a b", 'q"', "日本"]), children, max_size=3)
        objects = fields.map(
            lambda given: {"type": "object", "properties": given, "required": [*given], "additionalProperties": False}
        )
        arrays = st.builds(lambda item, n: {"type": "array", "items": item, "maxItems": n}, children, st.integers(0, 3))
        return objects | arrays

    return st.recursive(leaf(), deeper, max_leaves=4)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(schema=schemas(), seed=st.integers(0, 2**32))
def test_random_schemas(engine: Engine, schema: dict[str, Any], seed: int) -> None:
    result = generate(engine, json_schema(schema), seed=seed)
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
        json_schema({"type": "integer", "multipleOf": 7}),
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
