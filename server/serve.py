"""`weft serve`: the API process with its engine process, from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

import msgspec
import uvicorn

from ..errors import InvalidRequest
from ..runtime.folder import resolve
from ..runtime.tokenizer import Tokenizer
from .app import create_app
from .dialect import Dialect
from .launch import EngineProcess
from .logs import configure
from .options import ServeOptions
from .served import Served
from .wire.messages import EngineInfo


@dataclass(frozen=True, slots=True)
class Loading:
    """The server listens; /health is 503 until `Serving`."""

    url: str
    model: str
    engine_pid: int


@dataclass(frozen=True, slots=True)
class Serving:
    """The engine is loaded: requests are taken."""

    url: str
    model: str
    engine_pid: int
    info: EngineInfo


@dataclass(frozen=True, slots=True)
class Draining:
    """A signal came: new connections are refused, `requests` in flight have `timeout` seconds to end."""

    requests: int
    timeout: float


Notice = Loading | Serving | Draining


async def serve(options: ServeOptions, notify: Callable[[Notice], None]) -> None:
    """Serve until SIGINT or SIGTERM; a second signal ends it at once.

    Raises the error that kept the engine from loading.
    """
    configure(options.log_level, options.log_format, "api")
    name, folder = resolve(options.engine.model)
    name = options.served_name or options.engine.name or name
    tokenizer = Tokenizer(folder)
    dialect = Dialect.of(
        tokenizer.template_source,
        tokenizer.template_variables,
        tool_parser=options.tool_parser,
        reasoning_parser=options.reasoning_parser,
    )
    on_signal = _Signals(lambda requests: notify(Draining(requests, options.shutdown_timeout)))
    with on_signal, _listen(options.host, options.port) as listener:
        url = _url(options.host, listener.getsockname()[1])
        # The engine is told the served name, since its metrics bear it.
        named = msgspec.structs.replace(options.engine, name=name)
        async with EngineProcess(named, log_level=options.log_level, log_format=options.log_format) as engine:
            config = uvicorn.Config(
                create_app(Served(engine.client, tokenizer, name, options.limits, dialect)),
                lifespan="off",
                access_log=False,
                log_level="warning",
                log_config=None,  # ours holds for uvicorn too
                timeout_graceful_shutdown=max(1, round(options.shutdown_timeout)),
            )
            server = _Server(config)
            on_signal.stop(server)
            notify(Loading(url, name, engine.pid))
            running = asyncio.create_task(server.serve(sockets=[listener]))
            ready = asyncio.create_task(engine.client.ready())
            try:
                await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
                if not running.done():
                    notify(Serving(url, name, engine.pid, ready.result()))
                await running
            finally:
                server.should_exit = True
                await running
                ready.cancel()


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handling, which would end the process before the engine is told."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Signals:
    """The first SIGINT or SIGTERM lets the server drain, the second ends it at once.

    Use as a context manager on a running loop; a signal that comes before there is a server counts when there is.
    """

    def __init__(self, on_first: Callable[[int], None]) -> None:
        self._on_first = on_first
        self._server: uvicorn.Server | None = None
        self._came = 0

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._signalled)
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)

    def stop(self, server: uvicorn.Server) -> None:
        """The server to stop."""
        self._server = server
        server.should_exit = self._came > 0

    def _signalled(self) -> None:
        self._came += 1
        server = self._server
        if self._came == 1:
            self._on_first(len(server.server_state.tasks) if server is not None else 0)
        if server is not None:
            server.should_exit = True
            server.force_exit = self._came > 1


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `InvalidRequest` for an address that cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError, UnicodeError) as error:  # the last for a name that no host can have
        raise InvalidRequest(f"cannot listen on {host}:{port}: {error}", param="port") from error


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
