"""Processes that die, and the server that lives on: true processes, a tiny model."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import SECONDS, Serving, serving, stats, wait_until, watched
from tiny import write_llama

LONG = {"prompt": "a", "max_tokens": 1200, "ignore_eos": True, "stream": True}
PLAIN = ("--speculation", "off")
ENDLESS = 4000
"""Tokens that no stream comes to in these tests."""


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a context that is long enough for streams to be still running when something happens to them."""
    return write_llama(tmp_path_factory.mktemp("lives") / "tiny", max_position_embeddings=4096)


def stream(url: str, body: dict[str, Any], begun: threading.Barrier) -> list[str]:
    """The frames of a completion; `begun` is passed after the first."""
    with (
        httpx.Client(base_url=url, timeout=SECONDS) as http,
        http.stream("POST", "/v1/completions", json=body) as answer,
    ):
        frames = (line.removeprefix("data: ") for line in answer.iter_lines() if line)
        got = [next(frames)]
        begun.wait(SECONDS)
        got.extend(frames)
    return got


@contextmanager
def streams(served: Serving, count: int, **fields: Any) -> Iterator[list[Future[list[str]]]]:
    """So many completions, each of which has begun."""
    begun = threading.Barrier(count + 1)
    with ThreadPoolExecutor(count) as pool:
        body = {"model": "tiny"} | LONG | fields
        futures = [pool.submit(stream, served.url, body, begun) for _ in range(count)]
        begun.wait(SECONDS)
        yield futures


def last_error(frames: Sequence[str]) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(frames[-1])["error"]
    return error


