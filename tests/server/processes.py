"""`weft serve` as a process that logs nothing but warnings, and what its tests ask of it again and again."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import serving as any_serving
from serving import SECONDS, Serving

QUIET = ("--log-level", "warning")
COMMAND = [*any_serving.COMMAND, *QUIET]


def serving(*arguments: str) -> AbstractContextManager[Serving]:
    """A server, loading; `notice("serving")` waits until it is ready."""
    return any_serving.serving(*QUIET, *arguments)


@contextmanager
def watched(pid: int) -> Iterator[Callable[[], bool]]:
    """Whether the process has ended; waits for its end."""
    handle = os.pidfd_open(pid)
    try:
        yield lambda: bool(select.select([handle], [], [], SECONDS)[0])
    finally:
        os.close(handle)


def stats(served: Serving) -> dict[str, int]:
    """The engine's counters."""
    answer: dict[str, int] = served.http.get("/server_info").json()["stats"]
    return answer


def wait_until(condition: Callable[[], bool]) -> None:
    """Ask again and again; each time is a round trip to the engine."""
    for _ in range(10_000):
        if condition():
            return
    raise AssertionError("it never became so")
