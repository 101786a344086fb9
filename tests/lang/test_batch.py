"""Many items: order, bounds, failures."""

from __future__ import annotations

import asyncio
import threading

import pytest

from weft import lang as weft
from weft.errors import EngineError, InvalidRequest, ProgramError, UnknownOption
from weft.lang import ScriptedBackend

pytestmark = pytest.mark.timeout(120)


@weft.function
def double(s, number, read=False):
    s += f"Twice {number} is " + weft.gen("x")
    if read:
        _ = s["x"]


def answer(prompt, request):
    number = int(prompt.split()[1])
    if number % 10 == 3:
        raise EngineError(f"no {number}")
    return str(2 * number)


def run(items, **options):
    return double.run_batch(items, backend=ScriptedBackend(answer), **options)


def run_async(items, **options):
    return asyncio.run(double.arun_batch(items, backend=ScriptedBackend(answer), **options))


@pytest.mark.parametrize("run", [run, run_async])
@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("max_in_flight", [1, 3, 64])
def test_order_is_kept_and_a_failure_stays_with_its_item(run, read, max_in_flight):
    states = run([{"number": n, "read": read} for n in range(25)], max_in_flight=max_in_flight)
    assert len(states) == 25
    assert all(state.done for state in states)
    for number, state in enumerate(states):
        if number % 10 == 3:
            assert str(state.error) == f"no {number}"
            with pytest.raises(EngineError, match=f"no {number}"):
                _ = state["x"]
        else:
            assert state.error is None
            assert state["x"] == str(2 * number)


@pytest.mark.parametrize("run", [run, run_async])
def test_an_item_that_does_not_fit_fails_alone(run):
    fine, unknown, missing, wrong = run([{"number": 1}, {"nummer": 1}, {}, 7])
    assert fine["x"] == "2"
    for state, error in ((unknown, UnknownOption), (missing, ProgramError), (wrong, ProgramError)):
        assert isinstance(state.error, error)
        with pytest.raises(error):
            _ = state["x"]


@pytest.mark.parametrize("run", [run, run_async])
def test_items_are_read_as_places_become_free(run):
    read = 0
    lock = threading.Lock()
    answered = 0

    def items():
        nonlocal read
        for number in range(0, 100, 10):
            read += 1
            yield {"number": number}

    def slow_answer(prompt, request):
        nonlocal answered
        with lock:
            assert read - answered <= 4  # three in flight, and one more read that waits
            answered += 1
        return "x"

    backend = ScriptedBackend(slow_answer)
    if run is run_async:
        states = asyncio.run(double.arun_batch(items(), backend=backend, max_in_flight=3))
    else:
        states = double.run_batch(items(), backend=backend, max_in_flight=3)
    assert [state["x"] for state in states] == ["x"] * 10


def test_items_run_side_by_side():
    together = threading.Barrier(8)

    def wait_for_all(prompt, request):
        together.wait(30)
        return "x"

    states = double.run_batch([{"number": n, "read": True} for n in range(8)], backend=ScriptedBackend(wait_for_all))
    assert [state["x"] for state in states] == ["x"] * 8


def test_no_items():
    assert run([]) == []
    assert run_async([]) == []


def test_a_bound_below_one_is_refused():
    for way in (run, run_async):
        with pytest.raises(InvalidRequest, match="max_in_flight"):
            way([], max_in_flight=0)


def test_items_that_fail_to_come_raise():
    def items():
        yield {"number": 1}
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        run(items())


def test_the_progress_bar_counts_to_the_end(capsys):
    run([{"number": n} for n in range(5)], progress=True)
    assert "double" in (shown := capsys.readouterr().out)
    assert "5/5" in shown


def test_an_async_function_is_batched_without_threads():
    @weft.function
    async def twice(s, number):
        s += f"Twice {number} is " + weft.gen("x")
        first = await s.get("x")
        s += " and twice that is " + weft.gen("y")
        return first, await s.get("y"), threading.current_thread()

    async def batch():
        backend = ScriptedBackend({"x": lambda prompt, request: prompt.split()[1], "y": "y"})
        return await twice.arun_batch([{"number": n} for n in range(20)], backend=backend)

    states = asyncio.run(batch())
    assert [state.returned[:2] for state in states] == [(str(n), "y") for n in range(20)]
    assert {state.returned[2] for state in states} == {threading.main_thread()}

    with pytest.raises(ProgramError, match=r"await twice\.arun_batch"):
        twice.run_batch([])