def complete(served: Serving, **fields: Any) -> dict[str, Any]:
    body = {"model": "tiny", "prompt": "The", "max_tokens": 4, "temperature": 0} | fields
    answer = httpx.post(f"{served.url}/v1/completions", json=body, timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    whole: dict[str, Any] = answer.json()
    return whole


def check_pages(served: Serving) -> None:
    """Wait until nothing runs; then every page is free or cached."""
    wait_until(lambda: stats(served)["running"] == 0)
    after = stats(served)
    assert after["pages_in_use"] == 0
    assert after["pages_free"] + after["pages_cached"] == after["pages_total"]


def test_a_killed_engine_is_told_to_everyone_at_once_and_started_again(tiny_folder: Path) -> None:
    with serving(str(tiny_folder), *PLAIN) as served:
        served.notice("serving")
        before = complete(served)["choices"]
        for attempt in (1, 2):
            with streams(served, 12, max_tokens=ENDLESS) as running:
                os.kill(served.engine_pid, signal.SIGKILL)
                for frames in running:
                    assert last_error(frames.result(SECONDS))["code"] == "engine_closed"
            health = served.http.get("/health")
            assert health.status_code == 503
            assert health.headers["retry-after"]
            assert health.json()["error"]["code"] == "engine_restarting"
            lost = served.notice("enginelost")
            assert (lost["restarting"], lost["attempt"]) == (True, attempt)
            assert "SIGKILL" in lost["reason"]
            served.engine_pid = served.notice("serving")["engine_pid"]
            assert served.http.get("/health").status_code == 200
            assert complete(served)["choices"] == before
            check_pages(served)
        assert "the engine process ended: killed by SIGKILL; starting it again, 1 of 3" in served.stop()


def test_an_engine_that_dies_too_often_ends_the_server(tiny_folder: Path) -> None:
    with serving(str(tiny_folder), *PLAIN, "--engine-restarts", "0") as served:
        served.notice("serving")
        with streams(served, 2, max_tokens=ENDLESS) as running:
            os.kill(served.engine_pid, signal.SIGKILL)
            for frames in running:
                assert last_error(frames.result(SECONDS))["code"] == "engine_closed"
        assert served.notice("enginelost")["restarting"] is False
        served.process.communicate(timeout=SECONDS)
        errors = served.errors()
        assert served.process.returncode == 1
        assert errors.startswith("weft: the engine process ended: killed by SIGKILL")


def test_an_engine_that_dies_while_it_is_loaded_again_counts(tiny_folder: Path) -> None:
    with serving(str(tiny_folder), *PLAIN, "--engine-restarts", "1") as served:
        served.notice("serving")
        os.kill(served.engine_pid, signal.SIGKILL)
        assert served.notice("enginelost")["restarting"]
        (tiny_folder / "config.json").rename(tiny_folder / "away")
        try:
            lost = served.notice("enginelost")
        finally:
            (tiny_folder / "away").rename(tiny_folder / "config.json")
        assert not lost["restarting"]
        assert "config.json" in lost["reason"]
        served.process.communicate(timeout=SECONDS)
        errors = served.errors()
        assert served.process.returncode == 1
        assert "config.json" in errors


@pytest.fixture(scope="module")
def shared(tiny_folder: Path) -> Iterator[tuple[Serving, list[int]]]:
    """A server of two API workers, and their process ids."""
    with serving(str(tiny_folder), *PLAIN, "--api-workers", "2") as served:
        pids = [served.notice("workerserving")["pid"] for _ in range(2)]
        served.notice("serving")
        yield served, pids


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that does nothing meanwhile: another takes the connections."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_api_workers_share_an_engine_and_its_cache(shared: tuple[Serving, list[int]]) -> None:
    served, pids = shared
    prompt = "A prompt long enough for several pages, asked of one worker and then of the other."
    cached, running = [], []
    for idle in pids:
        with stopped(idle), httpx.Client(base_url=served.url, timeout=SECONDS) as http:
            body = {"model": "tiny", "prompt": prompt, "max_tokens": 2}
            cached.append(http.post("/v1/completions", json=body).json()["usage"])
            running.append(http.get("/server_info").json()["stats"]["steps"])
    assert cached[0]["prompt_tokens_details"]["cached_tokens"] == 0
    assert cached[1]["prompt_tokens_details"]["cached_tokens"] >= 32
    assert running[0] < running[1], "the counters are the one engine's"
    check_pages(served)


def test_a_killed_worker_takes_only_its_own_requests_along(shared: tuple[Serving, list[int]]) -> None:
    served, pids = shared
    doomed, other = pids
    before = stats(served).get("requests_abort", 0)
    with ExitStack() as stack, ThreadPoolExecutor(3) as pool, watched(doomed) as ended:
        http = stack.enter_context(httpx.Client(base_url=served.url, timeout=SECONDS))
        with stopped(other):
            body = LONG | {"model": "tiny", "max_tokens": ENDLESS}
            frames = stack.enter_context(http.stream("POST", "/v1/completions", json=body)).iter_lines()
            next(frames)
        with stopped(served.engine_pid):  # so that none of them is over before the worker is
            os.kill(doomed, signal.SIGSTOP)
            others = [pool.submit(complete, served, max_tokens=100) for _ in range(3)]
            os.kill(doomed, signal.SIGKILL)
            assert ended()
        for completion in others:
            assert completion.result(SECONDS)["usage"]["completion_tokens"] == 100
        with pytest.raises(httpx.TransportError):
            list(frames)
    lost = served.notice("workerlost")
    assert (lost["pid"], lost["restarting"]) == (doomed, True)
    pids[0] = served.notice("workerserving")["pid"]
    check_pages(served)
    assert stats(served)["requests_abort"] == before + 1
    with stopped(other), httpx.Client(base_url=served.url, timeout=SECONDS) as http:
        wait_until(lambda: http.get("/health").status_code == 200)
        assert http.post("/v1/completions", json={"model": "tiny", "prompt": "a", "max_tokens": 1}).status_code == 200


def test_api_workers_live_over_the_engines_death(shared: tuple[Serving, list[int]]) -> None:
    served, pids = shared
    with streams(served, 4, max_tokens=ENDLESS) as running:
        os.kill(served.engine_pid, signal.SIGKILL)
        for frames in running:
            assert last_error(frames.result(SECONDS))["code"] == "engine_closed"
    assert served.notice("enginelost")["restarting"]
    served.engine_pid = served.notice("serving")["engine_pid"]
    for idle in pids:
        with stopped(idle), httpx.Client(base_url=served.url, timeout=SECONDS) as http:
            body = {"model": "tiny", "prompt": "a", "max_tokens": 1}
            assert http.post("/v1/completions", json=body).status_code == 200


def test_api_workers_drain_together(tiny_folder: Path) -> None:
    with serving(str(tiny_folder), *PLAIN, "--api-workers", "2") as served, watched(served.engine_pid) as engine_ended:
        pids = [served.notice("workerserving")["pid"] for _ in range(2)]
        served.notice("serving")
        with streams(served, 4) as running:
            served.process.send_signal(signal.SIGTERM)
            assert served.notice("draining")["requests"] == 4
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"{served.url}/health")
            for frames in running:
                assert frames.result(SECONDS)[-1] == "[DONE]"
        served.process.communicate(timeout=SECONDS)
        errors = served.errors()
        assert (served.process.returncode, errors) == (0, "")
        assert engine_ended()
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def test_a_killed_main_process_takes_its_workers_with_it(tiny_folder: Path) -> None:
    with serving(str(tiny_folder), *PLAIN, "--api-workers", "2") as served:
        pids = [served.notice("workerserving")["pid"] for _ in range(2)]
        served.notice("serving")
        with watched(pids[0]) as first, watched(pids[1]) as second, watched(served.engine_pid) as engine:
            served.process.kill()
            assert first()
            assert second()
            assert engine()


