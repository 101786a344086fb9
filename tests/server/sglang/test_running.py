"""Whose answers can be aborted."""

from __future__ import annotations

from contextvars import copy_context

from weft.server.calls import Call, begin_call
from weft.server.sglang.running import Running


def test_a_key_aborts_its_own_answers_only() -> None:
    copy_context().run(_check)


def _check() -> None:
    running = Running()
    aborted: list[str] = []
    begin_call(Call("1", key="a"))
    with running.known([("x", lambda: aborted.append("a's x"))]):
        begin_call(Call("2", key="b"))
        running.abort("x")
        running.abort_all()
        assert aborted == []
        with running.known([("x", lambda: aborted.append("b's x"))]):
            running.abort("x")
            assert aborted == ["b's x"]
        begin_call(Call("3", key="a"))
        running.abort_all()
        assert aborted == ["b's x", "a's x"]
    running.abort("x")
    assert aborted == ["b's x", "a's x"], "what has ended is not known any more"
