"""What attention needs to know of a step's batch, worked out once and shared by all layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

SHORT = 8
"""Most new tokens of a sequence that is still batched with others; longer ones are taken one by one."""
PADDING = 512
"""Most key positions a batch may be padded by: about what starting another batch costs on a small model."""
TILE = 16
"""Queries in a tile of the invariant path, aligned to positions."""
BLOCK = 64
"""Least keys in a block of the invariant path, aligned to positions; rounded up to whole pages."""


@dataclass(frozen=True, slots=True, eq=False)
class ShortBatch:
    """N sequences of at most `SHORT` new tokens, padded to Q queries and L = M * page_size keys.

    Attributes:
        queries: Q.
        rows: int64 [N * Q], each query's row in q; padding repeats the sequence's last one.
        pages: int64 [N * M], page numbers; padding is page 0.
        stale: int64, places in the flattened [N, L] past the sequences' ends, whose content must not count.
        bias: float32 [N, 1, Q, L], 0 where a query sees a key, else -inf; None where every query sees all.
        real: int64, places in the flattened [N, Q] that are no padding; None where all are real.
    """

    queries: int
    rows: Tensor
    pages: Tensor
    stale: Tensor
    bias: Tensor | None
    real: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class LongSequence:
    """One sequence of many new tokens, rows start ... stop - 1 of q.

    Attributes:
        pages: int64 [M], its page numbers.
        context: keys, the new tokens' included.
        mask: bool [stop - start, context], True where a query sees a key; None where all tokens are new.
    """

    start: int
    stop: int
    pages: Tensor
    context: int
    mask: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """The invariant path's work: N tiles of `TILE` queries, the ones with most blocks of keys first.

    Query p of a sequence always stands in row p % TILE of its tile and key p in place p % block of its block, so that
    the sums for a query are the same whatever else is computed.

    Attributes:
        rows: int64 [N * TILE], each query's row in q; 0 in places that hold no new token.
        positions: int64 [N, TILE], each query's position.
        real: int64, places in the flattened [N, TILE] that hold a new token.
        sources: int64, the row in q of each of `real`.
        pages: int64 [N, blocks * pages per block]; padding is page 0.
        contexts: int64 [N], keys of each tile's sequence.
        block: keys in a block.
        active: for each block of keys, how many tiles have it.
    """

    rows: Tensor
    positions: Tensor
    real: Tensor
    sources: Tensor
    pages: Tensor
    contexts: Tensor
    block: int
    active: tuple[int, ...]


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
        counts = [-(-context // page_size) for context in context_lens]
        if not len(page_tables) == len(query_lens) == len(context_lens) > 0:
            raise ValueError(
                f"{len(page_tables)} page tables, {len(query_lens)} query lengths and {len(context_lens)} context "
                "lengths: all must be equal, and at least 1"
            )
        for row, (pages, count, new, context) in enumerate(
            zip(page_tables, counts, query_lens, context_lens, strict=True)
        ):
            if not 1 <= new <= context or len(pages) < count:
                raise ValueError(f"sequence {row}: {new} new tokens of {context} on {len(pages)} pages of {page_size}")
        width = max(counts)
        padded = [[*pages[:count], *(0,) * (width - count)] for pages, count in zip(page_tables, counts, strict=True)]
        table = torch.tensor(padded, dtype=torch.int64)
        starts = (0, *accumulate(query_lens))
        short: list[ShortBatch] = []
        long: list[LongSequence] = []
        tiles = None
        if batch_invariant:
            tiles = _tiles(table, starts, context_lens, page_size, device)
        else:
            for wanted in (range(1, 2), range(2, SHORT + 1)):
                members = [row for row, new in enumerate(query_lens) if new in wanted]
                for batch in _by_length(members, counts, page_size):
                    short.append(_short_batch(batch, table, starts, context_lens, page_size, device))
            for row, new in enumerate(query_lens):
                if new > SHORT:
                    long.append(_long_sequence(row, table, starts, context_lens[row], page_size, device))
        return cls(
            query_start=starts,
            context_lens=tuple(context_lens),
            page_table=table.to(device),
            page_size=page_size,
            scale=scale,
            batch_invariant=batch_invariant,
            short=tuple(short),
            long=tuple(long),
            tiles=tiles,
        )


def _by_length(members: list[int], counts: Sequence[int], page_size: int) -> list[list[int]]:
    """Cut `members`, longest first, into batches none of which is padded by more than `PADDING` positions."""
    batches: list[list[int]] = []
    padding = 0
    for row in sorted(members, key=lambda row: -counts[row]):
        if batches:
            padding += (counts[batches[-1][0]] - counts[row]) * page_size
        if not batches or padding > PADDING:
            batches.append([])
            padding = 0
        batches[-1].append(row)
    return batches


def _short_batch(
    members: list[int],
    table: Tensor,
    starts: Sequence[int],
    context_lens: Sequence[int],
    page_size: int,
    device: torch.device | str,
) -> ShortBatch:
    picked = torch.tensor(members)
    start = torch.tensor(starts)
    new = (start[1:] - start[:-1])[picked]
    context = torch.tensor(context_lens)[picked]
    pages = table[picked, : -(-int(context.max()) // page_size)]
    queries = int(new.max())
    place = torch.arange(queries).minimum(new[:, None] - 1)
    rows = start[picked, None] + place
    last = (context - new)[:, None] + place
    key = torch.arange(pages.shape[1] * page_size)
    hidden = key > last[:, :, None]
    real = (torch.arange(queries) < new[:, None]).flatten()
    bias = None
    if hidden.any():
        bias = torch.zeros(hidden.shape).masked_fill_(hidden, -torch.inf).unsqueeze(1).to(device)
    return ShortBatch(
        queries=queries,
        rows=rows.flatten().to(device),
        pages=pages.flatten().to(device),
        stale=(key >= context[:, None]).flatten().nonzero().squeeze(1).to(device),
        bias=bias,
        real=None if bool(real.all()) else real.nonzero().squeeze(1).to(device),
    )


def _long_sequence(
    row: int, table: Tensor, starts: Sequence[int], context: int, page_size: int, device: torch.device | str
) -> LongSequence:
    start, stop = starts[row], starts[row + 1]
    new = stop - start
    mask = None
    if new < context:
        mask = torch.ones(new, context, dtype=torch.bool, device=device).tril_(context - new)
    pages = table[row, : -(-context // page_size)].to(device)
    return LongSequence(start=start, stop=stop, pages=pages, context=context, mask=mask)


def _tiles(
    table: Tensor, starts: Sequence[int], context_lens: Sequence[int], page_size: int, device: torch.device | str
) -> Tiles:
    per_block = -(-BLOCK // page_size)
    block = per_block * page_size
    found: list[tuple[int, int, int]] = []  # (blocks of keys, sequence, first position)
    for row, end in enumerate(context_lens):
        new = starts[row + 1] - starts[row]
        for first in range((end - new) // TILE * TILE, end, TILE):
            found.append((-(-min(first + TILE, end) // block), row, first))
    found.sort(key=lambda tile: -tile[0])
    blocks = torch.tensor([tile[0] for tile in found])
    sequence = torch.tensor([tile[1] for tile in found])
    positions = torch.tensor([tile[2] for tile in found])[:, None] + torch.arange(TILE)
    start = torch.tensor(starts)
    context = torch.tensor(context_lens)[sequence]
    rows = positions - context[:, None] + start[sequence + 1, None]
    real = ((rows >= start[sequence, None]) & (positions < context[:, None])).flatten()
    pages = torch.zeros(len(found), found[0][0] * per_block, dtype=torch.int64)
    width = min(pages.shape[1], table.shape[1])
    pages[:, :width] = table[sequence, :width]
    return Tiles(
        rows=torch.where(real, rows.flatten(), 0).to(device),
        positions=positions.to(device),
        real=real.nonzero().squeeze(1).to(device),
        sources=rows.flatten()[real].to(device),
        pages=pages.to(device),
        contexts=context.to(device),
        block=block,
        active=tuple(int((blocks > index).sum()) for index in range(found[0][0])),
    )
