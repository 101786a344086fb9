"""Who is admitted next, and how long anybody can be passed over, without torch."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.radix_cache import PagePool, RadixTree
from weft.request import ProgramHints
from weft.runtime.admission import REFRESHED, WINDOW, WaitingQueue
from weft.runtime.scheduler import Scheduler, Sequence

PAGE = 4
KNOWN = list(range(100, 132))  # a prompt that `queue_over_cache` has in its cache


def queue_over_cache(**bounds: int) -> WaitingQueue:
    """An empty queue over a tree that holds `KNOWN`."""
    pool = PagePool(64)
    tree = RadixTree(pool, PAGE)
    pages = pool.take(len(KNOWN) // PAGE)
    assert pages is not None
    tree.insert(KNOWN, pages)
    return WaitingQueue(tree, PAGE, **bounds)


def arrive(
    queue: WaitingQueue, order: int, *, cached: int = 0, priority: int = 0, group: str | None = None
) -> Sequence:
    """A waiting sequence whose prompt is cached for so many tokens."""
    ids = [*KNOWN[:cached], *([order] * 40)]
    hints = ProgramHints(fork_group=group)
    sequence = Sequence(ids=ids, match_limit=len(ids) - 1, priority=priority, order=order, hints=hints)
    queue.add(sequence)
    return sequence


def admit_all(queue: WaitingQueue) -> list[int]:
    admitted = []
    while (sequence := queue.next([])) is not None:
        queue.admit(sequence)
        admitted.append(sequence.order)
    return admitted


def test_the_longest_cached_prefix_goes_first_and_equals_in_order_of_arrival() -> None:
    queue = queue_over_cache()
    for order, cached in enumerate([0, 8, 16, 0, 16]):
        arrive(queue, order, cached=cached)
    assert admit_all(queue) == [2, 4, 1, 0, 3]


def test_priority_counts_before_the_cache() -> None:
    queue = queue_over_cache()
    arrive(queue, 0, cached=32)
    arrive(queue, 1, priority=1)
    assert admit_all(queue) == [1, 0]


def test_branches_of_a_running_fork_go_before_longer_prefixes() -> None:
    queue = queue_over_cache()
    arrive(queue, 0, cached=32)
    branch = arrive(queue, 1, group="g")
    running = Sequence(ids=[1], match_limit=0, computed=1, hints=ProgramHints(fork_group="g"))
    assert queue.next([running]) is branch
    assert queue.next([]) is not branch


def test_what_was_retracted_goes_first_among_its_priority() -> None:
    queue = queue_over_cache()
    arrive(queue, 0, cached=32)
    arrive(queue, 1, priority=1)
    back = Sequence(ids=[9] * 9, match_limit=8, order=2, retracted=True)
    queue.add(back)
    assert [each.order for each in queue] == [1, 2, 0]
    assert admit_all(queue) == [1, 2, 0]


def test_a_salted_prompt_does_not_count_what_others_cached() -> None:
    queue = queue_over_cache()
    queue.add(Sequence(ids=[*KNOWN, 1], match_limit=32, salt="x", order=0))
    arrive(queue, 1, cached=8)
    assert admit_all(queue) == [1, 0]


arrivals = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=80)
"""Of each: cached pages, priority, and how many are admitted before the next one arrives."""


@given(arrivals, st.integers(1, 4), st.integers(1, 4))
@settings(max_examples=60)
def test_bounds_of_overtaking_and_aging(traffic: list[tuple[int, int, int]], overtaken: int, passed: int) -> None:
    queue = queue_over_cache(max_overtaken=overtaken, max_passed_over=passed)
    waiting: dict[Sequence, int] = {}  # to the admission by which it must have gone
    times: dict[Sequence, int] = {}  # to how often later arrivals of its priority went first
    admissions = 0

    def admit() -> None:
        nonlocal admissions
        sequence = queue.next([])
        assert sequence is not None, "somebody waits and nothing holds anybody up"
        queue.admit(sequence)
        admissions += 1
        assert admissions <= waiting.pop(sequence)
        for other in waiting:
            if other.order < sequence.order and other.priority == sequence.priority:
                times[other] = times.get(other, 0) + 1
                assert times[other] <= overtaken

    for order, (pages, priority, then) in enumerate(traffic):
        sequence = arrive(queue, order, cached=pages * PAGE, priority=priority)
        waiting[sequence] = admissions + (passed + 1) * (len(waiting) + 1)
        for _ in range(min(then, len(waiting))):
            admit()
    while waiting:
        admit()
    assert len(queue) == 0
    assert queue.next([]) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(-2, 2)), max_size=60), st.data())
@settings(max_examples=40)
def test_the_queue_holds_what_was_added_and_not_removed(steps: list[tuple[bool, int]], data: st.DataObject) -> None:
    queue = queue_over_cache()
    held: list[Sequence] = []
    for order, (adds, priority) in enumerate(steps):
        if adds or not held:
            held.append(arrive(queue, order, priority=priority))
        else:
            gone = held.pop(data.draw(st.integers(0, len(held) - 1)))
            queue.remove(gone)
            assert gone not in queue
        assert list(queue) == sorted(held, key=lambda each: (-each.priority, each.order))
        assert len(queue) == len(held)
        assert (queue.next([]) is None) == (not held)


def test_forty_prompts_with_one_long_new_prefix_compute_it_once() -> None:
    pool = PagePool(200)
    tree = RadixTree(pool, PAGE)
    scheduler = Scheduler(pool, tree, page_size=PAGE, max_running=16, prefill_chunk=32)
    prefix = list(range(100, 300))
    sequences = [Sequence(ids=[*prefix, at], match_limit=len(prefix)) for at in range(40)]
    for sequence in sequences:
        scheduler.add(sequence)
    computed = 0
    while chunks := scheduler.plan():
        for chunk in chunks:
            computed += chunk.count
            is_last = chunk.is_last
            scheduler.computed(chunk)
            if is_last:
                scheduler.finish(chunk.sequence)
    assert computed == len(prefix) + 40
    assert [sequence.cached for sequence in sequences] == [0] + [200] * 39


def test_when_the_leader_of_a_prefix_is_aborted_another_takes_over() -> None:
    pool = PagePool(200)
    scheduler = Scheduler(pool, RadixTree(pool, PAGE), page_size=PAGE, max_running=4, prefill_chunk=8)
    sequences = [Sequence(ids=[*range(100, 140), at], match_limit=40) for at in range(3)]
    for sequence in sequences:
        scheduler.add(sequence)
    (chunk,) = scheduler.plan()
    scheduler.drop(chunk.sequence)
    (chunk,) = scheduler.plan()
    assert chunk.sequence is sequences[1]
    assert list(scheduler.waiting) == [sequences[2]]


def test_lookups_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = PagePool(2000)
    tree = RadixTree(pool, PAGE)
    scheduler = Scheduler(pool, tree, page_size=PAGE, max_running=1, prefill_chunk=64)
    looked = 0
    probe = tree.probe

    def counted(*args: object) -> object:
        nonlocal looked
        looked += 1
        return probe(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(tree, "probe", counted)
    for at in range(300):
        scheduler.add(Sequence(ids=[at % 7, *range(20), at], match_limit=21))
    lookups = []
    for _ in range(50):
        before = looked
        (chunk,) = scheduler.plan()
        lookups.append(looked - before)
        scheduler.computed(chunk)
        before = looked
        scheduler.plan()  # nobody can be admitted
        assert looked == before
        scheduler.finish(chunk.sequence)
    assert lookups[0] <= WINDOW + 1
    assert max(lookups[1:]) <= REFRESHED + 8, "beside those: the newcomer to the window and whoever seemed the best"
