"""Random histories of tree and tiers together: whatever page is found, wherever it was, holds what its prefix asks for.

The checks of content stand in `Prompts`; here are the histories, and the books after each operation.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pages import PAGE_BYTES, FakeMover, Prompts

from weft.radix_cache import DiskStore, DiskTier, Node, PageKeys, PagePool, RadixTree, Tiers

PAGE = 2
TOTAL = 6
FILE_BYTES = PAGE_BYTES + 400

# Two tokens and short texts, so that prefixes are shared, split and extended all the time.
texts = st.lists(st.integers(0, 1), max_size=5 * PAGE + 1)
salts = st.sampled_from(["", "tenant"])


class Cache(RuleBasedStateMachine):
    """Budgets of a few pages each, so that every tier overflows."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.locks: list[tuple[Node, list[int], list[int], str]] = []
        self.in_use: list[int] = []

    @initialize(host=st.integers(0, 5), disk=st.integers(0, 6))
    def start(self, host: int, disk: int) -> None:
        self.host, self.disk = host, disk
        self.open()

    def open(self) -> None:
        self.mover = FakeMover()
        tree = RadixTree(PagePool(TOTAL), PAGE)
        tier = None
        if self.disk:
            tier = DiskTier(DiskStore(self.directory, b"model", PAGE_BYTES, self.disk * FILE_BYTES))
        tiers = Tiers(tree, self.mover, PageKeys(b"model", PAGE), host_bytes=self.host * PAGE_BYTES, disk=tier)
        self.prompts = Prompts(tree, self.mover, tiers)

    @rule(ids=texts, salt=salts)
    def run(self, ids: list[int], salt: str) -> None:
        self.prompts.run(ids, salt)

    @rule(ids=texts, salt=salts)
    def fetch_and_run(self, ids: list[int], salt: str) -> None:
        self.prompts.fetch(ids, salt)
        self.prompts.run(ids, salt)

    @rule(ids=texts, salt=salts)
    def admit(self, ids: list[int], salt: str) -> None:
        match = self.prompts.admit(ids, salt)
        self.locks.append((match.node, match.pages, ids, salt))

    @precondition(lambda self: self.locks)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        node, pages, ids, salt = self.locks.pop(data.draw(st.integers(0, len(self.locks) - 1)))
        self.prompts.check(pages, ids, salt)
        self.prompts.tree.unlock(node)

    @rule(count=st.integers(0, TOTAL))
    def evict(self, count: int) -> None:
        self.prompts.tree.evict(count)

    @rule(count=st.integers(0, 2))
    def take(self, count: int) -> None:
        """A caller that computes something of its own, over whatever the pages held."""
        pages = self.prompts.pool.take(count) or []
        self.mover.device.update(dict.fromkeys(pages, bytes(PAGE_BYTES)))
        self.in_use += pages

    @precondition(lambda self: self.in_use)
    @rule()
    def give(self) -> None:
        self.prompts.pool.give(self.in_use)
        self.in_use = []

    @rule()
    def clear(self) -> None:
        self.prompts.tree.clear()
        self.prompts.tiers.clear()
        assert len(self.prompts.tiers.host) == 0
        assert list(self.directory.rglob("*.safetensors")) == []

    @rule(flush=st.booleans())
    def restart(self, flush: bool) -> None:
        deadline = time.monotonic() + 60
        if flush:
            self.prompts.tiers.flush(deadline)
        self.prompts.tiers.close(deadline)
        self.locks, self.in_use = [], []
        self.open()

    @invariant()
    def books_balance(self) -> None:
        if not hasattr(self, "prompts"):
            return
        tree, tiers = self.prompts.tree, self.prompts.tiers
        tree.recount()
        assert tree.pool.free + tree.cached_pages + len(self.in_use) == TOTAL
        assert tiers.host.used_bytes == tiers.host.recount() <= tiers.host.budget
        if tiers.disk is not None:
            assert tiers.disk.drain(time.monotonic() + 60)
            store = tiers.disk.store
            assert store.used_bytes == store.recount() <= store.budget
            files = list(self.directory.rglob("*.safetensors"))
            assert store.used_bytes == sum(file.stat().st_size for file in files)

    def teardown(self) -> None:
        if hasattr(self, "prompts"):
            self.prompts.tiers.close(time.monotonic() + 60)
        shutil.rmtree(self.directory)


TestCache = Cache.TestCase
