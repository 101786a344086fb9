"""Pages in host memory: a bounded store of payloads by key, least recently used out first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple


class Held(NamedTuple):
    """A page in host memory; `source` says where it came from: "host" (a demotion) or "disk"."""

    payload: bytes
    source: str


class HostStore:
    """Payloads by key, at most `budget` bytes of them. Thread-safe.

    Args:
        budget: bytes; a payload larger than that is never kept.

    Attributes:
        era: grows with every `clear`. Who reads something elsewhere to put it here takes the era before it reads, so
            that what was cleared meanwhile does not come back.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.era = 0
        self._held: OrderedDict[bytes, Held] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def put(self, key: bytes, held: Held, era: int | None = None) -> list[tuple[bytes, Held]]:
        """Keep a page, as the most recently used. Returns what had to go for it, oldest first.

        A page that is held already stays as it is. With an `era` that is over, nothing is kept.
        """
        with self._lock:
            if era is not None and era != self.era:
                return []
            if key in self._held:
                self._held.move_to_end(key)
                return []
            if len(held.payload) > self.budget:
                return [(key, held)]
            self._held[key] = held
            self._bytes += len(held.payload)
            return self._trim()

    def get(self, key: bytes) -> Held | None:
        """A page; None where it is not held."""
        return self._held.get(key)

    def touch(self, key: bytes) -> bool:
        """Count a page as used now. Whether it is held."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return key in self._held

    def drop(self, key: bytes) -> None:
        """Forget a page, if it is held."""
        with self._lock:
            held = self._held.pop(key, None)
            if held is not None:
                self._bytes -= len(held.payload)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self.era += 1
            self._held.clear()
            self._bytes = 0

    def newest_first(self) -> Iterator[tuple[bytes, Held]]:
        """Every page as it stands now, the most recently used first."""
        with self._lock:
            held = list(self._held.items())
        return reversed(held)

    def recount(self) -> int:
        """How many bytes are held, counted anew."""
        with self._lock:
            return sum(len(held.payload) for held in self._held.values())

    @property
    def used_bytes(self) -> int:
        """How many bytes are held."""
        return self._bytes

    def __contains__(self, key: bytes) -> bool:
        return key in self._held

    def __len__(self) -> int:
        return len(self._held)

    def _trim(self) -> list[tuple[bytes, Held]]:
        gone = []
        while self._bytes > self.budget:
            key, held = self._held.popitem(last=False)
            self._bytes -= len(held.payload)
            gone.append((key, held))
        return gone
