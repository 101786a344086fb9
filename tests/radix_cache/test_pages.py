"""The pool: all or nothing, in a known order, and no page given twice."""

from __future__ import annotations

import pytest

from weft.errors import WeftError
from weft.radix_cache import IntegrityError, PagePool


def test_a_fresh_pool_hands_out_pages_in_order() -> None:
    pool = PagePool(5)
    assert pool.take(2) == [0, 1]
    assert pool.take(3) == [2, 3, 4]
    assert (pool.free, pool.taken) == (0, 5)


def test_take_is_all_or_nothing() -> None:
    pool = PagePool(3)
    assert pool.take(4) is None
    assert pool.free == 3
    assert pool.take(0) == []
    assert pool.take(3) == [0, 1, 2]


def test_what_was_given_back_last_is_taken_first_in_the_same_order() -> None:
    pool = PagePool(6)
    pool.take(4)
    pool.give([2, 0])
    assert pool.take(3) == [2, 0, 4]


@pytest.mark.parametrize(
    ("pages", "place"),
    [([1, 3], "page 3 is free"), ([0, 0], "page 0 is named twice"), ([4], "page 4 is foreign"), ([-1], "page -1")],
)
def test_a_wrong_give_is_refused_and_gives_nothing(pages: list[int], place: str) -> None:
    pool = PagePool(4)
    pool.take(2)
    with pytest.raises(IntegrityError, match=place):
        pool.give(pages)
    assert pool.free == 2
    pool.recount()


def test_a_double_free_is_refused() -> None:
    pool = PagePool(2)
    pages = pool.take(1)
    assert pages is not None
    pool.give(pages)
    with pytest.raises(WeftError, match="page 0 is free already"):
        pool.give(pages)


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 page"):
        PagePool(0)
    with pytest.raises(ValueError, match="-1 pages"):
        PagePool(1).take(-1)


def test_recount_finds_a_drifted_pool() -> None:
    pool = PagePool(3)
    pool._free.append(0)
    with pytest.raises(IntegrityError, match="distinct"):
        pool.recount()
    pool = PagePool(3)
    pool._taken[1] = 1
    with pytest.raises(IntegrityError, match=r"differ in \[1\]"):
        pool.recount()
