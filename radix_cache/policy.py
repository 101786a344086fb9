"""Which cached leaf is evicted first.

The tree tells a policy what happens to its nodes and asks it for a victim; nodes are opaque here. Time is a logical
clock, so that equal histories evict equal pages.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

NodeT = TypeVar("NodeT", bound=Hashable)
Stamp = tuple[float, ...]


class EvictionPolicy(Protocol[NodeT]):
    """Chooses among the leaves on offer. The tree calls each method at exactly the moment its docstring names."""

    def touch(self, node: NodeT) -> None:
        """`node` was just matched or inserted; its ancestors are touched too, each by a call of its own."""
        ...

    def inherit(self, node: NodeT, source: NodeT) -> None:
        """`node` is new: the upper part of `source`'s edge, so `source`'s history is its history."""
        ...

    def offer(self, node: NodeT) -> None:
        """`node` became an unlocked leaf: it may be evicted from now on."""
        ...

    def withdraw(self, node: NodeT) -> None:
        """`node`, on offer until now, was locked or got a child."""
        ...

    def forget(self, node: NodeT) -> None:
        """`node`, on offer until now, was evicted; it never comes back."""
        ...

    def victim(self) -> NodeT | None:
        """The leaf to evict next, among those on offer; None when there is none. It stays on offer."""
        ...

    def __contains__(self, node: NodeT) -> bool:
        """Whether `node` is on offer."""
        ...

    def __len__(self) -> int:
        """How many nodes are on offer."""
        ...


class LRU(Generic[NodeT]):
    """The least recently used leaf first, in O(log n) a call, amortised.

    A heap of (stamp, node) with lazy deletion: an entry counts only while its node is on offer under that very stamp.
    Stale entries are swept out once they outnumber the live ones, so the heap stays proportional to the leaves.
    """

    def __init__(self) -> None:
        self._clock = 0
        self._stamps: dict[NodeT, Stamp] = {}
        self._offered: set[NodeT] = set()
        self._heap: list[tuple[Stamp, int, NodeT]] = []
        self._pushes = 0  # breaks ties between equal stamps, in the order of the offers

    def touch(self, node: NodeT) -> None:
        self._clock += 1
        self._stamp(node, (self._clock,))

    def inherit(self, node: NodeT, source: NodeT) -> None:
        self._stamps[node] = self._stamps[source]

    def offer(self, node: NodeT) -> None:
        self._offered.add(node)
        self._push(node)

    def withdraw(self, node: NodeT) -> None:
        self._offered.discard(node)

    def forget(self, node: NodeT) -> None:
        self._offered.discard(node)
        del self._stamps[node]

    def victim(self) -> NodeT | None:
        while self._heap:
            stamp, _, node = self._heap[0]
            if self._is_live(stamp, node):
                return node
            heapq.heappop(self._heap)
        return None

    def __contains__(self, node: NodeT) -> bool:
        return node in self._offered

    def __len__(self) -> int:
        return len(self._offered)

    def _stamp(self, node: NodeT, stamp: Stamp) -> None:
        """Say when `node`'s turn is: the lowest stamp goes first."""
        self._stamps[node] = stamp
        if node in self._offered:
            self._push(node)

    def _is_live(self, stamp: Stamp, node: NodeT) -> bool:
        return node in self._offered and self._stamps[node] == stamp

    def _push(self, node: NodeT) -> None:
        if len(self._heap) > 2 * len(self._offered) + 64:
            self._heap = [entry for entry in self._heap if self._is_live(entry[0], entry[2])]
            heapq.heapify(self._heap)
        self._pushes += 1
        heapq.heappush(self._heap, (self._stamps[node], self._pushes, node))
