"""The scheduler against its promises, driven by random submits, aborts and evictions (laws 5 and 6), without torch."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from weft.radix_cache import PageKeys, PagePool, RadixTree, Tiers
from weft.runtime.scheduler import Chunk, Scheduler, Sequence

PAGE = 4


def make(num_pages: int, *, max_running: int = 4, prefill_chunk: int = 8, enabled: bool = True) -> Scheduler:
    pool = PagePool(num_pages)
    tree = RadixTree(pool, PAGE, enabled=enabled)
    return Scheduler(pool, tree, page_size=PAGE, max_running=max_running, prefill_chunk=prefill_chunk)


def new(ids: list[int], **fields: int | str) -> Sequence:
    return Sequence(ids=list(ids), match_limit=len(ids) - 1, **fields)  # type: ignore[arg-type]


def run_to_end(scheduler: Scheduler, outputs: dict[Sequence, int], limit: int = 500) -> list[Sequence]:
    """Decode every sequence for as many tokens as `outputs` says; gives them in the order they ended."""
    ended: list[Sequence] = []
    for _ in range(limit):
        chunks = scheduler.plan()
        if not chunks:
            break
        for chunk in chunks:
            is_last = chunk.is_last
            scheduler.computed(chunk)
            if is_last:
                if outputs[chunk.sequence] == 0:
                    scheduler.finish(chunk.sequence)
                    ended.append(chunk.sequence)
                else:
                    outputs[chunk.sequence] -= 1
                    chunk.sequence.ids.append(7)
        scheduler.recount()
    return ended


def test_a_prompt_is_computed_in_chunks_within_the_budget() -> None:
    scheduler = make(20)
    sequence = new(list(range(21)))
    scheduler.add(sequence)
    sizes = []
    while sequence.remaining:
        (chunk,) = scheduler.plan()
        sizes.append(chunk.count)
        scheduler.computed(chunk)
    assert sizes == [8, 8, 5]


def test_decoding_goes_on_beside_a_long_prefill() -> None:
    scheduler = make(40)
    short = new([1, 2])
    scheduler.add(short)
    (chunk,) = scheduler.plan()
    scheduler.computed(chunk)
    short.ids.append(3)
    long = new(list(range(100, 130)))
    scheduler.add(long)
    for _ in range(3):
        chunks = {chunk.sequence: chunk for chunk in scheduler.plan()}
        assert chunks[short].count == 1
        assert chunks[long].count == 8
        for chunk in chunks.values():
            scheduler.computed(chunk)
        short.ids.append(3)


def test_a_second_prompt_takes_the_shared_pages_from_the_cache() -> None:
    scheduler = make(40)
    first, second = new([*range(16), 50]), new([*range(16), 60])
    scheduler.add(first)
    run_to_end(scheduler, {first: 1})
    scheduler.add(second)
    (chunk,) = scheduler.plan()
    assert (second.cached, chunk.start, chunk.count) == (16, 16, 1)


def test_prompts_that_arrive_together_compute_what_they_share_once() -> None:
    scheduler = make(60, max_running=8)
    sequences = [new([*range(20), 100 + at]) for at in range(6)]
    other = new([*range(50, 60)])
    for sequence in (*sequences, other):
        scheduler.add(sequence)
    computed = 0
    for _ in range(20):
        for chunk in scheduler.plan():
            computed += chunk.count
            scheduler.computed(chunk)
    assert computed == 21 + 5 * 1 + 10
    assert [sequence.cached for sequence in sequences] == [0, 20, 20, 20, 20, 20]


def test_a_salt_keeps_prefixes_apart() -> None:
    scheduler = make(40)
    first, second = new(list(range(17)), salt="a"), new(list(range(17)), salt="b")
    scheduler.add(first)
    run_to_end(scheduler, {first: 0})
    scheduler.add(second)
    scheduler.plan()
    assert second.cached == 0


def test_when_pages_run_out_the_youngest_waits_and_everyone_ends() -> None:
    scheduler = make(8)
    sequences = [new([n * 10, n * 10 + 1, n * 10 + 2]) for n in range(3)]
    for sequence in sequences:
        scheduler.add(sequence)
    ended = run_to_end(scheduler, dict.fromkeys(sequences, 17))
    assert scheduler.retractions > 0
    assert ended[0] is sequences[0]
    assert set(ended) == set(sequences)


def test_higher_priority_is_admitted_first() -> None:
    scheduler = make(40, max_running=1)
    low, high = new([1, 2]), new([3, 4], priority=5)
    scheduler.add(low)
    scheduler.add(high)
    assert run_to_end(scheduler, {low: 0, high: 0}) == [high, low]


def test_a_retracted_sequence_computes_again_only_what_was_evicted_meanwhile() -> None:
    scheduler = make(12)
    first, second = new([1, 2, 3]), new([4, 5, 6])
    for sequence in (first, second):
        scheduler.add(sequence)
    while not scheduler.retractions:
        for chunk in scheduler.plan():
            scheduler.computed(chunk)
            chunk.sequence.ids.append(7)
    assert list(scheduler.waiting) == [second]
    known = len(second.ids)
    scheduler.finish(first)  # which lets `second` in again
    (chunk,) = scheduler.plan()
    assert chunk.sequence is second
    assert chunk.start == (known - 1) // PAGE * PAGE - PAGE  # `first` was given one page of it
    assert second.cached == 0  # a count of prompt tokens, of the first admission


def test_a_retracted_sequence_waits_behind_higher_priorities_and_before_its_own() -> None:
    scheduler = make(8, max_running=2)
    urgent, low = new([1, 2, 3], priority=1), new([4, 5, 6])
    late_low, late_urgent = new([7, 8, 9]), new([10, 11, 12], priority=1)
    for sequence in (urgent, low, late_low, late_urgent):
        scheduler.add(sequence)
        scheduler.plan()
    while not scheduler.retractions:
        for chunk in scheduler.plan():
            scheduler.computed(chunk)
            chunk.sequence.ids.append(7)
    assert [*scheduler.running, *scheduler.waiting] == [urgent, late_urgent, low, late_low]


def test_a_prompt_whose_last_chunk_is_one_token_is_shared_as_well() -> None:
    scheduler = make(40)
    first, second = new([*range(16), 50]), new([*range(16), 60])
    scheduler.add(first)
    for _ in range(3):  # 8 + 8 + 1 tokens
        (chunk,) = scheduler.plan()
        scheduler.computed(chunk)
    assert chunk.count == 1
    first.ids.append(7)
    scheduler.add(second)
    scheduler.plan()
    assert second.cached == 16


def test_branches_are_computed_in_chunks_and_never_cached() -> None:
    scheduler = make(40)
    tree = Sequence([*range(10), *range(50, 62)], 9, branches=(-1, *range(11)))  # as a run they would be a prefix
    scheduler.add(tree)
    sizes = []
    while tree.remaining:
        (chunk,) = scheduler.plan()
        sizes.append(chunk.count)
        scheduler.computed(chunk)
    scheduler.finish(tree)
    assert sizes == [8, 8, 6]
    again = new([*range(10), *range(50, 62), 7])
    scheduler.add(again)
    scheduler.plan()
    assert again.cached == 8
    scheduler.recount()


def test_a_retraction_among_the_branches_takes_up_after_the_plain_tokens() -> None:
    scheduler = make(8)
    first = new([1, 2, 3], priority=1)
    tree = Sequence([*range(10, 18), *range(50, 58)], 7, branches=(-1,) * 8)
    for sequence in (first, tree):
        scheduler.add(sequence)
    while not scheduler.retractions:
        for chunk in scheduler.plan():
            scheduler.computed(chunk)
            if chunk.sequence is first:
                first.ids.append(7)
    assert tree.match_limit == 8
    scheduler.finish(first)
    (chunk,) = scheduler.plan()
    assert (chunk.sequence, chunk.start) == (tree, 8)
    scheduler.recount()


def test_one_prompt_of_several_requests_is_computed_once_but_for_its_last_token() -> None:
    scheduler = make(60, max_running=8)
    sequences = [new([*range(10), 11, 12, 13]) for _ in range(5)]  # three whole pages and a token
    short = [new([1, 2, 3]) for _ in range(3)]  # less than a page
    for sequence in (*sequences, *short):
        scheduler.add(sequence)
    computed = 0
    for _ in range(20):
        for chunk in scheduler.plan():
            computed += chunk.count
            scheduler.computed(chunk)
    assert computed == 13 + 4 + 3 + 2
    assert [sequence.cached for sequence in sequences] == [0, 12, 12, 12, 12]
    assert [sequence.cached for sequence in short] == [0, 2, 2]


@pytest.mark.parametrize(("ids", "salt", "taken"), [
    ([*range(10), 50], "", 10),
    ([*range(9), 50, 51], "", 9),
    ([*range(11), 50], "", 11),
    ([*range(8), 50], "", 8),
    ([*range(5), 50], "", 5),
    ([50, *range(10)], "", 0),
    ([*range(11)], "x", 0),
])  # fmt: skip
def test_a_newcomer_takes_the_common_part_of_a_running_page(ids: list[int], salt: str, taken: int) -> None:
    scheduler = make(40, prefill_chunk=20)
    first, second = new([*range(11)]), new(ids, salt=salt)
    scheduler.add(first)
    for chunk in scheduler.plan():
        scheduler.computed(chunk)
    first.ids.append(50)
    scheduler.add(second)
    chunk = next(chunk for chunk in scheduler.plan() if chunk.sequence is second)
    assert (second.cached, chunk.start, chunk.count) == (taken, taken, len(ids) - taken)
    assert chunk.fork == (first.pages[taken // PAGE] if taken % PAGE else None)


class Memory:
    """What stands in each slot of each page: the tokens up to it, as a forward pass would leave them. A `PageMover`."""

    page_bytes = 1  # of the smallest; only bounds are made of it

    def __init__(self) -> None:
        self.slots: dict[tuple[int, int], tuple[int, ...]] = {}

    def read(self, pages: Iterable[int]) -> list[bytes]:
        return [json.dumps([self.slots[page, slot] for slot in range(PAGE)]).encode() for page in pages]

    def write(self, pages: Iterable[int], payloads: Iterable[bytes]) -> None:
        for page, payload in zip(pages, payloads, strict=True):
            self.slots |= {(page, slot): tuple(made) for slot, made in enumerate(json.loads(payload))}

    def forward(self, chunks: list[Chunk]) -> None:
        read = {
            (chunk.sequence.pages[chunk.start // PAGE], slot): self.slots.get((chunk.fork, slot), ())
            for chunk in chunks
            if chunk.fork is not None
            for slot in range(PAGE)
        }
        self.slots |= read
        for chunk in chunks:
            for at in range(chunk.start, chunk.start + chunk.count):
                place = (chunk.sequence.pages[at // PAGE], at % PAGE)
                self.slots[place] = self.made(chunk.sequence, at)
        for chunk in chunks:
            self.check(chunk.sequence, chunk.start + chunk.count)

    def check(self, sequence: Sequence, length: int) -> None:
        """What `sequence` attends to is what it computed itself, or would have."""
        for at in range(length):
            assert self.slots[sequence.pages[at // PAGE], at % PAGE] == self.made(sequence, at)

    def made(self, sequence: Sequence, at: int) -> tuple[int, ...]:
        plain = min(at + 1, sequence.plain)
        return (*sequence.salt.encode(), *sequence.ids[:plain], -1, *sequence.ids[plain : at + 1])


class SchedulerMachine(RuleBasedStateMachine):
    """Random traffic over a small pool; `recount` after every step."""

    @initialize(
        num_pages=st.integers(12, 30),
        chunk=st.integers(1, 12),
        running=st.integers(1, 5),
        cache=st.booleans(),
        host_bytes=st.sampled_from([0, 1000, 10_000]),
    )
    def start(self, num_pages: int, chunk: int, running: int, cache: bool, host_bytes: int) -> None:
        self.memory = Memory()
        tree = RadixTree(PagePool(num_pages), PAGE, enabled=cache)
        tiers = None
        if cache and host_bytes:
            tiers = Tiers(tree, self.memory, PageKeys(b"", PAGE), host_bytes=host_bytes, disk=None)
        self.scheduler = Scheduler(
            tree.pool, tree, page_size=PAGE, max_running=running, prefill_chunk=chunk, tiers=tiers
        )
        self.wanted: dict[Sequence, int] = {}
        self.submitted = 0
        self.ended = 0

    @rule(
        ids=st.lists(st.integers(0, 1), min_size=1, max_size=30),
        output=st.integers(0, 16),
        priority=st.integers(0, 2),
        salt=st.sampled_from(["", "x"]),
    )
    def submit(self, ids: list[int], output: int, priority: int, salt: str) -> None:
        sequence = new(ids, priority=priority, salt=salt)
        self.wanted[sequence] = output
        self.scheduler.add(sequence)
        self.submitted += 1

    @rule(
        ids=st.lists(st.integers(0, 1), min_size=1, max_size=12),
        branches=st.lists(st.integers(0, 1), min_size=1, max_size=12),
        given=st.booleans(),
    )
    def submit_branches(self, ids: list[int], branches: list[int], given: bool) -> None:
        plain = ids if given else []
        sequence = Sequence([*plain, *branches], max(0, len(plain) - 1), branches=(-1,) * len(branches))
        self.wanted[sequence] = 0
        self.scheduler.add(sequence)
        self.submitted += 1

    @precondition(lambda self: self.wanted)
    @rule(data=st.data(), failed=st.booleans())
    def abort(self, data: st.DataObject, failed: bool) -> None:
        sequence = data.draw(st.sampled_from(sorted(self.wanted, key=lambda each: each.order)))
        (self.scheduler.drop if failed else self.scheduler.finish)(sequence)
        self._gone(sequence)

    @rule()
    def step(self) -> None:
        waiting = bool(self.wanted)
        chunks = self.scheduler.plan()
        assert bool(chunks) == waiting  # while someone waits, some work is planned: nothing hangs
        assert len({chunk.sequence for chunk in chunks}) == len(chunks)
        self.memory.forward(chunks)
        for chunk in chunks:
            assert chunk.start == chunk.sequence.computed
            assert len(chunk.sequence.pages) * PAGE >= chunk.start + chunk.count
            is_last = chunk.is_last
            self.scheduler.computed(chunk)
            if not is_last:
                continue
            if self.wanted[chunk.sequence]:
                self.wanted[chunk.sequence] -= 1
                chunk.sequence.ids.append(self.wanted[chunk.sequence] % 2)
            else:
                self.scheduler.finish(chunk.sequence)
                self._gone(chunk.sequence)

    def _gone(self, sequence: Sequence) -> None:
        del self.wanted[sequence]
        self.ended += 1

    @invariant()
    def pages_are_conserved(self) -> None:
        if hasattr(self, "scheduler"):
            self.scheduler.recount()
            assert len(self.scheduler.running) + len(self.scheduler.waiting) == len(self.wanted)

    def teardown(self) -> None:
        if not hasattr(self, "scheduler"):
            return
        steps = 0
        while self.wanted:
            self.step()
            steps += 1
            assert steps < 5000
        assert self.ended == self.submitted
        self.scheduler.recount()


TestRandomTraffic = SchedulerMachine.TestCase
TestRandomTraffic.settings = settings(max_examples=60, stateful_step_count=40)
