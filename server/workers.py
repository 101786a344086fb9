"""Several API workers on one listening socket, kept running by the main process."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

import msgspec

from ..errors import EngineError
from .api_process import Launch, Said
from .api_server import LAST_WORDS_SECONDS
from .child import Child, Restarts
from .gate import Gauge
from .notices import Notice, WorkerLost, WorkerServing

log = logging.getLogger("weft.server")

STOP_SECONDS = 5.0
"""How long a worker whose stdin ended may take to end."""


class Workers:
    """API workers that share a listening socket and an engine. It is used as an `ApiServer` is.

    Args:
        count: how many workers there are to be.
        restarts: how often each may be started again within ten minutes.
    """

    def __init__(
        self, launch: Launch, listener: socket.socket, count: int, restarts: int, notify: Callable[[Notice], None]
    ) -> None:
        self._launch = launch
        self._listener = listener
        self._count = count
        self._restarts = restarts
        self._notify = notify
        self._workers: dict[int, Child] = {}
        self._waiting: dict[int, int] = {}
        """By place: the requests that a draining worker waits for, once it has said so."""
        self._total = Gauge()
        self._started: set[int] = set()
        self._engines: dict[int, int] = {}
        """By place: the engine process that the worker was last connected to."""
        self._changed = asyncio.Condition()
        self._stopping = asyncio.Event()
        self._keeping: list[asyncio.Task[None]] = []

    async def reaches(self, engine: int) -> None:
        """Wait until every worker takes connections and is connected to this engine process."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: len(self._started) == self._count and [*self._engines.values()].count(engine) == self._count
            )

    async def run(self) -> None:
        """Keep all workers running until they have been told to end.

        Raises `EngineError` where one dies too often; the others go on.
        """
        self._keeping = [asyncio.create_task(self._keep(place)) for place in range(self._count)]
        done, _ = await asyncio.wait(self._keeping, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def drain(self, timeout: float, say: Callable[[int], None]) -> None:
        """As `ApiServer.drain`: each worker does so, and what they wait for is said as one number."""
        self._stopping.set()
        self._listener.close()
        for worker in self._workers.values():
            worker.tell(b"drain")
        saying = asyncio.create_task(self._say(say))
        try:
            await asyncio.wait(self._keeping, timeout=timeout + 2 * LAST_WORDS_SECONDS)
        finally:
            saying.cancel()

    def end(self) -> None:
        """End all workers now; their connections break."""
        self._stopping.set()
        for worker in self._workers.values():
            worker.kill()

    async def close(self) -> None:
        """End what is still running, and wait for it."""
        self._stopping.set()
        await asyncio.gather(*[worker.stop(STOP_SECONDS) for worker in self._workers.values()])
        await asyncio.gather(*self._keeping, return_exceptions=True)

    async def _keep(self, place: int) -> None:
        restarts = Restarts(self._restarts)
        while not self._stopping.is_set():
            worker = await Child.start(
                "weft.server.api_process", self._launch, files=(self._launch.listener,), listen=True
            )
            self._workers[place] = worker
            if self._stopping.is_set():
                worker.tell(b"drain")
            async for line in worker.lines():
                await self._hear(place, msgspec.json.decode(line, type=Said))
            reason = await worker.ended()
            await self._forget(place)
            if not self._stopping.is_set():
                self._lost(worker.pid, reason, restarts.another(), restarts.most)

    def _lost(self, pid: int, reason: str, attempt: int | None, most: int) -> None:
        """Say that a worker died. Raises where that was once too often."""
        again = attempt is not None
        self._notify(WorkerLost(pid, reason, restarting=again, attempt=most if attempt is None else attempt))
        if not again:
            raise EngineError(
                f"an API worker ended: {reason}; it was started again {most} times within ten minutes, "
                "no more is allowed"
            )
        log.error("an API worker ended: %s; starting it again, %d of %d", reason, attempt, most)

    async def _hear(self, place: int, said: Said) -> None:
        async with self._changed:
            if said.started:
                self._started.add(place)
                self._notify(WorkerServing(self._workers[place].pid))
            if said.engine is not None:
                self._engines[place] = said.engine
            if said.requests is not None:
                self._waiting[place] = said.requests
            self._changed.notify_all()
        self._total.set(sum(self._waiting.values()))

    async def _forget(self, place: int) -> None:
        async with self._changed:
            del self._workers[place]
            self._started.discard(place)
            self._engines.pop(place, None)
            self._waiting.pop(place, None)
            self._changed.notify_all()
        self._total.set(sum(self._waiting.values()))

    async def _say(self, say: Callable[[int], None]) -> None:
        """Say the sum once all that are left have said their part."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._workers.keys() <= self._waiting.keys())
        await self._total.report(say)
