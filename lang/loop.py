"""The event loop, in a thread of its own, on which the calls of all programs run. User code never runs here."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from typing import Any

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None
_tasks: set[asyncio.Task[None]] = set()  # a loop holds its tasks only weakly


def spawn(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` on the loop, from any thread. It must handle its own failures."""
    loop = _running_loop()
    loop.call_soon_threadsafe(_start, loop, work)


def _start(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
    task = loop.create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop, _thread
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            _thread = threading.Thread(target=_loop.run_forever, name="weft-programs", daemon=True)
            _thread.start()
        return _loop


@atexit.register
def _stop() -> None:
    """End the loop with the process: what still runs is cancelled, so that its waiters hear of it."""
    global _loop
    with _lock:
        loop, _loop = _loop, None
    if loop is None or _thread is None:
        return
    loop.call_soon_threadsafe(loop.stop)
    _thread.join()
    for task in _tasks:
        task.cancel()
    if _tasks:
        loop.run_until_complete(asyncio.gather(*_tasks, return_exceptions=True))
    loop.close()


def _forget() -> None:
    """After os.fork the loop's thread exists only in the parent: the child starts its own."""
    global _lock, _loop
    _lock = threading.Lock()
    _loop = None
    _tasks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
