"""Keeps an engine process running: starts it, notices its death, starts another, and ends it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import zmq
import zmq.asyncio

from ..errors import EngineClosed, WeftError
from .child import Child, Restarts
from .engine_process import Launch
from .logs import LogFormat, LogLevel
from .notices import EngineLost, Notice, Serving, Stage
from .options import EngineOptions
from .wire.client import EngineClient

log = logging.getLogger("weft.server")

MAX_IPC_PATH = 100
"""Longest path of a Unix socket that every platform takes (the structure holds 104 to 108 bytes)."""

END_SECONDS = 5.0
"""How long after its connection broke an engine process may take to end by itself."""


class EngineSupervisor:
    """An engine process, the next one where it dies, and a client connected to whichever there is.

    Use as an async context manager: entering starts the process (loading goes on behind), leaving ends it. `run` is
    what notices its death.

    Args:
        url: where the API is, as `Serving` says it.
        restarts: how many restarts within ten minutes are too few to give up.

    Attributes:
        address, secret: for other clients; they stay over restarts.
        client: this process's own.
    """

    def __init__(
        self,
        options: EngineOptions,
        *,
        url: str,
        notify: Callable[[Notice], None],
        restarts: int,
        log_level: LogLevel = LogLevel.WARNING,
        log_format: LogFormat = LogFormat.TEXT,
        stop_timeout: float = 10.0,
    ) -> None:
        self._options = options
        self._url = url
        self._notify = notify
        self._restarts = Restarts(restarts)
        self._log_level = log_level
        self._log_format = log_format
        self._stop_timeout = stop_timeout
        self._loaded = False
        self._child: Child
        self.address: str
        self.secret = secrets.token_hex(32)
        self.client: EngineClient

    @property
    def pid(self) -> int:
        """The engine process that there is now."""
        return self._child.pid

    async def __aenter__(self) -> EngineSupervisor:
        self._folder = Path(tempfile.mkdtemp(prefix="weft-"))  # private to this user
        self.address = private_address(self._folder)
        await self._start()
        self._context = zmq.asyncio.Context()
        self.client = EngineClient(
            self._context, self.address, self.secret, progress=lambda stage: self._notify(Stage(stage))
        )
        self.client.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the process: kindly, by force after the timeout or where it is still loading."""
        await self._child.stop(self._stop_timeout if self._loaded else 0)
        await self.client.close()
        self._context.term()
        shutil.rmtree(self._folder, ignore_errors=True)

    def end_at_once(self) -> None:
        """Leaving is not to wait for the process to end kindly."""
        self._stop_timeout = 0

    async def run(self, reaches: Callable[[int], Awaitable[None]]) -> None:
        """Keep an engine running until cancelled. It is said to serve once `reaches`, told its process, returns.

        Raises the error that kept the first one from loading, and `EngineClosed` once too many have died.
        """
        while True:
            loaded_before = self.client.info is not None
            ended = asyncio.create_task(self._child.ended())
            try:
                error = await self._load(ended, reaches)
                if error is not None and not loaded_before:
                    raise error
                if error is None:
                    await self._until_lost(ended)
                else:
                    self._child.kill()
                reason = f"the engine process ended: {await ended}"
            finally:
                ended.cancel()
            await self._start_again(reason if error is None else error.message)

    async def _load(self, ended: asyncio.Task[str], reaches: Callable[[int], Awaitable[None]]) -> WeftError | None:
        """Wait until the engine is ready; the error that keeps it from ever being so."""
        ready = asyncio.create_task(self.client.ready())
        try:
            await asyncio.wait([ended, ready], return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                return EngineClosed(f"the engine process ended while it was loading: {ended.result()}")
            info = ready.result()
        except WeftError as error:
            return error
        finally:
            ready.cancel()
        self._loaded = True
        reaching = asyncio.ensure_future(reaches(self.pid))
        await asyncio.wait([ended, reaching], return_when=asyncio.FIRST_COMPLETED)
        reaching.cancel()
        if not ended.done():
            self._notify(Serving(self._url, info.name, self.pid, info))
        return None

    async def _until_lost(self, ended: asyncio.Task[str]) -> None:
        """Wait for the process's end. Raises where the client gave the engine up: it speaks what nobody can read."""
        gone = asyncio.create_task(self.client.gone())
        try:
            await asyncio.wait([ended, gone], return_when=asyncio.FIRST_COMPLETED)
            if self.client.lost is not None:
                raise self.client.lost
        finally:
            gone.cancel()
        await asyncio.wait([ended], timeout=END_SECONDS)
        if not ended.done():  # the connection broke: nobody can use a process that lives on
            self._child.kill()

    async def _start_again(self, reason: str) -> None:
        """The next engine process. Raises `EngineClosed` where that would be one too many."""
        self.client.reconnect()
        attempt, most = self._restarts.another(), self._restarts.most
        if attempt is None:
            error = EngineClosed(f"{reason}; it was started again {most} times within ten minutes, no more is allowed")
            self.client.lose(error)
            self._notify(EngineLost(reason, restarting=False, attempt=most))
            raise error
        log.error("%s; starting it again, %d of %d", reason, attempt, most)
        self._notify(EngineLost(reason, restarting=True, attempt=attempt))
        await self._start()

    async def _start(self) -> None:
        self._loaded = False
        launch = Launch(str(self._folder), self.address, self.secret, self._options, self._log_level, self._log_format)
        self._child = await Child.start("weft.server.engine_process", launch)


def private_address(folder: Path) -> str:
    """A socket in `folder`, or on loopback where there are no Unix sockets or the path is too long."""
    path = folder / "engine"
    if zmq.has("ipc") and len(str(path)) <= MAX_IPC_PATH:
        return f"ipc://{path}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"
