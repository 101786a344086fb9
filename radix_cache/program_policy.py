"""Eviction that knows what programs will do: recency, with credit for what somebody is likely to come back to.

A *holder* is something, named by any key, for which somebody will come back to a path of the tree: an open session, a
batch whose items still come, a request that was set aside. A node's stamp is the time of its last use plus the largest
credit that it has; so what is held goes last, yet not never: a holder that does not come back is overtaken by what is
used now. Time is counted in pages written and a credit in fillings of the whole cache, so that it means the same in
any cache.

What only a finished branch of a fork used goes first: nobody will continue it. What several programs have used has
credit by itself, to hold its own beside holders; where there are none, all goes by recency alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic

from .policy import LRU, NodeT

MAX_HOLDERS = 8192
FINISHED = -1.0
SEVERAL = object()


class Strength(IntEnum):
    """How likely it is that somebody comes back to a node."""

    NONE = 0
    """Nothing is known."""
    OPEN = 1
    """A holder may, and nobody has said that it will not."""
    SHARED = 2
    """Several programs have used it."""
    SURE = 3
    """A holder will."""


CREDIT = {Strength.NONE: 0.0, Strength.OPEN: 4.0, Strength.SHARED: 5.0, Strength.SURE: 8.0}
"""In fillings of the cache. Chosen with `benchmarks/eviction.py`: what was shared needs a little more than what is open
for programs that say nothing not to pay for those that do."""


@dataclass(slots=True)
class _Holder(Generic[NodeT]):
    strength: Strength
    is_branch: bool
    program: Hashable
    nodes: set[NodeT] = field(default_factory=set)


@dataclass(slots=True)
class _Use:
    """What is known of a node.

    Attributes:
        time: pages written when it was last used; `tick` tells equal times apart.
        holders: who will come back to it.
        holder: the only holder it ever had; None if it had none, `SEVERAL` if more.
        program: the only program that used it, a session's forks being of one program; None and `SEVERAL` likewise.
        finished: its only holder was a branch, which has ended, and nobody has used it since.
    """

    time: int = 0
    tick: int = 0
    holders: set[Hashable] = field(default_factory=set)
    holder: Hashable | None = None
    program: Hashable | None = None
    finished: bool = False


class ProgramLRU(LRU[NodeT]):
    """The least recently used leaf first; see the module's docstring for what counts beside.

    Without holders it evicts as `LRU` does. A call costs O(log n), one about a holder O(log n) for each node of its
    path.

    Args:
        capacity: pages of the whole cache, at least 1.
        max_holders: most holders remembered; past it the one that was heard of least recently is forgotten.
    """

    def __init__(self, capacity: int, *, max_holders: int = MAX_HOLDERS) -> None:
        super().__init__()
        self._capacity = capacity
        self._max_holders = max_holders
        self._time = 0
        self._uses: dict[NodeT, _Use] = {}
        self._holders: OrderedDict[Hashable, _Holder[NodeT]] = OrderedDict()

    @property
    def holders(self) -> int:
        """How many holders there are."""
        return len(self._holders)

    def advance(self, pages: int) -> None:
        """So many pages are about to be written."""
        self._time += pages

    def hold(self, holder: Hashable, path: Iterable[NodeT], strength: Strength, *, is_branch: bool = False) -> None:
        """`holder` will come back to `path`, nodes from the root on, instead of to any path it held before."""
        known = self._holders.get(holder)
        self._hold(_Holder(strength, is_branch, holder if known is None else known.program, set(path)), holder)

    def branch(self, holder: Hashable, children: Iterable[Hashable]) -> None:
        """`children` are about to go on from the path that `holder` holds."""
        parent = self._holders.get(holder)
        if parent is not None:
            for child in children:
                self._hold(_Holder(Strength.SURE, True, parent.program, set(parent.nodes)), child)

    def visit(self, program: Hashable, path: Iterable[NodeT]) -> None:
        """`program`, whatever it is, has used `path`, and says nothing of coming back."""
        for node in path:
            use = self._uses[node]
            use.program = program if use.program in (None, program) else SEVERAL
            self._restamp(node)

    def release(self, holder: Hashable) -> None:
        """`holder` will not come back. Unknown ones are ignored."""
        known = self._holders.get(holder)
        if known is None:
            return
        for node in known.nodes:
            use = self._uses[node]
            use.finished = known.is_branch and use.holder == holder
        self._drop(holder)

    def touch(self, node: NodeT) -> None:
        self._clock += 1
        use = self._uses.get(node)
        if use is None:
            use = self._uses[node] = _Use()
        use.time, use.tick, use.finished = self._time, self._clock, False
        self._restamp(node)

    def inherit(self, node: NodeT, source: NodeT) -> None:
        use = self._uses[source]
        self._uses[node] = _Use(use.time, use.tick, set(use.holders), use.holder, use.program, use.finished)
        for holder in use.holders:
            self._holders[holder].nodes.add(node)
        super().inherit(node, source)

    def forget(self, node: NodeT) -> None:
        super().forget(node)
        for holder in self._uses.pop(node).holders:
            self._holders[holder].nodes.discard(node)

    def _hold(self, held: _Holder[NodeT], holder: Hashable) -> None:
        before = self._holders.pop(holder, None)
        self._holders[holder] = held
        left = before.nodes - held.nodes if before else set()
        for node in left:
            self._uses[node].holders.discard(holder)
        for node in held.nodes:
            use = self._uses[node]
            use.holders.add(holder)
            use.holder = holder if use.holder in (None, holder) else SEVERAL
            use.program = held.program if use.program in (None, held.program) else SEVERAL
            use.finished = False
        for node in left | held.nodes:
            self._restamp(node)
        while len(self._holders) > self._max_holders:
            self._drop(next(iter(self._holders)))

    def _drop(self, holder: Hashable) -> None:
        for node in self._holders.pop(holder).nodes:
            self._uses[node].holders.discard(holder)
            self._restamp(node)

    def _restamp(self, node: NodeT) -> None:
        use = self._uses[node]
        strength = Strength.SHARED if use.program is SEVERAL and self._holders else Strength.NONE
        for holder in use.holders:
            strength = max(strength, self._holders[holder].strength)
        stamp = (FINISHED if use.finished else use.time + CREDIT[strength] * self._capacity, use.tick)
        if self._stamps.get(node) != stamp:
            self._stamp(node, stamp)
