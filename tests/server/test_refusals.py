"""What is wrong with a request is said by name, in OpenAI's envelope, with 400 and never 422; nothing is ignored."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pydantic
import pytest

from weft.server.openai.chat_types import ChatRequest
from weft.server.openai.completions import CompletionRequest

from .conftest import RunningServer

COMPLETIONS: Any = {"model": "fake-model", "prompt": "Hi"}
CHAT: Any = {"model": "fake-model", "messages": [{"role": "user", "content": "Hi"}]}
TOOL: Any = {"type": "function", "function": {"name": "f"}}
SCHEMA: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "string"}}}


def refused(http: httpx.Client, body: Any, param: str | None, code: str | None = None) -> str:
    """Post `body`; assert its refusal, and give the message."""
    path = "/v1/chat/completions" if "messages" in body else "/v1/completions"
    response = http.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param, error
    if code is not None:
        assert error["code"] == code
    if param is not None:
        assert param.split(".")[-1].split("[")[0] in error["message"]
    return str(error["message"])


@pytest.mark.parametrize("body", [COMPLETIONS, CHAT])
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"top_k": -2}, "top_k"),
        ({"min_p": 2}, "min_p"),
        ({"n": 0}, "n"),
        ({"n": 5}, "n"),
        ({"seed": 2**63}, "seed"),
        ({"seed": 10**30}, "seed"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a"] * 17}, "stop"),
        ({"stop": [1]}, "stop[0]"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"frequency_penalty": -3}, "frequency_penalty"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"-1": 1}}, "logit_bias"),
        ({"logit_bias": {"1_0": 1}}, "logit_bias"),
        ({"logit_bias": {"262": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias"),
        ({"logit_bias": [1]}, "logit_bias"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_cost": True}}, "stream_options.include_cost"),
        ({"temprature": 1}, "temprature"),
        ({"max_tokens": 10**30}, "max_tokens"),
        ({"priority": 10**30}, "priority"),
        ({"stop_token_ids": [10**30]}, "stop_token_ids"),
        ({"stop_token_ids": [1] * 2000}, "stop_token_ids"),
        ({"cache_salt": "x" * 2000}, "cache_salt"),
        ({"guided_json": {}, "guided_regex": "a"}, "guided_regex"),
        ({"response_format": SCHEMA, "regex": "a"}, "regex"),
        ({"structured_outputs": {}}, "structured_outputs"),
        ({"structured_outputs": {"regex": "a", "choice": ["b"]}}, "structured_outputs.choice"),
        ({"structured_outputs": {"regex": "a", "whitespace_pattern": "b"}}, "structured_outputs.whitespace_pattern"),
        ({"guided_choice": []}, "guided_choice"),
        ({"guided_decoding_backend": "xgrammar"}, "guided_decoding_backend"),
        ({"lora_path": "x"}, "lora_path"),
        ({"use_beam_search": True}, "use_beam_search"),
        ({"bad_words": "x"}, "bad_words"),
        ({"prompt_logprobs": -1}, "prompt_logprobs"),
        ({"prompt_logprobs": 21}, "prompt_logprobs"),
        ({"prompt_logprobs": 1, "stream": True}, "prompt_logprobs"),
        ({"bad_words": [""]}, "bad_words"),
        ({"bad_words": ["x"] * 300}, "bad_words"),
        ({"truncate_prompt_tokens": 5}, "truncate_prompt_tokens"),
        ({"chat_template": "x"}, "chat_template"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
         "response_format.json_schema.schema"),
        ({"response_format": {"type": "text", "json_schema": {"schema": {}}}}, "response_format.json_schema"),
        ({"response_format": {"type": "regex"}}, "response_format.pattern"),
        ({"response_format": {"type": "grammar"}}, "response_format.grammar"),
        ({"response_format": {"type": "structural_tag", "grammar": "x"}}, "response_format.grammar"),
        ({"response_format": {"type": "structural_tag"}}, "response_format.format"),
        ({"response_format": {"type": "regex", "pattern": "a", "triggers": []}}, "response_format.triggers"),
    ],
)  # fmt: skip
def test_fields_of_both(http: httpx.Client, server: RunningServer, body: Any, fields: Any, param: str) -> None:
    refused(http, body | fields, param)
    assert server.engine.requests == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ["a", ""]}, "prompt[1]"),
        ({"prompt": [[1], []]}, "prompt[1]"),
        ({"prompt": [1, 262]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": [[1], [2**70]]}, "prompt[1]"),
        ({"prompt": ["a"] * 4}, "prompt"),
        ({"prompt": ["a"] * 3, "n": 3}, "n"),
        ({"prompt": {"text": "a"}}, "prompt"),
        ({"logprobs": 21}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"best_of": 2}, "best_of"),
        ({"echo": "yes"}, "echo"),
        ({"suffix": "x"}, "suffix"),
    ],
)
def test_completion_fields(http: httpx.Client, fields: Any, param: str) -> None:
    refused(http, COMPLETIONS | fields, param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "owner", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "a", "mood": "x"}]}, "messages[0].mood"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]},
         "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": "a", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}]},
         "messages[0].tool_calls"),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "[1]"}}]}]},
         "messages[0].tool_calls[0].function.arguments"),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": '}}]}]},
         "messages[0].tool_calls[0].function.arguments"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"max_tokens": 3, "max_completion_tokens": 4}, "max_tokens"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "any"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}},
         "tool_choice.allowed_tools.tools"),
        ({"tools": [TOOL, TOOL]}, "tools"),
        ({"chat_template_kwargs": {"mood": 1}}, "chat_template_kwargs.mood"),
        ({"separate_reasoning": False}, "separate_reasoning"),
        ({"continue_final_message": True}, "continue_final_message"),
        ({"tools": [{"type": "retrieval"}]}, "tools[0].type"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"reasoning_effort": "high"}, "reasoning_effort"),
        ({"store": True}, "store"),
        ({"functions": [{}]}, "functions"),
    ],
)  # fmt: skip
def test_chat_fields(http: httpx.Client, fields: Any, param: str) -> None:
    refused(http, CHAT | fields, param)


def test_fields_that_ask_for_nothing_are_fine(http: httpx.Client) -> None:
    neutral = {
        "audio": None,
        "functions": [],
        "metadata": {},
        "modalities": ["text"],
        "parallel_tool_calls": True,
        "service_tier": "auto",
        "store": False,
        "safety_identifier": "me",
    }
    assert http.post("/v1/chat/completions", json=CHAT | neutral).status_code == 200


def test_missing_fields(http: httpx.Client) -> None:
    refused(http, {"prompt": "a"}, "model", "missing_field")
    refused(http, {"model": "fake-model"}, "prompt", "missing_field")


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "\ud800"},
        {"prompt": ["a", "\udfff"]},
        {"stop": "\ud800"},
        {"response_format": {"type": "regex", "pattern": "\ud800"}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"const": "\ud800"}}}},
        {"\ud800": 1},
    ],
)
def test_text_that_no_utf8_can_hold(http: httpx.Client, fields: Any) -> None:
    assert "surrogate" in refused(http, COMPLETIONS | fields, None, "invalid_json")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 50_000, b'{"model": 1' + b"0" * 5000]
)
def test_bodies_that_are_no_request(http: httpx.Client, body: bytes) -> None:
    response = http.post("/v1/completions", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400, response.text
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


def test_the_input_is_not_echoed(http: httpx.Client) -> None:
    message = refused(http, COMPLETIONS | {"max_tokens": "S3CRET"}, "max_tokens")
    assert "S3CRET" not in message


def test_unknown_model(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.completions.create(model="other", prompt="Hi")
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="other", messages=[{"role": "user", "content": "Hi"}])
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


def test_unknown_path_and_method(http: httpx.Client) -> None:
    for response, status in ((http.get("/nowhere"), 404), (http.get("/v1/completions"), 405)):
        assert response.status_code == status
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}


def test_a_large_body_is_refused_declared_or_not(http: httpx.Client) -> None:
    body = json.dumps(COMPLETIONS | {"prompt": "a" * 100_000}).encode()
    declared = http.post("/v1/completions", content=body)
    chunked = http.post("/v1/completions", content=iter([body[:60_000], body[60_000:]]))
    for response in (declared, chunked):
        assert response.status_code == 413
        assert response.json()["error"]["code"] == "request_too_large"
    assert http.post("/v1/completions", json=COMPLETIONS).status_code == 200


def test_models(client: openai.OpenAI) -> None:
    (model,) = client.models.list().data
    assert model.id == "fake-model"
    assert client.models.retrieve("fake-model") == model


def test_health_version_and_server_info(http: httpx.Client) -> None:
    assert http.get("/health").json() == {"status": "ok"}
    assert http.get("/version").json()["version"]
    info = http.get("/server_info").json()
    assert info["model"] == "fake-model"
    assert info["stats"]["running"] == 3
    assert info["stats"]["requests_stop"] == 7


def test_the_openapi_page_describes_errors_as_they_are(http: httpx.Client) -> None:
    page = http.get("/openapi.json").json()
    for path in ("/v1/completions", "/v1/chat/completions"):
        responses = page["paths"][path]["post"]["responses"]
        assert set(responses) == {"200", "default"}
        assert responses["default"]["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorEnvelope")


@pytest.mark.parametrize(
    "body", [{"messages": [None] * 10_000}, {"messages": [], "tools": [None] * 10_000}, {"prompt": [None] * 10_000}]
)
def test_a_list_is_read_up_to_its_first_fault(body: dict[str, Any]) -> None:
    kind = ChatRequest if "messages" in body else CompletionRequest
    with pytest.raises(pydantic.ValidationError) as caught:
        kind.model_validate({"model": "m"} | body)
    assert caught.value.error_count() < 10
