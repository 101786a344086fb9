"""Compiling in another process: the same grammars and the same refusals; its death is told and mended."""

from __future__ import annotations

import json
import threading

import pytest

from weft.errors import EngineClosed, EngineError, GrammarError, UnknownOption
from weft.grammar import GrammarCache, choices, compile_worker, json_schema, regex
from weft.grammar.cache import LONG_SOURCE
from weft.grammar.compile_worker import CompileWorker
from weft.grammar.compiler import compile, parse
from weft.request import Constraint, ConstraintKind


@pytest.fixture
def worker():
    worker = CompileWorker()
    yield worker
    worker.close()


LONG = json_schema({"enum": [f"value {number} é" for number in range(LONG_SOURCE // 10)]})


def test_long_constraints_are_compiled_elsewhere_and_alike(vocabulary, worker, monkeypatch):
    cache = GrammarCache(vocabulary, worker=worker)
    cache.get(regex("[ab]+"))
    assert worker._process is None  # not started for what is short
    monkeypatch.setattr("weft.grammar.cache.compile", lambda *args, **kwargs: pytest.fail("compiled here"))
    there, here = cache.get(LONG).matcher(), compile(LONG, vocabulary=vocabulary).matcher()
    for byte in b'"value 17 \\u00e9"':
        assert there.is_accepting() == here.is_accepting()
        assert there.advance(byte)
        assert here.advance(byte)
    assert there.is_accepting()
    assert not there.advance(ord(" "))


@pytest.mark.parametrize(
    "constraint",
    [
        regex(r"(a)\1"),
        json_schema({"properties": {"a": {"type": "thing"}}}),
        Constraint(ConstraintKind.REGEX, "a", (("colour", "red"),)),
    ],
)
def test_refusals_are_the_same(worker, constraint):
    with pytest.raises((GrammarError, UnknownOption)) as here:
        parse(constraint)
    with pytest.raises(type(here.value)) as there:
        worker.program(constraint)
    for field in ("message", "code", "param", "pointer", "keyword"):
        assert getattr(there.value, field, None) == getattr(here.value, field, None)


def test_a_dead_process_is_told_and_replaced(worker, monkeypatch):
    worker.program(choices(["a"]))
    first = worker._process
    first.kill()
    first.wait()
    assert worker.program(choices(["b"]))  # its death was seen in time
    second = worker._process
    assert second.pid != first.pid

    def die(stream, message):
        second.kill()
        second.wait()
        send(stream, message)

    send = compile_worker._write
    with monkeypatch.context() as patch:
        patch.setattr(compile_worker, "_write", die)
        with pytest.raises(EngineError, match="exit status -9"):
            worker.program(choices(["c"]))
    assert worker.program(choices(["c"]))


def test_it_ends_with_its_input(worker):
    worker.program(choices(["a"]))
    process = worker._process
    process.stdin.close()
    assert process.wait(60) == 0


def test_closing_fails_whoever_waits(worker):
    worker.program(choices(["a"]))
    slow = json_schema({"enum": [f"{number} and more" for number in range(60_000)]})
    failures = []

    def ask():
        try:
            worker.program(slow)
        except EngineClosed as error:
            failures.append(error.message)

    thread = threading.Thread(target=ask)
    thread.start()
    worker.close()
    thread.join()
    assert len(failures) <= 1  # it may have been done before
    with pytest.raises(EngineClosed, match="closed"):
        worker.program(choices(["a"]))


def test_what_is_printed_is_no_answer(worker):
    program = worker.program(Constraint(ConstraintKind.JSON_SCHEMA, json.dumps({"type": "string"})))
    assert program == worker.program(json_schema({"type": "string"}))
