"""/v1/responses as OpenAI's client sees it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from weft.chat.reasoning import ReasoningMarkers
from weft.chat.tool_formats import FORMATS
from weft.request import ConstraintKind, FinishReason, GenerateRequest
from weft.server.dialect import Dialect

from .conftest import RunningServer
from .fake_engine import EOS, ROLES, End

MODEL = "fake-model"
DIALECT = Dialect(FORMATS["hermes_inline"], ReasoningMarkers(), frozenset({"enable_thinking"}))
HI_IDS = (ROLES["user"], *b"Hi", EOS, ROLES["assistant"])
PARAMETERS = {"type": "object", "properties": {"a": {"type": "number"}}}
TOOLS: Any = [
    {"type": "function", "name": "add", "parameters": PARAMETERS, "strict": True, "description": "Adds."},
    {"type": "function", "name": "now", "parameters": None, "strict": None},
]
CALL = '<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'
THOUGHT = "<think>Hm, 2.</think>"
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


class Point(BaseModel):
    """What a text is parsed as."""

    x: int
    y: int


def read_events(http: httpx.Client, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a stream, each checked: its two names, its number, and the type that OpenAI's package has."""
    with http.stream("POST", "/v1/responses", json={"model": MODEL, "input": "Hi", "stream": True} | body) as answer:
        assert answer.status_code == 200, answer.read()
        text = "".join(answer.iter_text())
    events = []
    for number, block in enumerate(text.removesuffix("\n\n").split("\n\n")):
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert event["sequence_number"] == number
        EVENT.validate_python(event)
        events.append(event)
    return events


def told(events: list[dict[str, Any]]) -> list[str]:
    """The names of events, without those of pieces that only add to what the one before them added."""
    names = [event["type"].removeprefix("response.") for event in events]
    return [name for at, name in enumerate(names) if at == 0 or name != names[at - 1]]


def prompt_text(request: GenerateRequest) -> str:
    return "".join(chr(token) if token < 256 else "|" for token in request.prompt)


@pytest.fixture
def script(server: RunningServer) -> Any:
    """Sets what the engine answers: a text, token by token, and perhaps an end."""

    def write(text: str, *end: Any) -> None:
        server.engine.script = lambda request: [*text, *end]

    return write


def test_answer(client: openai.OpenAI, server: RunningServer) -> None:
    answer = client.responses.create(model=MODEL, input="Hi", metadata={"a": "b"}, max_output_tokens=9, user="me")
    assert answer.output_text == "Hello!"
    Response.model_validate(answer.model_dump())
    assert answer.id.startswith("resp_")
    assert (answer.object, answer.status, answer.error, answer.incomplete_details) == (
        "response", "completed", None, None,
    )  # fmt: skip
    (message,) = answer.output
    assert message.type == "message"
    assert (message.role, message.status) == ("assistant", "completed")
    assert message.id.startswith("msg_")
    usage = answer.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (len(HI_IDS), 3, len(HI_IDS) + 3)
    assert usage.input_tokens_details.cached_tokens == 2
    assert usage.output_tokens_details.reasoning_tokens == 0
    assert (answer.metadata, answer.max_output_tokens, answer.user) == ({"a": "b"}, 9, "me")
    assert (answer.temperature, answer.top_p, answer.tool_choice, answer.tools) == (1.0, 1.0, "auto", [])
    assert answer.model_dump()["store"] is False
    (request,) = server.engine.requests
    assert request.prompt == HI_IDS
    assert request.sampling.max_tokens == 9


def test_all_the_tokens_used_up(client: openai.OpenAI, script: Any) -> None:
    script("Hel", End(FinishReason.LENGTH))
    answer = client.responses.create(model=MODEL, input="Hi")
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.output[0].type == "message"
    assert (answer.output_text, answer.output[0].status) == ("Hel", "incomplete")


