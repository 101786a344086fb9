"""What requests say of their programs, told to the eviction policy: who will come back to which path of the tree.

a call ends              its session holds the path of its prompt and output, until the session is released; the
                         batch that it is an item of holds the prefix that all items have in common
a session forks          its branches hold its path, until they make calls of their own or are released
a sequence is retracted  it holds what it had, until it is admitted again
"""

from __future__ import annotations

from collections.abc import Sequence as Many

from ..radix_cache import Node, ProgramLRU, RadixTree, Strength
from .sequence import Sequence


class Programs:
    """Names holders to a policy.

    Args:
        tree: whose paths are held.
        policy: the tree's; None where it wants to know nothing, then nothing is told.
    """

    def __init__(self, tree: RadixTree, policy: ProgramLRU[Node] | None) -> None:
        self._tree = tree
        self._policy = policy

    def writes(self, pages: int) -> None:
        """So many pages were dealt out."""
        if self._policy is not None:
            self._policy.advance(pages)

    def ended(self, sequence: Sequence) -> None:
        """A sequence has ended in good order; its node is still locked."""
        policy, hints = self._policy, sequence.hints
        if policy is None or sequence.node is None or not self._tree.enabled:
            return
        if hints.batch is not None and hints.common_prefix >= self._tree.page_size:
            common = self._tree.match(sequence.ids[: hints.common_prefix], sequence.salt)
            policy.hold(hints.batch, self._tree.path(common.node), Strength.OPEN)
        if hints.session is not None:
            strength = Strength.SURE if hints.more_calls else Strength.OPEN
            path = self._tree.path(sequence.node)
            policy.hold(hints.session, path, strength, is_branch=hints.fork_group is not None)
        else:
            policy.visit(sequence.order, self._tree.path(sequence.node))

    def retracted(self, sequence: Sequence) -> None:
        """A sequence is about to go back to the queue; its node is still locked."""
        if self._policy is not None and sequence.node is not None:
            self._policy.hold(sequence.order, self._tree.path(sequence.node), Strength.SURE)

    def returned(self, sequence: Sequence) -> None:
        """A sequence has left the queue."""
        if self._policy is not None and sequence.retracted:
            self._policy.release(sequence.order)

    def fork(self, session: str, children: Many[str]) -> None:
        """`children` are about to go on from where `session` is."""
        if self._policy is not None:
            self._policy.branch(session, children)

    def release(self, name: str) -> None:
        """A session, or a batch, makes no more calls."""
        if self._policy is not None:
            self._policy.release(name)
