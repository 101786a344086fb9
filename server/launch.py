"""Starts the engine process, notices its death, and ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

import msgspec
import zmq
import zmq.asyncio

from ..errors import EngineClosed
from .engine_process import Launch
from .logs import LogFormat, LogLevel
from .options import EngineOptions
from .wire.client import EngineClient

log = logging.getLogger("weft.server")

MAX_IPC_PATH = 100
"""Longest path of a Unix socket that every platform takes (the structure holds 104 to 108 bytes)."""


class EngineProcess:
    """One engine process and the client connected to it.

    Use as an async context manager: entering starts the process (loading goes on behind; see `client.ready`), leaving
    ends it.
    """

    def __init__(
        self,
        options: EngineOptions,
        *,
        log_level: LogLevel = LogLevel.WARNING,
        log_format: LogFormat = LogFormat.TEXT,
        stop_timeout: float = 10.0,
    ) -> None:
        self._options = options
        self._log_level = log_level
        self._log_format = log_format
        self._stop_timeout = stop_timeout
        self.client: EngineClient
        self.pid: int

    async def __aenter__(self) -> EngineProcess:
        secret = secrets.token_hex(32)
        self._folder = Path(tempfile.mkdtemp(prefix="weft-"))  # private to this user
        address = private_address(self._folder)
        launch = Launch(str(self._folder), address, secret, self._options, self._log_level, self._log_format)
        # A session of its own: a terminal's Ctrl-C is the parent's to handle. -P: the folder that the user happens to
        # stand in is no place to import from.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "weft.server.engine_process",
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self._process.pid
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # died at once: `_watch` says so
            stdin.write(msgspec.json.encode(launch) + b"\n")
            await stdin.drain()
        self._context = zmq.asyncio.Context()
        self.client = EngineClient(self._context, address, secret)
        self.client.start()
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the process: kindly by closing its stdin, by force after the timeout or where it is still loading."""
        serving = self.client.info is not None
        await self.client.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(self._stop_timeout if serving else 0):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._watching
        self._context.term()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _watch(self) -> None:
        status = await self._process.wait()
        error = EngineClosed(f"the engine process ended: {_describe(status)}")
        if self.client.info is not None and self.client.lost is None:
            log.error("%s; from now on every request is answered by 503", error.message)
        self.client.lose(error)


def private_address(folder: Path) -> str:
    """A socket in `folder`, or on loopback where there are no Unix sockets or the path is too long."""
    path = folder / "engine"
    if zmq.has("ipc") and len(str(path)) <= MAX_IPC_PATH:
        return f"ipc://{path}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def _describe(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    return f"killed by {signal.Signals(-status).name}"
