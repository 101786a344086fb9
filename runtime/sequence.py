"""What the scheduler schedules: a run of tokens being computed, and a chunk of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..radix_cache import Node, Probe
from ..request import ProgramHints

NO_HINTS = ProgramHints()


@dataclass(slots=True, eq=False)
class Sequence:
    """One run of tokens being computed.

    Attributes:
        ids: every token known so far; the owner appends.
        branches: the last of `ids` may be a tree (`kernels.attention.branches`): the parent of each as a place among
            them. They are never cached: only what stands before them, the plain tokens, is any other's prefix.
        match_limit: at most this many leading tokens may come from the cache; the rest is wanted anew. A retraction
            raises it to what was computed by then, whose outcome the owner has had.
        salt, priority, hints: as in `Request`.
        computed: leading tokens whose KV stands in `pages`.
        pages: page numbers in order. The first `shared` belong to the tree (under `node`'s lock), the rest to us.
        cached: tokens that the first admission took from the cache.
        order: admission rank for ties, by arrival.

    The waiting queue keeps its own notes here:
        retracted: it ran before, and goes first among its priority.
        overtaken: how many later arrivals of the same priority were admitted before it.
        known: how many leading tokens the cache had when the tree was at version `probed`, as `probe` found.
        leader: the running sequence whose prefill it waits for.
    """

    ids: list[int]
    match_limit: int
    branches: tuple[int, ...] = ()
    salt: str = ""
    priority: int = 0
    hints: ProgramHints = NO_HINTS
    computed: int = 0
    pages: list[int] = field(default_factory=list)
    shared: int = 0
    node: Node | None = None
    cached: int | None = None
    order: int = 0
    retracted: bool = False
    overtaken: int = 0
    known: int = 0
    probe: Probe | None = None
    probed: int = -1
    leader: Sequence | None = None

    @property
    def remaining(self) -> int:
        """Known tokens that are still to be computed."""
        return len(self.ids) - self.computed

    @property
    def plain(self) -> int:
        """Leading tokens that follow one another: all but the branches."""
        return len(self.ids) - len(self.branches)

    @property
    def is_prefilling(self) -> bool:
        """Whether something that the cache could have given is still to be computed; it is shared when it is."""
        return self.computed <= self.match_limit


@dataclass(slots=True)
class Chunk:
    """Compute ``sequence.ids[start : start + known]``, and `draft` behind them, in this step.

    Attributes:
        count: tokens in the pass, those of the draft included.
        fork: a page of another sequence, to be copied first, over the page that `start` lies in: it has the tokens
            before `start`. All pages of a step are read before any is written.
        draft: tokens that may turn out to come next; those that do not leave KV behind that is overwritten later.
    """

    sequence: Sequence
    start: int
    count: int
    fork: int | None = None
    draft: tuple[int, ...] = ()

    @property
    def known(self) -> int:
        """How many of its tokens are the sequence's already."""
        return self.count - len(self.draft)

    @property
    def tokens(self) -> list[int]:
        """What is computed."""
        return self.sequence.ids[self.start : self.start + self.known] + list(self.draft)

    @property
    def is_last(self) -> bool:
        """Whether nothing known remains to compute after this chunk."""
        return self.known == self.sequence.remaining
