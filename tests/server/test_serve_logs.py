"""`weft serve --log-format json`: what both of its processes say on stderr, and the metrics between them."""

from __future__ import annotations

import json
from pathlib import Path

from serving import serving

from weft.server.logs import FIELDS

from .test_metrics import Told

KEYS = {"time", "level", "process", "logger", "message", "request_id", "trace"}


def test_each_line_is_json_and_calls_are_named(tiny_folder: Path) -> None:
    options = ("--log-level", "info", "--log-format", "json", "--served-model-name", "ours", "--num-pages", "64")
    with serving(str(tiny_folder), *options) as served:
        early = served.http.get("/metrics", headers={"X-Request-Id": "early"})
        assert (early.status_code, early.headers["x-request-id"]) == (503, "early")
        served.notice("serving")
        ask = {"model": "ours", "prompt": "private words", "max_tokens": 5, "temperature": 0}
        answer = served.http.post("/v1/completions?key=private", json=ask, headers={"X-Request-Id": "mine"}).json()
        shown = Told(served.http.get("/metrics").text).samples
        errors = served.stop()
    assert "private" not in errors
    lines = [json.loads(line) for line in errors.splitlines()]
    for line in lines:
        assert line.keys() in (KEYS, KEYS | set(FIELDS))
    assert {line["process"] for line in lines} == {"api", "engine"}
    calls = {line["request_id"]: line for line in lines if line["logger"] == "weft.access"}
    assert (calls["early"]["path"], calls["early"]["error_code"]) == ("/metrics", "engine_loading")
    assert calls["mine"]["answer_id"] == answer["id"]
    assert calls["mine"]["completion_tokens"] == answer["usage"]["completion_tokens"]
    assert shown["weft:rejections_total", ("model_name", "ours"), ("reason", "engine_loading")] == 1
    assert (
        shown["weft:generation_tokens_total", ("model_name", "ours")]
        == shown["weft:request_generation_tokens_sum", ("model_name", "ours")]
        == answer["usage"]["completion_tokens"]
    )
