"""Tiers below the device: host memory, then a directory on disk, for the same tree.

    demote      a leaf that the tree evicts is copied out first: to host memory, and what that has no room for to disk
    fetch       before a request is queued, what only the disk has of its prompt is read into host memory, by a thread
    promote     at admission, pages found in host memory are copied into free device pages and inserted into the tree
    flush       when the engine ends, what the device and host memory hold goes to disk

A page moves as opaque bytes through a `PageMover`; it is found by a key that stands for its whole prefix, the model and
the salt (`keys.py`). Like the tree, a `Tiers` belongs to one thread, the engine's; the threads of the disk tier meet it
only in stores that are thread-safe. Nothing but `clear` and `flush` waits for the disk.

Where a store must give up pages, the end of a prefix should go before its beginning, without which it is worth nothing.
So whatever counts pages of a prefix as used goes from its end to its beginning.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Protocol

from .disk_tier import DiskTier
from .host_store import Held, HostStore
from .keys import PageKeys
from .tree import Match, Node, RadixTree

log = logging.getLogger("weft.cache")

STAGING_BYTES = 256 << 20
"""Host memory for what was read from disk and waits to be promoted, where there is no host tier to hold it."""


class PageMover(Protocol):
    """Copies pages between the device and bytes; the only one who knows what a page is.

    Attributes:
        page_bytes: the length of every page's payload.
    """

    page_bytes: int

    def read(self, pages: Sequence[int]) -> list[bytes]:
        """The content of device pages, exactly, with whatever was computed into them so far."""
        ...

    def write(self, pages: Sequence[int], payloads: Sequence[bytes]) -> None:
        """Fill device pages with what `read` gave; whatever is computed from now on finds it there."""
        ...


@dataclass(slots=True)
class TierCounts:
    """What the tiers did so far.

    Attributes:
        host_tokens, disk_tokens: tokens whose pages were promoted, by where they were found.
        demoted_pages: evicted device pages that a tier below has now.
        lost_pages: evicted device pages that none has, for want of room.
    """

    host_tokens: int = 0
    disk_tokens: int = 0
    demoted_pages: int = 0
    lost_pages: int = 0


class Tiers:
    """The tiers below `tree`'s device pages. From its making on, the tree's evictions are demotions.

    Args:
        host_bytes: budget of the host tier; 0 is none.
        disk: the disk tier, or None.

    Attributes:
        counts: what was done so far.
        host: host memory; without a host tier, only what was read from disk and waits.
    """

    def __init__(
        self, tree: RadixTree, mover: PageMover, keys: PageKeys, *, host_bytes: int, disk: DiskTier | None
    ) -> None:
        self.counts = TierCounts()
        self.host = HostStore(host_bytes or (0 if disk is None else STAGING_BYTES))
        self.disk = disk
        self._keeps_in_host = host_bytes > 0
        self._tree = tree
        self._mover = mover
        self._keys = keys
        self._most_fetched = max(1, self.host.budget // 2 // mover.page_bytes)
        self._closing = threading.Event()
        tree.on_evict = self._demote

    @property
    def disk_bytes(self) -> int:
        """Bytes of files in the disk tier's directory that count towards its budget."""
        return 0 if self.disk is None else self.disk.store.used_bytes

    # --- down ---

    def _demote(self, leaf: Node) -> None:
        """Keep a leaf's pages in a tier below, those that are not there already."""
        names = self._names(leaf)
        missing = [at for at in reversed(range(len(names))) if not self._keep_again(names[at])]
        payloads = self._copied([leaf.pages[at] for at in missing])
        if payloads is None:
            self.counts.lost_pages += len(missing)
            self.counts.demoted_pages += len(names) - len(missing)
            return
        kept = sum(self._keep(names[at], payload) for at, payload in zip(missing, payloads, strict=True))
        self.counts.demoted_pages += len(names) - len(missing) + kept
        self.counts.lost_pages += len(missing) - kept

    def _copied(self, pages: list[int]) -> list[bytes] | None:
        """What pages hold; None where the device cannot give it. A prefix lost is no reason to fail who wants room."""
        try:
            return self._mover.read(pages) if pages else []
        except Exception:
            log.exception("%d pages cannot be copied off the device: what they held is lost", len(pages))
            return None

    def _keep_again(self, name: bytes) -> bool:
        """Whether a tier has the page still, from an earlier demotion or since it was promoted from there."""
        if self._keeps_in_host:
            return self.host.touch(name)
        if self.disk is None or name not in self.disk:
            return False
        self.disk.store.touch(name)
        return True

    def _keep(self, name: bytes, payload: bytes) -> bool:
        return self._put(name, Held(payload, "host")) if self._keeps_in_host else self._write(name, payload)

    def _put(self, name: bytes, held: Held, era: int | None = None) -> bool:
        """Hold a page in host memory, writing to disk what must go for it. Whether the page is in either."""
        kept = True
        for gone, other in self.host.put(name, held, era):
            is_written = self._write(gone, other.payload)
            kept = is_written if gone == name else kept
        return kept

    def _write(self, name: bytes, payload: bytes, deadline: float | None = None) -> bool:
        return self.disk is not None and self.disk.offer(name, payload, deadline)

    # --- up ---

    def fetch(self, ids: Sequence[int], salt: str, then: Callable[[], None]) -> bool:
        """Read from disk, in a thread, what goes on where the device's and the host's pages of `ids` end.

        Returns:
            Whether there is anything to read. If so `then` is called from that thread, once it is in host memory or
            as far as it could be read (never, if the tiers are closed before); else it is not called.
        """
        if self.disk is None:
            return False
        match = self._tree.match(ids, salt)
        following = takewhile(self._is_known, self._following(match, ids, salt))
        wanted = [name for name in following if name not in self.host][: self._most_fetched]
        if wanted:
            self.disk.in_reader(partial(self._read, self.disk, wanted, self.host.era, then))
        return bool(wanted)

    def promote(self, match: Match, ids: Sequence[int], salt: str) -> Match:
        """Go on where `match`, the tree's for `ids` and `salt`, ends: copy what host memory has into device pages.

        The caller holds a lock on ``match.node`` before, and on the returned match's node after, instead. Takes free
        pages, evicts for them where there are too few, and does with fewer where that is not enough.
        """
        found = []
        for name in self._following(match, ids, salt):
            held = self.host.get(name)
            if held is None:
                break
            found.append((name, held))
        pages = self._take(len(found))
        if not pages:
            return match
        del found[len(pages) :]
        if not self._fill(pages, [held.payload for _, held in found]):
            return match
        self._count_promoted(found)
        whole = match.length + len(pages) * self._tree.page_size
        inserted = self._tree.insert(ids[:whole], match.pages + pages, salt)
        self._tree.lock(inserted.node)
        self._tree.unlock(match.node)
        return Match(inserted.node, inserted.pages, whole)

    def _read(self, disk: DiskTier, wanted: list[bytes], era: int, then: Callable[[], None]) -> None:
        """In a reader's thread: from disk to host memory, up to the first page that is not to be had."""
        done: list[bytes] = []
        try:
            for name in wanted:
                if name in self.host:  # by now: another request that begins so was first
                    continue
                payload = None if self._closing.is_set() else disk.get(name)
                if payload is None:
                    break
                self._put(name, Held(payload, "disk"), era)
                done.append(name)
            for name in reversed(done):
                self.host.touch(name)
            disk.store.freshen(done[::-1])
        except Exception:
            log.exception("reading from the disk cache failed; what was wanted is computed instead")
        finally:
            then()

    def _is_known(self, name: bytes) -> bool:
        return name in self.host or (self.disk is not None and name in self.disk)

    def _take(self, count: int) -> list[int]:
        pool = self._tree.pool
        if count > pool.free:
            self._tree.evict(count - pool.free)
        return pool.take(min(count, pool.free)) or []

    def _fill(self, pages: list[int], payloads: list[bytes]) -> bool:
        """Copy into device pages; where that fails they are given back, and the prefix is computed instead."""
        try:
            self._mover.write(pages, payloads)
        except Exception:
            self._tree.pool.give(pages)
            log.exception("%d pages cannot be copied onto the device: what they hold is computed again", len(pages))
            return False
        return True

    def _count_promoted(self, found: list[tuple[bytes, Held]]) -> None:
        size = self._tree.page_size
        for name, held in reversed(found):
            if held.source == "host":
                self.counts.host_tokens += size
                self.host.touch(name)
            else:
                self.counts.disk_tokens += size
                self.host.drop(name)
                if self._keeps_in_host:
                    self._put(name, Held(held.payload, "host"))

    # --- all of it ---

    def clear(self) -> None:
        """Forget host memory, and this model's pages on disk."""
        self.host.clear()
        if self.disk is not None:
            self.disk.clear()

    def flush(self, deadline: float) -> None:
        """Write what the device and host memory hold to disk, what was used last first, at most until `deadline`."""
        if self.disk is None:
            return
        order: list[bytes] = []  # what is to be on disk, the most worthy first
        for node in self._tree.newest_first():
            order += self._flush_node(self.disk, node, self.disk.store.most_pages - len(order), deadline)
        for name, held in self.host.newest_first():
            if len(order) < self.disk.store.most_pages and self._write(name, held.payload, deadline):
                order.append(name)
        self.disk.drain(deadline)
        self.disk.store.freshen(order[::-1])

    def _flush_node(self, disk: DiskTier, node: Node, room: int, deadline: float) -> list[bytes]:
        """Write those of a node's first `room` pages that are not on disk; the names of all of them."""
        if room <= 0 or time.monotonic() >= deadline:
            return []
        pages = list(zip(self._names(node), node.pages, strict=True))[:room]
        missing = [(name, page) for name, page in pages if name not in disk]
        payloads = self._mover.read([page for _, page in missing]) if missing else []
        for (name, _), payload in zip(missing, payloads, strict=True):
            self._write(name, payload, deadline)
        return [name for name, _ in pages]

    def close(self, deadline: float) -> None:
        """End the threads; what waits to be written is, at most until `deadline`. Idempotent."""
        self._closing.set()
        self._tree.on_evict = None
        if self.disk is not None:
            self.disk.close(deadline)

    # --- names ---

    def _following(self, match: Match, ids: Sequence[int], salt: str) -> Iterator[bytes]:
        """The keys of the pages of `ids` beyond a match."""
        names = self._names(match.node)
        return self._keys.along(names[-1] if names else self._keys.root(salt), ids[match.length :])

    def _names(self, node: Node) -> list[bytes]:
        """The keys of a node's pages; they are filled in along its path where they are missing."""
        above = b""
        for part in self._tree.path(node):
            if not part.names:
                above = above or self._keys.root(part.key[0])
                for block in part.blocks:
                    above = self._keys.after(above, block)
                    part.names.append(above)
            above = part.names[-1]
        return node.names
