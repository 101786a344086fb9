"""What the evaluation counts as right."""

from __future__ import annotations

import jsonschema
import pytest

from weft.seedling.evaluate import called, enforceable, equal


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        ({"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        (["x", "y"], ["y", "x"], False),
        ("Oslo", "oslo", False),
        (None, "null", False),
    ],
)
def test_values_are_equal_as_json_is(left: object, right: object, same: bool) -> None:
    assert equal(left, right) is same


def test_only_keywords_are_loosened_and_never_properties() -> None:
    schema = {
        "type": "object",
        "properties": {
            "minimum": {"type": "integer", "minimum": 3},
            "list": {"type": "array", "items": {"anyOf": [{"type": "number", "maximum": 2}, {"type": "null"}]}},
        },
        "required": ["minimum"],
    }
    loose = enforceable(schema)
    assert loose["properties"]["minimum"] == {"type": "integer"}
    assert loose["properties"]["list"]["items"]["anyOf"][0] == {"type": "number"}
    assert loose["required"] == ["minimum"]
    jsonschema.validate({"minimum": 1, "list": [5, None]}, loose)


def test_calls_are_read_out_of_an_answer() -> None:
    assert called("It is 4.") is None
    assert called('<tool_call>{"name": "f", "arguments": {"x": 1}}</tool_call>') == {"name": "f", "arguments": {"x": 1}}
    assert called('<tool_call>{"name": ') == {}
