"""The engine process: ``python -m weft.server.engine_process``, started by `supervisor.py`.

The first line of stdin is a `Launch` as JSON; its end of file means that the parent is gone or wants the process to
end. Exit status: 0 where that or SIGTERM ended it, 1 where the engine could not be loaded or failed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sys
from collections.abc import Callable
from io import FileIO
from typing import TYPE_CHECKING, NoReturn

import msgspec
import zmq.asyncio

from ..errors import EngineError, WeftError
from .child import Orders, raw_stdin, read_told
from .logs import LogFormat, LogLevel, configure
from .options import EngineOptions
from .wire.messages import EngineInfo
from .wire.service import EngineService, bind

if TYPE_CHECKING:
    from ..runtime import Engine

log = logging.getLogger("weft.server")

TELL_FAILURE_SECONDS = 10.0
"""How long a process that could not load waits for its parent to hear why."""


class Launch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the parent says first.

    `folder` holds the socket; it is removed when stdin ends, since the parent may not live to do it.
    """

    folder: str
    address: str
    secret: str
    options: EngineOptions
    log_level: LogLevel = LogLevel.WARNING
    log_format: LogFormat = LogFormat.TEXT


def main() -> int:
    """Run the engine process. Returns its exit status."""
    stdin = raw_stdin()
    launch = read_told(stdin, Launch)
    configure(launch.log_level, launch.log_format, "engine")
    # Ctrl-C reaches the whole process group; the parent drains first and then closes stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return asyncio.run(_run(launch, stdin))


async def _run(launch: Launch, stdin: FileIO) -> int:
    orders = Orders(stdin)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    stopping = asyncio.create_task(_either(stop, orders.over))
    try:
        return await _serve(launch, stopping)
    finally:
        stopping.cancel()
        if orders.over.is_set():  # else the parent lives, and starts the next engine in the same folder
            shutil.rmtree(launch.folder, ignore_errors=True)


async def _either(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def _serve(launch: Launch, stopping: asyncio.Task[None]) -> int:
    with zmq.asyncio.Context() as context, bind(context, launch.address) as socket:
        service = EngineService(socket, launch.secret)
        running = asyncio.create_task(service.run())
        loading = asyncio.create_task(_load(launch.options, service))
        try:
            await asyncio.wait([loading, stopping, running], return_when=asyncio.FIRST_COMPLETED)
            if not loading.done():
                _leave(launch)
            try:
                engine = loading.result()
            except WeftError as error:
                await _tell_failure(service, error, stopping)
                return 1
            except Exception as error:
                log.error("loading the model failed unexpectedly", exc_info=error)
                await _tell_failure(service, EngineError(f"loading the model failed: {error}"), stopping)
                return 1
            with engine:
                service.ready(engine, describe(engine))
                await asyncio.wait([stopping, running], return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    log.error("the engine process ends", exc_info=running.exception())
                    return 1
                service.close_requests("the engine is shutting down")
            return 0
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def _leave(launch: Launch) -> NoReturn:
    """End at once: a load that is under way cannot be interrupted, and nobody waits for it any more."""
    shutil.rmtree(launch.folder, ignore_errors=True)
    os._exit(0)


async def _tell_failure(service: EngineService, error: WeftError, stopping: asyncio.Task[None]) -> None:
    """Stay until the parent, told why, ends this process: a mere exit status would say less."""
    service.refuse(error)
    await asyncio.wait([stopping], timeout=TELL_FAILURE_SECONDS)


async def _load(options: EngineOptions, service: EngineService) -> Engine:
    """`load` in a thread; what it is at is told to whoever is connected."""
    loop = asyncio.get_running_loop()

    def progress(stage: str) -> None:
        loop.call_soon_threadsafe(service.progress, stage)

    return await asyncio.to_thread(load, options, progress)


def load(options: EngineOptions, progress: Callable[[str], None]) -> Engine:
    """The engine. Raises `ModelError`, or `InvalidRequest` for an option that is wrong."""
    from ..runtime import Engine

    return Engine(**options.arguments(), progress=progress)


def describe(engine: Engine) -> EngineInfo:
    """What there is to say about a loaded engine."""
    return EngineInfo(
        name=engine.name,
        context_length=engine.context_length,
        page_size=engine.options.page_size,
        num_pages=engine.stats().pages_total,
        embedding_size=engine.embedding_size,
        choices=engine.choices,
        pid=os.getpid(),
    )


if __name__ == "__main__":
    sys.exit(main())
