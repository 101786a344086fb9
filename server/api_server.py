"""The HTTP API on a listening socket: uvicorn around the app, and its end in order."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from ..errors import EngineClosed
from ..runtime.folder import resolve
from ..runtime.tokenizer import Tokenizer
from .app import create_app
from .dialect import Dialect
from .gate import Gate
from .options import HttpOptions, ServeOptions
from .served import Served
from .wire.client import EngineClient

LAST_WORDS_SECONDS = 2.0
"""How long the errors of requests that did not end in time may take to reach their clients."""


@dataclass(frozen=True, slots=True)
class Model:
    """What an API process knows of the served model.

    Attributes:
        name: what clients call it.
        dialect: how it writes tool calls and reasoning.
    """

    name: str
    tokenizer: Tokenizer
    dialect: Dialect

    @classmethod
    def read(cls, options: ServeOptions) -> Model:
        """Raises `ModelError` for a folder that is at fault, `InvalidRequest` for an option that is."""
        name, folder = resolve(options.engine.model)
        tokenizer = Tokenizer(folder)
        dialect = Dialect.of(
            tokenizer.template_source,
            tokenizer.template_variables,
            tool_parser=options.tool_parser,
            reasoning_parser=options.reasoning_parser,
        )
        return cls(options.served_name or options.engine.name or name, tokenizer, dialect)


def build_app(options: ServeOptions, model: Model, client: EngineClient) -> ASGIApp:
    """The app that serves a client's engine."""
    served = Served(
        client, model.tokenizer, model.name, options.limits, model.dialect, salt_by_key=options.access.salt_by_key
    )
    return create_app(served, options.access)


class ApiServer:
    """Serves an app until told to stop.

    Args:
        listener: a listening socket; closed when draining begins.
        client: what the app's requests wait for.
    """

    def __init__(self, app: ASGIApp, listener: socket.socket, client: EngineClient, options: HttpOptions) -> None:
        self._listener = listener
        self._client = client
        self._gate = Gate(app, lambda: len(self._server.server_state.connections), options)
        self._server = _Server(
            uvicorn.Config(
                self._gate,
                http="h11",  # the one whose header size is bounded
                ws="none",
                lifespan="off",
                access_log=False,
                log_level="warning",
                log_config=None,  # ours holds for uvicorn too
                server_header=False,
                proxy_headers=False,
                backlog=options.backlog,
                timeout_keep_alive=options.keep_alive_timeout,
                h11_max_incomplete_event_size=options.max_header_bytes,
            )
        )
        self._ended = asyncio.Event()

    async def reaches(self, engine: int) -> None:
        """Wait until connections are taken; this process's own client, which knows the engine, is what they use."""
        await self._server.listening.wait()

    async def started(self) -> None:
        """Wait until connections are taken."""
        await self._server.listening.wait()

    async def run(self) -> None:
        """Serve, until `drain` or `end` is called."""
        try:
            await self._server.serve(sockets=[self._listener])
        finally:
            self._ended.set()

    async def drain(self, timeout: float, say: Callable[[int], None]) -> None:
        """Refuse new connections, say how many requests are in flight as they end, and return when none are.

        Those that are there after `timeout` seconds end by an error, and after a little more by their connection's end.
        """
        self._server.refuse()
        saying = asyncio.create_task(self._gate.waiting.report(say))
        try:
            if not await self._over(timeout):
                self._client.lose(EngineClosed("the server is shutting down: this request did not end in time"))
                await self._over(LAST_WORDS_SECONDS)
        finally:
            saying.cancel()
            self.end()

    def end(self) -> None:
        """Stop now; connections that are still there break."""
        self._server.refuse()
        self._server.force_exit = True
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()

    async def close(self) -> None:
        """Wait for what `end` began."""
        await self._ended.wait()

    async def _over(self, timeout: float) -> bool:
        """Whether the server ends within `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._ended.wait()
        return self._ended.is_set()


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handling, which would end the process before the engine is told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    def refuse(self) -> None:
        """Refuse new connections now, not within uvicorn's next tick, and let `serve` come to its end."""
        self.should_exit = True
        if self.listening.is_set():
            for server in self.servers:
                server.close()
