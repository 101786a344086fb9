"""/v1/chat/completions as OpenAI's client sees it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest

from weft.request import ConstraintKind, FinishReason

from .conftest import RunningServer
from .fake_engine import EOS, ROLES, End

MODEL = "fake-model"
HI: Any = [{"role": "user", "content": "Hi"}]
HI_IDS = (ROLES["user"], *b"Hi", EOS, ROLES["assistant"])
TOOLS: Any = [
    {
        "type": "function",
        "function": {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "number"}}}},
    }
]
CALL = '<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'


def test_answer(client: openai.OpenAI, server: RunningServer) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=HI)
    assert answer.object == "chat.completion"
    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content, choice.message.refusal) == ("assistant", "Hello!", None)
    assert choice.message.tool_calls is None
    assert choice.finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (len(HI_IDS), 3)
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 2
    (request,) = server.engine.requests
    assert request.prompt == HI_IDS
    assert request.sampling.max_tokens is None
    assert request.sampling.temperature == 1.0


def test_messages_of_every_role_and_text_parts(client: openai.OpenAI, server: RunningServer) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    messages: Any = [
        {"role": "system", "content": parts},
        {"role": "developer", "content": "c"},
        {"role": "user", "content": parts, "name": "me"},
        {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "2"},
    ]
    client.chat.completions.create(model=MODEL, messages=messages, max_tokens=3)
    (request,) = server.engine.requests
    text = "".join(chr(token) if token < 256 else "|" for token in request.prompt)
    call = "[{'id': '1', 'type': 'function', 'function': {'name': 'add', 'arguments': {'a': 1}}}]"
    assert text == f"|ab||c||ab||{call}||2||"
    assert request.sampling.max_tokens == 3


def test_a_call_without_arguments(http: httpx.Client, server: RunningServer) -> None:
    calls = [{"type": "function", "function": {"name": "now", "arguments": ""}}]
    messages = [{"role": "assistant", "content": None, "tool_calls": calls}]
    assert http.post("/v1/chat/completions", json={"model": MODEL, "messages": messages}).status_code == 200
    assert "'arguments': {}" in bytes(token for token in server.engine.requests[0].prompt if token < 256).decode()


def test_an_answer_can_be_sent_back(client: openai.OpenAI, server: RunningServer) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=HI)
    again: Any = [*HI, answer.choices[0].message.model_dump(), *HI]
    client.chat.completions.create(model=MODEL, messages=again)
    assert b"Hello!" in bytes(token for token in server.engine.requests[1].prompt if token < 256)


def test_stream(client: openai.OpenAI, server: RunningServer) -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=HI, stream=True, stream_options={"include_usage": True}, max_completion_tokens=4
        )
    )
    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    assert (deltas[0].role, deltas[0].content) == ("assistant", "")
    assert [delta.content for delta in deltas[1:]] == ["Hel", "lo", "!", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * 4 + ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3
    assert server.engine.requests[0].sampling.max_tokens == 4


def test_an_empty_answer_streams_its_role_and_its_end(client: openai.OpenAI, server: RunningServer) -> None:
    server.engine.script = lambda request: [End(FinishReason.LENGTH)]
    chunks = list(client.chat.completions.create(model=MODEL, messages=HI, stream=True))
    assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant", None]
    assert chunks[-1].choices[0].finish_reason == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_logprobs(client: openai.OpenAI, server: RunningServer, stream: bool) -> None:
    server.engine.script = lambda request: ["H", "é"]
    answer: Any = client.chat.completions.create(model=MODEL, messages=HI, logprobs=True, top_logprobs=2, stream=stream)
    parts = [chunk.choices[0].logprobs for chunk in answer] if stream else [answer.choices[0].logprobs]
    content = [token for part in parts if part for token in part.content]
    assert [(token.token, token.logprob, token.bytes) for token in content] == [
        ("H", -0.5, [72]),
        ("bytes:\\xc3", -0.5, [0xC3]),
    ]
    assert [top.token for top in content[0].top_logprobs] == ["H", "I"]


def test_several_choices(client: openai.OpenAI, server: RunningServer) -> None:
    server.engine.script = lambda request: [str(request.sampling.seed)]
    answer = client.chat.completions.create(model=MODEL, messages=HI, n=3, seed=1)
    assert [(choice.index, choice.message.content) for choice in answer.choices] == [(0, "1"), (1, "2"), (2, "3")]
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(HI_IDS)


def test_json_schema_of_a_pydantic_model(client: openai.OpenAI, server: RunningServer) -> None:
    from pydantic import BaseModel

    class Point(BaseModel):
        x: int
        y: int

    server.engine.script = lambda request: ['{"x": 1, ', '"y": 2}']
    answer = client.chat.completions.parse(model=MODEL, messages=HI, response_format=Point)
    assert answer.choices[0].message.parsed == Point(x=1, y=2)
    constraint = server.engine.requests[0].constraint
    assert constraint is not None
    assert constraint.kind is ConstraintKind.JSON_SCHEMA
    assert json.loads(constraint.source)["required"] == ["x", "y"]


def test_tool_call(client: openai.OpenAI, server: RunningServer) -> None:
    server.engine.script = lambda request: list(CALL)
    answer = client.chat.completions.create(model=MODEL, messages=HI, tools=TOOLS)
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    (call,) = choice.message.tool_calls or ()
    assert call.type == "function"
    assert call.id
    assert (call.function.name, json.loads(call.function.arguments)) == ("add", {"a": 1})
    prompt = bytes(token for token in server.engine.requests[0].prompt if token < 256).decode()
    assert repr(TOOLS) in prompt


def test_what_openais_client_adds_to_an_answer_may_come_back(client: openai.OpenAI, server: RunningServer) -> None:
    server.engine.script = lambda request: list(CALL)
    with client.chat.completions.stream(model=MODEL, messages=HI, tools=TOOLS) as stream:
        message = stream.get_final_completion().choices[0].message
    sent: Any = message.model_dump()
    assert "parsed" in sent
    assert "parsed_arguments" in sent["tool_calls"][0]["function"]
    client.chat.completions.create(model=MODEL, messages=[*HI, sent])
    prompt = bytes(token for token in server.engine.requests[1].prompt if token < 256).decode()
    call = {"id": sent["tool_calls"][0]["id"], "type": "function", "function": {"name": "add", "arguments": {"a": 1}}}
    assert repr([call]) in prompt


def test_tool_calls_in_a_stream(client: openai.OpenAI, server: RunningServer) -> None:
    server.engine.script = lambda request: list(f"Let me < see: {CALL}{CALL}")
    text, calls, finish = "", [], None
    for chunk in client.chat.completions.create(model=MODEL, messages=HI, tools=TOOLS, stream=True):
        (choice,) = chunk.choices
        text += choice.delta.content or ""
        calls += choice.delta.tool_calls or []
        finish = choice.finish_reason or finish
    assert text.strip() == "Let me < see:"
    for index in range(2):
        first, *more = [call for call in calls if call.index == index]
        assert first.function is not None
        assert (first.type, first.function.name, first.function.arguments) == ("function", "add", "")
        assert {(call.id, call.type, call.function and call.function.name) for call in more} == {(None, None, None)}
        assert json.loads("".join(call.function.arguments or "" for call in more if call.function)) == {"a": 1}
    assert len({call.id for call in calls if call.id}) == 2
    assert finish == "tool_calls"


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_cut_short_is_text(client: openai.OpenAI, server: RunningServer, stream: bool) -> None:
    server.engine.script = lambda request: [*CALL[:20], End(FinishReason.LENGTH)]
    answer: Any = client.chat.completions.create(model=MODEL, messages=HI, tools=TOOLS, stream=stream)
    if stream:
        chunks = list(answer)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        finish = chunks[-1].choices[0].finish_reason
    else:
        text, finish = answer.choices[0].message.content, answer.choices[0].finish_reason
    assert (text, finish) == (CALL[:20], "length")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("cut", "finish"), [(len(CALL) - 20, "stop"), (len(CALL), "tool_calls")])
def test_a_stop_string_among_calls(
    client: openai.OpenAI, server: RunningServer, stream: bool, cut: int, finish: str
) -> None:
    server.engine.script = lambda request: [*CALL[:cut], End(FinishReason.STOP, stop_reason="END")]
    answer: Any = client.chat.completions.create(model=MODEL, messages=HI, tools=TOOLS, stop="END", stream=stream)
    assert ([*answer][-1] if stream else answer).choices[0].finish_reason == finish
    (request,) = server.engine.requests
    assert request.sampling.stop == ("END",)
    assert request.constraint is not None


@pytest.mark.parametrize("options", [{"tools": TOOLS, "tool_choice": "none"}, {"tools": []}, {}])
def test_without_tools_a_marker_is_text(client: openai.OpenAI, server: RunningServer, options: Any) -> None:
    server.engine.script = lambda request: [CALL]
    answer = client.chat.completions.create(model=MODEL, messages=HI, **options)
    assert answer.choices[0].message.content == CALL
    assert answer.choices[0].finish_reason == "stop"
    assert server.engine.requests[0].prompt == HI_IDS


def test_no_chat_template(http: httpx.Client) -> None:
    messages = [{"role": "user", "content": "untemplatable"}]
    response = http.post("/v1/chat/completions", json={"model": MODEL, "messages": messages})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "messages"
