"""What a variable reads back as."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest

from weft import lang as weft
from weft.errors import IncompleteOutput, InvalidOutput, ProgramError, UnknownVariable
from weft.lang import Answer, ScriptedBackend
from weft.request import FinishReason


class Person(pydantic.BaseModel):
    name: str
    age: int

    @pydantic.field_validator("age")
    @classmethod
    def not_negative(cls, age: int) -> int:
        if age < 0:
            raise ValueError("an age is not negative")
        return age


def run(call: Any, answer: Any) -> weft.State:
    @weft.function
    def program(s):
        s += "Text: " + call

    return program.run(backend=ScriptedBackend({"x": answer}))


CUT = FinishReason.LENGTH


@pytest.mark.parametrize(
    ("call", "text", "value"),
    [
        (weft.gen("x"), "plain", "plain"),
        (weft.gen("x"), "", ""),
        (weft.gen("x", regex="[0-9]+"), "12", "12"),
        (weft.gen("x", choices=["yes", "no"]), "no", "no"),
        (weft.gen("x", json_schema={"type": "object"}), '{"a": [1, null]}', {"a": [1, None]}),
        (weft.gen("x", json_schema='{"type": "number"}'), "1.5", 1.5),
        (weft.gen("x", json_schema=Person), '{"name": "Ada", "age": 36}', Person(name="Ada", age=36)),
        (weft.select("x", choices=["red", "green"]), "green", "green"),
    ],
)
def test_the_value_is_the_python_object_and_the_text_is_kept(call, text, value):
    state = run(call, text)
    assert state["x"] == value
    assert type(state["x"]) is type(value)
    assert state["x"] is state["x"]
    assert state.text_of("x") == text
    assert state.text == "Text: " + text


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (weft.gen("x", json_schema={}), '{"a": '),
        (weft.gen("x", json_schema=Person), '{"name": "A'),
        (weft.gen("x", json_schema={"enum": [123]}), "12"),
        (weft.gen("x", choices=["yes", "no"]), "y"),
        (weft.gen("x", regex="[0-9]{4}"), "12"),
    ],
)
def test_a_constrained_text_cut_short_raises_with_the_text(call, text):
    state = run(call, Answer(text, CUT))
    for _ in range(2):
        with pytest.raises(IncompleteOutput, match="'x' ran out of tokens") as caught:
            _ = state["x"]
        assert caught.value.text == text
        assert caught.value.param == "x"
    assert state.text_of("x") == text
    assert state.meta("x").finish is CUT
    assert state.error is None


def test_a_text_that_its_stop_string_ended_is_read_where_that_can_be():
    assert run(weft.gen("x", regex="[0-9]+;.*", stop=";"), "12;13")["x"] == "12"
    state = run(weft.gen("x", json_schema=Person, stop="a"), '{"name": "Ada"}')
    with pytest.raises(IncompleteOutput, match="'x' was ended by 'a'") as caught:
        _ = state["x"]
    assert caught.value.text == '{"n'


@pytest.mark.parametrize(
    ("call", "text", "value"),
    [
        (weft.gen("x"), "a plain text may be cut", "a plain text may be cut"),
        (weft.gen("x", regex="[0-9]+"), "12", "12"),
        (weft.gen("x", json_schema={}), "[12]", [12]),
        (weft.gen("x", choices=["a", "ab"]), "a", "a"),
    ],
)
def test_a_text_that_is_complete_as_it_is_cut_is_read(call, text, value):
    assert run(call, Answer(text, CUT))["x"] == value


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (weft.gen("x", json_schema={}), "not json"),
        (weft.gen("x", choices=["yes", "no"]), "maybe"),
        (weft.gen("x", json_schema=Person), '{"name": "Ada", "age": -1}'),
    ],
)
def test_a_text_that_breaks_its_constraint_is_told_apart(call, text):
    with pytest.raises(InvalidOutput) as caught:
        _ = run(call, text)["x"]
    assert not isinstance(caught.value, IncompleteOutput)
    assert caught.value.text == text


def test_an_unknown_variable_is_named_beside_those_there_are():
    state = run(weft.gen("x"), "a")
    with pytest.raises(UnknownVariable, match=r"no variable 'y' in this state; it has: 'x'"):
        _ = state["y"]
    with pytest.raises(KeyError):
        state.meta("y")

    @weft.function
    def reads_too_early(s):
        _ = s["later"]

    with pytest.raises(UnknownVariable, match="none"):
        reads_too_early.run(backend=ScriptedBackend({}))


def test_unnamed_calls_share_no_variable():
    @weft.function
    def program(s):
        s += weft.gen("first") if False else "A" + weft.gen() + "B" + weft.gen() + "C" + weft.select(choices=["x", "y"])

    answers = iter(["1", "2", "y"])
    state = program.run(backend=ScriptedBackend(lambda prompt, request: next(answers)))
    assert state.text == "A1B2Cy"
    assert state.variables == ()
    with pytest.raises(UnknownVariable):
        _ = state[""]


def test_a_name_written_again_holds_the_last():
    @weft.function
    def program(s):
        seen = []
        for _ in range(3):
            s += "?" + weft.gen("x")
            seen.append(s["x"])
        return seen

    state = program.run(backend=ScriptedBackend({"x": ["1", "2", "3"]}))
    assert state.returned == ["1", "2", "3"]
    assert state["x"] == "3"
    assert state.variables == ("x",)


def test_a_selection_takes_the_likeliest_and_tells_all_shares():
    shares = {"red": 0.1, "green": 0.06, "blue": 0.04}
    state = run(weft.select("x", choices=["green", "red", "blue", "none"]), Answer(probabilities=shares))
    assert state["x"] == "red"
    assert state.meta("x").probabilities == pytest.approx({"red": 0.5, "green": 0.3, "blue": 0.2, "none": 0.0})


def test_values_can_be_read_while_the_program_runs():
    @weft.function
    def program(s):
        s += "How many? " + weft.gen("n", json_schema={"type": "integer"})
        for _ in range(s["n"]):
            s += "." + weft.gen("dot")
        assert s.text == "How many? 2.a.b"
        return s.meta("dot").text

    assert program.run(backend=ScriptedBackend({"n": "2", "dot": ["a", "b"]})).returned == "b"


def test_what_was_gathered_has_no_single_meta():
    @weft.function
    def program(s):
        s += "a"
        forks = s.fork(2)
        for fork in forks:
            fork += weft.gen("x")
        forks.join()

    state = program.run(backend=ScriptedBackend({"x": "v"}))
    with pytest.raises(ProgramError, match="gathered from 2 forks"):
        state.meta("x")
