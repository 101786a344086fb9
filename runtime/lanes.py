"""A step cut into shares that are computed side by side, each by a thread of its own.

The threads of one matrix product wait for each other several hundred times a step, and small ops run on one of them
alone. Shares of a batch wait for each other once. On two cores this is worth it from a few rows on; for fewer, all
threads are better spent on one product, which then reads the weights once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from threading import Barrier
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")

ROWS = 8
"""Least rows of a share."""
UNEVEN = 1.25
"""Most that the greatest share may have, in multiples of an even one."""


class Lanes:
    """Runs shares of steps. One thread at a time may call it.

    Args:
        threads: threads that torch uses for one call, in all; with 1 every step is one share.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "weft-lane", initializer=_alone) if threads > 1 else None
        if self._pool is not None:
            started = Barrier(threads + 1)
            try:
                for _ in range(threads):
                    self._pool.submit(started.wait)
                started.wait()
            except BaseException:  # no more threads are to be had, say: those that wait must not wait for ever
                started.abort()
                raise
            torch.set_num_threads(threads)  # for the others: each lane's own call has set it for all to come

    def run(self, call: Callable[[list[T]], R], items: list[T], rows: Callable[[T], int]) -> list[R]:
        """`call` on consecutive shares of `items`, of about as many `rows` each; one share where that is better.

        Raises whatever a share raised, after all have ended.
        """
        cuts = cut([rows(item) for item in items], self._threads) if self._pool is not None else [len(items)]
        if self._pool is None or len(cuts) == 1:
            return [call(items)]
        shares = [items[start:stop] for start, stop in zip([0, *cuts], cuts, strict=False)]
        futures = [self._pool.submit(call, share) for share in shares]
        errors = [future.exception() for future in futures]
        for error in errors:
            if error is not None:
                raise error
        return [future.result() for future in futures]

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()


def cut(rows: Sequence[int], lanes: int) -> list[int]:
    """Where to cut `rows` into `lanes` even shares: the end of each. One share where they are few or uneven."""
    total = sum(rows)
    if total < ROWS * lanes:
        return [len(rows)]
    sums = [0, *accumulate(rows)]
    ends = []
    for lane in range(1, lanes):
        ends.append(min(range(len(sums)), key=lambda at: abs(sums[at] - total * lane / lanes)))
    ends.append(len(rows))
    if len({0, *ends}) <= lanes:
        return [len(rows)]  # two cuts fall on one place: a share would be empty
    greatest = max(sums[stop] - sums[start] for start, stop in zip([0, *ends], ends, strict=False))
    return ends if greatest * lanes <= UNEVEN * total else [len(rows)]


def _alone() -> None:
    """Let torch compute on this thread alone."""
    torch.get_num_threads()  # has torch set the thread up, which would undo the next line later
    torch.set_num_threads(1)
