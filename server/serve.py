"""`weft serve`: the API process with its engine process, from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn

from ..errors import InvalidRequest
from ..runtime.folder import resolve
from ..runtime.tokenizer import Tokenizer
from .app import create_app
from .launch import EngineProcess
from .messages import EngineInfo
from .options import ServeOptions
from .served import Served


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
    name, folder = resolve(options.engine.model)
    name = options.served_name or options.engine.name or name
    tokenizer = Tokenizer(folder)
    with _listen(options.host, options.port) as listener:
        url = _url(options.host, listener.getsockname()[1])
        async with EngineProcess(options.engine) as engine:
            app = create_app(Served(engine.client, tokenizer, name, options.limits))
            server = _Server(
                uvicorn.Config(
                    app,
                    lifespan="off",
                    access_log=False,
                    log_level="warning",
                    timeout_graceful_shutdown=max(1, round(options.shutdown_timeout)),
                ),
                lambda requests: notify(Draining(requests, options.shutdown_timeout)),
            )
            running = asyncio.create_task(server.serve(sockets=[listener]))
            notify(Loading(url, name, engine.pid))
            ready = asyncio.create_task(engine.client.ready())
            try:
                await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
                if ready.done() and not running.done():
                    notify(Serving(url, name, engine.pid, ready.result()))
                await running
            finally:
                ready.cancel()
                server.should_exit = True
                await running


class _Server(uvicorn.Server):
    """uvicorn's server with signals of our own: its would end the process before the engine is told."""

    def __init__(self, config: uvicorn.Config, on_drain: Callable[[int], None]) -> None:
        super().__init__(config)
        self._on_drain = on_drain

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self._signalled)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def _signalled(self) -> None:
        if self.should_exit:
            self.force_exit = True
            return
        self.should_exit = True
        self._on_drain(len(self.server_state.tasks))


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `InvalidRequest` for an address that cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise InvalidRequest(f"cannot listen on {host}:{port}: {error}", param="port") from error


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