def test_items_become_messages(client: openai.OpenAI, server: RunningServer) -> None:
    items: Any = [
        {"role": "system", "content": "a"},
        {"role": "developer", "content": [{"type": "input_text", "text": "b"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": t} for t in "cd"]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {
            "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
            "content": [
                {"type": "output_text", "text": "e", "annotations": []},
                {"type": "refusal", "refusal": "f"},
            ],
        },
        {"type": "function_call", "id": "fc_1", "call_id": "1", "name": "add", "arguments": '{"a": 1}'},
        {"type": "function_call", "call_id": "2", "name": "now", "arguments": ""},
        {"type": "function_call_output", "call_id": "1", "output": "g"},
        {"type": "function_call_output", "call_id": "2", "output": [{"type": "input_text", "text": "h"}]},
    ]  # fmt: skip
    client.responses.create(model=MODEL, instructions="first", input=items)
    calls = [
        {"id": "1", "type": "function", "function": {"name": "add", "arguments": {"a": 1}}},
        {"id": "2", "type": "function", "function": {"name": "now", "arguments": {}}},
    ]
    assert prompt_text(server.engine.requests[0]) == f"|first||a||b||cd||ef{calls}||g||h||"


def test_an_answers_items_go_back_with_a_tools_result(
    client: openai.OpenAI, server: RunningServer, script: Any
) -> None:
    script(f"{THOUGHT}So: {CALL}")
    first = client.responses.create(model=MODEL, input="Hi", tools=TOOLS)
    assert [item.type for item in first.output] == ["reasoning", "message", "function_call"]
    call = first.output[2]
    assert call.type == "function_call"
    assert call.call_id.startswith("call_")
    assert (call.name, json.loads(call.arguments), call.status) == ("add", {"a": 1}, "completed")
    assert first.usage is not None
    assert first.usage.output_tokens_details.reasoning_tokens == len(THOUGHT)
    script("2")
    sent: Any = [
        {"role": "user", "content": "Hi"},
        *[item.model_dump() for item in first.output],
        {"type": "function_call_output", "call_id": call.call_id, "output": "2"},
    ]
    assert client.responses.create(model=MODEL, input=sent, tools=TOOLS).output_text == "2"
    calls = [{"id": call.call_id, "type": "function", "function": {"name": "add", "arguments": {"a": 1}}}]
    assert prompt_text(server.engine.requests[1]).endswith(f"|Hi||So: {calls}||2||")


def test_what_openais_client_adds_to_an_answer_may_come_back(client: openai.OpenAI, script: Any) -> None:
    script('{"x": 1, "y": 2}')
    parsed = client.responses.parse(model=MODEL, input="Hi", text_format=Point)
    assert parsed.output_parsed == Point(x=1, y=2)
    sent: Any = [{"role": "user", "content": "Hi"}, *[item.model_dump(warnings=False) for item in parsed.output]]
    client.responses.create(model=MODEL, input=sent)


@pytest.mark.parametrize("kind", ["json_schema", "json_object"])
def test_constraints(client: openai.OpenAI, server: RunningServer, kind: str) -> None:
    schema = {"name": "p", "schema": PARAMETERS, "strict": True} if kind == "json_schema" else {}
    text: Any = {"format": {"type": kind, **schema}, "verbosity": "medium"}
    answer = client.responses.create(model=MODEL, input="Hi", text=text, reasoning={"effort": "none"})
    assert answer.text is not None
    assert answer.text.format is not None
    assert answer.text.format.model_dump(by_alias=True, exclude_unset=True) == text["format"]
    (request,) = server.engine.requests
    assert request.constraint is not None
    assert request.constraint.kind is ConstraintKind.STRUCTURAL_TAG, "the model may reason before it"
    assert "enable_thinking': False" in prompt_text(request)


def test_logprobs(client: openai.OpenAI, http: httpx.Client, server: RunningServer) -> None:
    server.engine.script = lambda request: [*"<think>x</think>", "H", "é"]
    include: Any = ["message.output_text.logprobs"]
    answer = client.responses.create(model=MODEL, input="Hi", include=include, top_logprobs=2)
    message = answer.output[1]
    assert message.type == "message"
    (part,) = message.content
    assert part.type == "output_text"
    assert part.logprobs is not None
    assert [(token.token, token.logprob) for token in part.logprobs] == [("H", -0.5), ("bytes:\\xc3", -0.5)]
    assert [top.token for top in part.logprobs[0].top_logprobs] == ["H", "I"]
    events = read_events(http, {"include": include, "top_logprobs": 2})
    deltas = [event for event in events if event["type"] == "response.output_text.delta"]
    streamed = [token for event in deltas for token in event["logprobs"]]
    assert streamed == events[-1]["response"]["output"][1]["content"][0]["logprobs"]
    assert [token["token"] for token in streamed] == ["H", "bytes:\\xc3"]


@pytest.mark.parametrize(
    ("choice", "described", "names"),
    [
        ("auto", True, {"add", "now"}),
        ("required", True, {"add", "now"}),
        ("none", False, set()),
        ({"type": "function", "name": "now"}, True, {"now"}),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "add"}]}, True, {"add"}),
    ],
)
def test_tool_choice(
    client: openai.OpenAI, server: RunningServer, choice: Any, described: bool, names: set[str]
) -> None:
    answer = client.responses.create(
        model=MODEL, input="Hi", tools=TOOLS, tool_choice=choice, parallel_tool_calls=False
    )
    Response.model_validate(answer.model_dump())
    assert answer.parallel_tool_calls is False
    (request,) = server.engine.requests
    assert ("Adds." in prompt_text(request)) is described
    source = request.constraint.source if request.constraint is not None else ""
    assert {name for name in ("add", "now") if f'"name": "{name}"' in source or f'\\"{name}\\"' in source} == names


