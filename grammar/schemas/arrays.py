"""Sets of arrays, closed under intersection and, but for uniqueItems, under difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .nodes import FALSE, TRUE, Node


@dataclass(frozen=True, slots=True)
class Contained:
    """From `low` to `high` of the items from index `start` on are in `item`."""

    item: Node
    low: int
    high: int | None
    start: int = 0


@dataclass(frozen=True, slots=True)
class SeenItems:
    """What unevaluatedItems need not look at: the first `count` items, or all, and those in one of `matching`."""

    count: int = 0
    all: bool = False
    matching: tuple[Node, ...] = ()

    def merge(self, other: SeenItems) -> SeenItems:
        """What either of two schemas that both hold has looked at."""
        if self is other or other is UNSEEN_ITEMS:
            return self
        return SeenItems(
            max(self.count, other.count),
            self.all or other.all,
            tuple(dict.fromkeys(self.matching + other.matching)),
        )


UNSEEN_ITEMS = SeenItems()


@dataclass(frozen=True, slots=True)
class ArrayShape:
    """Arrays by the nodes of their first items and of the rest, their length, and what they contain."""

    prefix: tuple[Node, ...] = ()
    rest: Node = TRUE
    low: int = 0
    high: int | None = None
    contains: tuple[Contained, ...] = ()
    unique: bool = False
    seen: SeenItems = UNSEEN_ITEMS

    def item(self, index: int) -> Node:
        """What the item at `index` is in."""
        return self.prefix[index] if index < len(self.prefix) else self.rest

    def longest(self) -> int | None:
        """The most items, as far as it is plain."""
        for index, node in enumerate(self.prefix):
            if node is FALSE:
                return index if self.high is None else min(index, self.high)
        if self.rest is FALSE:
            return len(self.prefix) if self.high is None else min(len(self.prefix), self.high)
        return self.high

    def meet(self, other: ArrayShape) -> ArrayShape | None:
        """The intersection; None where it is plainly empty."""
        if self is other or other is ANY_ARRAY:
            return self
        if self is ANY_ARRAY:
            return other
        count = max(len(self.prefix), len(other.prefix))
        high = self.high if other.high is None else other.high if self.high is None else min(self.high, other.high)
        met = ArrayShape(
            tuple(self.item(index) & other.item(index) for index in range(count)),
            self.rest & other.rest,
            max(self.low, other.low),
            high,
            tuple(dict.fromkeys(self.contains + other.contains)),
            self.unique or other.unique,
            self.seen.merge(other.seen),
        )
        longest = met.longest()
        return None if longest is not None and met.low > longest else met

    def with_item(self, index: int, node: Node) -> ArrayShape:
        """Those that have an item at `index`, which is in `node`."""
        count = max(len(self.prefix), index + 1)
        prefix = [self.item(place) for place in range(count)]
        prefix[index] = node
        return replace(self, prefix=tuple(prefix), low=max(self.low, index + 1))

    def close(self, node: Node) -> ArrayShape:
        """Put every item that no keyword has looked at in `node`."""
        if self.seen.all:
            return self
        for matching in self.seen.matching:
            node = node | matching
        count = max(len(self.prefix), self.seen.count)
        items = [self.item(index) for index in range(count)]
        prefix = [item if index < self.seen.count else item & node for index, item in enumerate(items)]
        return replace(self, prefix=tuple(prefix), rest=self.rest & node, seen=SeenItems(all=True))

    def minus(self, other: ArrayShape) -> Iterator[ArrayShape | str]:
        """The difference, in parts; a string where a part cannot be expressed, which is the keyword at fault."""
        longest = self.longest()
        count = max(len(self.prefix), len(other.prefix))
        for index in range(count if longest is None else min(count, longest)):
            left = self.item(index) & ~other.item(index)
            if left is not FALSE:
                yield self.with_item(index, left)
        if (longest is None or longest > count) and self.rest & ~other.rest is not FALSE:
            yield self.with_contained(Contained(~other.rest, 1, None, count))
        if other.low > self.low:
            yield replace(self, high=other.low - 1 if longest is None else min(longest, other.low - 1))
        if other.high is not None and (longest is None or longest > other.high):
            yield replace(self, low=max(self.low, other.high + 1))
        for one in other.contains:
            if one in self.contains:
                continue
            if one.low > 0:
                yield self.with_contained(Contained(one.item, 0, one.low - 1, one.start))
            if one.high is not None:
                yield self.with_contained(Contained(one.item, one.high + 1, None, one.start))
        if other.unique and not self.unique and (longest is None or longest > 1):
            yield "uniqueItems"

    def with_contained(self, contained: Contained) -> ArrayShape:
        """Those that also contain this; items that may not be there are taken out where that says it."""
        if contained.high is not None and contained.low > contained.high:
            return replace(self, low=1, high=0)  # no array at all
        if contained.high == 0:
            out = ~contained.item
            prefix = [node & out if index >= contained.start else node for index, node in enumerate(self.prefix)]
            count = max(len(prefix), contained.start)
            prefix += [self.rest] * (count - len(prefix))
            return replace(self, prefix=tuple(prefix), rest=self.rest & out)
        return self if contained in self.contains else replace(self, contains=(*self.contains, contained))


ANY_ARRAY = ArrayShape()
