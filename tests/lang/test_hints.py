"""What requests tell of their programs is true, and what is not known is not told."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft import lang as weft
from weft.errors import EngineError
from weft.lang import ScriptedBackend
from weft.lang.common_prefix import Batch, common_length

pytestmark = pytest.mark.timeout(120)


@given(st.text("ab", max_size=12), st.text("ab", max_size=12))
def test_common_length(one: str, other: str) -> None:
    length = common_length(one, other)
    assert one[:length] == other[:length]
    assert length == min(len(one), len(other)) or one[length] != other[length]
    assert common_length(tuple(map(ord, one)), tuple(map(ord, other))) == length


@weft.function
def classify(s, text):
    s += f"Sort this: {text} " + weft.gen("kind")
    s += " because " + weft.gen("reason")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_batch_tells_what_its_items_have_in_common_and_when_it_is_over(asynchronous: bool) -> None:
    backend = ScriptedBackend(lambda prompt, request: "x")
    items = [{"text": text} for text in ("apple", "apricot", "banana")]
    if asynchronous:
        asyncio.run(classify.arun_batch(items, backend=backend, max_in_flight=1))
    else:
        classify.run_batch(items, backend=backend, max_in_flight=1)
    told = [request.hints.common_prefix for request in backend.requests]
    begin = len("Sort this: ")
    assert told == [0, 0, begin + 2, begin + 2, begin, begin], "of one item alone nothing is known"
    (batch,) = {request.hints.batch for request in backend.requests}
    assert backend.released.count(batch) == 1
    assert backend.released[-1] == batch
    assert len({request.hints.session for request in backend.requests}) == 3


def test_a_batch_is_over_also_when_its_items_fail_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    def items():
        yield {"text": "a"}
        raise EngineError("no more")

    ended: list[Batch] = []
    monkeypatch.setattr(Batch, "end", lambda batch: ended.append(batch))
    with pytest.raises(EngineError, match="no more"):
        classify.run_batch(items(), backend=ScriptedBackend(lambda prompt, request: "x"))
    assert len(ended) == 1


def test_a_program_by_itself_is_of_no_batch() -> None:
    backend = ScriptedBackend(lambda prompt, request: "x")
    classify.run("a", backend=backend)
    assert {(request.hints.batch, request.hints.common_prefix) for request in backend.requests} == {(None, 0)}


def test_forks_of_an_item_are_of_its_batch() -> None:
    @weft.function
    def program(s, text):
        s += text
        for fork in s.fork(2):
            fork += weft.gen("leaf")

    backend = ScriptedBackend(lambda prompt, request: "x")
    program.run_batch([{"text": "a"}, {"text": "b"}], backend=backend)
    assert len(backend.requests) == 4
    assert len({request.hints.batch for request in backend.requests} - {None}) == 1


@pytest.mark.parametrize("forks_call", [True, False])
def test_calls_queued_in_forks_are_calls_to_come(forks_call: bool) -> None:
    written = threading.Event()

    @weft.function
    def program(s):
        s += "a" + weft.gen("zero") + weft.gen("one")
        for fork in s.fork(2):
            fork += weft.gen("leaf") if forks_call else "b"
        written.set()

    def answer(prompt, request):
        assert written.wait(60)
        return "x"

    backend = ScriptedBackend(answer)
    program.run(backend=backend)
    assert backend.requests[1].hints.more_calls is forks_call
    assert not any(request.hints.more_calls for request in backend.requests[2:])
