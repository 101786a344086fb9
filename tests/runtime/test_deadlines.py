"""A request that runs out of time ends by a typed error and frees everything, wherever it is by then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import DeadlineExceeded, InvalidRequest
from weft.request import GenerateRequest, Sampling, ScoreRequest
from weft.runtime import Engine
from weft.runtime import engine as engine_module
from weft.runtime.deadlines import Deadlines
from weft.runtime.runner import Runner


@dataclass
class FakeJob:
    request_id: str
    deadline: float


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 20) | st.just(float("inf")), st.booleans()), max_size=60))
def test_each_job_in_flight_is_given_once_when_its_time_has_come(history: list[tuple[int, float, bool]]) -> None:
    jobs: dict[str, FakeJob] = {}
    deadlines = Deadlines(jobs)
    for now, (name, after, ends) in enumerate(history):
        if ends:
            jobs.pop(str(name), None)
        elif str(name) not in jobs:
            jobs[str(name)] = FakeJob(str(name), now + after)
            deadlines.watch(jobs[str(name)])
        due = [job.request_id for job in sorted(jobs.values(), key=lambda each: each.deadline) if job.deadline <= now]
        given_up = []
        while (request_id := deadlines.pop(now)) is not None:
            given_up.append(request_id)
            del jobs[request_id]
        assert sorted(given_up) == sorted(due)


def test_jobs_that_ended_long_before_their_deadline_leave_nothing_behind() -> None:
    jobs: dict[str, FakeJob] = {}
    deadlines = Deadlines(jobs)
    for number in range(10_000):
        jobs[str(number)] = FakeJob(str(number), 1e9)
        deadlines.watch(jobs[str(number)])
        del jobs[str(number)]
    assert len(deadlines._heap) < 100


@pytest.fixture
def engine(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine on whose clock 1000 seconds pass in its third step."""
    steps = 0
    forward = Runner.forward

    def counted(self: Runner, chunks: list[object]) -> object:
        nonlocal steps
        steps += 1
        return forward(self, chunks)  # type: ignore[arg-type]

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + (1000 if steps >= 3 else 0))
    monkeypatch.setattr(Runner, "forward", counted)
    monkeypatch.setattr(engine_module, "time", clock)
    with Engine(tiny_folder, device="cpu", dtype="float32", max_running=1, prefill_chunk=8) as engine:
        yield engine


def generation(name: str, timeout: float | None) -> GenerateRequest:
    return GenerateRequest(id=name, prompt="Say: ", sampling=Sampling(max_tokens=9, ignore_eos=True), timeout=timeout)


def test_running_and_waiting_requests_end_at_their_deadline(engine: Engine) -> None:
    running = engine.generate(generation("running", 500))
    waiting = engine.score(ScoreRequest(id="waiting", prompt="Say: ", choices=("a", "b"), timeout=600))
    patient = engine.generate(generation("patient", 5000))
    endless = engine.generate(generation("endless", None))
    with pytest.raises(DeadlineExceeded, match=r"running .*500 seconds") as caught:
        running.result(60)
    assert caught.value.code == "deadline_exceeded"
    with pytest.raises(DeadlineExceeded, match="waiting"):
        waiting.result(60)
    assert len(patient.result(60).token_ids) == len(endless.result(60).token_ids) == 9
    stats = engine.stats()
    assert dict(stats.requests) == {"deadline": 2, "length": 2}
    assert (stats.running, stats.waiting, stats.pages_in_use) == (0, 0, 0)
    engine.recount()


def test_events_that_came_in_time_are_delivered_before_the_error(engine: Engine) -> None:
    ticket = engine.generate(generation("late", 500))
    events = iter(ticket)
    seen = [next(events) for _ in range(2)]
    assert [event.finish for event in seen] == [None, None]
    with pytest.raises(DeadlineExceeded):
        list(events)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_must_be_a_time(timeout: float) -> None:
    with pytest.raises(InvalidRequest) as caught:
        generation("r", timeout).validate()
    assert caught.value.param == "timeout"
