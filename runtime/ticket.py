"""A submitted request's other end: the engine's thread puts events in, any thread or event loop takes them out."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any, Generic, TypeVar

from ..errors import WeftError
from ..request import TokenEvent

ResultT = TypeVar("ResultT")


class Ticket(Generic[ResultT]):
    """Exactly one result or error comes of it. Waiting costs no polling, and no thread in asyncio."""

    def __init__(self, request_id: str, abort: Callable[[str], None]) -> None:
        self.request_id = request_id
        self._abort = abort
        self._changed = threading.Condition()
        self._events: deque[TokenEvent] = deque()
        self._async_waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._result: ResultT | None = None
        self._error: WeftError | None = None
        self._done = False

    def result(self, timeout: float | None = None) -> ResultT:
        """Wait for the answer. Raises the request's error, or TimeoutError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._done, timeout):
                raise TimeoutError(f"no answer to request {self.request_id} within {timeout} s")
        return self._outcome()

    def abort(self) -> None:
        """Give the request up; waiters get `Aborted` unless it had already ended."""
        if not self._done:  # once it has, the id may be another request's
            self._abort(self.request_id)

    @property
    def done(self) -> bool:
        """Whether the answer, or the error, is there."""
        return self._done

    def __await__(self) -> Generator[Any, None, ResultT]:
        return self._wait_done().__await__()

    async def _wait_done(self) -> ResultT:
        while not self._done:
            await self._next_change(lambda: self._done)
        return self._outcome()

    def _outcome(self) -> ResultT:
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # set whenever _done is and _error is not

    # --- the engine's side ---

    def put_event(self, event: TokenEvent) -> None:
        """Deliver one event."""
        with self._changed:
            self._events.append(event)
            self._wake()

    def put_result(self, result: ResultT) -> None:
        """Deliver the answer; the first of answer and error counts."""
        self._settle(result, None)

    def put_error(self, error: WeftError) -> None:
        """Deliver the error; the first of answer and error counts."""
        self._settle(None, error)

    def _settle(self, result: ResultT | None, error: WeftError | None) -> None:
        with self._changed:
            if self._done:
                return
            self._result, self._error, self._done = result, error, True
            self._wake()

    def _wake(self) -> None:
        """Wake every waiter. The lock is held."""
        self._changed.notify_all()
        waiters, self._async_waiters = self._async_waiters, []
        for loop, future in waiters:
            with contextlib.suppress(RuntimeError):  # a loop that was closed meanwhile has nobody waiting
                loop.call_soon_threadsafe(_set, future)

    async def _next_change(self, ready: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        with self._changed:
            if ready():
                return
            future: asyncio.Future[None] = loop.create_future()
            self._async_waiters.append((loop, future))
        await future


class GenerateTicket(Ticket[ResultT]):
    """A generation's ticket: also its stream of events, for one consumer, sync or async.

    The stream ends after the closing event; where the request failed it raises the error instead.
    """

    def __iter__(self) -> Iterator[TokenEvent]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._events) or self._done)
                event = self._events.popleft() if self._events else None
            if event is None:
                self._outcome()
                return
            yield event

    async def __aiter__(self) -> AsyncIterator[TokenEvent]:
        while True:
            with self._changed:
                event = self._events.popleft() if self._events else None
                done = self._done
            if event is not None:
                yield event
            elif done:
                self._outcome()
                return
            else:
                await self._next_change(lambda: bool(self._events) or self._done)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
