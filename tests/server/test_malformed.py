"""Requests that are no requests: each gets a 4xx, in the API's envelope where it is HTTP at all, and tells nothing."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import httpx
import pytest

from weft.errors import InvalidRequest, PromptTooLong

from .conftest import RunningServer

PATH = re.compile(r"/\w+/")

TURN: Any = {"role": "user", "content": "Hi"}
MESSAGES: Any = {"model": "fake-model", "messages": [TURN]}
PATHS = ["/v1/completions", "/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings", "/v1/decisions"]
PATHS += ["/generate", "/tokenize", "/detokenize"]
JSON = {"Content-Type": "application/json"}
MARK = "client-made-text"


def refusal(response: httpx.Response, *statuses: int) -> Any:
    """Assert that a response is a refusal in the envelope, which tells nothing; its error."""
    assert response.status_code in (statuses or (400,)), response.text
    body = response.json()
    error = body["error"]
    assert isinstance(error["message"], str)
    assert len(response.text) < 1000
    assert not PATH.search(response.text)
    for secret in (MARK, "site-packages", "0x", "Traceback", ".py"):
        assert secret not in response.text
    assert response.headers["X-Request-Id"]
    return error


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"1",
        b"[]",
        b'"' + MARK.encode() + b'"',
        b"{'model': 1}",
        b'{"model": "' + MARK.encode(),
        b'{"model": "fake-model"} trailing',
        b'{"model": "\xff\xfe"}',
        b"\xff" * 100,
        '{"model": "fake-model"}'.encode("utf-16"),
        '{"model": "fake-model"}'.encode("utf-32"),
        b'{"model": "fake-model\0"}',
        b'{"model": "\\ud800"}',
        b'{"model": "fake-model", "prompt": "\\udfff", "text": "\\udfff", "input": "\\udfff"}',
        b'{"model": ' + b"9" * 5000 + b"}",
        b"9" * 90_000,
        b'{"model": NaN}',
        b'{"model": "fake-model", "temperature": -Infinity}',
        b"[" * 50_000,
        b'{"model":' * 5_000,
        b"{" + b'"' + b"a" * 20_000 + b'": 1}',
        b'{"model": "' + b"a" * 50_000 + b'"}',
    ],
)
def test_bodies_that_are_none(http: httpx.Client, path: str, content: bytes) -> None:
    refusal(http.post(path, content=content, headers=JSON), 400, 404)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "", "///"]
)
def test_bodies_of_another_type(http: httpx.Client, path: str, kind: str) -> None:
    refusal(http.post(path, content=b'{"model": "fake-model"}', headers={"Content-Type": kind}))


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"seed": 10**400},
        {"max_tokens": 10**30},
        {"max_tokens": -(10**30)},
        {"top_k": 2**63},
        {"priority": 2**70},
        {"stop_token_ids": [2**64]},
        {"logit_bias": {"1": 1e300}},
        {"chat_template_kwargs": {"enable_thinking": float("nan")}},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"minimum": float("nan")}}}]},
        {"guided_json": {"minimum": float("inf")}},
        {"a" * 50_000: 1},
        {"stop": ["a" * 50_000]},
        {"tool_choice": {"type": "function", "function": {"name": "a" * 50_000}}},
        {"regex": "(" * 20_000},
        {"guided_grammar": MARK * 1000},
        {"guided_json": {"type": MARK}},
        {"reasoning_effort": "a" * 30_000},
    ],
)
def test_values_beyond_all_bounds(http: httpx.Client, server: RunningServer, fields: Any) -> None:
    body = json.dumps({"model": "fake-model", "messages": [TURN]} | fields)
    response = http.post("/v1/chat/completions", content=body, headers=JSON)
    if response.status_code == 200:  # constraints are read by the engine, which here is scripted
        assert set(fields) <= {"regex", "guided_grammar", "guided_json"}
    else:
        refusal(response)
        assert not server.engine.requests


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/" + MARK}},
        {"type": "input_audio", "input_audio": {"data": "aaaa", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "video_url", "video_url": {"url": "file:///etc/passwd"}},
        {"type": MARK},
    ],
)
def test_parts_that_are_no_text(http: httpx.Client, part: Any) -> None:
    messages = [TURN, {"role": "user", "content": [{"type": "text", "text": "See:"}, part]}]
    error = refusal(http.post("/v1/chat/completions", json={"model": "fake-model", "messages": messages}))
    assert error["param"] == "messages[1].content[1]"
    assert error["message"] == "messages[1].content[1]: this model takes text only"


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "text"}, "messages[0].content[0].text"),
        ({"type": "text", "text": 1}, "messages[0].content[0].text"),
        ({"type": "text", "text": "a", "colour": 1}, "messages[0].content[0].colour"),
        ({"text": "a"}, "messages[0].content[0].type"),
        ({"type": 1}, "messages[0].content[0].type"),
        ("a", "messages[0].content[0]"),
    ],
)
def test_parts_at_fault(http: httpx.Client, part: Any, param: str) -> None:
    messages = [{"role": "user", "content": [part]}]
    assert (
        refusal(http.post("/v1/chat/completions", json={"model": "fake-model", "messages": messages}))["param"] == param
    )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_other_methods(http: httpx.Client, path: str, method: str) -> None:
    refusal(http.request(method, path), 405)


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/nowhere", "/v1/completions/", "/v1/../etc/passwd", "/%00", "/%ff%fe", "//"]
)
def test_paths_that_are_none(http: httpx.Client, path: str) -> None:
    for method in ("GET", "POST"):
        refusal(http.request(method, path), 404)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/completions", {"model": "fake-model", "prompt": "Hi"}, "prompt"),
        ("/v1/chat/completions", MESSAGES, "messages"),
        ("/v1/messages", MESSAGES | {"max_tokens": 5}, "messages"),
        ("/v1/responses", {"model": "fake-model", "input": "Hi"}, "input"),
        ("/generate", {"text": "Hi"}, "text"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_is_too_long(
    http: httpx.Client, server: RunningServer, path: str, body: Any, param: str, stream: bool
) -> None:
    server.engine.script = lambda request: [PromptTooLong("the prompt has 200 tokens", param="prompt")]
    error = refusal(http.post(path, json=body | {"stream": stream}))
    details = error["details"] if path == "/v1/messages" else error
    assert details["param"] == param
    assert details.get("code", details.get("error_code")) == "context_length_exceeded"


def test_what_a_client_makes_up_is_not_told_back_at_length(http: httpx.Client, server: RunningServer) -> None:
    server.engine.script = lambda request: ["a", InvalidRequest("x" * 5000, param="y" * 5000)]
    responses = {"model": "fake-model", "input": "Hi"}
    for path, body in (
        ("/v1/chat/completions", MESSAGES),
        ("/v1/messages", MESSAGES | {"max_tokens": 5}),
        ("/v1/responses", responses),
        ("/generate", {"text": "Hi"}),
    ):
        for stream in (False, True):
            answer = http.post(path, json=body | {"stream": stream}).text
            assert "xxx" in answer
            assert "x" * 500 not in answer
            assert "y" * 500 not in answer


def exchange(server: RunningServer, sent: bytes) -> bytes:
    """Send bytes and then no more; all that comes back."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while data := connection.recv(65536):
            received += data
        return received