def test_sigterm_lets_what_runs_complete_and_refuses_the_rest(tiny_folder: Path) -> None:
    with serving(str(tiny_folder), *PLAIN) as served:
        served.notice("serving")
        with streams(served, 6) as running:
            served.process.send_signal(signal.SIGTERM)
            draining = served.notice("draining")
            assert (draining["requests"], draining["timeout"]) == (6, 30.0)
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"{served.url}/health")
            for frames in running:
                assert frames.result(SECONDS)[-1] == "[DONE]"
        served.process.communicate(timeout=SECONDS)
        errors = served.errors()
        assert (served.process.returncode, errors) == (0, "")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_runs_too_long_after_sigterm_ends_by_an_error(tiny_folder: Path, workers: str) -> None:
    with serving(str(tiny_folder), *PLAIN, "--shutdown-timeout", "0", "--api-workers", workers) as served:
        for _ in range(2 if workers == "2" else 0):
            served.notice("workerserving")
        served.notice("serving")
        with streams(served, 6, max_tokens=ENDLESS) as running:
            served.process.send_signal(signal.SIGTERM)
            for frames in running:
                error = last_error(frames.result(SECONDS))
                assert (error["code"], error["type"]) == ("engine_closed", "server_error")
                assert "shutting down" in error["message"]
        served.process.communicate(timeout=SECONDS)
        errors = served.errors()
        assert (served.process.returncode, errors) == (0, "")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_second_signal_ends_it_at_once(tiny_folder: Path, workers: str) -> None:
    arguments = ("--shutdown-timeout", "3600", "--api-workers", workers)
    with serving(str(tiny_folder), *PLAIN, *arguments) as served, watched(served.engine_pid) as engine_ended:
        for _ in range(2 if workers == "2" else 0):
            served.notice("workerserving")
        served.notice("serving")
        body = LONG | {"model": "tiny", "n": 16, "max_tokens": ENDLESS}
        with served.http.stream("POST", "/v1/completions", json=body) as answer:
            assert answer.status_code == 200
            frames = answer.iter_lines()
            next(frames)
            with stopped(served.engine_pid):  # so that it would never end
                served.process.send_signal(signal.SIGTERM)
                assert served.notice("draining")["requests"] == 1
                served.process.send_signal(signal.SIGTERM)
                served.process.communicate(timeout=SECONDS)
                errors = served.errors()
        assert (served.process.returncode, errors) == (0, "")
        assert engine_ended()


def test_it_says_what_is_being_loaded(tiny_folder: Path) -> None:
    with serving(str(tiny_folder), *PLAIN) as served:
        assert served.loading["model"] == "tiny"
        error = served.http.get("/health").json()["error"]
        assert error["code"] == "engine_loading"
        assert served.process.stdout is not None
        stages = []
        for line in served.process.stdout:
            notice = json.loads(line)
            if notice["event"] == "serving":
                break
            stages.append(notice["stage"])
        assert any("weights" in stage for stage in stages)
        assert stages[-1] == "preparing the grammar engine"
        served.stop()


def test_connections_and_headers_are_bounded(tiny_folder: Path) -> None:
    arguments = ("--max-connections", "2", "--max-header-bytes", "2048", "--timeout-keep-alive", "600")
    with serving(str(tiny_folder), *PLAIN, *arguments) as served:
        served.notice("serving")
        first = served.http.get("/health")
        assert first.status_code == 200
        assert "server" not in first.headers
        with httpx.Client(base_url=served.url) as second, httpx.Client(base_url=served.url) as third:
            assert second.get("/health").status_code == 200
            refused = third.get("/health")
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
            assert refused.headers["retry-after"]
        answer = httpx.get(f"{served.url}/health", headers={"x-long": "a" * 5000})
        assert (answer.status_code, answer.json()["error"]["code"]) == (431, "headers_too_large")
        with suppress(httpx.TransportError):  # it does not read to the end of what is far too long
            assert httpx.get(f"{served.url}/health", headers={"x-long": "a" * 500_000}).status_code in (400, 431)
        assert served.http.get("/health").status_code == 200
        served.process.send_signal(signal.SIGTERM)
        served.notice("draining")
        served.process.communicate(timeout=SECONDS)
