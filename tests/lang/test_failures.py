"""Whatever fails, it raises where somebody waits, and nothing hangs."""

from __future__ import annotations

import threading

import pytest

from weft import lang as weft
from weft.errors import Aborted, EngineError, InvalidRequest, Overloaded, ProgramError, UnknownOption
from weft.lang import Answer, ScriptedBackend

pytestmark = pytest.mark.timeout(60)

BOOM = EngineError("boom")


@weft.function
def two_calls(s):
    s += weft.user("a") + weft.assistant(weft.gen("first"))
    s += weft.user("b") + weft.assistant(weft.gen("second")) + weft.user("c") + weft.assistant(weft.gen("third"))


def test_a_failing_call_raises_where_its_value_is_read_and_what_came_before_stays():
    backend = ScriptedBackend({"first": "1", "second": BOOM, "third": "3"})
    state = two_calls.run(backend=backend)
    assert state.error is BOOM
    assert state["first"] == "1"
    for _ in range(2):
        for name in ("second", "third"):
            with pytest.raises(EngineError, match="boom"):
                _ = state[name]
            with pytest.raises(EngineError, match="boom"):
                state.meta(name)
    with pytest.raises(EngineError, match="boom"):
        _ = state.text
    assert "".join(segment.text for segment in state.segments) == "a1b"
    assert len(backend.requests) == 2
    assert len(backend.released) == 1


def test_a_body_may_catch_a_failure_and_go_on_elsewhere():
    @weft.function
    def program(s):
        s += "x"
        (fork,) = s.fork(1)
        fork += weft.gen("bad")
        try:
            return fork["bad"]
        except EngineError:
            s += weft.gen("instead")
            return s["instead"]

    assert program.run(backend=ScriptedBackend({"bad": BOOM, "instead": "ok"})).returned == "ok"


def test_a_failure_that_the_body_reads_is_raised_by_run():
    @weft.function
    def program(s):
        s += "x" + weft.gen("bad")
        return s["bad"]

    with pytest.raises(EngineError, match="boom"):
        program.run(backend=ScriptedBackend({"bad": BOOM}))


def test_what_the_body_raises_run_raises_and_running_calls_are_given_up():
    asked, release = threading.Event(), threading.Event()

    def never(prompt, request):
        asked.set()
        release.wait(30)
        return "late"

    kept = []

    @weft.function
    def program(s):
        kept.append(s)
        s += "x" + weft.gen("slow") + weft.gen("queued")
        asked.wait(30)
        raise ValueError("my own mistake")

    backend = ScriptedBackend(never)
    with pytest.raises(ValueError, match="my own mistake"):
        program.run(backend=backend)
    for name in ("slow", "queued"):
        with pytest.raises(Aborted, match="ValueError: my own mistake"):
            _ = kept[0][name]
    assert isinstance(kept[0].error, ValueError)
    assert len(backend.released) == 1
    release.set()


def test_an_interrupt_in_the_body_is_raised():
    @weft.function
    def program(s):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        program.run(backend=ScriptedBackend({}))


def test_a_program_can_be_aborted_while_others_wait_for_it():
    asked, release = threading.Event(), threading.Event()

    def never(prompt, request):
        asked.set()
        release.wait(30)
        return "late"

    state = two_calls.stream(backend=ScriptedBackend(never))
    assert asked.wait(30)
    state.abort()
    for name in ("first", "third"):
        with pytest.raises(Aborted):
            _ = state[name]
    state.wait()
    assert state.done
    release.set()


class Refusing(ScriptedBackend):
    """A backend that fails at one of its methods."""

    def __init__(self, method, error):
        super().__init__(lambda prompt, request: "x")
        setattr(self, method, self._refuse)
        self._error = error

    def _refuse(self, *args, **kwargs):
        raise self._error


@pytest.mark.parametrize("method", ["render", "generate"])
@pytest.mark.parametrize("error", [InvalidRequest("no roles here"), Overloaded("full"), RuntimeError("a bug")])
def test_a_backend_that_refuses_at_once_is_no_different(method, error):
    state = two_calls.run(backend=Refusing(method, error))
    with pytest.raises(type(error), match=str(error)):
        _ = state["first"]
    assert state.error is error


def test_a_backend_that_cannot_fork_fails_the_forks_and_what_follows():
    @weft.function
    def program(s):
        s += "x"
        (fork,) = s.fork(1)
        fork += weft.gen("x")
        s.join([fork])

    state = program.run(backend=Refusing("fork", RuntimeError("no forks")))
    with pytest.raises(RuntimeError, match="no forks"):
        _ = state["x"]


def test_a_failing_release_costs_no_result(caplog):
    state = two_calls.run(backend=Refusing("release", RuntimeError("gone")))
    assert state["third"] == "x"
    assert "failed to release" in caplog.text


def test_an_empty_prompt_is_the_calls_error():
    @weft.function
    def program(s):
        s += weft.gen("x")

    with pytest.raises(InvalidRequest, match="prompt is empty"):
        _ = program.run(backend=ScriptedBackend({"x": "1"}))["x"]


def test_a_selection_whose_scores_say_nothing_is_an_error():
    @weft.function
    def program(s):
        s += "x" + weft.select("x", choices=["a", "b"])

    state = program.run(backend=ScriptedBackend({"x": Answer(probabilities={})}))
    with pytest.raises(EngineError, match="cannot be compared"):
        _ = state["x"]


def test_arguments_that_do_not_fit_are_refused_by_name():
    @weft.function
    def program(s, document, *, schema=None):
        s += document

    backend = ScriptedBackend({})
    with pytest.raises(UnknownOption, match="program has no argument 'documnt'; it has: document, schema"):
        program.run(documnt="x", backend=backend)
    with pytest.raises(ProgramError, match="missing a required argument: 'document'"):
        program.run(backend=backend)
    assert program.run("positional", backend=backend).text == "positional"


def test_a_program_is_not_called_without_a_state():
    with pytest.raises(ProgramError, match=r"to start it: two_calls\.run"):
        two_calls("text")


def test_what_is_no_program_is_refused_where_it_is_decorated():
    with pytest.raises(ProgramError, match="first parameter"):
        weft.function(lambda: None)
    with pytest.raises(ProgramError, match="'backend', which is an option of run"):
        weft.function(lambda s, backend: None)


def test_a_body_cannot_wait_for_its_own_end():
    @weft.function
    def program(s):
        s.wait()

    with pytest.raises(ProgramError, match="its own end"):
        program.run(backend=ScriptedBackend({}))
