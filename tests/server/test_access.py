"""Request ids, the log's line for each call, and what failed calls are counted as."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import httpx
import openai
import pytest

from weft.errors import EngineError, Overloaded
from weft.grammar import regex
from weft.request import GenerateRequest
from weft.server.logs import FIELDS, JsonLines, TextLines, add_request_id

from .conftest import RunningServer
from .fake_engine import End, Hold
from .test_metrics import Told

CHAT = {"model": "fake-model", "messages": [{"role": "user", "content": "a secret"}]}
COMPLETION = {"model": "fake-model", "prompt": "a secret"}


class Lines(logging.Handler):
    """Log records as they come; `next` waits for one."""

    def __init__(self) -> None:
        super().__init__()
        self._came = threading.Condition()
        self._records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        with self._came:
            self._records.append(record)
            self._came.notify_all()

    def next(self) -> dict[str, Any]:
        """The next record, as a line of JSON says it."""
        with self._came:
            assert self._came.wait_for(lambda: bool(self._records), 30)
            line: dict[str, Any] = json.loads(JsonLines("api").format(self._records.pop(0)))
            return line


@contextmanager
def logged(name: str) -> Iterator[Lines]:
    handler = Lines()
    handler.addFilter(add_request_id)
    logger = logging.getLogger(name)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.setLevel(level)
    logger.removeHandler(handler)


@pytest.fixture
def lines(server: RunningServer) -> Iterator[Lines]:
    with logged("weft.access") as handler:
        yield handler


def told(server: RunningServer) -> Told:
    return Told(server.call(server.client.metrics()))


def rejections(server: RunningServer) -> dict[str, float]:
    shown = told(server).families["weft:rejections"]
    return {sample.labels["reason"]: sample.value for sample in shown.samples}


def test_metrics_are_served_in_prometheus_format(http: httpx.Client) -> None:
    answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    shown = Told(answer.text)
    assert shown.samples[("weft:num_requests_running", ("model_name", "fake"))] == 3


def test_metrics_of_an_engine_that_fails_are_an_error(server: RunningServer, http: httpx.Client) -> None:
    server.engine.counters = EngineError("no counters")
    answer = http.get("/metrics")
    assert (answer.status_code, answer.json()["error"]["message"]) == (500, "no counters")


def test_the_clients_request_id_is_kept(http: httpx.Client, lines: Lines) -> None:
    answer = http.post("/v1/completions", json=COMPLETION, headers={"X-Request-Id": "job-17.a_B"})
    assert answer.headers.get_list("x-request-id") == ["job-17.a_B"]
    assert lines.next()["request_id"] == "job-17.a_B"


@pytest.mark.parametrize("given", ["", "a b", "a" * 129, 'x"y', "a\\nb", "é".encode()])
def test_an_id_that_is_long_or_unsafe_is_replaced(http: httpx.Client, given: str | bytes) -> None:
    answers = [http.get("/version", headers={"X-Request-Id": given}) for _ in range(2)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert all(re.fullmatch(r"req-[0-9a-f]{32}", made) for made in ids)
    assert ids[0] != ids[1]


def test_openais_client_shows_the_id(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**CHAT, extra_headers={"X-Request-Id": "mine"})
    assert answer._request_id == "mine"


def test_a_calls_line_says_what_the_answer_said(http: httpx.Client, lines: Lines) -> None:
    body = http.post("/v1/completions?key=hidden", json=COMPLETION | {"n": 2}).json()
    line = lines.next()
    assert line["answer_id"] == body["id"]
    assert {name: line[name] for name in FIELDS if name not in ("seconds", "answer_id")} == {
        "method": "POST",
        "path": "/v1/completions",
        "status": 200,
        "prompt_tokens": body["usage"]["prompt_tokens"],
        "completion_tokens": body["usage"]["completion_tokens"],
        "finish_reason": "stop",
        "error_code": None,
    }
    assert line["seconds"] > 0
    assert "secret" not in json.dumps(line)
    assert "hidden" not in json.dumps(line)


def test_the_engines_request_id_begins_with_the_answers(
    server: RunningServer, http: httpx.Client, lines: Lines
) -> None:
    http.post("/v1/chat/completions", json=CHAT)
    assert server.engine.requests[0].id.startswith(lines.next()["answer_id"])


def test_a_streams_line_comes_at_its_end(server: RunningServer, http: httpx.Client, lines: Lines) -> None:
    server.engine.script = lambda request: ["a", "b", End()]
    with http.stream("POST", "/v1/chat/completions", json=CHAT | {"stream": True}) as answer:
        assert answer.headers["x-request-id"]
        answer.read()
    line = lines.next()
    assert (line["status"], line["completion_tokens"], line["finish_reason"]) == (200, 2, "length")


def test_a_stream_that_fails_says_why_in_its_line(server: RunningServer, http: httpx.Client, lines: Lines) -> None:
    server.engine.script = lambda request: ["a", EngineError("the logits are not numbers")]
    http.post("/v1/chat/completions", json=CHAT | {"stream": True})
    line = lines.next()
    assert (line["status"], line["error_code"], line["completion_tokens"]) == (200, "engine_error", 1)


def test_what_the_engine_process_logs_of_a_request_names_it(server: RunningServer, http: httpx.Client) -> None:
    server.engine.script = lambda request: [RuntimeError("the scripted engine broke")]
    with logged("weft.server") as handler:
        assert http.post("/v1/completions", json=COMPLETION).status_code == 500
        line = handler.next()
    assert line["message"] == "a request failed unexpectedly"
    assert "the scripted engine broke" in line["trace"]
    assert line["request_id"] == server.engine.requests[0].id


def test_requests_whose_constraint_is_being_compiled_are_preparing(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiling, go_on = threading.Event(), threading.Event()
    generate = server.engine.generate

    def slow(request: GenerateRequest) -> Any:
        compiling.set()
        assert go_on.wait(30)
        return generate(request)

    monkeypatch.setattr(server.engine, "generate", slow)
    key = ("weft:num_requests_preparing", ("model_name", "fake"))

    async def run() -> tuple[float, float]:
        stream = server.client.generate(GenerateRequest(id="slow", prompt=(1,), constraint=regex("a")))
        await asyncio.to_thread(compiling.wait, 30)
        during = Told(await server.client.metrics()).samples[key]
        go_on.set()
        async for _ in stream:
            pass
        return during, Told(await server.client.metrics()).samples[key]

    assert server.call(run()) == (1, 0)


def test_lines_name_routes_not_what_was_asked_for(http: httpx.Client, lines: Lines) -> None:
    http.get("/v1/models/fake-model")
    assert lines.next()["path"] == "/v1/models/{model:path}"
    http.get("/secret/path")
    line = lines.next()
    assert (line["path"], line["status"], line["error_code"]) == ("unknown", 404, "not_found")


def test_failures_are_counted_by_their_code_and_bear_the_id(
    server: RunningServer, http: httpx.Client, lines: Lines
) -> None:
    before = rejections(server)

    def post(**changes: Any) -> httpx.Response:
        return http.post("/v1/completions", json=COMPLETION | changes)

    answers = {
        "not_found": http.get("/nowhere"),
        "method_not_allowed": http.get("/v1/completions"),
        "model_not_found": post(model="other"),
        "invalid_json": http.post("/v1/completions", content=b"{", headers={"Content-Type": "application/json"}),
        "request_too_large": http.post("/v1/completions", content=b" " * 200_000),
        "unknown_option": post(no_such_field=1),
    }
    server.engine.refusal = Overloaded("full")
    answers["overloaded"] = post()
    answers["overloaded"] = post()
    for code, answer in answers.items():
        assert answer.status_code >= 400
        assert answer.json()["error"]["code"] == code
        assert answer.headers["x-request-id"]
    after = rejections(server)
    grown = {code: count - before.get(code, 0) for code, count in after.items() if count != before.get(code, 0)}
    assert grown == dict.fromkeys(answers, 1) | {"overloaded": 2}
    # Those of different connections in no order: one whose body is refused ends after the next may have begun.
    assert sorted(lines.next()["error_code"] for _ in range(8)) == sorted([*answers, "overloaded"])


def test_an_unforeseen_failure_has_an_id_and_is_counted(
    server: RunningServer, http: httpx.Client, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rejections(server).get("internal_error", 0)

    def broken() -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(server.client, "check", broken)
    answer = http.get("/health", headers={"X-Request-Id": "mine"})
    monkeypatch.undo()
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "mine")
    line = lines.next()
    assert (line["status"], line["error_code"], line["request_id"]) == (500, "internal_error", "mine")
    assert rejections(server)["internal_error"] == before + 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_is_no_rejection(server: RunningServer, lines: Lines, stream: bool) -> None:
    before = told(server).samples[("weft:client_disconnects_total", ("model_name", "fake"))]
    rejected = rejections(server)
    server.engine.script = lambda request: ["a", Hold()]
    connection = HTTPConnection(server.url.removeprefix("http://"))
    body = json.dumps(COMPLETION | {"stream": stream})
    connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
    server.engine.submitted.get(timeout=30)
    if stream:
        with connection.getresponse() as answer:
            answer.readline()
    connection.close()
    assert lines.next()["status"] == 499
    shown = told(server)
    assert shown.samples[("weft:client_disconnects_total", ("model_name", "fake"))] == before + 1
    assert rejections(server) == rejected


def record(**extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("weft.server", logging.WARNING, __file__, 1, "%s pages\nmore", (3,), None)
    for name, value in extra.items():
        setattr(made, name, value)
    return made


def test_json_lines_have_fixed_keys() -> None:
    lines = [JsonLines("engine").format(record(**extra)) for extra in ({}, {"request_id": "r"})]
    keys = {"time", "level", "process", "logger", "message", "request_id", "trace"}
    for line in lines:
        assert "\n" not in line
        assert json.loads(line).keys() == keys
    assert json.loads(lines[1])["request_id"] == "r"
    called = json.loads(JsonLines("api").format(record(status=200)))
    assert called.keys() == keys | set(FIELDS)


def test_text_lines_say_what_is_known() -> None:
    line = TextLines("api").format(record(request_id="r", status=200, method="GET"))
    assert line.endswith("WARNING weft.server (api) [r]: 3 pages\nmore method=GET status=200")
    assert TextLines("engine").format(record()).endswith("WARNING weft.server (engine): 3 pages\nmore")
