"""Functions become tools; tool calls are read back from text."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import jsonschema
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.chat.reasoning import Reasoned, ReasoningMarkers, split_reasoning
from weft.chat.tools import ToolCall, parse_tool_calls, tool_schema
from weft.errors import InvalidRequest


class Place(pydantic.BaseModel):
    city: str
    country: str | None = None


def forecast(place: Place, days: int = 3, unit: Literal["C", "F"] = "C", *, tags: list[str] | None = None) -> str:
    """What the weather will be.

    More about it, which the model need not know.

    Args:
        place: where,
            exactly
        days (int): how many days
        unit: degrees

    Returns:
        text: the forecast
    """
    return ""


def test_a_function_becomes_a_tool():
    tool = tool_schema(forecast)
    assert tool["type"] == "function"
    function = tool["function"]
    assert function["name"] == "forecast"
    assert function["description"] == "What the weather will be."
    parameters = function["parameters"]
    assert list(parameters["properties"]) == ["place", "days", "unit", "tags"]
    assert parameters["required"] == ["place"]
    assert parameters["properties"]["place"]["description"] == "where, exactly"
    assert parameters["properties"]["days"] == {"type": "integer", "description": "how many days"}
    assert parameters["properties"]["unit"]["enum"] == ["C", "F"]
    assert "text" not in parameters["properties"]
    jsonschema.Draft202012Validator.check_schema(parameters)
    validator = jsonschema.Draft202012Validator(parameters)
    assert validator.is_valid({"place": {"city": "Rome"}, "tags": ["a"]})
    assert not validator.is_valid({"place": {"country": "Italy"}})
    assert not validator.is_valid({"place": {"city": "Rome"}, "other": 1})


def test_a_function_with_nothing_to_say():
    def ping() -> None: ...

    function = tool_schema(ping)["function"]
    assert function["description"] == ""
    assert function["parameters"]["properties"] == {}


def test_methods_and_annotated_hints():
    class Shop:
        def price(self, item: Annotated[str, pydantic.Field(min_length=1)]) -> float:
            """Price of an item."""
            return 0.0

    parameters = tool_schema(Shop().price)["function"]["parameters"]
    assert parameters["properties"] == {"item": {"type": "string", "minLength": 1}}


def no_hint(x): ...


def star(*xs: int): ...


def stars(**xs: int): ...


def no_json(x: complex | object = 1): ...


def unknown(x: Missing): ...  # noqa: F821 - that is the point


@pytest.mark.parametrize("function", [no_hint, star, stars, unknown])
def test_functions_that_cannot_be_described_are_refused_by_name(function):
    with pytest.raises(InvalidRequest) as caught:
        tool_schema(function)
    assert function.__name__ in caught.value.message
    assert caught.value.param == "tools"


def test_types_that_json_cannot_express_are_refused():
    class Opaque: ...

    def take(thing: Opaque) -> None: ...

    take.__annotations__["thing"] = Opaque
    with pytest.raises(InvalidRequest, match="thing"):
        tool_schema(take)


def test_what_has_no_signature_is_refused():
    with pytest.raises(InvalidRequest, match="max"):
        tool_schema(max)


def test_two_types_of_one_name_are_refused():
    """A definition is found by its name: one of the two would stand for both."""

    def made(field: str) -> type[pydantic.BaseModel]:
        inner = pydantic.create_model("Inner", **{field: (int, ...)})
        return pydantic.create_model("Outer", inner=(inner, ...))

    def move(start: object, end: object) -> None: ...

    outer = made("a")
    move.__annotations__.update(start=outer, end=outer)
    assert "Inner" in tool_schema(move)["function"]["parameters"]["$defs"]
    move.__annotations__["end"] = made("b")
    with pytest.raises(InvalidRequest, match="Inner"):
        tool_schema(move)


# -- reading calls ----------------------------------------------------------------------------------------------------


def call_text(name: str, arguments: Any) -> str:
    return "<tool_call>" + json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False) + "</tool_call>"


@settings(max_examples=80, deadline=None)
@given(
    calls=st.lists(
        st.tuples(
            st.text(min_size=1, max_size=6), st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=9))
        ),
        max_size=3,
    ),
    content=st.text(alphabet="abc {}\n<", max_size=10),
    space=st.sampled_from(["", "\n", "  "]),
)
def test_what_was_written_is_read_back(calls, content, space):
    text = content + space.join(call_text(name, arguments) for name, arguments in calls)
    read_content, read = parse_tool_calls(text)
    assert [(call.name, call.values) for call in read] == calls
    assert read_content == (content.strip() if calls else content)


def test_calls_amid_text():
    text = 'One. <tool_call>\n{"name": "f", "arguments": {"x": "</tool_call>"}}\n</tool_call> Two.'
    content, calls = parse_tool_calls(text)
    assert calls == (ToolCall("f", '{"x": "</tool_call>"}'),)
    assert content == "One.  Two."


def test_arguments_may_be_missing_or_a_json_text():
    _, calls = parse_tool_calls('<tool_call>{"name": "f"}</tool_call>' + call_text("g", '{"a": 1}'))
    assert calls == (ToolCall("f", "{}"), ToolCall("g", '{"a": 1}'))


@pytest.mark.parametrize(
    "text",
    [
        "no call",
        "<tool_call>",
        "<tool_call>{broken</tool_call>",
        '<tool_call>{"name": "f", "arguments": {}}',
        '<tool_call>{"arguments": {}}</tool_call>',
        '<tool_call>{"name": 3, "arguments": {}}</tool_call>',
        '<tool_call>{"name": "f", "arguments": [1]}</tool_call>',
        '<tool_call>{"name": "f", "arguments": "x"}</tool_call>',
        "<tool_call>" + "[" * 100_000,
    ],
)
def test_what_only_looks_like_a_call_stays_text(text):
    assert parse_tool_calls(text) == (text, ())


def test_a_broken_call_does_not_hide_a_good_one():
    content, calls = parse_tool_calls("<tool_call>{oops</tool_call>" + call_text("f", {}))
    assert [call.name for call in calls] == ["f"]
    assert content == "<tool_call>{oops</tool_call>"


def test_an_unknown_format_is_refused():
    with pytest.raises(InvalidRequest, match="hermes"):
        parse_tool_calls("x", format="nope")


# -- reasoning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "opened", "expected"),
    [
        ("plain <b>", False, Reasoned(None, "plain <b>")),
        ("<think>\nhm\n</think>\n\nyes", False, Reasoned("hm", "yes")),
        ("\n<think></think>yes", False, Reasoned("", "yes")),
        ("hm</think>yes", True, Reasoned("hm", "yes")),
        ("<think>hm</think>yes", True, Reasoned("hm", "yes")),
        ("<think>hm", False, Reasoned("hm", "", closed=False)),
        ("hm", True, Reasoned("hm", "", closed=False)),
        ("yes <think>late</think>", False, Reasoned(None, "yes <think>late</think>")),
    ],
)
def test_reasoning_is_split_off(text, opened, expected):
    assert split_reasoning(text, opened=opened) == expected


def test_other_markers():
    markers = ReasoningMarkers("[r]", "[/r]")
    assert split_reasoning("[r]a[/r]b", markers) == Reasoned("a", "b")
