"""Long compilations in a process of their own, so that they hold up neither the engine's loop nor other callers.

The process runs `main`, which reads requests on its standard input and writes answers to its standard output. Each
message is its length, as four big-endian bytes, and that many bytes: a request is a constraint as JSON; an answer
is one byte, ``+`` and a program for the grammar engine, or ``-`` and the error as JSON. The process ends when its input
does, so it never outlives the one that started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from typing import IO

from ..errors import EngineClosed, EngineError, GrammarError, InvalidRequest, UnknownOption
from ..request import Constraint, ConstraintKind

_ERRORS = {kind.__name__: kind for kind in (InvalidRequest, UnknownOption, GrammarError)}
_LENGTH = struct.Struct(">I")
_PROGRAM, _ERROR = b"+", b"-"


class CompileWorker:
    """The process, started when it is first needed and again when it has died. Thread-safe; one request at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._closed = False

    def program(self, constraint: Constraint) -> bytes:
        """The constraint's program, as `weft.grammar.engine.program.Program.encode` writes it.

        Raises:
            GrammarError, UnknownOption: the constraint is refused.
            EngineError: the process died over it.
            EngineClosed: the worker is closed.
        """
        request = json.dumps(
            {"kind": constraint.kind.value, "source": constraint.source, "options": constraint.options}
        ).encode()
        with self._lock:
            if self._closed:
                raise _closed()
            answer = self._ask(request)
        if answer[:1] == _PROGRAM:
            return answer[1:]
        raise _error(json.loads(answer[1:]))

    def _ask(self, request: bytes) -> bytes:
        """Send a request and wait for its answer. The lock is held."""
        process = self._running()
        assert process.stdin is not None  # both are pipes
        assert process.stdout is not None
        try:
            _write(process.stdin, request)
            answer = _read(process.stdout)
        except OSError:  # a pipe that broke
            answer = None
        if answer is None:
            self._stop()
            if self._closed:
                raise _closed()
            status = process.returncode
            raise EngineError(f"the process that compiles constraints died (exit status {status}) over this one")
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self._stop()
        if self._process is None:
            # The same places to import from; -P keeps the working directory out of them.
            paths = os.pathsep.join(path for path in sys.path if path)
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", "from weft.grammar.compile_worker import main; main()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": paths},
            )
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # what was still to be written has no reader any more
                        pipe.close()

    def close(self) -> None:
        """End the process. A request that waits for it fails."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()  # whoever waits for its answer, with the lock held, is told
        with self._lock:
            self._stop()


def _closed() -> EngineClosed:
    return EngineClosed("the engine was closed before this constraint was compiled")


def _error(described: dict[str, str | None]) -> InvalidRequest:
    kind = _ERRORS[str(described.pop("type"))]
    message = str(described.pop("message"))
    places = {name: described.pop(name) for name in ("pointer", "keyword")}
    if issubclass(kind, GrammarError):
        return kind(message, **places, **described)
    return kind(message, **described)


def _describe(error: InvalidRequest) -> dict[str, str | None]:
    kind = next(kind for kind in type(error).__mro__ if kind.__name__ in _ERRORS)
    return {
        "type": kind.__name__,
        "message": error.message,
        "param": error.param,
        "code": error.code,
        "pointer": getattr(error, "pointer", None),
        "keyword": getattr(error, "keyword", None),
    }


def _write(stream: IO[bytes], message: bytes) -> None:
    stream.write(_LENGTH.pack(len(message)) + message)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes | None:
    """A message; None where the stream ended."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = stream.read(length)
    return message if len(message) == length else None


def _answer(request: bytes) -> bytes:
    from .compiler import parse
    from .engine.program import write

    asked = json.loads(request)
    options = tuple((name, value) for name, value in asked["options"])
    try:
        program = write(parse(Constraint(ConstraintKind(asked["kind"]), asked["source"], options)))
    except InvalidRequest as error:
        return _ERROR + json.dumps(_describe(error)).encode()
    return _PROGRAM + program.encode()


def main() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the process that started this one
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what anything prints is not an answer
    while (request := _read(sys.stdin.buffer)) is not None:
        _write(output, _answer(request))
