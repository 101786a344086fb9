"""A true `weft serve` process, told what happens by its lines of JSON."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

COMMAND = [sys.executable, "-c", "from weft.cli.main import main; main()", "serve"]
SECONDS = 120
"""Long enough for anything that ends at all."""


class Serving:
    """A `weft serve` process on a free port; it listens, and its engine loads.

    Attributes:
        url: where it listens.
        engine_pid: its engine process.
        http: a client of it.
    """

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "--port", "0", "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
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
        raise AssertionError(f"it ended before {event}: {self.process.stderr and self.process.stderr.read()}")

    def stop(self) -> str:
        """End it by SIGTERM; what it said on stderr."""
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=SECONDS)
        assert self.process.returncode == 0, errors
        return errors


@contextmanager
def serving(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[Serving]:
    """A server, loading; `notice("serving")` waits until it is ready."""
    served = Serving(*arguments, environment=environment)
    try:
        yield served
    finally:
        served.http.close()
        if served.process.poll() is None:
            served.process.kill()
        served.process.communicate()
