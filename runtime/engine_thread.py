"""The one thread that computes: it loads the model, then runs the engine's loop.

OpenMP keeps a team of threads for each thread that calls it. Two teams on one set of cores put each other to sleep
between the parts of every matrix product, where the loop runs on another thread than the loading did.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def promised(function: Callable[[], T]) -> tuple[Callable[[], None], Future[T]]:
    """A call for another thread to make, and what it will give: the result, or the error, whatever it is."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(function())
        except BaseException as error:
            answer.set_exception(error)

    return run, answer


class EngineThread:
    """A daemon, so that a program which forgets its engine still ends."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T]) -> T:
        """Run `function` on the thread, after what it was given before, and give its result or raise its error."""
        run, answer = promised(function)
        self._calls.put(run)
        return answer.result()

    def finish(self, function: Callable[[], None] | None = None) -> None:
        """Have the thread run `function` and end; returns at once."""
        if function is not None:
            self._calls.put(function)
        self._calls.put(None)

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    @property
    def is_current(self) -> bool:
        """Whether the caller runs on the thread."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
