"""The tree, one behaviour a test. `test_model.py` holds it against a naive model under random histories."""

from __future__ import annotations

import pytest

from weft.radix_cache import Insertion, IntegrityError, PagePool, RadixTree

A, B, C, D = [1, 2], [3, 4], [5, 6], [7, 8]  # one page each


def make(num_pages: int = 8, *, enabled: bool = True) -> RadixTree:
    return RadixTree(PagePool(num_pages), page_size=2, enabled=enabled)


def put(tree: RadixTree, ids: list[int], salt: str = "") -> Insertion:
    """Insert `ids` under pages of their own, as a request that matched nothing would."""
    pages = tree.pool.take(len(ids) // tree.page_size)
    assert pages is not None
    insertion = tree.insert(ids, pages, salt)
    tree.recount()
    return insertion


def test_an_empty_tree_matches_nothing() -> None:
    match = make().match(A + B)
    assert (match.pages, match.length) == ([], 0)


def test_a_match_is_the_longest_prefix_in_whole_pages() -> None:
    tree = make()
    pages = put(tree, A + B + C).pages
    assert tree.match(A + B + [5, 0]).pages == pages[:2]
    assert tree.match(A + B + [5]).length == 4
    assert tree.match(A + B + C + D).pages == pages
    assert tree.match([1]).length == 0
    assert tree.match([9, *A]).length == 0
    tree.recount()


def test_branches_share_the_pages_of_their_prefix() -> None:
    tree = make()
    first = put(tree, A + B)
    second = put(tree, A + C)
    assert second.pages[0] == first.pages[0]
    assert len(second.freed) == 1
    assert tree.cached_pages == 3
    assert tree.pool.free == 5


def test_an_insertion_that_carries_the_matched_pages_frees_none() -> None:
    tree = make()
    put(tree, A + B)
    match = tree.match(A + C)
    tree.lock(match.node)
    fresh = tree.pool.take(1)
    assert fresh is not None
    insertion = tree.insert(A + C, match.pages + fresh)
    tree.unlock(match.node)
    assert insertion.freed == []
    assert insertion.pages == match.pages + fresh
    tree.recount()


def test_salts_share_nothing() -> None:
    tree = make()
    mine = put(tree, A + B, salt="mine")
    assert tree.match(A + B).length == 0
    assert tree.match(A + B, salt="yours").length == 0
    yours = put(tree, A + B, salt="yours")
    assert set(mine.pages).isdisjoint(yours.pages)
    assert tree.match(A + C, salt="mine").pages == mine.pages[:1]
    tree.recount()


def test_eviction_trims_the_least_recently_used_leaf_from_its_end() -> None:
    tree = make()
    old = put(tree, A + B + C).pages
    new = put(tree, D).pages
    assert tree.evict(2) == 2
    assert tree.match(A + B + C).pages == old[:1]
    assert tree.match(D).pages == new
    tree.recount()


def test_what_is_left_of_a_trimmed_leaf_keeps_its_place_in_the_order() -> None:
    tree = make()
    put(tree, A + B + C)
    new = put(tree, D).pages
    tree.evict(1)
    tree.evict(2)
    assert tree.match(A).length == 0
    assert tree.match(D).pages == new


def test_a_match_counts_as_use() -> None:
    tree = make()
    put(tree, A)
    put(tree, B)
    tree.match(A)
    tree.evict(1)
    assert tree.match(A).length == 2
    assert tree.match(B).length == 0


def test_matching_a_prefix_does_not_count_as_use_of_what_follows() -> None:
    tree = make()
    put(tree, A + B)
    put(tree, C)
    tree.match(A)
    tree.evict(1)
    assert tree.match(A + B).length == 2
    assert tree.match(C).length == 2


def test_evicted_pages_are_counted_and_cleared_ones_are_not() -> None:
    tree = make()
    node = put(tree, A + B + C + D).node
    tree.lock(node)
    tree.evict(2)
    assert tree.evicted_pages == 0, "nothing could go"
    tree.unlock(node)
    tree.evict(1)
    tree.evict(2)
    assert tree.clear() == 1
    assert tree.evicted_pages == 3


def test_locked_pages_are_never_evicted() -> None:
    tree = make()
    node = put(tree, A + B).node
    put(tree, A + C)
    tree.lock(node)
    tree.lock(node)
    assert (tree.cached_pages, tree.locked_pages, tree.evictable_pages) == (3, 2, 1)
    assert tree.evict(99) == 1
    tree.unlock(node)
    assert tree.evict(99) == 0
    tree.unlock(node)
    assert tree.clear() == 2
    assert tree.pool.free == tree.pool.num_pages
    tree.recount()


def test_a_lock_on_a_partial_match_leaves_the_rest_evictable() -> None:
    tree = make()
    put(tree, A + B + C)
    match = tree.match(A + B)
    tree.lock(match.node)
    assert tree.locked_pages == 2
    assert tree.evict(99) == 1
    assert tree.match(A + B + C).pages == match.pages


def test_a_split_keeps_locks_and_handles() -> None:
    tree = make()
    node = put(tree, A + B + C).node
    tree.lock(node)
    tree.match(A)
    tree.recount()
    assert tree.locked_pages == 3
    tree.unlock(node)
    tree.recount()
    assert tree.evictable_pages == 3


def test_a_stale_handle_is_refused() -> None:
    tree = make()
    match = tree.match(put(tree, A + B).pages and A + B)
    tree.evict(1)
    with pytest.raises(IntegrityError, match="were evicted"):
        tree.lock(match.node)
    tree.recount()


def test_an_unlock_too_many_is_refused() -> None:
    tree = make()
    put(tree, A + B)
    whole, part = tree.match(A + B).node, tree.match(A).node
    tree.lock(whole)
    with pytest.raises(IntegrityError, match="not locked"):
        tree.unlock(part)
    tree.unlock(whole)
    with pytest.raises(IntegrityError, match="not locked"):
        tree.unlock(whole)
    tree.recount()


def test_wrong_insertions_are_refused_and_change_no_owner() -> None:
    tree = make()
    owned = put(tree, A + B).pages
    mine = tree.pool.take(2)
    assert mine is not None
    with pytest.raises(IntegrityError, match="3 token ids do not fill 2 pages of 2"):
        tree.insert([1, 2, 3], mine)
    with pytest.raises(IntegrityError, match="cached already, for other tokens"):
        tree.insert(C + D, owned)
    with pytest.raises(IntegrityError, match="cached already, for other tokens"):
        tree.insert(A + B, owned[::-1])
    with pytest.raises(IntegrityError, match="is free"):
        tree.insert(C, [7])
    with pytest.raises(IntegrityError, match="named twice"):
        tree.insert(C + D, [mine[0], mine[0]])
    assert (tree.cached_pages, tree.pool.free) == (2, 4)
    tree.recount()


def test_switched_off_nothing_is_found_and_pages_go_back() -> None:
    tree = make(enabled=False)
    pages = tree.pool.take(2)
    assert pages is not None
    insertion = tree.insert(A + B, pages)
    assert (insertion.pages, insertion.freed) == ([], pages)
    match = tree.match(A + B)
    assert match.length == 0
    tree.lock(match.node)
    tree.unlock(match.node)
    assert tree.pool.free == 8
    tree.recount()


def test_an_empty_insertion_is_one() -> None:
    tree = make()
    insertion = tree.insert([], [])
    tree.lock(insertion.node)
    tree.unlock(insertion.node)
    assert (insertion.pages, tree.cached_pages) == ([], 0)


def test_a_chain_of_many_thousand_nodes_needs_no_recursion() -> None:
    tree = RadixTree(PagePool(4000), page_size=1)
    pages: list[int] = []
    for token in range(4000):
        fresh = tree.pool.take(1)
        assert fresh is not None
        pages += fresh
        if token % 3 == 0 or token == 3999:
            tree.insert(range(token + 1), pages)
    match = tree.match(range(4000))
    tree.lock(match.node)
    tree.recount()
    tree.unlock(match.node)
    assert tree.clear() == 4000
    tree.recount()


def test_recount_finds_drift() -> None:
    tree = make()
    node = put(tree, A + B).node
    tree._locked_pages += 1
    with pytest.raises(IntegrityError, match="locked pages: the books say 1, a walk of the tree finds 0"):
        tree.recount()
    tree._locked_pages -= 1
    node.refs += 1
    with pytest.raises(IntegrityError, match="locks on a node"):
        tree.recount()
    node.refs -= 1
    tree.pool.give([node.pages[0]])
    with pytest.raises(IntegrityError, match="the pool holds it free"):
        tree.recount()