def test_stream(http: httpx.Client, script: Any) -> None:
    script(f"{THOUGHT}So: {CALL}\n{CALL}")
    events = read_events(http, {"tools": TOOLS})
    call = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"]
    assert told(events) == [
        "created", "in_progress",
        "output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.done",
        "content_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done",
        *call, *call, "completed",
    ]  # fmt: skip
    assert events[0]["response"]["output"] == []
    response = events[-1]["response"]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert response["output"] == done
    assert [item["id"] for item in done] == [
        event["item"]["id"] for event in events if event["type"] == "response.output_item.added"
    ]
    for at, item in enumerate(done):
        pieces = [
            event["delta"] for event in events if event["type"].endswith(".delta") and event["output_index"] == at
        ]
        text = item["arguments"] if item["type"] == "function_call" else item["content"][0]["text"]
        assert "".join(pieces) == text
    assert [item["type"] for item in done] == ["reasoning", "message", "function_call", "function_call"]
    assert response["usage"]["output_tokens_details"]["reasoning_tokens"] == len(THOUGHT)
    assert response["status"] == "completed"


def test_the_stream_helper(client: openai.OpenAI, script: Any) -> None:
    script('{"x": 1, "y": 2}')
    with client.responses.stream(model=MODEL, input="Hi", text_format=Point) as stream:
        done = [event for event in stream if event.type == "response.output_text.done"]
        assert stream.get_final_response().output_parsed == Point(x=1, y=2)
    assert [event.parsed for event in done] == [Point(x=1, y=2)]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", [("message", "incomplete")]),
        ("<think>Hm", [("reasoning", "incomplete")]),
        ("<think>Hm</think>", [("reasoning", "incomplete")]),
        ("<think>Hm</think>So", [("reasoning", "completed"), ("message", "incomplete")]),
        (CALL, [("function_call", "completed")]),
    ],
)
def test_an_answer_cut_short(http: httpx.Client, script: Any, text: str, items: Any, stream: bool) -> None:
    script(text, End(FinishReason.LENGTH))
    if stream:
        response = read_events(http, {"tools": TOOLS})[-1]["response"]
    else:
        response = http.post("/v1/responses", json={"model": MODEL, "input": "Hi", "tools": TOOLS}).json()
    assert [(item["type"], item["status"]) for item in response["output"]] == items
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["completed_at"] is None


