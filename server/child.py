"""Child processes of the server, and both ends of what is said between parent and child.

A child is a module of ours run by the same Python. The first line of its stdin is what it is to do, as JSON; further
lines are orders; the end of its stdin means that the parent is gone or wants it to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from io import FileIO
from typing import TypeVar

import msgspec

ToldT = TypeVar("ToldT")

OUTLIVE_SECONDS = 15.0
"""How long a child whose stdin ended has to end in order, whatever it is stuck in."""


class Child:
    """A running child. `start` makes one.

    Attributes:
        pid: its process id.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    @classmethod
    async def start(cls, module: str, told: object, *, files: Sequence[int] = (), listen: bool = False) -> Child:
        """Run `module`, which inherits the file descriptors `files`; `listen` makes its stdout readable by `lines`."""
        # A session of its own: a terminal's Ctrl-C is the parent's to handle. -P: the folder that the user happens to
        # stand in is no place to import from.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE if listen else None,
            start_new_session=True,
            pass_fds=files,
        )
        child = cls(process)
        child.tell(msgspec.json.encode(told))
        return child

    def tell(self, line: bytes) -> None:
        """Send a line. One that is gone does not hear it; `ended` says so."""
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(line + b"\n")

    async def lines(self) -> AsyncIterator[bytes]:
        """What it says, line by line, until it ends."""
        if self._process.stdout is not None:
            async for line in self._process.stdout:
                yield line

    async def ended(self) -> str:
        """Wait for its end; how it ended, in words."""
        status = await self._process.wait()
        return f"exit status {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"

    def kill(self) -> None:
        """End it by force."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self, timeout: float) -> None:
        """End it: kindly by closing its stdin, by force after `timeout` seconds. Idempotent."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(timeout):
                await self._process.wait()
        except TimeoutError:
            self.kill()
        await self._process.wait()


class Orders:
    """A child's stdin after its first line. Needs a running event loop.

    Args:
        hear: told each order, on the loop.

    Attributes:
        over: set when stdin has ended. A process that is still there `OUTLIVE_SECONDS` later is ended by force.
    """

    def __init__(self, stdin: FileIO, hear: Callable[[str], None] = lambda _: None) -> None:
        self.over = asyncio.Event()
        loop = asyncio.get_running_loop()

        def read() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
                for line in iter(stdin.readline, b""):
                    loop.call_soon_threadsafe(hear, line.decode().strip())
                loop.call_soon_threadsafe(self.over.set)
            time.sleep(OUTLIVE_SECONDS)
            os._exit(1)

        threading.Thread(target=read, name="stdin", daemon=True).start()


class Restarts:
    """How often something may be started again.

    Args:
        most: restarts allowed within any `window` seconds.
    """

    def __init__(self, most: int, window: float = 600.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._window = window
        self._clock = clock
        self._times: deque[float] = deque()

    def another(self) -> int | None:
        """Count one more: which one within the window it is, or None where there have been too many."""
        now = self._clock()
        while self._times and self._times[0] <= now - self._window:
            self._times.popleft()
        if len(self._times) >= self.most:
            return None
        self._times.append(now)
        return len(self._times)


def raw_stdin() -> FileIO:
    """This process's stdin without a buffer: the thread that waits for orders would hold its lock at the end."""
    return FileIO(sys.stdin.fileno(), closefd=False)


def read_told(stdin: FileIO, kind: type[ToldT]) -> ToldT:
    """What the parent says first."""
    return msgspec.json.decode(stdin.readline(), type=kind)
