"""Who is admitted next: the waiting queue, in an order that knows the cache, the programs and how long one has waited.

1. The highest priority first. Among equals, what was retracted goes on first; then branches of a fork that runs
   already; then the longest cached prefix; then the earliest arrival. The cache decides among the first `WINDOW`.
2. *Sharing*: while a running prefill is about to cache more of a prompt, that prompt waits for it.
3. *Fairness*: a request is overtaken by at most `MAX_OVERTAKEN` later arrivals of its own priority.
4. *Aging*: the request that arrived first of all is passed over by at most `MAX_PASSED_OVER` admissions in a row,
   whatever the priorities; so one that finds `q` others waiting is admitted within
   ``(MAX_PASSED_OVER + 1) * (q + 1)`` admissions, retractions and what waits by rule 2 aside.

Nobody goes instead of one whose turn it is by rule 3 or 4, even if it does not fit yet or waits by rule 2.

The order costs little: nothing while there is no room to admit somebody. What the cache has of a prompt is looked up
when the prompt comes into the window, when the prefill it waited for is done and when it seems the best; of the others
a few are looked up with each admission, going on from where the last look ended.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Collection, Iterator

from ..radix_cache import RadixTree
from .sequence import Sequence

WINDOW = 64
MAX_OVERTAKEN = 32
MAX_PASSED_OVER = 32
REFRESHED = 4
"""How many waiting sequences are looked up anew with each admission, beside the one that is admitted."""


class WaitingQueue:
    """Sequences that hold no pages.

    Args:
        tree: where prefixes are looked up.
        page_size: the tree's.
        window, max_overtaken, max_passed_over: the bounds of the module's docstring.
    """

    def __init__(
        self,
        tree: RadixTree,
        page_size: int,
        *,
        window: int = WINDOW,
        max_overtaken: int = MAX_OVERTAKEN,
        max_passed_over: int = MAX_PASSED_OVER,
    ) -> None:
        self._tree = tree
        self._page_size = page_size
        self._window = window
        self._max_overtaken = max_overtaken
        self._max_passed_over = max_passed_over
        self._levels: dict[int, list[Sequence]] = {}
        self._priorities: list[int] = []  # negated: the highest priority stands first
        self._members: set[Sequence] = set()
        self._arrivals: list[tuple[int, Sequence]] = []  # a heap; those that left are dropped when they come up
        self._oldest: Sequence | None = None
        self._passed_over = 0
        self._turn = 0

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, sequence: Sequence) -> bool:
        return sequence in self._members

    def __iter__(self) -> Iterator[Sequence]:
        """By priority, then in order of arrival, what was retracted before all others of its priority."""
        for priority in self._priorities:
            yield from self._levels[-priority]

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence, whose `order` is set."""
        level = self._levels.get(sequence.priority)
        if level is None:
            level = self._levels[sequence.priority] = []
            insort(self._priorities, -sequence.priority)
        insort(level, sequence, key=_place)
        self._members.add(sequence)
        heapq.heappush(self._arrivals, (sequence.order, sequence))

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out."""
        level = self._levels[sequence.priority]
        del level[bisect_left(level, _place(sequence), key=_place)]
        if not level:
            del self._levels[sequence.priority]
            del self._priorities[bisect_left(self._priorities, -sequence.priority)]
        self._members.remove(sequence)
        sequence.leader = None

    def admit(self, sequence: Sequence) -> None:
        """Take out the sequence that `next` gave: it runs from now on."""
        if sequence is not self._oldest:
            self._passed_over += 1
        if not sequence.retracted:
            for other in self._levels[sequence.priority]:
                if other is sequence:
                    break
                other.overtaken += 1
        self.remove(sequence)

    def next(self, running: Collection[Sequence]) -> Sequence | None:
        """Whose turn it is beside those that run; None where nobody may be admitted now. Takes nobody out."""
        if not self._members:
            return None
        prefilling = [sequence for sequence in running if sequence.computed <= sequence.match_limit]
        oldest = self._find_oldest()
        if self._passed_over >= self._max_passed_over:
            return None if self._awaits_prefix(oldest, prefilling) else oldest
        groups = {group for sequence in running if (group := sequence.hints.fork_group) is not None}
        for priority in self._priorities:
            level = self._levels[-priority]
            if level[0].retracted or level[0].overtaken >= self._max_overtaken:
                return None if self._awaits_prefix(level[0], prefilling) else level[0]
            best = self._best(level[: self._window], prefilling, groups)
            if best is not None:
                return best
        return None

    def _find_oldest(self) -> Sequence:
        """The earliest arrival; counting how often it is passed over begins anew with each."""
        while (oldest := self._arrivals[0][1]) not in self._members:
            heapq.heappop(self._arrivals)
        if oldest is not self._oldest:
            self._oldest = oldest
            self._passed_over = 0
        return oldest

    def _best(self, level: list[Sequence], prefilling: list[Sequence], groups: Collection[str]) -> Sequence | None:
        """Of sequences in order of arrival, the first with the best key that need not wait for a prefix."""
        self._refresh(level)
        best, best_key = None, -1
        for sequence in level:
            if sequence.probe is None or (sequence.leader is not None and not _is_leading(sequence.leader)):
                self._look_up(sequence)
            key = _key(sequence, groups) if groups else sequence.known
            if key <= best_key or self._awaits_prefix(sequence, prefilling):
                continue
            key = _key(sequence, groups)  # it may have been looked up anew
            if key > best_key:
                best, best_key = sequence, key
        return best

    def _refresh(self, level: list[Sequence]) -> None:
        """Look some sequences up anew, others each time: those that seem worse than they are by now."""
        self._turn += REFRESHED
        for at in range(self._turn, self._turn + min(REFRESHED, len(level))):
            self._look_up(level[at % len(level)])

    def _look_up(self, sequence: Sequence) -> None:
        tree = self._tree
        if sequence.probed == tree.version:
            return
        sequence.probe = tree.probe(sequence.ids, sequence.match_limit, sequence.salt, sequence.probe)
        sequence.known = sequence.probe.length
        sequence.probed = tree.version

    def _awaits_prefix(self, sequence: Sequence, prefilling: list[Sequence]) -> bool:
        """Whether a running prefill is about to cache at least a page more of this prompt than the cache has now.

        The last page of one and the same prompt counts too, though partly filled: it is copied (see `forking.py`).
        Then the sequence waits for it, so that requests which arrive together compute what they share once. It never
        waits longer than that prefill takes.
        """
        if sequence.leader is not None and _is_leading(sequence.leader):
            return True
        sequence.leader = None
        self._look_up(sequence)
        if not prefilling or not self._tree.enabled:
            return False
        known = sequence.known
        wanted = min(known + self._page_size, sequence.match_limit)
        if wanted == known:
            return False
        is_whole = wanted == known + self._page_size
        ids = sequence.ids
        block = ids[known:wanted]
        for other in prefilling:
            if other.plain < wanted or other.salt != sequence.salt:
                continue
            if not is_whole and other.match_limit != sequence.match_limit:
                continue
            if other.ids[known:wanted] == block and other.ids[:known] == ids[:known]:
                sequence.leader = other
                return True
        return False


def _place(sequence: Sequence) -> tuple[bool, int]:
    """Where a sequence stands within its priority."""
    return (not sequence.retracted, sequence.order)


def _is_leading(sequence: Sequence) -> bool:
    """Whether a prefill runs that others may be waiting for."""
    return sequence.node is not None and sequence.computed <= sequence.match_limit


def _key(sequence: Sequence, groups: Collection[str]) -> int:
    """Higher is better: branches of a running fork before all others, then by what is cached."""
    if groups and sequence.hints.fork_group in groups:
        return sequence.known + len(sequence.ids) + 1
    return sequence.known
