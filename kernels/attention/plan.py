"""What attention needs to know of a step's batch, worked out once and shared by all layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from .parts import LongSequence, ShortBatch, Step, Tiles, long_sequences, short_batches, tiles


@dataclass(frozen=True, slots=True, eq=False)
class AttentionPlan:
    """A step's batch of B sequences.

    Attributes:
        query_start: B + 1 row numbers; sequence b's new tokens are rows query_start[b] ... query_start[b + 1] - 1 of q.
        context_lens: each sequence's length with its new tokens.
        page_table: int64 [B, M], each sequence's page numbers, padded with 0.
        page_size: tokens in a page.
        scale: multiplies the scores.
        batch_invariant: take the path whose results do not depend on the batch.
        short, long, tiles: the same batch, cut up as the batched path (the first two) or the invariant one wants it.
    """

    query_start: tuple[int, ...]
    context_lens: tuple[int, ...]
    page_table: Tensor
    page_size: int
    scale: float
    batch_invariant: bool
    short: tuple[ShortBatch, ...]
    long: tuple[LongSequence, ...]
    tiles: Tiles | None

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
            batch_invariant: see `attention`.

        Raises:
            ValueError: lengths that contradict each other.
        """
        _check(page_tables, query_lens, context_lens, page_size)
        contexts = np.array(context_lens, np.int64)
        counts = -(-contexts // page_size)
        table = np.zeros((len(counts), int(counts.max())), np.int64)
        for row, count in enumerate(counts.tolist()):
            table[row, :count] = page_tables[row][:count]
        starts = np.array([0, *accumulate(query_lens)], np.int64)
        step = Step(starts, contexts, table, page_size, torch.device(device))
        return cls(
            query_start=tuple(starts.tolist()),
            context_lens=tuple(context_lens),
            page_table=step.upload(table),
            page_size=page_size,
            scale=scale,
            batch_invariant=batch_invariant,
            short=() if batch_invariant else short_batches(step),
            long=() if batch_invariant else long_sequences(step),
            tiles=tiles(step) if batch_invariant else None,
        )


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
