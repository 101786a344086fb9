"""Tiers, one behaviour a test, over a device that remembers what each page was computed from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pages import PAGE_BYTES, FakeMover, Prompts

from weft.radix_cache import DiskStore, DiskTier, PageKeys, PagePool, RadixTree, Tiers

A, B, C, D = [1, 2], [3, 4], [5, 6], [7, 8]  # one page each
Make = Callable[..., Prompts]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Tiers] = []

    def make(
        num_pages: int = 4, *, host: int = 0, disk: bool = False, disk_pages: int = 1000, model: bytes = b"model"
    ) -> Prompts:
        tree, mover = RadixTree(PagePool(num_pages), 2), FakeMover()
        store = DiskStore(tmp_path / "cache", model, PAGE_BYTES, disk_pages * (PAGE_BYTES + 1000)) if disk else None
        tier = DiskTier(store) if store is not None else None
        made.append(Tiers(tree, mover, PageKeys(model, 2), host_bytes=host * PAGE_BYTES, disk=tier))
        return Prompts(tree, mover, made[-1])

    yield make
    for tiers in made:
        tiers.close(time.monotonic() + 60)


def later() -> float:
    return time.monotonic() + 60


def settle(prompts: Prompts) -> None:
    """Wait until what was demoted is on disk."""
    assert prompts.tiers.disk is not None
    assert prompts.tiers.disk.drain(later())


def test_what_was_evicted_comes_back_from_host_memory(make: Make) -> None:
    prompts = make(4, host=8)
    prompts.run(A + B + C + D)
    prompts.run(D + C + B)
    assert prompts.tree.match(A + B + C + D).length == 2, "three pages had to go"
    assert prompts.tiers.counts.demoted_pages == 3
    assert prompts.run(A + B + C + D) == 8
    assert prompts.tiers.counts.host_tokens == 6


def test_without_a_tier_an_evicted_page_is_lost(make: Make) -> None:
    prompts = make(2)
    prompts.run(A + B)
    prompts.run(C)
    assert (prompts.tiers.counts.demoted_pages, prompts.tiers.counts.lost_pages) == (0, 1)
    assert prompts.run(A + B) == 2


def test_a_full_host_tier_gives_up_the_least_recently_used_and_ends_before_beginnings(make: Make) -> None:
    prompts = make(4, host=3)
    prompts.run(A + B)
    prompts.run(C + D)
    prompts.tree.evict(4)
    assert prompts.run(A + B) == 2, "its last page had to go, its first stayed"
    assert prompts.run(C + D) == 4


def test_a_page_promoted_twice_is_copied_down_once(make: Make) -> None:
    prompts = make(2, host=8)
    reads: list[int] = []
    read = prompts.mover.read
    prompts.mover.read = lambda pages: reads.append(len(pages)) or read(pages)  # type: ignore[method-assign,func-returns-value]
    for _ in range(3):
        prompts.run(A + B)
        prompts.tree.evict(2)
    assert sum(reads) == 2


@pytest.mark.parametrize("host", [0, 8])
def test_salts_share_nothing_in_any_tier(make: Make, host: int) -> None:
    prompts = make(8, host=host, disk=True)
    prompts.run(A + B, salt="mine")
    prompts.tree.evict(8)
    settle(prompts)
    for salt in ("", "yours"):
        assert not prompts.fetch(A + B, salt)
        assert prompts.run(A + B, salt) == 0
    assert prompts.fetch(A + B, "mine") == (host == 0)
    assert prompts.run(A + B, "mine") == 4


def test_host_memory_overflows_to_disk(make: Make) -> None:
    prompts = make(4, host=2, disk=True)
    prompts.run(A + B + C + D)
    prompts.tree.evict(4)
    settle(prompts)
    assert len(prompts.tiers.host) == 2
    assert prompts.run(A + B + C + D) == 4, "what is only on disk must be fetched first"
    prompts.tree.clear()
    assert prompts.fetch(A + B + C + D)
    counts = prompts.tiers.counts
    before = counts.host_tokens
    assert prompts.run(A + B + C + D) > 0
    assert counts.disk_tokens + counts.host_tokens > before


def test_a_restart_finds_what_was_flushed(make: Make) -> None:
    first = make(8, disk=True)
    first.run(A + B + C)
    first.run(A + B + D, salt="tenant")
    first.tiers.flush(later())
    first.tiers.close(later())
    second = make(8, disk=True)
    for ids, salt in ((A + B + C, ""), (A + B + D, "tenant")):
        assert second.fetch(ids, salt)
        assert second.run(ids, salt) == 6
    assert second.tiers.counts.disk_tokens == 12


def test_another_models_pages_are_not_found(make: Make) -> None:
    first = make(8, disk=True)
    first.run(A + B)
    first.tiers.flush(later())
    second = make(8, disk=True, model=b"other")
    assert not second.fetch(A + B)
    assert second.run(A + B) == 0


def test_the_oldest_files_go_where_the_disk_budget_needs_it(make: Make, tmp_path: Path) -> None:
    prompts = make(8, disk=True, disk_pages=3)
    for ids in (A + B, C, D):
        prompts.run(ids)
        prompts.tree.evict(8)
        settle(prompts)
    assert prompts.tiers.disk is not None
    room = prompts.tiers.disk.store.most_pages
    assert len(list(files(tmp_path))) == min(room, 4)
    assert prompts.tiers.disk.store.used_bytes == sum(path.stat().st_size for path in files(tmp_path))


def test_a_flush_keeps_what_was_used_last_where_not_all_has_room(make: Make) -> None:
    first = make(8, disk=True, disk_pages=1)
    assert first.tiers.disk is not None
    room = first.tiers.disk.store.most_pages
    assert 1 <= room < 4
    for ids in (A + B, C + D, D + C):
        first.run(ids)
    first.tiers.flush(later())
    first.tiers.close(later())
    second = make(8, disk=True, disk_pages=1)
    assert second.fetch(D + C)
    assert second.run(D + C) == min(room, 2) * 2


def test_clearing_forgets_every_tier(make: Make, tmp_path: Path) -> None:
    prompts = make(8, host=2, disk=True)
    prompts.run(A + B + C + D)
    prompts.tree.evict(8)
    settle(prompts)
    prompts.tiers.clear()
    assert list(files(tmp_path)) == []
    assert len(prompts.tiers.host) == 0
    assert not prompts.fetch(A + B)
    assert prompts.run(A + B) == 0


def test_promotion_takes_what_room_there_is(make: Make) -> None:
    prompts = make(4, host=8)
    prompts.run(A + B + C + D)
    prompts.tree.evict(4)
    held = prompts.pool.take(2)
    assert held is not None
    match = prompts.admit(A + B + C + D)
    assert match.length == 4
    prompts.tree.unlock(match.node)
    prompts.pool.give(held)
    prompts.tree.recount()


def test_a_leaf_that_cannot_be_copied_is_lost_and_its_pages_are_free(make: Make) -> None:
    prompts = make(4, host=8)
    prompts.run(A + B)

    def fail(pages: object) -> list[bytes]:
        raise RuntimeError("no such device")

    prompts.mover.read = fail  # type: ignore[method-assign]
    prompts.tree.evict(4)
    assert prompts.pool.free == 4
    assert prompts.tiers.counts.lost_pages > 0
    prompts.tree.recount()


def test_a_failing_copy_loses_no_page(make: Make) -> None:
    prompts = make(4, host=8)
    prompts.run(A + B)
    prompts.tree.evict(4)

    def fail(pages: object, payloads: object) -> None:
        raise RuntimeError("no such device")

    prompts.mover.write = fail  # type: ignore[method-assign]
    match = prompts.tree.match(A + B)
    prompts.tree.lock(match.node)
    assert prompts.tiers.promote(match, A + B, "") == match
    assert prompts.pool.free == 4


def test_a_queue_that_is_full_takes_no_more_and_nobody_waits(tmp_path: Path) -> None:
    store = DiskStore(tmp_path, b"model", PAGE_BYTES, 1 << 20)
    tier = DiskTier(store, queue_bytes=2 * PAGE_BYTES)
    with store._lock:  # the disk is slow
        taken = [tier.offer(bytes([at]) * 32, bytes(PAGE_BYTES)) for at in range(4)]
        assert tier.get(bytes([0]) * 32) == bytes(PAGE_BYTES), "found while it waits"
    assert taken == [True, True, False, False]
    assert tier.refused == 2
    tier.close(later())
    assert tier.written == len(store) == 2


def files(tmp_path: Path) -> Iterator[Path]:
    return (tmp_path / "cache").rglob("*.safetensors")
