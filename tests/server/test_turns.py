"""What an answer may be: tools, their choice, constraints and reasoning, as the engine is asked for it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest

from weft.chat.reasoning import ReasoningMarkers
from weft.chat.tool_formats import FORMATS
from weft.grammar import Vocabulary, compile
from weft.request import Constraint, ConstraintKind
from weft.server.dialect import Dialect

from .conftest import RunningServer

DIALECT = Dialect(FORMATS["hermes_inline"], ReasoningMarkers(), frozenset({"enable_thinking"}))
BYTES = Vocabulary([bytes([byte]) for byte in range(256)] + [None], [256])
MODEL = "fake-model"
HI: Any = [{"role": "user", "content": "Hi"}]


def tool(name: str, **properties: Any) -> Any:
    parameters = {
        "type": "object", "properties": properties, "required": [*properties], "additionalProperties": False,
    }  # fmt: skip
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


ADD, NOW = tool("add", a={"type": "integer"}), tool("now")
TOOLS: Any = [ADD, NOW]
CALL_ADD = '<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'
CALL_NOW = '<tool_call>{"name": "now", "arguments": {}}</tool_call>'
BAD_CALLS = (
    '<tool_call>{"name": "sub", "arguments": {"a": 1}}</tool_call>',
    '<tool_call>{"name": "add", "arguments": {"a": "1"}}</tool_call>',
    '<tool_call>{"name": "add", "arguments": {}}</tool_call>',
)


def allowed(server: RunningServer, text: str) -> bool:
    """Whether the last request's constraint takes `text` as a whole answer; without one anything goes."""
    constraint = server.engine.requests[-1].constraint
    return constraint is None or _matches(constraint, text)


def _matches(constraint: Constraint, text: str) -> bool:
    assert constraint.kind is ConstraintKind.STRUCTURAL_TAG
    matcher = compile(structural_tag=constraint.source, vocabulary=BYTES).matcher()
    return all(matcher.advance(byte) for byte in text.encode()) and matcher.advance(256)


def ask(client: openai.OpenAI, **options: Any) -> Any:
    return client.chat.completions.create(model=MODEL, messages=HI, **options)


def test_without_tools_and_constraints_anything_goes(client: openai.OpenAI, server: RunningServer) -> None:
    ask(client)
    assert server.engine.requests[-1].constraint is None


@pytest.mark.parametrize("reasoning", ["", "<think>So.</think>\n\n"])
def test_tools_left_to_the_model(client: openai.OpenAI, server: RunningServer, reasoning: str) -> None:
    ask(client, tools=TOOLS)
    for text in ("Hello.", CALL_ADD, f"Let me see. {CALL_NOW}", CALL_ADD + CALL_NOW):
        assert allowed(server, reasoning + text), text
    for text in BAD_CALLS:
        assert not allowed(server, reasoning + text), text


@pytest.mark.parametrize(
    ("choice", "fine", "wrong"),
    [
        ("required", [CALL_ADD, CALL_ADD + CALL_NOW], ["Hello.", "", f"Hm. {CALL_ADD}"]),
        ({"type": "function", "function": {"name": "now"}}, [CALL_NOW], [CALL_ADD, "Hello.", CALL_NOW + CALL_NOW]),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
                {"type": "function", "function": {"name": "now"}}]}},
            [CALL_NOW, "Hello."],
            [CALL_ADD],
        ),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
                {"type": "function", "function": {"name": "now"}}]}},
            [CALL_NOW],
            [CALL_ADD, "Hello."],
        ),
    ],
)  # fmt: skip
def test_tool_choice(
    client: openai.OpenAI, server: RunningServer, choice: Any, fine: list[str], wrong: list[str]
) -> None:
    ask(client, tools=TOOLS, tool_choice=choice)
    for text in fine:
        assert allowed(server, text), text
    for text in (*wrong, *BAD_CALLS):
        assert not allowed(server, text), text
    assert repr(TOOLS[0]) in _prompt(server), "the model is told of every tool, so that the prompt stays the same"


def _prompt(server: RunningServer) -> str:
    return bytes(token for token in server.engine.requests[-1].prompt if token < 256).decode()


def test_one_call_at_a_time(client: openai.OpenAI, server: RunningServer) -> None:
    ask(client, tools=TOOLS, parallel_tool_calls=False)
    assert allowed(server, CALL_ADD)
    assert not allowed(server, CALL_ADD + CALL_NOW)


def test_tools_and_a_format(client: openai.OpenAI, server: RunningServer) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    answer_format: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    ask(client, tools=TOOLS, response_format=answer_format)
    for text in (CALL_ADD, '{"x": 1}', '<think>Hm.</think>{"x": 1}'):
        assert allowed(server, text), text
    for text in ("Hello.", '{"x": "1"}', f'{CALL_ADD}{{"x": 1}}'):
        assert not allowed(server, text), text


def test_a_constraint_begins_after_the_reasoning(client: openai.OpenAI, server: RunningServer) -> None:
    ask(client, extra_body={"guided_choice": ["yes", "no"]})
    for text in ("yes", "<think>{ anything </think>no", "<think></think>\n\nno"):
        assert allowed(server, text), text
    for text in ("<think>yes", "perhaps", "<think>a</think>perhaps", "<think>a</think>"):
        assert not allowed(server, text), text


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_is_told_apart(client: openai.OpenAI, server: RunningServer, stream: bool) -> None:
    server.engine.script = lambda request: list(f"<think>\nSo < so.\n</think>\n\nHere: {CALL_NOW}")
    answer = ask(client, tools=TOOLS, stream=stream)
    messages = [chunk.choices[0].delta for chunk in answer] if stream else [answer.choices[0].message]
    reasoning = "".join(getattr(message, "reasoning_content", None) or "" for message in messages)
    content = "".join(message.content or "" for message in messages)
    calls = [call for message in messages for call in message.tool_calls or ()]
    assert (reasoning, content.strip()) == ("So < so.", "Here:")
    assert calls[0].function.name == "now"
    assert json.loads("".join(call.function.arguments for call in calls)) == {}


def test_reasoning_can_be_left_out(http: httpx.Client, server: RunningServer) -> None:
    server.engine.script = lambda request: ["<think>So.</think>", "Yes."]
    body = {"model": MODEL, "messages": HI, "include_reasoning": False}
    message = http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "Yes.", "refusal": None}


def test_reasoning_cut_short(client: openai.OpenAI, server: RunningServer) -> None:
    server.engine.script = lambda request: ["<think>So"]
    message = ask(client).choices[0].message
    assert (message.reasoning_content, message.content) == ("So", "")


@pytest.mark.parametrize(("effort", "thinks"), [("high", True), ("none", False)])
def test_effort_goes_to_the_template(client: openai.OpenAI, server: RunningServer, effort: Any, thinks: bool) -> None:
    ask(client, reasoning_effort=effort)
    assert repr({"enable_thinking": thinks}) in _prompt(server)


def test_variables_go_to_the_template(client: openai.OpenAI, server: RunningServer) -> None:
    ask(client, extra_body={"chat_template_kwargs": {"enable_thinking": False}})
    assert repr({"enable_thinking": False}) in _prompt(server)


def test_earlier_reasoning_is_shown_to_the_template(http: httpx.Client, server: RunningServer) -> None:
    messages = [*HI, {"role": "assistant", "content": "Yes.", "reasoning_content": "So."}, *HI]
    assert http.post("/v1/chat/completions", json={"model": MODEL, "messages": messages}).status_code == 200
