"""An API worker, one of several: ``python -m weft.server.api_process``, started by `workers.py`.

The first line of stdin is a `Launch` as JSON; the order "drain" lets it end in order, the end of stdin at once. On
stdout it says, a JSON `Said` a line, that it takes connections, which engine it is connected to and, while it drains,
how many requests it waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from io import FileIO

import msgspec
import zmq.asyncio

from ..errors import WeftError
from .api_server import ApiServer, Model, build_app
from .child import Orders, raw_stdin, read_told
from .logs import configure
from .options import ServeOptions
from .wire.client import EngineClient

HELLO_SECONDS = 0.5
"""How long a worker waits for an engine before it takes connections: one that is loaded answers within that time, and
what comes earlier would be told that there is none."""


class Launch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the parent says first.

    `listener` is the inherited socket's file descriptor; `address` and `secret` are the engine's.
    """

    options: ServeOptions
    listener: int
    address: str
    secret: str


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a worker says: that it has `started`, the process of an engine that is ready, the requests it waits for."""

    started: bool = False
    engine: int | None = None
    requests: int | None = None


def main() -> int:
    """Run a worker. Returns its exit status: 0 where it was told to end."""
    stdin = raw_stdin()
    launch = read_told(stdin, Launch)
    configure(launch.options.log_level, launch.options.log_format, "api")
    # Ctrl-C reaches the whole process group; the parent tells its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return asyncio.run(_run(launch, stdin))


async def _run(launch: Launch, stdin: FileIO) -> int:
    drain = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, drain.set)
    orders = Orders(stdin, lambda order: drain.set() if order == "drain" else None)
    with zmq.asyncio.Context() as context:
        client = EngineClient(context, launch.address, launch.secret, on_ready=lambda info: _say(Said(engine=info.pid)))
        client.start()
        app = build_app(launch.options, Model.read(launch.options), client)
        server = ApiServer(app, socket.socket(fileno=launch.listener), client, launch.options.http)
        with contextlib.suppress(TimeoutError, WeftError):
            async with asyncio.timeout(HELLO_SECONDS):
                await client.ready()
        try:
            return await _serve(launch, server, client, drain, orders)
        finally:
            await client.close()


async def _serve(launch: Launch, server: ApiServer, client: EngineClient, drain: asyncio.Event, orders: Orders) -> int:
    serving = asyncio.create_task(server.run())
    told, over, lost = (asyncio.create_task(wait) for wait in (drain.wait(), orders.over.wait(), client.given_up()))
    starting = asyncio.create_task(server.started())
    starting.add_done_callback(lambda done: None if done.cancelled() else _say(Said(started=True)))
    try:
        await asyncio.wait([serving, told, over, lost], return_when=asyncio.FIRST_COMPLETED)
        if told.done():
            draining = asyncio.create_task(
                server.drain(launch.options.shutdown_timeout, lambda requests: _say(Said(requests=requests)))
            )
            await asyncio.wait([draining, over], return_when=asyncio.FIRST_COMPLETED)
            draining.cancel()
        server.end()
        await serving
        return 0 if told.done() or over.done() else 1
    finally:
        for task in (told, over, lost, starting):
            task.cancel()


def _say(said: Said) -> None:
    with contextlib.suppress(BrokenPipeError):  # the parent is gone: the end of stdin says so too
        sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
