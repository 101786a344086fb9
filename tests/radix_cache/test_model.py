"""Random histories of the tree against a naive model that keeps whole prefixes in a dictionary."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from weft.radix_cache import Node, PagePool, RadixTree

PAGE = 2
TOTAL = 14
Prefix = tuple[str, tuple[int, ...]]  # salt, and token ids in whole pages

# Two tokens and short texts, so that prefixes are shared, split and extended all the time.
texts = st.lists(st.integers(0, 1), max_size=5 * PAGE + 1)
salts = st.sampled_from(["", "tenant"])


def prefixes(salt: str, ids: list[int]) -> list[Prefix]:
    """Every whole-page prefix of `ids`, shortest first."""
    return [(salt, tuple(ids[:end])) for end in range(PAGE, len(ids) + 1, PAGE)]


class Cache(RuleBasedStateMachine):
    """The model: each cached prefix maps to the page of its last block, and to the time of its last use."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = PagePool(TOTAL)
        self.tree = RadixTree(self.pool, PAGE)
        self.page: dict[Prefix, int] = {}
        self.locks: list[tuple[Node, list[Prefix]]] = []
        self.in_use = 0  # pages this test took and has neither inserted nor given back

    def cached(self, salt: str, ids: list[int]) -> list[Prefix]:
        found = prefixes(salt, ids)
        return found[: next((n for n, prefix in enumerate(found) if prefix not in self.page), len(found))]

    def locked(self) -> set[Prefix]:
        return {prefix for _, path in self.locks for prefix in path}

    @rule(ids=texts, salt=salts)
    def match(self, ids: list[int], salt: str) -> None:
        match = self.tree.match(ids, salt)
        expected = self.cached(salt, ids)
        assert match.pages == [self.page[prefix] for prefix in expected]
        assert match.length == len(expected) * PAGE

    @rule(ids=texts, salt=salts)
    def match_and_lock(self, ids: list[int], salt: str) -> None:
        match = self.tree.match(ids, salt)
        self.tree.lock(match.node)
        self.locks.append((match.node, self.cached(salt, ids)))

    @precondition(lambda self: self.locks)
    @rule(data=st.data())
    def unlock(self, data: st.DataObject) -> None:
        node, _ = self.locks.pop(data.draw(st.integers(0, len(self.locks) - 1)))
        self.tree.unlock(node)

    @rule(ids=texts, salt=salts, reuse=st.booleans(), lock=st.booleans())
    def insert(self, ids: list[int], salt: str, reuse: bool, lock: bool) -> None:
        ids = ids[: len(ids) // PAGE * PAGE]
        expected = self.cached(salt, ids)
        cached = [self.page[prefix] for prefix in expected]
        mine = cached if reuse else []
        fresh = self.pool.take(len(ids) // PAGE - len(mine))
        if fresh is None:
            return
        insertion = self.tree.insert(ids, mine + fresh, salt)
        kept = fresh if reuse else fresh[len(cached) :]
        assert insertion.pages == cached + kept
        assert insertion.freed == ([] if reuse else fresh[: len(cached)])
        whole = prefixes(salt, ids)
        self.page.update(zip(whole, insertion.pages, strict=True))
        if lock:
            self.tree.lock(insertion.node)
            self.locks.append((insertion.node, whole))

    @rule(count=st.integers(0, TOTAL))
    def evict(self, count: int) -> None:
        locked = self.locked()
        free = self.pool.free
        evictable = len(self.page) - len(locked)
        freed = self.tree.evict(count)
        assert freed == min(count, evictable)
        assert self.pool.free == free + freed
        # Which ones is the policy's: read them off, and check that what is left is whole prefixes and every lock's.
        self.page = {prefix: page for prefix, page in self.page.items() if self.pool.is_taken(page)}
        assert locked <= self.page.keys()
        assert all((salt, ids[:-PAGE]) in self.page for salt, ids in self.page if len(ids) > PAGE)

    @rule()
    def clear(self) -> None:
        locked = self.locked()
        self.tree.clear()
        self.page = {prefix: page for prefix, page in self.page.items() if prefix in locked}

    @rule(count=st.integers(0, 3))
    def take(self, count: int) -> None:
        self.in_use += len(self.pool.take(count) or [])

    @invariant()
    def books_balance(self) -> None:
        self.tree.recount()
        assert self.tree.cached_pages == len(self.page)
        assert self.tree.locked_pages == len(self.locked())
        assert self.tree.evictable_pages == len(self.page) - len(self.locked())
        assert self.pool.free + self.tree.cached_pages + self.in_use == TOTAL


TestCache = Cache.TestCase
