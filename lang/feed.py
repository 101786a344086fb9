"""Waiting without saying how: logs that grow, and one generator for both threads and event loops.

A *wait* is a generator that yields futures, of which any one must be done before it goes on. `in_thread` runs it by
blocking, `in_loop` by awaiting. So everything that waits is written once.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Signal = Future[None]
"""A future that is only ever completed, never failed or cancelled: it says that something is there to look at."""

Wait = Generator[tuple[Signal, ...], None, T]
"""Yields signals to wait for, any one of them; returns T."""


def new_signal(*, done: bool = False) -> Signal:
    """A signal that nobody can cancel."""
    signal: Signal = Future()
    signal.set_running_or_notify_cancel()
    if done:
        signal.set_result(None)
    return signal


def in_thread(wait: Wait[T]) -> T:
    """Run a wait in this thread."""
    while True:
        try:
            signals = next(wait)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        _block(signals)


async def in_loop(wait: Wait[T]) -> T:
    """Run a wait in this event loop."""
    while True:
        try:
            signals = next(wait)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        await _pause(signals)


class Feed(Generic[T]):
    """An append-only log that any number of readers follow from its start. Thread-safe."""

    def __init__(self) -> None:
        self.items: list[T] = []
        self.closed = False
        self._lock = threading.Lock()
        self._waiting: list[Signal] = []

    def push(self, item: T) -> None:
        """Append an item."""
        with self._lock:
            self.items.append(item)
            waiting, self._waiting = self._waiting, []
        for signal in waiting:
            signal.set_result(None)

    def close(self) -> None:
        """Say that nothing more comes."""
        with self._lock:
            self.closed = True
            waiting, self._waiting = self._waiting, []
        for signal in waiting:
            signal.set_result(None)

    def beyond(self, count: int) -> Signal:
        """Done once there are more than `count` items, or nothing more comes."""
        with self._lock:
            signal = new_signal(done=self.closed or len(self.items) > count)
            if not signal.done():
                self._waiting.append(signal)
            return signal


class Stream(Generic[T]):
    """Items as they come, for `for` and for `async for`. Each iteration begins at the start."""

    def __init__(self, steps: Callable[[], Iterator[T | tuple[Signal, ...]]]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[T]:
        for step in self._steps():
            if isinstance(step, tuple):
                _block(step)
            else:
                yield step

    async def __aiter__(self) -> AsyncIterator[T]:
        for step in self._steps():
            if isinstance(step, tuple):
                await _pause(step)
            else:
                yield step


def _block(signals: tuple[Signal, ...]) -> None:
    concurrent.futures.wait(signals, return_when=concurrent.futures.FIRST_COMPLETED)


async def _pause(signals: tuple[Signal, ...]) -> None:
    waits: list[asyncio.Future[Any]] = [asyncio.wrap_future(signal) for signal in signals]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:  # a loop that is gone must not hear of a signal that comes later
            wait.cancel()
