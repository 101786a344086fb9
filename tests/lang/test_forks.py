"""Forks: states that go on side by side from one beginning."""

from __future__ import annotations

import threading

import pytest

from weft import lang as weft
from weft.errors import EngineError, ProgramError
from weft.lang import ScriptedBackend

pytestmark = pytest.mark.timeout(60)


def test_calls_of_forks_overlap():
    """No answer is given before all calls have come: run one after another, this would wait for ever."""
    together = threading.Barrier(3)

    def answer(prompt, request):
        together.wait(30)
        return prompt[-1]

    @weft.function
    def program(s):
        s += "Say "
        forks = s.fork(3)
        for fork, letter in zip(forks, "abc", strict=True):
            fork += letter + weft.gen("x")
            fork += letter + weft.gen("y")
        forks.join()

    state = program.run(backend=ScriptedBackend(answer))
    assert state["x"] == state["y"] == ["a", "b", "c"]


def test_a_parent_goes_on_beside_its_forks():
    together = threading.Barrier(2)

    def answer(prompt, request):
        together.wait(30)
        return "v"

    @weft.function
    def program(s):
        s += "a"
        (fork,) = s.fork(1)
        fork += "f" + weft.gen("x")
        s += "p" + weft.gen("x")
        assert fork.text == "afv"
        assert s.text == "apv"

    program.run(backend=ScriptedBackend(answer))


def test_a_fork_begins_with_what_was_written_even_if_it_is_still_coming():
    @weft.function
    def program(s):
        s += weft.user("Q") + weft.assistant(weft.gen("plan"))
        forks = s.fork(2)
        s += weft.user("later")
        for fork in forks:
            fork += weft.user("go") + weft.assistant(weft.gen("step"))
        return [(fork.text, fork["plan"]) for fork in forks]

    backend = ScriptedBackend({"plan": "PLAN", "step": "s"})
    assert program.run(backend=backend).returned == [("QPLANgos", "PLAN")] * 2
    assert backend.prompts[1:] == ["<user>\nQ\n<assistant>\nPLAN\n<user>\ngo\n<assistant>\n"] * 2


def test_a_fork_before_any_text():
    @weft.function
    def program(s):
        forks = s.fork(2)
        for place, fork in enumerate(forks):
            fork += f"Number {place}: " + weft.gen("x")
        forks.join()

    backend = ScriptedBackend(lambda prompt, request: prompt)
    assert program.run(backend=backend)["x"] == ["Number 0: ", "Number 1: "]


def test_a_fork_inside_a_turn_stays_in_it():
    @weft.function
    def program(s):
        s += weft.user("Q")
        with s.assistant():
            s += "A: "
            (fork,) = s.fork(1)
            fork += weft.gen("x")
            with pytest.raises(ProgramError, match="user inside assistant"):
                fork += weft.user("no")
            s.join([fork])
        s += weft.user("next") + weft.assistant(weft.gen("y"))

    backend = ScriptedBackend({"x": "v", "y": "w"})
    program.run(backend=backend)
    assert sorted(backend.prompts) == [
        "<user>\nQ\n<assistant>\nA: ",
        "<user>\nQ\n<assistant>\nA: \n<user>\nnext\n<assistant>\n",
    ]


def test_join_gathers_what_each_fork_wrote():
    @weft.function
    def program(s):
        s += "a" + weft.gen("before")
        forks = s.fork(3)
        for place, fork in enumerate(forks):
            fork += f"{place}" + weft.gen("all")
            if place != 1:
                fork += weft.gen("some")
        assert s.join(forks) is s

    state = program.run(backend=ScriptedBackend(lambda prompt, request: prompt[-1:]))
    assert state["all"] == ["0", "1", "2"]
    assert state["some"] == ["0", "2"]
    assert state["before"] == "a"
    assert state.text == "aa"


def test_forks_of_forks():
    @weft.function
    def program(s):
        s += "r"
        outer = s.fork(2)
        for a, fork in zip("xy", outer, strict=True):
            fork += a
            inner = fork.fork(2)
            for b, leaf in zip("12", inner, strict=True):
                leaf += b + weft.gen("v")
            inner.join()
        outer.join()

    backend = ScriptedBackend(lambda prompt, request: prompt)
    state = program.run(backend=backend)
    assert state["v"] == [["rx1", "rx2"], ["ry1", "ry2"]]
    told = [child for _, children in backend.forks for child in children]
    assert len(set(told)) == len(told) == 6
    assert len(backend.released) == 7
    assert set(told) < set(backend.released)