HEAD = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = b'{"model": "fake-model", "prompt": "Hi"}'


@pytest.mark.parametrize(
    "sent",
    [
        b"\0" * 100,
        b"\xff\xfe\xfd\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 64 + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nbroken\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nbad name: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nname: a\0b\r\n\r\n",
        b"GET /he\0alth HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"Content-Length: 39\r\nContent-Length: 40\r\n\r\n" + BODY,
        HEAD + b"Content-Length: -1\r\n\r\n" + BODY,
        HEAD + b"Content-Length: +39\r\n\r\n" + BODY,
        HEAD + b"Content-Length: 0x27\r\n\r\n" + BODY,
        HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n" + BODY,
        HEAD + b"Content-Length: " + b"9" * 10 + b"\r\n\r\n" + BODY,
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + BODY,
        HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + BODY,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http(server: RunningServer, http: httpx.Client, sent: bytes) -> None:
    answer = exchange(server, sent)
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert b"Traceback" not in answer
    assert b"fake-model" not in answer
    assert http.get("/health").status_code == 200


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"5\r\nab", b"-1\r\n\r\n", b"5;" + b"a" * 100 + b"\r\nabcdeXX"])
def test_chunks_that_are_none(server: RunningServer, http: httpx.Client, chunks: bytes) -> None:
    answer = exchange(server, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer
    assert not server.engine.requests
    assert http.get("/health").status_code == 200


def test_a_body_that_breaks_off_is_not_answered(server: RunningServer, http: httpx.Client) -> None:
    assert exchange(server, HEAD + b"Content-Length: 39\r\n\r\n" + BODY[:20]) in (b"",)
    assert not server.engine.requests
    assert http.get("/health").status_code == 200
