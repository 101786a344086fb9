"""What SGLang's clients ask of the server itself, over a scripted engine; and aborts by `rid`."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import pytest

from weft.errors import EngineError, Overloaded

from ..conftest import RunningServer
from ..fake_engine import Hold


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/get_model_info", "/model_info"])
def test_model_info(http: httpx.Client, path: str, method: str) -> None:
    info = http.request(method, path).json()
    assert (info["model_path"], info["tokenizer_path"], info["served_model_name"]) == ("fake-model",) * 3
    assert info["is_generation"] is True
    assert info["context_length"] == 100


@pytest.mark.parametrize("path", ["/server_info", "/get_server_info"])
def test_server_info(http: httpx.Client, server: RunningServer, path: str) -> None:
    info = http.get(path).json()
    assert (info["model"], info["model_path"]) == ("fake-model", "fake-model")
    assert info["stats"]["running"] == 3
    assert info["internal_states"] == [info["stats"]]
    assert (info["page_size"], info["max_total_num_tokens"]) == (16, 128)
    assert info["books"] == "ok"
    server.engine.miscounted = EngineError("page 7 belongs to nobody")
    info = http.get(path).json()
    assert info["books"] == "page 7 belongs to nobody"


@pytest.mark.parametrize(
    ("method", "body"), [("GET", None), ("POST", None), ("POST", {}), ("POST", {"empty_cache": True})]
)
def test_flush_cache(http: httpx.Client, server: RunningServer, method: str, body: Any) -> None:
    assert http.request(method, "/flush_cache", json=body).status_code == 200
    assert server.engine.flushes == 1
    assert http.post("/flush_cache", json={"what": 1}).json()["error"]["param"] == "what"


def test_health_generate_makes_a_token(http: httpx.Client, server: RunningServer) -> None:
    assert http.get("/health_generate").status_code == 200
    (request,) = server.engine.requests
    assert request.sampling.max_tokens == 1
    server.engine.refusal = Overloaded("full")
    assert http.get("/health_generate").status_code == 503


def test_caches_are_not_concatenated(http: httpx.Client) -> None:
    response = http.post("/concate_and_append_request", json={"src_rids": ["a", "b"], "dst_rid": "c"})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "unsupported"
    assert "joined" in response.json()["error"]["message"]


class Asking(threading.Thread):
    """A call of /generate that waits for its answer."""

    def __init__(self, url: str, body: dict[str, Any]) -> None:
        super().__init__()
        self._url, self._body = url, body
        self.answer: Any = None
        self.start()

    def run(self) -> None:
        response = httpx.post(f"{self._url}/generate", json=self._body, timeout=30)
        self.answer = response.json()

    def wait(self) -> Any:
        self.join(timeout=30)
        return self.answer


def held(server: RunningServer, body: dict[str, Any], count: int) -> Asking:
    """A call whose `count` generations are with the engine, and do not end."""
    server.engine.script = lambda request: ["a", Hold()]
    asking = Asking(server.url, body)
    for _ in range(count):
        server.engine.submitted.get(timeout=30)
    return asking


@pytest.mark.parametrize("order", [{"rid": "mine"}, {"abort_all": True}])
def test_an_aborted_answer_is_an_answer(http: httpx.Client, server: RunningServer, order: Any) -> None:
    asking = held(server, {"text": "Hi", "rid": "mine"}, 1)
    assert http.post("/abort_request", json={"rid": "other"}).status_code == 200
    assert http.post("/abort_request", json=order).status_code == 200
    answer = asking.wait()
    assert answer["text"] in ("", "a")
    assert answer["meta_info"]["finish_reason"] == {"type": "abort", "message": "aborted by /abort_request"}
    assert answer["meta_info"]["prompt_tokens"] == 2
    assert server.engine.aborted.get(timeout=30) == server.engine.requests[0].id


def test_one_of_a_batch_is_aborted(http: httpx.Client, server: RunningServer) -> None:
    asking = held(server, {"text": ["a", "b"], "rid": "x"}, 2)
    http.post("/abort_request", json={"rid": "x_0"})
    assert server.engine.aborted.get(timeout=30) == server.engine.requests[0].id
    assert server.engine.aborted.empty()
    http.post("/abort_request", json={"rid": "x"})
    answers = asking.wait()
    assert [each["meta_info"]["finish_reason"]["type"] for each in answers] == ["abort", "abort"]


def test_an_aborted_stream_ends_well(http: httpx.Client, server: RunningServer) -> None:
    server.engine.script = lambda request: ["a", Hold()]
    with http.stream("POST", "/generate", json={"text": "Hi", "rid": "mine", "stream": True}) as response:
        lines = (line for line in response.iter_lines() if line)
        assert json.loads(next(lines).removeprefix("data: "))["text"] == "a"
        with httpx.Client(base_url=server.url) as other:
            other.post("/abort_request", json={"rid": "mine"})
        *_, last, done = lines
    assert done == "data: [DONE]"
    last = json.loads(last.removeprefix("data: "))
    assert (last["text"], last["meta_info"]["finish_reason"]["type"]) == ("a", "abort")


def test_other_apis_requests_have_no_name_here(http: httpx.Client, server: RunningServer) -> None:
    server.engine.script = lambda request: ["a", Hold()]
    aborted = server.engine.aborted
    body = {"model": "fake-model", "prompt": "Hi", "stream": True}
    with http.stream("POST", "/v1/completions", json=body) as response:
        lines = response.iter_lines()
        next(lines)
        with httpx.Client(base_url=server.url) as other:
            other.post("/abort_request", json={"abort_all": True})
            other.post("/abort_request", json={"rid": server.engine.requests[0].id})
        own = server.engine.requests[0].id
        assert own not in [aborted.get() for _ in range(aborted.qsize())]


def test_an_abort_needs_a_name(http: httpx.Client) -> None:
    for body in ({}, {"rid": ""}, {"abort_all": False}):
        response = http.post("/abort_request", json=body)
        assert response.status_code == 400
        assert response.json()["error"]["param"] == "rid"
