"""Dense random schemas against `jsonschema`: what is read judges every value as it does; in schema order, soundly."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from dense_schemas import SchemaMaker
from jsonschema import Draft202012Validator
from slow_matcher import matches

from weft.errors import GrammarError
from weft.grammar.expression import Expression
from weft.grammar.schemas import parse_json_schema

DOCUMENTS = 40
VALUES = 15


def made(seed: int, unevaluated: bool) -> tuple[Any, list[tuple[Any, bool]]] | None:
    """A schema and judged values; None where the oracle follows references for ever."""
    choice = random.Random(seed)
    maker = SchemaMaker(choice, unevaluated)
    schema = maker.document(choice.choice((1, 2, 2)))
    if '"$ref": "#' in json.dumps(schema) and loops(schema):
        return None
    validator = Draft202012Validator(schema)
    values = [maker.value(choice.choice((0, 1, 2))) for _ in range(VALUES)]
    return schema, [(value, validator.is_valid(value)) for value in values]


def loops(schema: Any) -> bool:
    """Whether a reference may lead back to itself for the same value, seen from afar."""
    places = {"#": schema, **{f"#/$defs/{name}": part for name, part in schema["$defs"].items()}}
    following = {name: set(in_place(part)) for name, part in places.items()}
    for _ in places:
        for name, seen in following.items():
            following[name] = seen.union(*(following[other] for other in seen))
    return any(name in seen for name, seen in following.items())


def in_place(schema: Any) -> list[str]:
    """The references that are followed for the value itself."""
    if not isinstance(schema, dict):
        return []
    found = [schema["$ref"]] if "$ref" in schema else []
    for keyword in ("allOf", "anyOf", "oneOf"):
        found += [name for branch in schema.get(keyword, ()) for name in in_place(branch)]
    for keyword in ("not", "if", "then", "else"):
        found += in_place(schema.get(keyword))
    for branch in schema.get("dependentSchemas", {}).values():
        found += in_place(branch)
    return found


def read(schema: Any, order: str) -> Expression | None:
    try:
        return parse_json_schema(json.dumps(schema), property_order=order, formats="annotate")
    except GrammarError as error:
        assert error.keyword
        assert error.keyword not in ("size", "nesting")
        return None if error.keyword not in ("empty", "false") else parse_json_schema('{"enum": [[[[[["no"]]]]]]}')


@pytest.mark.parametrize("unevaluated", [False, True], ids=["", "unevaluated"])
@pytest.mark.parametrize("start", range(0, 400, DOCUMENTS))
def test_values_are_judged_as_by_jsonschema(start: int, unevaluated: bool) -> None:
    judged = 0
    for seed in range(start, start + DOCUMENTS):
        case = made(seed, unevaluated)
        if case is None:
            continue
        schema, values = case
        expression = read(schema, "any")
        ordered = read(schema, "schema")
        if expression is None or ordered is None:
            continue
        for value, valid in values:
            text = json.dumps(value, ensure_ascii=bool(seed % 2))
            assert matches(expression, text) == valid, (seed, schema, text)
            assert valid or not matches(ordered, text), (seed, schema, text)
            judged += 1
    assert judged > DOCUMENTS * VALUES // 2
