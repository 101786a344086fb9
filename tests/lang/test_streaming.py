"""Text as it comes."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft import lang as weft
from weft.errors import EngineError, ProgramError, UnknownVariable
from weft.lang import ScriptedBackend

pytestmark = pytest.mark.timeout(60)


@weft.function
def talk(s):
    s += weft.user("Hello?") + weft.assistant("Well, " + weft.gen("one") + "; " + weft.gen("two"))
    s += weft.user("Bye.")


SCRIPT = {"one": "a first answer", "two": "and a second"}


def test_pieces_add_up_to_the_text():
    state = talk.stream(backend=ScriptedBackend(SCRIPT))
    pieces = list(state.text_iter())
    assert "".join(pieces) == state.text == "Hello?Well, a first answer; and a secondBye."
    assert len(pieces) > 8
    assert list(state.text_iter()) == pieces


@pytest.mark.parametrize("name", ["one", "two"])
def test_one_variable_is_streamed_alone(name):
    state = talk.run(backend=ScriptedBackend(SCRIPT), stream=True)
    pieces = list(state.text_iter(name))
    assert "".join(pieces) == state.text_of(name) == SCRIPT[name]
    assert len(pieces) == (len(SCRIPT[name]) + 3) // 4
    assert list(state.text_iter(name)) == pieces


@given(text=st.text(max_size=40), chunk=st.integers(1, 7))
def test_no_text_is_lost_however_it_is_cut(text, chunk):
    @weft.function
    def program(s):
        s += "a" + weft.gen("x") + "b"

    state = program.stream(backend=ScriptedBackend({"x": text}, chunk=chunk))
    assert "".join(state.text_iter("x")) == text
    assert "".join(state.text_iter()) == "a" + text + "b"


def test_pieces_come_while_the_program_runs():
    """The second answer waits until the first one's text has been seen."""
    seen = threading.Event()

    def answer(prompt, request):
        if "first" in prompt:
            assert seen.wait(30)
            return "second"
        return "first"

    @weft.function
    def program(s):
        s += "?" + weft.gen("x") + weft.gen("y")

    state = program.stream(backend=ScriptedBackend(answer))
    assert "".join(state.text_iter("x")) == "first"
    assert not state.done
    seen.set()
    assert state["y"] == "second"


def test_a_variable_is_waited_for_before_the_body_has_come_to_it():
    go = threading.Event()

    @weft.function
    def program(s):
        assert go.wait(30)
        s += "?" + weft.gen("x")

    state = program.stream(backend=ScriptedBackend({"x": "answer"}))
    assert "x" not in state
    threading.Timer(0, go.set).start()
    assert "".join(state.text_iter("x")) == "answer"
    with pytest.raises(UnknownVariable, match="'y'"):
        list(state.text_iter("y"))
    with pytest.raises(UnknownVariable, match="'y'"):
        _ = state["y"]


def test_a_run_that_does_not_stream_gives_whole_answers():
    state = talk.run(backend=ScriptedBackend(SCRIPT))
    assert list(state.text_iter("one")) == ["a first answer"]
    assert "".join(state.text_iter()) == state.text


def test_a_failure_comes_after_the_text_before_it():
    state = talk.stream(backend=ScriptedBackend({"one": "fine", "two": EngineError("boom")}))
    pieces = []
    with pytest.raises(EngineError, match="boom"):
        pieces.extend(state.text_iter())
    assert "".join(pieces) == "Hello?Well, fine; "
    assert "".join(state.text_iter("one")) == "fine"
    with pytest.raises(EngineError, match="boom"):
        list(state.text_iter("two"))
    assert isinstance(state.error, EngineError)


def test_what_the_body_raises_comes_out_of_the_stream():
    @weft.function
    def program(s):
        s += "text"
        raise ValueError("mine")

    state = program.stream(backend=ScriptedBackend({}))
    with pytest.raises(ValueError, match="mine"):
        list(state.text_iter())
    with pytest.raises(ValueError, match="mine"):
        _ = state["never written"]


def test_a_body_reads_its_own_stream_and_its_forks():
    @weft.function
    def program(s):
        s += "a" + weft.gen("x")
        (fork,) = s.fork(1)
        fork += "b" + weft.gen("y")
        return ["".join(state.text_iter(name)) for state in (s, fork) for name in (None, "x")]

    state = program.stream(backend=ScriptedBackend({"x": "long answer", "y": "another"}))
    state.wait()
    assert state.returned == ["along answer", "long answer", "along answerbanother", "long answer"]


def test_what_was_gathered_is_not_one_stream():
    @weft.function
    def program(s):
        s += "a"
        forks = s.fork(2)
        for fork in forks:
            fork += weft.gen("x")
        forks.join()

    state = program.stream(backend=ScriptedBackend({"x": "v"}))
    assert state["x"] == ["v", "v"]
    with pytest.raises(ProgramError, match="gathered"):
        list(state.text_iter("x"))


def test_async_iteration_is_the_same():
    async def collect():
        state = talk.stream(backend=ScriptedBackend(SCRIPT))
        by_name = [piece async for piece in state.text_iter("two")]
        whole = [piece async for piece in state.text_iter()]
        return by_name, whole

    by_name, whole = asyncio.run(collect())
    assert "".join(by_name) == SCRIPT["two"]
    assert "".join(whole) == "Hello?Well, a first answer; and a secondBye."
    assert len(by_name) == 3


def test_a_reader_that_is_cancelled_harms_nobody():
    seen = threading.Event()

    def answer(prompt, request):
        assert seen.wait(30)
        return "late"

    @weft.function
    def program(s):
        s += "?" + weft.gen("x")

    async def impatient():
        state = program.stream(backend=ScriptedBackend(answer))
        reader = asyncio.create_task(state.get("x"))
        await asyncio.sleep(0)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        return state

    state = asyncio.run(impatient())
    seen.set()
    assert state["x"] == "late"
