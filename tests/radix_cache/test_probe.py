"""A probe says what a match would find, and changes nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from weft.radix_cache import PagePool, Probe, RadixTree

PAGE = 2
prompts = st.lists(st.integers(0, 1), max_size=14)
steps = st.lists(st.tuples(st.sampled_from(["insert", "evict"]), prompts, st.sampled_from(["", "x"])), max_size=25)


def insert(tree: RadixTree, ids: list[int], salt: str) -> None:
    whole = len(ids) // PAGE
    match = tree.match(ids[: whole * PAGE], salt)
    tree.lock(match.node)
    missing = whole - len(match.pages)
    if tree.pool.free < missing:
        tree.evict(missing - tree.pool.free)
    pages = tree.pool.take(missing)
    if pages is not None:
        tree.insert(ids[: whole * PAGE], [*match.pages, *pages], salt)
    tree.unlock(match.node)


@given(steps, prompts, st.sampled_from(["", "x"]), st.integers(0, 14))
@settings(max_examples=100)
def test_a_probe_finds_what_a_match_finds_also_going_on_from_an_earlier_one(
    history: list[tuple[str, list[int], str]], asked: list[int], salt: str, limit: int
) -> None:
    tree = RadixTree(PagePool(10), PAGE)
    limit = min(limit, len(asked))
    last: Probe | None = None
    version = -1
    for action, ids, its_salt in history:
        if action == "insert":
            insert(tree, ids, its_salt)
        else:
            tree.evict(len(ids) // PAGE)
        fresh = tree.probe(asked, limit, salt)
        if version == tree.version:
            assert last is not None
            assert fresh.length == last.length, "nothing changes within a version"
        last = tree.probe(asked, limit, salt, last)
        version = tree.version
        assert last.length == fresh.length == tree.match(asked[:limit], salt).length
        tree.recount()


def test_a_probe_splits_nothing_and_is_no_use() -> None:
    tree = RadixTree(PagePool(8), PAGE)
    insert(tree, [1, 1, 2, 2], "")
    insert(tree, [5, 5], "")
    assert tree.probe([1, 1, 3, 3], 4).length == 2
    assert tree.evict(1) == 1
    assert tree.probe([1, 1, 2, 2], 4).length == 2, "it was the least recently used all the same"
    assert tree.probe([5, 5], 2).length == 2


def test_without_a_cache_a_probe_finds_nothing() -> None:
    tree = RadixTree(PagePool(8), PAGE, enabled=False)
    assert tree.probe([1, 1], 2).length == 0
