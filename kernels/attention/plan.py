"""What attention needs to know of a step's batch, worked out once and shared by all layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .branch_tiles import branch_tiles
from .branches import Parents, check_parents
from .parts import (
    LongSequence,
    ShortBatch,
    Step,
    Tiles,
    branched_sequences,
    long_sequences,
    queries,
    short_batches,
    tiles,
)


@dataclass(frozen=True, eq=False)
class AttentionPlan:
    """A step's batch of B sequences. The parts that a path loops over are cut when it first asks for them.

    Attributes:
        query_start: B + 1 row numbers; sequence b's new tokens are rows query_start[b] ... query_start[b + 1] - 1 of q.
        context_lens: each sequence's length with its new tokens.
        page_table: int64 [B, M], each sequence's page numbers, padded with 0.
        branches: each sequence's branches by their parents (see `branches`), empty for none.
        page_size: tokens in a page.
        scale: multiplies the scores.
        batch_invariant: take the path whose results do not depend on the batch.
        window: positions a query sees, its own included; None for all before it.
        step: the same batch, on the host.
    """

    query_start: tuple[int, ...]
    context_lens: tuple[int, ...]
    page_table: Tensor
    branches: tuple[tuple[int, ...], ...]
    page_size: int
    scale: float
    batch_invariant: bool
    step: Step
    window: int | None = None
    _windowed: dict[int, AttentionPlan] = field(default_factory=dict, repr=False)

    @classmethod
    def build(
        cls,
        page_tables: Sequence[Sequence[int]],
        query_lens: Sequence[int],
        context_lens: Sequence[int],
        page_size: int,
        device: torch.device | str,
        *,
        scale: float,
        branches: Sequence[Parents] = (),
        batch_invariant: bool = False,
    ) -> AttentionPlan:
        """Plan a step.

        Args:
            page_tables: each sequence's page numbers, at least as many as its context needs.
            query_lens: each sequence's new tokens, at least 1.
            context_lens: each sequence's length with its new tokens.
            page_size: tokens in a page.
            device: where q and the pages are.
            scale: multiplies the scores; commonly the head's width to the power -1/2.
            branches: for each sequence the parents of those of its last tokens that are branches; none by default.
            batch_invariant: see `attention`.

        Raises:
            ValueError: lengths that contradict each other; branches that are no tree.
        """
        _check(page_tables, query_lens, context_lens, page_size)
        contexts = np.array(context_lens, np.int64)
        counts = -(-contexts // page_size)
        table = np.zeros((len(counts), int(counts.max())), np.int64)
        for row, count in enumerate(counts.tolist()):
            table[row, :count] = page_tables[row][:count]
        starts = np.array([0, *accumulate(query_lens)], np.int64)
        trees = tuple(map(tuple, branches)) or ((),) * len(counts)
        _check_branches(trees, context_lens)
        step = Step(starts, contexts, table, trees, page_size, torch.device(device))
        return cls(
            query_start=tuple(starts.tolist()),
            context_lens=tuple(context_lens),
            page_table=step.upload(table),
            branches=trees,
            page_size=page_size,
            scale=scale,
            batch_invariant=batch_invariant,
            step=step,
        )

    @cached_property
    def longest(self) -> int:
        """The longest sequence, with its new tokens: every position is below it."""
        return max(self.context_lens)

    @cached_property
    def short(self) -> tuple[ShortBatch, ...]:
        """The sequences of few new tokens, as the batched path takes them."""
        return short_batches(self.step)

    @cached_property
    def long(self) -> tuple[LongSequence, ...]:
        """The sequences of many new tokens, as the batched path takes them."""
        return long_sequences(self.step)

    @cached_property
    def queries(self) -> NDArray[np.int64]:
        """The new tokens of plain sequences, as the CPU's path takes them."""
        return queries(self.step)

    @cached_property
    def branched(self) -> tuple[LongSequence, ...]:
        """The sequences with branches, which the CPU's path leaves to the batched one."""
        return branched_sequences(self.step)

    @cached_property
    def tiles(self) -> tuple[Tiles, ...]:
        """The whole batch, as the invariant path takes it."""
        return tuple(filter(None, (tiles(self.step), branch_tiles(self.step))))

    def within(self, window: int | None) -> AttentionPlan:
        """The plan where a query sees no more than `window` positions, made once for all layers of that window.

        Itself where no sequence is longer than that. Raises ValueError for a window below 1.
        """
        if window is None or window >= self.longest:
            return self
        if window < 1:
            raise ValueError(f"a window of {window} positions: a query sees at least its own")
        if window not in self._windowed:
            step = replace(self.step, window=window)
            self._windowed[window] = replace(self, step=step, window=window, _windowed={})
        return self._windowed[window]


def _check(
    page_tables: Sequence[Sequence[int]], query_lens: Sequence[int], context_lens: Sequence[int], page_size: int
) -> None:
    if not len(page_tables) == len(query_lens) == len(context_lens) > 0:
        raise ValueError(
            f"{len(page_tables)} page tables, {len(query_lens)} query lengths and {len(context_lens)} context lengths: "
            "all must be equal, and at least 1"
        )
    for row, (pages, new, context) in enumerate(zip(page_tables, query_lens, context_lens, strict=True)):
        if not 1 <= new <= context or len(pages) * page_size < context:
            raise ValueError(f"sequence {row}: {new} new tokens of {context} on {len(pages)} pages of {page_size}")


def _check_branches(trees: tuple[tuple[int, ...], ...], context_lens: Sequence[int]) -> None:
    if len(trees) != len(context_lens):
        raise ValueError(f"branches of {len(trees)} sequences for {len(context_lens)}")
    for row, (parents, context) in enumerate(zip(trees, context_lens, strict=True)):
        try:
            check_parents(parents, context)
        except ValueError as error:
            raise ValueError(f"sequence {row}: {error}") from error
