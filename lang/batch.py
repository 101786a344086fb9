"""One program over many items: bounded in flight, order kept, failures kept with their items."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from typing import Any

from ..errors import InvalidRequest
from .state import State

DEFAULT_IN_FLIGHT = 64

Start = Callable[[Mapping[str, Any]], State]
"""Starts the program on one item and gives its state at once."""


def run_all(
    title: str, start: Start, items: Iterable[Mapping[str, Any]], max_in_flight: int, progress: bool
) -> list[State]:
    """See `Program.run_batch`."""
    places = threading.Semaphore(_checked(max_in_flight))
    states: list[State] = []
    with _progress_bar(title, items, progress) as advance:

        def ended() -> None:
            advance()
            places.release()

        try:
            for item in items:
                places.acquire()
                states.append(start(item))
                states[-1].when_done(ended)
            for _ in range(max_in_flight):  # every place is free again: every item has ended
                places.acquire()
        except BaseException:  # interrupted, or `items` itself failed
            _abort(states)
            raise
    return states


async def run_all_async(
    title: str, start: Start, items: Iterable[Mapping[str, Any]], max_in_flight: int, progress: bool
) -> list[State]:
    """See `Program.arun_batch`."""
    places = asyncio.Semaphore(_checked(max_in_flight))
    loop = asyncio.get_running_loop()
    states: list[State] = []
    with _progress_bar(title, items, progress) as advance:

        def ended() -> None:
            advance()
            if not loop.is_closed():  # a batch that was given up may end after its loop
                loop.call_soon_threadsafe(places.release)

        try:
            for item in items:
                await places.acquire()
                states.append(start(item))
                states[-1].when_done(ended)
            for _ in range(max_in_flight):
                await places.acquire()
        except BaseException:
            _abort(states)
            raise
    return states


def _checked(max_in_flight: int) -> int:
    if max_in_flight < 1:
        raise InvalidRequest(f"max_in_flight must be at least 1, not {max_in_flight}", param="max_in_flight")
    return max_in_flight


def _abort(states: Iterable[State]) -> None:
    for state in states:
        if not state.done:
            state.abort()


@contextmanager
def _progress_bar(title: str, items: Iterable[Any], shown: bool) -> Iterator[Callable[[], None]]:
    """What to call as each item ends."""
    if not shown:
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    total = len(items) if isinstance(items, Sized) else None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)
