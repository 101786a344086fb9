"""The disk store with the threads that wait for it, so that the engine's thread does not.

A page handed in is found here at once: while it waits to be written it is read from the queue.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from .disk_store import DiskStore

log = logging.getLogger("weft.cache")

QUEUE_BYTES = 256 << 20
"""Most bytes that wait to be written, or room for one page where that is more."""
READERS = 2


class DiskTier:
    """A bounded queue before a `DiskStore`, the thread that empties it, and a few that read. Thread-safe.

    Args:
        store: what is written to; this is the only one in the process that does.
        queue_bytes: most bytes that wait at once. A page that finds no room is not written.

    Attributes:
        written, refused: pages that were written so far, and those that found no room in the queue.
    """

    def __init__(self, store: DiskStore, queue_bytes: int = QUEUE_BYTES) -> None:
        self.store = store
        self.written = 0
        self.refused = 0
        self._limit = max(queue_bytes, store.page_bytes)
        self._waiting: OrderedDict[bytes, tuple[bytes, int]] = OrderedDict()  # key: payload, the store's era
        self._bytes = 0
        self._busy = False
        self._closing = False
        self._changed = threading.Condition()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="weft-disk-cache-read")
        self._thread = threading.Thread(target=self._run, name="weft-disk-cache-write", daemon=True)
        self._thread.start()

    def __contains__(self, key: bytes) -> bool:
        return key in self._waiting or key in self.store

    def offer(self, key: bytes, payload: bytes, deadline: float | None = None) -> bool:
        """Have a page written some time soon. Never waits, unless a `deadline` (`time.monotonic`) allows it.

        Returns:
            Whether the page is here now.
        """
        with self._changed:
            if key in self:
                return True
            while deadline is not None and not self._has_room(payload):
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    break
            if self._closing or not self._has_room(payload):
                self.refused += 1
                return False
            self._waiting[key] = payload, self.store.era
            self._bytes += len(payload)
            self._changed.notify_all()
            return True

    def get(self, key: bytes) -> bytes | None:
        """A page, from the queue or from disk; None where there is none that is good. May wait for the disk."""
        with self._changed:
            found = self._waiting.get(key)
        return self.store.read(key) if found is None else found[0]

    def in_reader(self, work: Callable[[], None]) -> None:
        """Have `work`, which may wait for the disk, done by a thread of this tier; not at all once it is closed."""
        with self._changed:
            if not self._closing:
                self._readers.submit(work)

    def drain(self, deadline: float | None = None) -> bool:
        """Wait until all that was offered is written, at most until `deadline`; whether it is."""
        with self._changed:
            while self._waiting or self._busy:
                timeout = None if deadline is None else deadline - time.monotonic()
                if timeout is not None and timeout <= 0:
                    return False
                self._changed.wait(timeout)
            return True

    def clear(self) -> None:
        """Forget every page of this model. Waits for the disk."""
        with self._changed:
            self._waiting.clear()
            self._bytes = 0
            self._changed.notify_all()
        self.store.clear()

    def close(self, deadline: float) -> None:
        """Write what waits, at most until `deadline`, and end the threads. Idempotent."""
        self.drain(deadline)
        with self._changed:
            self._closing = True
            self._waiting.clear()
            self._bytes = 0
            self._changed.notify_all()
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._thread.join(max(0.1, deadline - time.monotonic()))

    def _has_room(self, payload: bytes) -> bool:
        return self._bytes + len(payload) <= self._limit

    def _run(self) -> None:
        while (item := self._next()) is not None:
            key, page = item
            try:
                self.written += self.store.write(key, *page)
            except Exception:  # the store tells trouble with the disk itself; this would be a fault of ours
                log.exception("a page could not be written to the disk cache")
            finally:
                self._done(key, page)

    def _next(self) -> tuple[bytes, tuple[bytes, int]] | None:
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            if self._closing:
                return None
            self._busy = True
            return next(iter(self._waiting.items()))

    def _done(self, key: bytes, page: tuple[bytes, int]) -> None:
        """A page leaves the queue once it is on disk, so that it can be found in one of the two at any time."""
        with self._changed:
            if self._waiting.get(key) is page:  # else the queue was cleared meanwhile
                del self._waiting[key]
                self._bytes -= len(page[0])
            self._busy = False
            self._changed.notify_all()
