"""Bounds on what one request may ask, weigh and take: each is refused by name, early, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Iterator
from dataclasses import asdict, fields
from typing import Any

import httpx
import pytest
from starlette.types import Message
from typer.testing import CliRunner

from weft.cli.main import app
from weft.errors import InvalidRequest
from weft.server.answers import OPENAI_ENDING, EventStreamResponse
from weft.server.calls import Call, begin_call
from weft.server.deadline import Deadline
from weft.server.json_text import deeper
from weft.server.options import Limits, ServeOptions

from .conftest import HERMES, RunningServer, serve
from .fake_engine import FakeTokenizer, Hold

LIMITS = Limits(
    body_bytes=100_000,
    messages=3,
    tools=2,
    stop=2,
    logit_bias=3,
    constraint_bytes=1000,
    schema_depth=10,
    json_depth=20,
    inputs=2,
)
COMPLETIONS: Any = {"model": "fake-model", "prompt": "Hi"}
TURN: Any = {"role": "user", "content": "Hi"}
CHAT: Any = {"model": "fake-model", "messages": [TURN]}
ANTHROPIC: Any = CHAT | {"max_tokens": 5}


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"items": value}
    return value


def tool(name: str) -> Any:
    return {"type": "function", "function": {"name": name}}


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("completions", COMPLETIONS | {"stop": ["a", "b", "c"]}, "stop"),
        ("completions", COMPLETIONS | {"logit_bias": {str(token): 1 for token in range(4)}}, "logit_bias"),
        ("completions", COMPLETIONS | {"regex": "a" * 1001}, "regex"),
        ("completions", COMPLETIONS | {"regex": "é" * 501}, "regex"),
        ("completions", COMPLETIONS | {"guided_choice": ["a" * 600, "b" * 600]}, "guided_choice"),
        ("completions", COMPLETIONS | {"guided_json": nested(11)}, "guided_json"),
        ("completions", COMPLETIONS | {"json_schema": json.dumps(nested(11))}, "json_schema"),
        ("chat/completions", CHAT | {"logit_bias": {str(token): 1 for token in range(4)}}, "logit_bias"),
        ("chat/completions", CHAT | {"messages": [TURN] * 4}, "messages"),
        ("chat/completions", CHAT | {"tools": [tool("a"), tool("b"), tool("c")]}, "tools"),
        (
            "chat/completions",
            CHAT | {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": nested(11)}}},
            "response_format",
        ),
        ("embeddings", {"model": "fake-model", "input": ["a", "b", "c"]}, "input"),
    ],
)
def test_what_is_too_much_is_refused_by_name(
    http: httpx.Client, server: RunningServer, path: str, body: Any, param: str
) -> None:
    response = http.post(f"/v1/{path}", json=body)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] == param
    assert len(response.text) < 400
    assert not server.engine.requests


def test_what_is_just_enough_is_taken(http: httpx.Client) -> None:
    fields = {"stop": ["a", "b"], "logit_bias": {str(token): 1 for token in range(3)}}
    assert http.post("/v1/completions", json=COMPLETIONS | fields).status_code == 200
    assert http.post("/v1/completions", json=COMPLETIONS | {"regex": "a" * 1000}).status_code == 200
    assert http.post("/v1/completions", json=COMPLETIONS | {"guided_json": nested(10)}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions", "/v1/messages", "/v1/embeddings"])
def test_a_body_that_nests_too_deeply(http: httpx.Client, path: str) -> None:
    for body in (json.dumps(nested(21)), "[" * 50_000, "[" * 50_000 + "]" * 50_000):
        response = http.post(path, content=body, headers={"Content-Type": "application/json"})
        assert response.status_code == 400
        assert "nested too deeply" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("1", 0),
        ("[[1]]", 2),
        ('{"a": [{}, []]}', 3),
        ("[[], [], [{}]]", 3),
        ('["[[[", "]", [1]]', 2),
        (r'["\"[[[[", [1]]', 2),
        (r'["\\", "[[[", [1]]', 2),
        (r'["\\\"[[[", [1]]', 2),
        ('{"[[[": "]]]"}', 1),
        ("[" * 7, 7),
    ],
)
def test_the_depth_of_a_text(text: str, depth: int) -> None:
    assert not deeper(text.encode(), depth)
    if depth:
        assert deeper(text.encode(), depth - 1)


def pieces(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield bytes(65536)


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/messages"])
@pytest.mark.parametrize("declared", [True, False])
def test_a_hundred_megabytes_are_refused_at_once(http: httpx.Client, path: str, declared: bool) -> None:
    count = 1600
    headers = {"Content-Length": str(count * 65536)} if declared else {}
    response = http.post(path, content=pieces(count), headers=headers)
    assert response.status_code == 413
    assert response.headers["Connection"] == "close"
    error = response.json()["error"]
    assert error["type"] == ("request_too_large" if path == "/v1/messages" else "invalid_request_error")
    assert "100000 bytes" in error["message"]


def exchange(server: RunningServer, sent: bytes) -> bytes:
    """Send bytes and nothing more; all that comes back until the server ends the connection or the answer is there."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(sent)
        received = b""
        while not received.endswith((b"}", b"}\r\n0\r\n\r\n")) and (data := connection.recv(65536)):
            received += data
        return received


