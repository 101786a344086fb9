"""Streams that break: the client goes, or the engine fails in the middle."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any

import httpx
import openai
import pytest

from weft.errors import EngineError
from weft.request import FinishReason

from .conftest import RunningServer
from .fake_engine import End, Hold

BODIES: Any = {
    "/v1/completions": {"model": "fake-model", "prompt": "Hi"},
    "/v1/chat/completions": {"model": "fake-model", "messages": [{"role": "user", "content": "Hi"}]},
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("n", [1, 3])
def test_a_client_that_leaves_its_stream_aborts_it(
    http: httpx.Client, server: RunningServer, path: str, n: int
) -> None:
    server.engine.script = lambda request: ["a", Hold()]
    with http.stream("POST", path, json=BODIES[path] | {"stream": True, "n": n}) as response:
        assert next(response.iter_bytes())
    aborted = {server.engine.aborted.get(timeout=30) for _ in range(n)}
    assert aborted == {request.id for request in server.engine.requests}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_before_the_first_token_aborts(server: RunningServer, path: str, stream: bool) -> None:
    server.engine.script = lambda request: [Hold()]
    connection = HTTPConnection(server.url.removeprefix("http://"))
    body = json.dumps(BODIES[path] | {"stream": stream})
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    submitted = server.engine.submitted.get(timeout=30)
    connection.close()
    assert server.engine.aborted.get(timeout=30) == submitted


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "failure",
    [
        EngineError("the logits are not numbers"),
        End(FinishReason.ERROR, error=("engine_error", "the logits are not numbers", None)),
    ],
)
def test_a_stream_that_fails_says_so(http: httpx.Client, server: RunningServer, path: str, failure: Any) -> None:
    server.engine.script = lambda request: ["a", "b", failure]
    with http.stream("POST", path, json=BODIES[path] | {"stream": True}) as response:
        assert response.status_code == 200
        frames = response.read().decode().strip().split("\n\n")
    error = json.loads(frames[-1].removeprefix("data: "))["error"]
    assert (error["message"], error["type"], error["code"]) == (
        "the logits are not numbers",
        "server_error",
        "engine_error",
    )
    assert not any("[DONE]" in frame for frame in frames)


def test_openais_client_raises_the_error_of_a_failed_stream(client: openai.OpenAI, server: RunningServer) -> None:
    server.engine.script = lambda request: ["a", EngineError("the logits are not numbers")]
    stream = client.completions.create(model="fake-model", prompt="Hi", stream=True)
    assert next(stream).choices[0].text == "a"
    with pytest.raises(openai.APIError, match="logits"):
        list(stream)


def test_an_aborted_generation_is_an_error_not_an_answer(http: httpx.Client, server: RunningServer) -> None:
    server.engine.script = lambda request: ["a", End(FinishReason.ABORT)]
    response = http.post("/v1/completions", json=BODIES["/v1/completions"])
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "aborted"
