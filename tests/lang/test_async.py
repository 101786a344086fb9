"""Event loops: programs awaited, async functions, and plain reads where a loop already runs."""

from __future__ import annotations

import asyncio
import threading

import pytest

from weft import lang as weft
from weft.errors import Aborted, EngineError, ProgramError
from weft.lang import ScriptedBackend

pytestmark = pytest.mark.timeout(60)


@weft.function
def plain(s):
    s += "?" + weft.gen("x")
    return s["x"] + "!"


@weft.function
async def native(s):
    s += "?" + weft.gen("x")
    forks = s.fork(2)
    for fork in forks:
        fork += weft.gen("y")
    forks.join()
    assert await s.get_text() == "?answer"
    return await s.get("x"), await s.get("y")


SCRIPT = {"x": "answer", "y": "leaf"}


@pytest.mark.parametrize(("program", "returned"), [(plain, "answer!"), (native, ("answer", ["leaf", "leaf"]))])
def test_arun(program, returned):
    state = asyncio.run(program.arun(backend=ScriptedBackend(SCRIPT)))
    assert state.returned == returned
    assert state["x"] == "answer"


def test_plain_runs_and_reads_work_inside_a_running_loop():
    async def main():
        state = plain.run(backend=ScriptedBackend(SCRIPT))
        return state["x"], state.text

    assert asyncio.run(main()) == ("answer", "?answer")


def test_many_programs_share_a_loop():
    together = threading.Barrier(10)

    def answer(prompt, request):
        together.wait(30)
        return "x"

    async def main():
        backend = ScriptedBackend(answer)
        return await asyncio.gather(*(plain.arun(backend=backend) for _ in range(10)))

    assert [state.returned for state in asyncio.run(main())] == ["x!"] * 10


def test_an_async_function_cannot_be_run_without_a_loop():
    with pytest.raises(ProgramError, match=r"await native\.arun"):
        native.run(backend=ScriptedBackend(SCRIPT))
    with pytest.raises(ProgramError, match="running event loop"):
        native.stream(backend=ScriptedBackend(SCRIPT))


def test_an_async_function_streams():
    async def main():
        state = native.stream(backend=ScriptedBackend(SCRIPT))
        return [piece async for piece in state.text_iter("x")], (await state.wait_async()).returned

    assert asyncio.run(main()) == (["answ", "er"], ("answer", ["leaf", "leaf"]))


@pytest.mark.parametrize("is_async", [False, True])
def test_failures_are_raised(is_async):
    backend = ScriptedBackend({"x": EngineError("boom"), "y": "z"})
    with pytest.raises(EngineError, match="boom"):
        asyncio.run((native if is_async else plain).arun(backend=backend))


@pytest.mark.parametrize("is_async", [False, True])
def test_cancelling_gives_the_calls_up(is_async):
    asked, release = threading.Event(), threading.Event()
    kept = []

    def never(prompt, request):
        asked.set()
        release.wait(30)
        return "late"

    @weft.function
    def blocking(s):
        kept.append(s)
        s += "?" + weft.gen("x")
        return s["x"]

    @weft.function
    async def awaiting(s):
        kept.append(s)
        s += "?" + weft.gen("x")
        return await s.get("x")

    async def main():
        program = awaiting if is_async else blocking
        task = asyncio.create_task(program.arun(backend=ScriptedBackend(never)))
        await asyncio.to_thread(asked.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    with pytest.raises(Aborted):
        _ = kept[0]["x"]
    release.set()


def test_a_slow_constraint_does_not_hold_up_other_programs():
    """`generate` compiles a constraint; here it waits until another program has been answered."""
    other_done = threading.Event()

    class Compiling(ScriptedBackend):
        def generate(self, request):
            if request.constraint is not None:
                assert other_done.wait(30)
            return super().generate(request)

    backend = Compiling({"x": "answer", "n": "7"})

    @weft.function
    def constrained(s):
        s += "?" + weft.gen("n", regex="[0-9]")

    slow = constrained.stream(backend=backend)
    assert plain.run(backend=backend).returned == "answer!"
    other_done.set()
    assert slow["n"] == "7"