def test_a_client_that_asks_first_is_refused_without_sending(server: RunningServer) -> None:
    head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\nExpect: 100-continue\r\n\r\n"
    assert exchange(server, head).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/messages"])
@pytest.mark.parametrize("sent", [b"", b'{"model":'])
def test_a_body_that_comes_too_slowly(path: str, sent: bytes) -> None:
    with serve(FakeTokenizer(), HERMES, Limits(body_timeout=0.05)) as server:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode()
        head, _, body = exchange(server, head + sent).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in head.lower()
        error = json.loads(body)["error"]
        assert "0.05 seconds" in error["message"]
        assert (error["code"] if path == "/v1/completions" else error["details"]["error_code"]) == "request_timeout"


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/completions", COMPLETIONS, "server_error"),
        ("/v1/completions", COMPLETIONS | {"stream": True}, "server_error"),
        ("/v1/completions", COMPLETIONS | {"n": 3}, "server_error"),
        ("/v1/chat/completions", CHAT, "server_error"),
        ("/v1/messages", ANTHROPIC, "timeout_error"),
        ("/v1/messages", ANTHROPIC | {"stream": True}, "timeout_error"),
    ],
)
def test_a_request_that_takes_too_long_is_given_up(path: str, body: Any, kind: str) -> None:
    with serve(FakeTokenizer(), HERMES, Limits(request_timeout=0.2)) as server, httpx.Client(timeout=30) as http:
        server.engine.script = lambda request: [Hold()]
        response = http.post(server.url + path, json=body)
        assert response.status_code == 504, response.text
        error = response.json()["error"]
        assert error["type"] == kind
        assert "0.2 seconds" in error["message"]
        submitted = [request.id for request in server.engine.requests]
        assert {server.engine.aborted.get(timeout=30) for _ in submitted} == set(submitted)


def test_a_stream_that_takes_too_long_ends_by_an_error_after_its_generations_are_given_up() -> None:
    order: list[Any] = []

    async def frames() -> AsyncGenerator[bytes, None]:
        try:
            yield b"data: 2\n\n"
            await asyncio.Event().wait()
        finally:
            order.append("given up")

    async def send(message: Message) -> None:
        order.append(message.get("body"))

    async def main() -> None:
        call = Call("call")
        call.deadline, call.seconds = asyncio.get_running_loop().time() + 0.05, 0.05
        begin_call(call)
        await EventStreamResponse(b"data: 1\n\n", frames(), OPENAI_ENDING)({}, asyncio.Event().wait, send)  # type: ignore[arg-type]
        assert call.error_code == "timeout"

    asyncio.run(main())
    last = order.pop()
    assert order == [None, b"data: 1\n\n", b"data: 2\n\n", "given up"]
    error = json.loads(last.removeprefix(b"data: "))["error"]
    assert (error["type"], error["code"]) == ("server_error", "timeout")


def test_a_client_that_takes_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.server.deadline.LAST_WORDS_SECONDS", 0.01)
    ended: list[str] = []

    async def hold(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await asyncio.Event().wait()
        finally:
            ended.append("app")

    async def send(message: Message) -> None:
        ended.append(message["type"])

    scope = {"type": "http", "path": "/v1/completions"}
    asyncio.run(Deadline(hold, 0.01)(scope, None, send))  # type: ignore[arg-type]
    assert ended == ["http.response.start", "app"]


@pytest.mark.parametrize(
    ("limits", "param"),
    [(Limits(n=0), "n"), (Limits(stop=17), "stop"), (Limits(request_timeout=0), "request_timeout")],
)
def test_bounds_that_nothing_could_keep_are_refused_at_start(limits: Limits, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ServeOptions(limits=limits).validate()
    assert refused.value.param == param


def test_every_bound_has_a_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[ServeOptions] = []

    async def serve(options: ServeOptions, notify: Any) -> None:
        told.append(options)

    monkeypatch.setattr("weft.server.serve.serve", serve)
    flags = {field.name: f"--max-{field.name.removeprefix('max_').replace('_', '-')}" for field in fields(Limits)}
    flags |= {name: f"--{name.replace('_', '-')}" for name in ("body_timeout", "request_timeout")}
    flags["tokens"] = "--max-detokenize"
    arguments = [word for number, flag in enumerate(flags.values(), 3) for word in (flag, str(number))]
    assert CliRunner().invoke(app, ["serve", *arguments]).exit_code == 0
    assert asdict(told[0].limits) == dict(zip(flags, range(3, 3 + len(flags)), strict=True))
