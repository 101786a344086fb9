"""`weft serve` as a process: started, followed by its notices, ended."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

COMMAND = [sys.executable, "-c", "from weft.cli.main import main; main()", "serve", "--log-level", "warning"]
SECONDS = 120


class Serving:
    """A `weft serve` process."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "--port", "0", "--json", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.loading = self.notice("loading")
        self.url = self.loading["url"]
        self.engine_pid = self.loading["engine_pid"]
        self.http = httpx.Client(base_url=self.url, timeout=SECONDS)

    def notice(self, event: str) -> dict[str, Any]:
        """The next line, which must be of this event; the stages of loading are passed over."""
        assert self.process.stdout is not None
        while True:
            line = self.process.stdout.readline()
            assert line, self.process.stderr and self.process.stderr.read()
            notice: dict[str, Any] = json.loads(line)
            if notice["event"] == event:
                return notice
            assert notice["event"] == "stage", notice

    def stop(self) -> str:
        """End it by SIGTERM; what it said on stderr."""
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=SECONDS)
        assert self.process.returncode == 0, errors
        return errors


@contextmanager
def serving(*arguments: str) -> Iterator[Serving]:
    served = Serving(*arguments)
    try:
        yield served
    finally:
        served.http.close()
        if served.process.poll() is None:
            served.process.kill()
        served.process.communicate()


@contextmanager
def watched(pid: int) -> Iterator[Callable[[], bool]]:
    """Whether the process has ended; waits for its end."""
    handle = os.pidfd_open(pid)
    try:
        yield lambda: bool(select.select([handle], [], [], SECONDS)[0])
    finally:
        os.close(handle)


def stats(served: Serving) -> dict[str, int]:
    answer: dict[str, int] = served.http.get("/server_info").json()["stats"]
    return answer


def wait_until(condition: Callable[[], bool]) -> None:
    """Ask again and again; each time is a round trip to the engine."""
    for _ in range(10_000):
        if condition():
            return
    raise AssertionError("it never became so")
