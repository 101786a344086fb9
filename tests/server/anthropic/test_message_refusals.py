"""What /v1/messages refuses, by name, in the form that Anthropic's client reads."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx
import pytest

from weft.errors import EngineError, Overloaded

from ..conftest import RunningServer
from .test_messages import ASK, HI, TOOL

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
USE = {"type": "tool_use", "id": "1", "name": "add", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "1", "content": "2"}
SCHEMA = {"type": "json_schema", "schema": {"type": "object"}}


def user(*blocks: Any) -> Any:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def assistant(*blocks: Any) -> Any:
    return {"messages": [*HI, {"role": "assistant", "content": list(blocks)}, *HI]}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"temperature": 1.5}, "temperature"),
        ({"top_p": 2.0}, "top_p"),
        ({"stop_sequences": [""]}, "stop_sequences"),
        ({"stop_sequences": ["x"] * 17}, "stop_sequences"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "owner", "content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "Hi", "name": "me"}]}, "messages[0].name"),
        ({"messages": [{"role": "assistant", "content": "Well, "}]}, "messages[0]"),
        (user(), "messages[0].content"),
        (user("Hi"), "messages[0].content[0]"),
        (user({"text": "Hi"}), "messages[0].content[0].type"),
        (user({"type": "text", "text": "Hi"}, IMAGE), "messages[0].content[1]"),
        (user({"type": "document", "source": {}}), "messages[0].content[0]"),
        (user(USE), "messages[0].content[0]"),
        (user(RESULT), "messages[0].content[0].tool_use_id"),
        (user({"type": "text", "text": "Hi"}, RESULT), "messages[0].content[1]"),
        (user({"type": "text", "text": "Hi", "mood": "x"}), "messages[0].content[0].mood"),
        (user({"type": "text", "text": "Hi", "citations": [{}]}), "messages[0].content[0].citations"),
        (assistant(RESULT), "messages[1].content[0]"),
        (assistant({"type": "redacted_thinking", "data": "x"}), "messages[1].content[0]"),
        (assistant({"type": "server_tool_use", "id": "1", "name": "web_search", "input": {}}),
         "messages[1].content[0]"),
        (assistant(USE | {"caller": {"type": "code_execution_20250825", "tool_id": "1"}}),
         "messages[1].content[0].caller"),
        ({"messages": [*assistant(USE)["messages"][:2], *user(RESULT | {"content": [IMAGE]})["messages"]]},
         "messages[2].content[0].content[0]"),
        ({"messages": [*HI, {"role": "assistant", "content": [USE]}]}, "messages[1]"),
        ({"messages": [*HI, {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm"}]}]},
         "messages[1]"),
        ({"messages": [*HI, {"role": "assistant", "content": "{"}], "output_format": SCHEMA}, "output_format"),
        ({"system": [IMAGE]}, "system[0]"),
        ({"system": 5}, "system"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"name": "add"}]}, "tools[0].input_schema"),
        ({"tools": [TOOL | {"input_examples": [{"a": 1}]}]}, "tools[0].input_examples"),
        ({"tools": [TOOL | {"defer_loading": True}]}, "tools[0].defer_loading"),
        ({"tools": [TOOL, TOOL]}, "tools"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tools": [TOOL], "tool_choice": {"type": "auto", "name": "add"}}, "tool_choice.name"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "sub"}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "maybe"}}, "tool_choice.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 3000}, "thinking"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1000}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "between_tools"}}, "thinking.type"),
        ({"thinking": {"type": "disabled", "display": "omitted"}}, "thinking.display"),
        ({"output_config": {"effort": "low"}}, "output_config.effort"),
        ({"output_config": {"task_budget": {"type": "tokens", "total": 1}}}, "output_config.task_budget"),
        ({"output_config": {"format": SCHEMA}, "output_format": SCHEMA}, "output_format"),
        ({"container": "c"}, "container"),
        ({"context_management": {"edits": [{}]}}, "context_management"),
        ({"mcp_servers": [{}]}, "mcp_servers"),
        ({"service_tier": "priority"}, "service_tier"),
        ({"speed": "fast"}, "speed"),
        ({"inference_geo": "us"}, "inference_geo"),
        ({"metadata": {"user": "me"}}, "metadata.user"),
        ({"thread": {"type": "create"}}, "thread"),
        ({"seed": 1}, "seed"),
    ],
)  # fmt: skip
def test_fields(http: httpx.Client, server: RunningServer, fields: Any, param: str) -> None:
    response = http.post("/v1/messages", json=ASK | fields)
    assert response.status_code == 400, response.text
    body = response.json()
    assert body.keys() == {"type", "error", "request_id"}
    error = body["error"]
    assert (body["type"], error["type"]) == ("error", "invalid_request_error")
    assert error["details"]["param"] == param, error
    assert param.split(".")[-1].split("[")[0] in error["message"]
    assert server.engine.requests == []


def test_a_body_that_is_no_json(http: httpx.Client) -> None:
    response = http.post("/v1/messages", content="{", headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"] == {
        "type": "invalid_request_error",
        "message": "the body is not valid JSON",
        "details": {"error_code": "invalid_json", "param": None},
    }


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_a_lone_surrogate(http: httpx.Client, path: str) -> None:
    body = '{"model": "fake-model", "max_tokens": 5, "messages": [{"role": "user", "content": "\\ud800"}]}'
    response = http.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["details"]["error_code"] == "invalid_json"


def test_an_unknown_model(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.create(**ASK | {"model": "claude"})
    assert caught.value.type == "not_found_error"
    assert "fake-model" in caught.value.message
    with pytest.raises(anthropic.NotFoundError):
        client.messages.count_tokens(model="claude", messages=HI)


def test_a_request_that_is_wrong(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="no such field") as caught:
        client.messages.create(**ASK, extra_body={"temprature": 1})
    assert caught.value.type == "invalid_request_error"
    assert caught.value.error_code == "unknown_option"


def test_every_answer_names_its_call(client: anthropic.Anthropic) -> None:
    message = client.messages.create(**ASK)
    assert message._request_id
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(**ASK, stream=True, extra_body={"seed": 1})
    assert caught.value.request_id
    assert caught.value.request_id != message._request_id
    assert caught.value.body["request_id"] == caught.value.request_id


def test_a_body_too_large(http: httpx.Client) -> None:
    response = http.post("/v1/messages", json=ASK | {"system": "x" * 100_000})
    assert response.status_code == 413
    assert response.json()["error"]["type"] == "request_too_large"


@pytest.mark.parametrize("stream", [False, True])
def test_a_full_queue(client: anthropic.Anthropic, server: RunningServer, stream: bool) -> None:
    server.engine.refusal = Overloaded("the queue is full")
    with pytest.raises(anthropic.APIStatusError, match="the queue is full") as caught:
        client.messages.create(**ASK, stream=stream)
    assert caught.value.status_code == 529
    assert caught.value.type == "overloaded_error"
    assert "retry-after" in caught.value.response.headers


def test_an_engine_that_fails(client: anthropic.Anthropic, server: RunningServer) -> None:
    server.engine.script = lambda request: [EngineError("the logits are not numbers")]
    with pytest.raises(anthropic.InternalServerError, match="the logits are not numbers") as caught:
        client.messages.create(**ASK)
    assert caught.value.type == "api_error"


def test_a_wrong_method(http: httpx.Client) -> None:
    response = http.get("/v1/messages")
    assert response.status_code == 405
    assert response.json()["type"] == "error"
