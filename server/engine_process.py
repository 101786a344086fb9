"""The engine process: ``python -m weft.server.engine_process``, started by `launch.py`.

The first line of stdin is a `Launch` as JSON; its end of file means that the parent is gone or wants the process to
end. Exit status: 0 after serving, 1 where the engine could not be loaded.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
import zmq.asyncio

from ..errors import EngineError, WeftError
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

    `folder` holds the socket; it is removed at the end, since the parent may not live to do it.
    """

    folder: str
    address: str
    secret: str
    options: EngineOptions
    log_level: LogLevel = LogLevel.WARNING
    log_format: LogFormat = LogFormat.TEXT


def main() -> int:
    """Run the engine process. Returns its exit status."""
    stdin = sys.stdin.buffer
    launch = msgspec.json.decode(stdin.readline(), type=Launch)
    configure(launch.log_level, launch.log_format, "engine")
    # Ctrl-C reaches the whole process group; the parent drains first and then closes stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return asyncio.run(_serve(launch, stdin))
    finally:
        shutil.rmtree(launch.folder, ignore_errors=True)


async def _serve(launch: Launch, stdin: BinaryIO) -> int:
    stop = _stop_event(stdin)
    with zmq.asyncio.Context() as context, bind(context, launch.address) as socket:
        service = EngineService(socket, launch.secret)
        running = asyncio.create_task(service.run())
        loading = asyncio.create_task(asyncio.to_thread(load, launch.options))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([loading, stopping, running], return_when=asyncio.FIRST_COMPLETED)
            if not loading.done():
                return 1 if running.done() else 0
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
            stopping.cancel()
            running.cancel()
            await asyncio.gather(stopping, running, return_exceptions=True)


async def _tell_failure(service: EngineService, error: WeftError, stopping: asyncio.Task[Any]) -> None:
    """Stay until the parent, told why, ends this process: a mere exit status would say less."""
    service.refuse(error)
    await asyncio.wait([stopping], timeout=TELL_FAILURE_SECONDS)


def _stop_event(stdin: BinaryIO) -> asyncio.Event:
    """Set on SIGTERM, and when stdin ends."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)

    def watch() -> None:
        while stdin.read(4096):
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="stdin", daemon=True).start()
    return stop


def load(options: EngineOptions) -> Engine:
    """The engine. Raises `ModelError`, or `InvalidRequest` for an option that is wrong."""
    from ..runtime import Engine

    return Engine(**options.arguments())


def describe(engine: Engine) -> EngineInfo:
    """What there is to say about a loaded engine."""
    return EngineInfo(
        name=engine.name,
        context_length=engine.context_length,
        page_size=engine.options.page_size,
        num_pages=engine.stats().pages_total,
        choices=engine.choices,
    )


if __name__ == "__main__":
    sys.exit(main())
