"""The scripted backend, which users' own tests stand on."""

from __future__ import annotations

import asyncio
import threading

import pytest

from weft import lang as weft
from weft.errors import Aborted, EngineError, InvalidRequest, ProgramError
from weft.lang import Answer, Backend, ScriptedBackend
from weft.request import FinishReason, GenerateRequest, Sampling, ScoreRequest


def request(name="x", **fields):
    return GenerateRequest(id=f"s/1/{name}", prompt="p", **fields)


def test_it_is_a_backend():
    backend: Backend = ScriptedBackend({})
    assert backend.capabilities().model == "scripted"


def test_a_ticket_gives_the_same_by_every_way():
    backend = ScriptedBackend({"x": "some text"}, chunk=3)
    assert backend.generate(request()).result(10).text == "some text"
    assert [event.text for event in backend.generate(request())] == ["som", "e t", "ext", ""]

    async def loop():
        ticket = backend.generate(request())
        events = [event async for event in ticket]
        return events[-1].finish, (await ticket).text

    assert asyncio.run(loop()) == (FinishReason.STOP, "some text")


def test_stop_strings_cut_the_answer():
    backend = ScriptedBackend({"x": "one. two! three."})
    result = backend.generate(request(sampling=Sampling(stop=("!", ". ")))).result(10)
    assert (result.text, result.stop_reason) == ("one", ". ")


def test_errors_are_raised_where_the_ticket_is_waited_for():
    backend = ScriptedBackend({"x": EngineError("boom")})
    with pytest.raises(EngineError):
        backend.generate(request()).result(10)
    with pytest.raises(EngineError):
        list(backend.generate(request()))
    with pytest.raises(InvalidRequest):
        backend.generate(GenerateRequest(id="s/1/x", prompt=""))


def test_a_script_that_has_no_answer_says_so():
    backend = ScriptedBackend({"x": ["once"], "y": "always"})
    assert backend.generate(request()).result(10).text == "once"
    with pytest.raises(ProgramError, match="1 answers for 'x'"):
        backend.generate(request()).result(10)
    with pytest.raises(ProgramError, match="no answer for 'z'; it has: 'x', 'y'"):
        backend.generate(request("z")).result(10)


def test_a_script_cannot_select_what_is_no_choice():
    backend = ScriptedBackend({"x": "purple"})
    with pytest.raises(ProgramError, match="purple"):
        backend.score(ScoreRequest(id="s/1/x", prompt="p", choices=("red", "blue"))).result(10)


def test_abort_by_ticket_and_by_id():
    release = threading.Event()

    def wait(prompt, request):
        release.wait(30)
        return "late"

    backend = ScriptedBackend(wait)
    first, second = backend.generate(request()), backend.generate(request("y"))
    with pytest.raises(TimeoutError):
        first.result(0.0)
    first.abort()
    backend.abort(second.request_id)
    backend.abort("unknown")
    release.set()
    for ticket in (first, second):
        with pytest.raises(Aborted):
            ticket.result(10)


def test_it_remembers_what_it_was_asked():
    @weft.function
    def program(s):
        s += weft.user("Which?") + weft.assistant(weft.select("pick", choices=["a", "b"]))

    backend = ScriptedBackend({"pick": Answer(probabilities={"a": 0.2, "b": 0.8})})
    assert program.run(backend=backend)["pick"] == "b"
    assert backend.prompts == ["<user>\nWhich?\n<assistant>\n"]
    assert isinstance(backend.requests[0], ScoreRequest)
