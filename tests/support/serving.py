"""`weft serve` as a process: started, followed by its notices, ended."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

COMMAND = [sys.executable, "-c", "from weft.cli.main import main; main()", "serve", "--log-level", "warning"]
SECONDS = 120
"""Long enough for anything that ends at all."""


class Serving:
    """A `weft serve` process on a free port; it listens, and its engine loads.

    Attributes:
        loading: its first notice.
        url: where it listens.
        engine_pid: its engine process.
        http: a client of it.
    """

    def __init__(self, *arguments: str) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - a pipe that nobody reads would fill, and block it
        self.process = subprocess.Popen(
            [*COMMAND, "--port", "0", "--json", *arguments], stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self.loading = self.notice("loading")
        self.url: str = self.loading["url"]
        self.engine_pid: int = self.loading["engine_pid"]
        self.http = httpx.Client(base_url=self.url, timeout=SECONDS)

    def notice(self, event: str) -> dict[str, Any]:
        """The next line of this event; others before it are read over."""
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            notice: dict[str, Any] = json.loads(line)
            if notice["event"] == event:
                return notice
        raise AssertionError(f"it ended before {event}: {self.errors()}")

    def errors(self) -> str:
        """What it has said on stderr so far."""
        self._errors.seek(0)
        return self._errors.read()

    def stop(self) -> str:
        """End it by SIGTERM; what it said on stderr."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=SECONDS)
        assert self.process.returncode == 0, self.errors()
        return self.errors()

    def close(self) -> None:
        """Let go of it, whatever it does."""
        self.http.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self._errors.close()


@contextmanager
def serving(*arguments: str) -> Iterator[Serving]:
    """A server, loading; `notice("serving")` waits until it is ready."""
    served = Serving(*arguments)
    try:
        yield served
    finally:
        served.close()


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