def test_an_empty_answer_has_a_message(client: openai.OpenAI, script: Any) -> None:
    script("")
    answer = client.responses.create(model=MODEL, input="Hi")
    assert [item.type for item in answer.output] == ["message"]
    assert (answer.output_text, answer.status) == ("", "completed")


def test_a_stream_that_fails_says_so(http: httpx.Client, script: Any) -> None:
    script("Hel", RuntimeError("secret"))
    events = read_events(http, {})
    assert events[-1]["type"] == "response.failed"
    response = events[-1]["response"]
    assert response["status"] == "failed"
    assert response["error"]["code"] == "server_error"
    assert "secret" not in json.dumps(response)
    assert response["output"][0]["content"][0]["text"] == "Hel"
    assert response["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_before_anything_is_sent_has_a_status(http: httpx.Client, script: Any, stream: bool) -> None:
    script("", RuntimeError("secret"))
    answer = http.post("/v1/responses", json={"model": MODEL, "input": "Hi", "stream": stream})
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "server_error"


def test_a_client_that_leaves_ends_its_generation(client: openai.OpenAI, server: RunningServer) -> None:
    from .fake_engine import Hold

    server.engine.script = lambda request: ["a", Hold()]
    with client.responses.create(model=MODEL, input="Hi", stream=True) as stream:
        assert next(iter(stream)).type == "response.created"
    assert server.engine.aborted.get(timeout=30) == server.engine.submitted.get(timeout=30)


IMAGE = {"role": "user", "content": [{"type": "input_image", "image_url": "data:x"}]}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "1"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [IMAGE]}, "input[0].content[0]"),
        ({"input": [OUTPUT]}, "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "["}]}, "input[0].arguments"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
        ({"input": [{"id": "msg_1"}]}, "input[0]"),
        ({"input": [{"type": "web_search_call", "id": "w"}]}, "input[0]"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        (
            {"input": [{"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "x"}]},
            "input[0].encrypted_content",
        ),
        ({"input": "untemplatable"}, "input"),
        ({"model": "other"}, "model"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]"),
        ({"tools": [*TOOLS, {"type": "custom", "name": "x"}]}, "tools[2]"),
        ({"tools": [{"type": "function", "function": {"name": "x"}}]}, "tools[0].name"),
        ({"tools": TOOLS, "tool_choice": {"type": "web_search"}}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "name": "other"}}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "always"}, "tool_choice"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "text", "name": "x"}}}, "text.format.name"),
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"reasoning": {"summary": "detailed"}}, "reasoning.summary"),
        ({"include": ["reasoning.encrypted_content"]}, "include[0]"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"store": True}, "store"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"truncation": "auto"}, "truncation"),
        ({"max_tool_calls": 3}, "max_tool_calls"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"metadata": {"a": "x" * 513}}, "metadata.a"),
        ({"stream_options": {"include_obfuscation": False}}, "stream_options"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": -1}, "temperature"),
        ({"messages": []}, "messages"),
    ],
)
def test_refusals_name_the_field(http: httpx.Client, server: RunningServer, fields: Any, param: str) -> None:
    answer = http.post("/v1/responses", json={"model": MODEL, "input": "Hi"} | fields)
    assert answer.status_code == (404 if "model" in fields else 400), answer.text
    assert answer.json()["error"]["param"] == param, answer.text
    assert server.engine.requests == []


def test_fields_that_ask_for_nothing(http: httpx.Client) -> None:
    nothing = {
        "store": False, "previous_response_id": None, "conversation": None, "background": False,
        "truncation": "disabled", "service_tier": "auto", "include": [], "tools": [], "metadata": None,
        "reasoning": {"summary": "auto"}, "safety_identifier": "s", "prompt_cache_key": "k",
        "parallel_tool_calls": True, "tool_choice": "auto", "text": {"format": {"type": "text"}},
    }  # fmt: skip
    answer = http.post("/v1/responses", json={"model": MODEL, "input": "Hi"} | nothing)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["safety_identifier"], answer.json()["prompt_cache_key"]) == ("s", "k")
