"""The interpreter alone: nodes in, requests out; and random programs against a naive reading of them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft import lang as weft
from weft.errors import ProgramError, UnsupportedNode
from weft.lang import ScriptedBackend
from weft.lang.interpreter import Scene, check, interpret, request_id, variable_name
from weft.lang.ir import Node, flatten
from weft.lang.transcript import Transcript
from weft.request import (
    FinishReason,
    GenerateRequest,
    GenerateResult,
    ProgramHints,
    Sampling,
    ScoreRequest,
    ScoreResult,
)

BACKEND = ScriptedBackend({})


def scene() -> Scene:
    return Scene(BACKEND, BACKEND.capabilities(), Sampling(), "s/1/x", ProgramHints("s"))


def test_a_call_is_a_request_and_then_a_transcript():
    steps = interpret(weft.gen("x", max_tokens=3), Transcript().write("Say: "), scene())
    request = next(steps)
    assert isinstance(request, GenerateRequest)
    assert (request.id, request.prompt, request.sampling.max_tokens) == ("s/1/x", "Say: ", 3)
    with pytest.raises(StopIteration) as end:
        steps.send(GenerateResult("s/1/x", "hello", (), FinishReason.STOP))
    transcript, meta = end.value.value
    assert transcript.text == "Say: hello"
    assert meta.text == "hello"


def test_a_selection_is_a_score_request():
    steps = interpret(weft.select("x", choices=["a", "bc"]), Transcript().write("Say: "), scene())
    request = next(steps)
    assert isinstance(request, ScoreRequest)
    assert request.choices == ("a", "bc")
    with pytest.raises(StopIteration) as end:
        steps.send(ScoreResult("s/1/x", ((-1.0,), (-0.25, -0.25))))
    transcript, meta = end.value.value
    assert transcript.text == "Say: bc"
    assert meta.probabilities["bc"] == pytest.approx(1 / (1 + 2.718281828**-0.5))


@dataclass(frozen=True, slots=True)
class Song(Node):
    """A node from the future."""


def test_an_unknown_node_is_refused():
    with pytest.raises(UnsupportedNode, match="Song"):
        next(interpret(Song(), Transcript(), scene()))
    with pytest.raises(UnsupportedNode, match="Song"):
        check(Song(), BACKEND.capabilities())

    @weft.function
    def program(s):
        s += "x" + Song()

    with pytest.raises(UnsupportedNode, match="Song"):
        program.run(backend=BACKEND)


def test_nodes_are_values():
    first, second = (flatten(weft.user("a" + weft.gen("x", stop="b", regex=None))) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)


@pytest.mark.parametrize("name", ["x", "a/b/c", None])
def test_a_request_id_tells_its_variable(name):
    assert variable_name(request_id("f00.1.2", 3, name)) == (name or "")


def test_no_backend_is_told():
    weft.set_default_factory(None)

    @weft.function
    def program(s):
        s += "x" + weft.gen("x")

    with pytest.raises(ProgramError, match="set_default_backend"):
        program.run()


def test_default_backends():
    made = []

    def factory():
        made.append(ScriptedBackend({"x": "made"}))
        return made[-1]

    @weft.function
    def program(s):
        s += "x" + weft.gen("x")

    try:
        weft.set_default_factory(factory)
        assert program.run()["x"] == program.run()["x"] == "made"
        assert len(made) == 1
        weft.set_default_backend(ScriptedBackend({"x": "set"}))
        assert program.run()["x"] == "set"
        assert program.run(backend=ScriptedBackend({"x": "given"}))["x"] == "given"
        assert [state["x"] for state in program.run_batch([{}, {}])] == ["set", "set"]
    finally:
        weft.set_default_backend(None)
        weft.set_default_factory(None)


def answer(prompt, request=None):
    return f"{zlib.crc32(prompt.encode()) % 1000}"


# A random program is a tree: each step is text, a call under a name, or branches with steps of their own.
NAMES = st.sampled_from("abc")
STEPS = st.recursive(
    st.lists(st.one_of(st.tuples(st.just("text"), st.text(max_size=3)), st.tuples(st.just("gen"), NAMES)), max_size=4),
    lambda inner: st.lists(
        st.one_of(
            st.tuples(st.just("text"), st.text(max_size=3)),
            st.tuples(st.just("gen"), NAMES),
            st.tuples(st.just("fork"), st.lists(inner, min_size=1, max_size=3)),
        ),
        max_size=4,
    ),
    max_leaves=12,
)


def naive(steps, text, values):
    """What a program must give, one call at a time on plain strings: its text, and the names written in it."""
    written = {}
    for kind, what in steps:
        if kind == "text":
            text += what
        elif kind == "gen":
            written[what] = values[what] = answer(text)
            text += values[what]
        else:
            branches = [naive(branch, text, dict(values))[1] for branch in what]
            for name in {name for branch in branches for name in branch}:
                written[name] = values[name] = [branch[name] for branch in branches if name in branch]
    return text, written


def write(s, steps):
    for kind, what in steps:
        if kind == "text":
            s += what
        elif kind == "gen":
            s += weft.gen(what)
        else:
            forks = s.fork(len(what))
            for fork, branch in zip(forks, what, strict=True):
                write(fork, branch)
            forks.join()


@given(steps=STEPS)
def test_random_programs_give_what_a_naive_reading_gives(steps):
    @weft.function
    def program(s):
        s += "start "
        write(s, steps)

    state = program.run(backend=ScriptedBackend(answer))
    text, written = naive(steps, "start ", {})
    assert state.text == text
    assert {name: state[name] for name in state.variables} == written
