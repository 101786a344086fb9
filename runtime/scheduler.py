"""What each step computes: continuous batching over paged memory, as arithmetic on ids and page numbers. No torch.

Every step the scheduler plans *chunks*: runs of known but not yet computed tokens. Sequences that only lack their last
token decode; the rest, and newly admitted ones, share the step's budget of prefill tokens. When pages run out, cached
prefixes are evicted first, then the youngest running sequence is *retracted*: its whole pages go to the cache, it
waits before all others of its priority with its tokens kept, and on its return only what was evicted meanwhile (and
what did not fill a page) is recomputed. Who is admitted next is `admission.py`'s.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from ..errors import EngineError
from ..radix_cache import PagePool, RadixTree, Tiers
from .admission import WaitingQueue
from .forking import find_fork
from .programs import Programs
from .sequence import Chunk, Sequence

__all__ = ["Chunk", "Scheduler", "Sequence"]

log = logging.getLogger("weft.runtime")


class Scheduler:
    """Deals out pages and steps.

    Args:
        pool: the pages; `tree` takes from and gives to the same pool.
        max_running: most sequences holding pages at once.
        prefill_chunk: most tokens of a step beyond one for each decoding sequence.
        tiers: where more of a prompt may be found than the tree has now.
        programs: told what becomes of sequences, so that eviction knows what will be used again.
    """

    def __init__(
        self,
        pool: PagePool,
        tree: RadixTree,
        *,
        page_size: int,
        max_running: int,
        prefill_chunk: int,
        tiers: Tiers | None = None,
        programs: Programs | None = None,
    ) -> None:
        self._pool = pool
        self._tree = tree
        self._tiers = tiers
        self._page_size = page_size
        self._max_running = max_running
        self._prefill_chunk = prefill_chunk
        self._spare = pool.num_pages // 256  # evicted ahead, so that a large cache is not trimmed page by page
        self._programs = programs or Programs(tree, None)
        self._arrivals = 0
        self.waiting = WaitingQueue(tree, page_size)
        self.running: list[Sequence] = []
        self.retractions = 0

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence; see `admission.py` for when its turn comes."""
        self._arrivals += 1
        sequence.order = self._arrivals
        self.waiting.add(sequence)

    def plan(self) -> list[Chunk]:
        """The next step's chunks, their pages dealt out. Empty where nothing is to do."""
        chunks: list[Chunk] = []
        budget = self._prefill_chunk
        for sequence in list(self.running):
            remaining = sequence.remaining
            if sequence.node is None or remaining <= 0:
                continue  # retracted while planning this step, or waiting for its owner
            count = 1 if remaining == 1 else min(remaining, budget)
            if count and self._reserve(sequence, count, chunks):
                budget -= count if remaining > 1 else 0
                chunks.append(Chunk(sequence, sequence.computed, count))
        while self.waiting and budget and len(self.running) < self._max_running:
            candidate = self.waiting.next(self.running)
            if candidate is None or not self._admit(candidate):
                break
            self.waiting.admit(candidate)
            self._programs.returned(candidate)
            self.running.append(candidate)
            fork = self._fork(candidate, chunks)
            count = min(candidate.remaining, budget)
            if not self._reserve(candidate, count, chunks):
                break  # it was the one to be retracted: there is room for no more
            budget -= count
            chunks.append(Chunk(candidate, candidate.computed, count, fork))
        return chunks

    def draft(self, chunk: Chunk, tokens: tuple[int, ...]) -> Chunk:
        """`chunk` with a draft behind it, as long as there are pages for without retracting anyone."""
        sequence = chunk.sequence
        end = chunk.start + chunk.count
        needed = self._pages_for(end + len(tokens)) - len(sequence.pages)
        if needed > self._pool.free:
            self._tree.evict(needed - self._pool.free)
        sequence.pages += self._pool.take(min(max(needed, 0), self._pool.free)) or []
        kept = tokens[: len(sequence.pages) * self._page_size - end]
        return replace(chunk, count=chunk.count + len(kept), draft=kept)

    def computed(self, chunk: Chunk) -> None:
        """A chunk's forward pass is done: its KV is valid, a draft's as far as it is what came indeed.

        A completed prefill is shared through the tree at once.
        """
        sequence = chunk.sequence
        before = sequence.computed
        sequence.computed += chunk.known
        for token in chunk.draft:
            if sequence.remaining <= 0 or sequence.ids[sequence.computed] != token:
                break
            sequence.computed += 1
        if before <= sequence.match_limit < sequence.computed:
            self._share(sequence)

    def finish(self, sequence: Sequence) -> None:
        """A sequence has ended, or was aborted, in good order: its whole pages stay cached, the rest is freed."""
        if sequence.node is None:
            self._forget(sequence)
            return
        self._share(sequence)
        self._programs.ended(sequence)
        self.drop(sequence)

    def drop(self, sequence: Sequence) -> None:
        """Let go of a sequence without caching what it computed (its KV may be wrong)."""
        self._release(sequence)
        self._forget(sequence)

    def recount(self) -> None:
        """Rebuild every count and compare; raises on any difference (law 5: pages are conserved).

        Raises `radix_cache.IntegrityError` from the tree, `EngineError` for pages lost, doubled or misdealt.
        """
        self._tree.recount()
        private: list[int] = []
        for sequence in self.running:
            if sequence.shared > len(sequence.pages) or sequence.computed > len(sequence.pages) * self._page_size:
                raise EngineError(f"a sequence claims {sequence.computed} tokens in {len(sequence.pages)} pages")
            private += sequence.pages[sequence.shared :]
        if len(set(private)) != len(private):
            raise EngineError("a page belongs to two sequences")
        for sequence in self.waiting:
            if sequence.pages or sequence.node is not None:
                raise EngineError("a waiting sequence holds pages")
        total = self._pool.free + self._tree.cached_pages + len(private)
        if total != self._pool.num_pages:
            raise EngineError(
                f"pages are not conserved: {self._pool.free} free + {self._tree.cached_pages} cached + {len(private)} "
                f"in use is not {self._pool.num_pages}"
            )

    def _admit(self, sequence: Sequence) -> bool:
        """Take what the cache has of a waiting sequence, if the rest of it can be placed too."""
        match = self._tree.match(sequence.ids[: sequence.match_limit], sequence.salt)
        self._tree.lock(match.node)
        needed = self._pages_for(len(sequence.ids)) - len(match.pages)
        headroom = len(self.running)  # a page each, so that admission does not retract at once
        if self.running and needed + headroom > self._pool.free + self._tree.evictable_pages:
            self._tree.unlock(match.node)
            return False
        if self._tiers is not None:
            # Written at once, and yet not over a page that a chunk of this plan is to copy: such a page belongs to a
            # running sequence, and there is room for this one without retracting any.
            found = len(match.pages)
            match = self._tiers.promote(match, sequence.ids[: sequence.match_limit], sequence.salt)
            self._programs.writes(len(match.pages) - found)
        sequence.node = match.node
        sequence.pages = list(match.pages)
        sequence.shared = len(match.pages)
        sequence.computed = match.length
        if sequence.cached is None:
            sequence.cached = match.length
        return True

    def _fork(self, sequence: Sequence, chunks: list[Chunk]) -> int | None:
        """The page to copy for one that was just admitted; it counts as computed as far as that page goes."""
        if not self._tree.enabled:
            return None
        unfilled = {chunk.sequence for chunk in chunks if chunk.fork is not None}
        fork = find_fork(sequence, self.running, unfilled, self._page_size)
        if fork is None:
            return None
        sequence.computed += fork.tokens
        if not sequence.retracted:
            sequence.cached = sequence.computed
        return fork.page

    def _reserve(self, sequence: Sequence, count: int, chunks: list[Chunk]) -> bool:
        """Give `sequence` pages for `count` more tokens, evicting and retracting as needed."""
        while sequence.computed + count > len(sequence.pages) * self._page_size:
            needed = self._pages_for(sequence.computed + count) - len(sequence.pages)
            if self._pool.free < needed:
                self._tree.evict(needed - self._pool.free + self._spare)
            pages = self._pool.take(needed)
            if pages is not None:
                sequence.pages += pages
                self._programs.writes(needed)
                break
            victim = self._victim()
            if victim is sequence and len(self.running) == 1:
                raise EngineError(
                    f"one sequence alone needs {needed} more pages than the {self._pool.num_pages} there are"
                )
            self._retract(victim)
            chunks[:] = [chunk for chunk in chunks if chunk.sequence is not victim]
            if victim is sequence:
                return False
        return True

    def _victim(self) -> Sequence:
        """The running sequence to retract: of the lowest priority, the one that came last."""
        return max(self.running, key=_rank)

    def _retract(self, sequence: Sequence) -> None:
        log.info("out of pages: retracting a sequence of %d tokens", len(sequence.ids))
        self.retractions += 1
        self._share(sequence)
        self._programs.retracted(sequence)
        self._release(sequence)
        self.running.remove(sequence)
        sequence.match_limit = max(sequence.match_limit, min(sequence.computed, sequence.plain))
        sequence.computed = 0
        sequence.retracted = True
        self.waiting.add(sequence)

    def _share(self, sequence: Sequence) -> None:
        """Hand the sequence's whole computed pages of plain tokens to the tree and go on under the tree's lock."""
        whole = min(sequence.computed, sequence.plain) // self._page_size
        if whole <= sequence.shared or sequence.node is None or not self._tree.enabled:
            return
        inserted = self._tree.insert(sequence.ids[: whole * self._page_size], sequence.pages[:whole], sequence.salt)
        self._tree.lock(inserted.node)
        self._tree.unlock(sequence.node)
        sequence.node = inserted.node
        sequence.pages[:whole] = inserted.pages
        sequence.shared = whole

    def _release(self, sequence: Sequence) -> None:
        """Give back the private pages and the lock."""
        if sequence.node is None:
            return
        self._pool.give(sequence.pages[sequence.shared :])
        self._tree.unlock(sequence.node)
        sequence.node = None
        sequence.pages = []
        sequence.shared = 0

    def _forget(self, sequence: Sequence) -> None:
        if sequence in self.running:
            self.running.remove(sequence)
        elif sequence in self.waiting:
            self.waiting.remove(sequence)
            self._programs.returned(sequence)

    def _pages_for(self, tokens: int) -> int:
        return -(-tokens // self._page_size)


def _rank(sequence: Sequence) -> tuple[int, int]:
    """Lower is admitted earlier, and retracted later."""
    return (-sequence.priority, sequence.order)
