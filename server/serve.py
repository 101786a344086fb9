"""`weft serve`: the API with its engine process, from start to end."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from typing import Protocol, Self

import msgspec

from ..errors import InvalidRequest
from .api_process import Launch
from .api_server import ApiServer, Model, build_app
from .logs import configure
from .notices import Draining, Loading, Notice
from .options import ServeOptions
from .supervisor import EngineSupervisor
from .workers import Workers


class Front(Protocol):
    """What takes connections: an `ApiServer` in this process, or `Workers` in processes of their own."""

    async def reaches(self, engine: int) -> None:
        """Wait until connections are taken and requests on them reach this engine process."""
        ...

    async def run(self) -> None:
        """Serve until told to end. Raises where that cannot go on."""
        ...

    async def drain(self, timeout: float, say: Callable[[int], None]) -> None:
        """Refuse new connections, say how many requests are in flight, and return when none are."""
        ...

    def end(self) -> None:
        """Stop now; connections that are still there break."""
        ...

    async def close(self) -> None:
        """Wait for the end of what is being ended."""
        ...


async def serve(options: ServeOptions, notify: Callable[[Notice], None]) -> None:
    """Serve until SIGINT or SIGTERM; a second signal ends it at once.

    Raises the error that kept the engine from loading, or that of an engine or a worker that died too often.
    """
    options.validate()
    configure(options.log_level, options.log_format, "api")
    model = Model.read(options)  # what is wrong with it is told before anything is started
    with _Signals() as signals, _listen(options.host, options.port, options.http.backlog) as listener:
        url = _url(options.host, listener.getsockname()[1])
        async with EngineSupervisor(
            # The engine is told the served name, since its metrics bear it.
            msgspec.structs.replace(options.engine, name=model.name),
            url=url,
            notify=notify,
            restarts=options.engine_restarts,
            log_level=options.log_level,
            log_format=options.log_format,
        ) as engine:
            notify(Loading(url, model.name, engine.pid))
            front = _front(options, model, listener, engine, notify)
            await _until_over(front, engine, signals, options.shutdown_timeout, notify)


def _front(
    options: ServeOptions,
    model: Model,
    listener: socket.socket,
    engine: EngineSupervisor,
    notify: Callable[[Notice], None],
) -> Front:
    if options.api_workers == 1:
        return ApiServer(build_app(options, model, engine.client), listener, engine.client, options.http)
    launch = Launch(options, listener.fileno(), engine.address, engine.secret)
    return Workers(launch, listener, options.api_workers, options.engine_restarts, notify)


async def _until_over(
    front: Front, engine: EngineSupervisor, signals: _Signals, timeout: float, notify: Callable[[Notice], None]
) -> None:
    """Serve; after a signal, or a failure that nothing can be done about, drain. Raises the failure."""
    serving = asyncio.create_task(front.run())
    keeping = asyncio.create_task(engine.run(front.reaches))
    signalled = asyncio.create_task(signals.first.wait())
    try:
        await asyncio.wait([serving, keeping, signalled], return_when=asyncio.FIRST_COMPLETED)
        keeping.cancel()  # an engine that ends from now on is not started again
        say = _draining(notify, timeout) if signalled.done() else _nothing
        await _drain(front, engine, signals, timeout, say)
    finally:
        front.end()
        await front.close()
        for task in (keeping, signalled, serving):
            task.cancel()
        ended = await asyncio.gather(keeping, serving, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome


async def _drain(
    front: Front, engine: EngineSupervisor, signals: _Signals, timeout: float, say: Callable[[int], None]
) -> None:
    draining = asyncio.create_task(front.drain(timeout, say))
    second = asyncio.create_task(signals.second.wait())
    try:
        await asyncio.wait([draining, second], return_when=asyncio.FIRST_COMPLETED)
        if second.done():
            engine.end_at_once()
        if draining.done():
            draining.result()
    finally:
        draining.cancel()
        second.cancel()


def _draining(notify: Callable[[Notice], None], timeout: float) -> Callable[[int], None]:
    """Says `Draining`, with what is left of the time."""
    end = asyncio.get_running_loop().time() + timeout

    def say(requests: int) -> None:
        notify(Draining(requests, max(0.0, round(end - asyncio.get_running_loop().time(), 1))))

    return say


def _nothing(requests: int) -> None:
    """Says nothing: the failure that ends the server is what there is to say."""


class _Signals:
    """`first` is set by the first SIGINT or SIGTERM, `second` by the next. A context manager on a running loop."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._signalled)
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)

    def _signalled(self) -> None:
        (self.second if self.first.is_set() else self.first).set()


def _listen(host: str, port: int, backlog: int) -> socket.socket:
    """A listening socket. Raises `InvalidRequest` for an address that cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=backlog)
    except (OSError, OverflowError, UnicodeError) as error:  # the last for a name that no host can have
        raise InvalidRequest(f"cannot listen on {host}:{port}: {error}", param="port") from error


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