def test_a_fork_is_used_in_place_and_by_its_number():
    @weft.function
    def program(s):
        s += "a"
        forks = s.fork(2)
        forks[0] += "b" + weft.gen("x")
        forks[1] += "c" + weft.gen("x")
        assert len(forks) == 2
        assert [fork.text for fork in forks[0:2]] == ["abv", "acv"]
        with pytest.raises(ProgramError, match="replaced"):
            forks[0] = forks[1]

    program.run(backend=ScriptedBackend({"x": "v"}))


def test_a_failing_fork_fails_alone():
    @weft.function
    def program(s):
        s += "a"
        forks = s.fork(2)
        forks[0] += weft.gen("good")
        forks[1] += weft.gen("bad") + weft.gen("after")
        forks.join()
        s += weft.gen("good2")
        return forks[1]

    state = program.run(backend=ScriptedBackend({"good": "1", "good2": "2", "bad": EngineError("boom"), "after": "x"}))
    assert (state["good"], state["good2"]) == (["1"], "2")
    for name in ("bad", "after"):
        with pytest.raises(EngineError, match="boom"):
            _ = state[name]
    assert state.error is None
    assert isinstance(state.returned.error, EngineError)


def test_a_fork_of_a_failed_state_fails_with_it():
    @weft.function
    def program(s):
        s += "a" + weft.gen("bad")
        (fork,) = s.fork(1)
        fork += weft.gen("x")
        with pytest.raises(EngineError, match="boom"):
            _ = fork["x"]
        with pytest.raises(EngineError, match="boom"):
            _ = fork.text

    program.run(backend=ScriptedBackend({"bad": EngineError("boom"), "x": "x"}))


@pytest.mark.parametrize("size", [0, -1, 1.5, "2"])
def test_a_fork_needs_a_size(size):
    @weft.function
    def program(s):
        s.fork(size)

    with pytest.raises(ProgramError, match="size"):
        program.run(backend=ScriptedBackend({}))


def test_what_is_over_cannot_be_written():
    kept = []

    @weft.function
    def program(s):
        s += "a"
        forks = s.fork(2)
        forks.join()
        with pytest.raises(ProgramError, match="this fork was joined"):
            forks[0] += "more"
        with pytest.raises(ProgramError, match="this fork was joined"):
            forks[0].fork(1)
        kept.extend([s, s.fork(1)[0]])

    state = program.run(backend=ScriptedBackend({}))
    for over in (state, *kept):
        with pytest.raises(ProgramError, match="the program has ended"):
            over += weft.gen("x")
        with pytest.raises(ProgramError, match="the program has ended"):
            over.fork(2)


def test_only_forks_of_the_program_can_be_joined():
    @weft.function
    def other(s):
        return s.fork(1)

    foreign = other.run(backend=ScriptedBackend({})).returned

    @weft.function
    def program(s):
        with pytest.raises(ProgramError, match="not forks"):
            s.join(foreign)
        with pytest.raises(ProgramError, match="not forks"):
            s.join([s])

    program.run(backend=ScriptedBackend({}))


def test_requests_tell_what_is_known_of_the_program():
    @weft.function
    def program(s):
        s += "a" + weft.gen("one") + weft.gen("two")
        for fork in s.fork(2):
            fork += weft.gen("leaf")

    backend = ScriptedBackend(lambda prompt, request: "v")
    program.run(backend=backend)
    one, two, *leaves = backend.requests
    assert one.hints.session == two.hints.session
    assert [request.hints.more_calls for request in (one, *leaves)] == [True, False, False]
    assert (one.hints.fork_group, one.hints.fork_size) == (None, 1)
    assert len({leaf.hints.session for leaf in leaves} | {one.hints.session}) == 3
    assert {leaf.hints.fork_size for leaf in leaves} == {2}
    assert len({leaf.hints.fork_group for leaf in leaves}) == 1
    assert len({request.id for request in backend.requests}) == 4
