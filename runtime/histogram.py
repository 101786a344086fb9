"""Observations counted by size, as Prometheus counts them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate


class Histogram:
    """How many observations were at most each of some bounds, and their sum. One thread at a time may use it.

    Args:
        bounds: upper bounds, ascending and inclusive; infinity is added.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = (*bounds, math.inf)
        self.total = 0.0
        self._counts = [0] * len(self.bounds)

    def observe(self, value: float) -> None:
        """Count one observation."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def buckets(self) -> tuple[tuple[str, int], ...]:
        """(bound, observations up to it), each bound as Prometheus writes it."""
        names = ["+Inf" if bound == math.inf else repr(float(bound)) for bound in self.bounds]
        return tuple(zip(names, accumulate(self._counts), strict=True))
