"""A device whose pages hold what they were computed from, so that a page that came from elsewhere can be checked."""

from __future__ import annotations

from collections.abc import Sequence

from weft.radix_cache import Match, PagePool, RadixTree, Tiers

PAGE_BYTES = 256


def content(salt: str, prefix: Sequence[int]) -> bytes:
    """What a page holds that ends `prefix`: all that came before it, as a real page's keys and values depend on it."""
    return repr((salt, list(prefix))).encode().ljust(PAGE_BYTES)


class FakeMover:
    """A `PageMover` over a dictionary."""

    page_bytes = PAGE_BYTES

    def __init__(self) -> None:
        self.device: dict[int, bytes] = {}

    def read(self, pages: Sequence[int]) -> list[bytes]:
        return [self.device[page] for page in pages]

    def write(self, pages: Sequence[int], payloads: Sequence[bytes]) -> None:
        assert all(len(payload) == PAGE_BYTES for payload in payloads)
        self.device.update(zip(pages, payloads, strict=True))


class Prompts:
    """Runs prompts as the scheduler does, without anything to compute."""

    def __init__(self, tree: RadixTree, mover: FakeMover, tiers: Tiers) -> None:
        self.tree, self.mover, self.tiers = tree, mover, tiers

    @property
    def pool(self) -> PagePool:
        return self.tree.pool

    def admit(self, ids: list[int], salt: str = "") -> Match:
        """Match and promote; the node is locked. Every page found holds what its prefix asks for."""
        match = self.tree.match(ids, salt)
        self.tree.lock(match.node)
        match = self.tiers.promote(match, ids, salt)
        self.check(match.pages, ids, salt)
        return match

    def check(self, pages: Sequence[int], ids: list[int], salt: str) -> None:
        for at, page in enumerate(pages, start=1):
            assert self.mover.device[page] == content(salt, ids[: at * self.tree.page_size])

    def run(self, ids: list[int], salt: str = "") -> int:
        """Admit, compute the rest, insert, unlock. How many tokens were found; -1 where there was no room."""
        ids = ids[: len(ids) // self.tree.page_size * self.tree.page_size]
        match = self.admit(ids, salt)
        needed = len(ids) // self.tree.page_size - len(match.pages)
        self.tree.evict(max(0, needed - self.pool.free))
        fresh = self.pool.take(needed)
        if fresh is None:
            self.tree.unlock(match.node)
            return -1
        for at, page in enumerate(fresh, start=len(match.pages) + 1):
            self.mover.device[page] = content(salt, ids[: at * self.tree.page_size])
        self.tree.insert(ids, match.pages + fresh, salt)
        self.tree.unlock(match.node)
        self.tree.recount()
        return match.length

    def fetch(self, ids: list[int], salt: str = "") -> bool:
        """Fetch from disk, and wait for it."""
        from threading import Event

        done = Event()
        found = self.tiers.fetch(ids, salt, done.set)
        assert not found or done.wait(60)
        return found
