"""The parts a step's batch is cut into: what each path of attention loops over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .branches import visible

SHORT = 8
"""Most new tokens of a sequence that is still batched with others; longer ones are taken one by one."""
PADDING = 512
"""Most key positions a batch may be padded by: about what starting another batch costs on a small model."""
CACHED = 1024
"""Most key positions of a batch on a CPU, so that gathered keys stay in the core's cache: up to twice as fast."""
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
        pages: int64 [N * M], page numbers from the first that a query sees; padding is page 0.
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
        pages: int64 [M], its page numbers from the first that a query sees.
        context: keys on them, the new tokens' included.
        mask: bool [stop - start, context], True where a query sees a key; None where that is all up to its own.
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
        firsts: int64 [N], the position where each tile's first block of keys begins.
        pages: int64 [N, blocks * pages per block], from there on; padding is page 0.
        contexts: int64 [N], keys of each tile's sequence.
        page_size: tokens in a page of `pages`.
        block: keys in a block.
        active: for each block of keys, how many tiles have it.
        window: positions a query sees, its own included; None for all before it.
    """

    rows: Tensor
    positions: Tensor
    real: Tensor
    sources: Tensor
    firsts: Tensor
    pages: Tensor
    contexts: Tensor
    page_size: int
    block: int
    active: tuple[int, ...]
    window: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A step's B sequences, on the host.

    Attributes:
        starts: int64 [B + 1], where each sequence's new tokens begin in q.
        contexts: int64 [B], each sequence's length with its new tokens.
        table: int64 [B, M], page numbers, padded with 0.
        branches: each sequence's branches by their parents (see `branches`), empty for none.
        page_size: tokens in a page.
        device: where the parts go.
        window: positions a query sees, its own included; None for all before it.
    """

    starts: NDArray[np.int64]
    contexts: NDArray[np.int64]
    table: NDArray[np.int64]
    branches: tuple[tuple[int, ...], ...]
    page_size: int
    device: torch.device
    window: int | None = None

    @property
    def branching(self) -> NDArray[np.bool_]:
        """bool [B]: which sequences have branches."""
        return np.array([bool(parents) for parents in self.branches])

    def pages(self, count: int) -> int:
        """How many pages `count` tokens take."""
        return -(-count // self.page_size)

    def first_pages(self) -> NDArray[np.int64]:
        """int64 [B]: how many of each sequence's pages lie before all that its new tokens see."""
        if self.window is None:
            return np.zeros_like(self.contexts)
        branches = np.array([len(parents) for parents in self.branches])
        firsts = self.contexts - np.maximum(np.diff(self.starts), branches)  # a branch's position may be the lowest
        pages: NDArray[np.int64] = np.maximum(firsts - (self.window - 1), 0) // self.page_size
        return pages

    def hidden(self, key: NDArray[np.int64], position: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Where a query at `position` does not see the key at position `key`; both are broadcast."""
        later = key > position
        return later if self.window is None else later | (key <= position - self.window)

    def upload(self, values: NDArray[np.generic]) -> Tensor:
        """`values` as a tensor on the device."""
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)


def short_batches(step: Step) -> tuple[ShortBatch, ...]:
    """The plain sequences of at most `SHORT` new tokens; those of one token, the decodes, apart from the others."""
    new = np.diff(step.starts)
    most = CACHED // step.page_size if step.device.type == "cpu" else None
    short = (new <= SHORT) & ~step.branching
    groups = (np.flatnonzero(short & (new == 1)), np.flatnonzero(short & (new > 1)))
    return tuple(_short_batch(batch, step) for group in groups for batch in _by_length(group.tolist(), step, most))


def _by_length(members: list[int], step: Step, most: int | None) -> list[list[int]]:
    """Cut `members`, longest first, into batches of at most `PADDING` positions of padding and `most` pages in all."""
    counts = (-(-step.contexts // step.page_size) - step.first_pages()).tolist()
    batches: list[list[int]] = []
    padded = 0
    for row in sorted(members, key=lambda row: -int(counts[row])):
        if batches:
            longest = counts[batches[-1][0]]
            padded += longest - counts[row]
            full = most is not None and (len(batches[-1]) + 1) * longest > most
        if not batches or full or padded * step.page_size > PADDING:
            batches.append([])
            padded = 0
        batches[-1].append(row)
    return batches


def _short_batch(members: list[int], step: Step) -> ShortBatch:
    picked = np.array(members)
    start, context = step.starts[picked], step.contexts[picked]
    new = step.starts[picked + 1] - start
    pages, first = _pages(picked, step)
    queries = int(new.max())
    place = np.minimum(np.arange(queries), new[:, None] - 1)
    key = first[:, None] + np.arange(pages.shape[1] * step.page_size)
    hidden = step.hidden(key[:, None], ((context - new)[:, None] + place)[:, :, None])
    real = np.arange(queries) < new[:, None]
    bias = None
    if hidden.any():
        bias = step.upload(np.where(hidden, np.float32(-np.inf), np.float32(0))[:, None])
    return ShortBatch(
        queries=queries,
        rows=step.upload((start[:, None] + place).ravel()),
        pages=step.upload(pages.ravel()),
        stale=step.upload(np.flatnonzero(key >= context[:, None])),
        bias=bias,
        real=None if real.all() else step.upload(np.flatnonzero(real)),
    )


def _pages(picked: NDArray[np.int64], step: Step) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pages that some sequences' new tokens see, padded with 0, and the position where each sequence's begin."""
    first = step.first_pages()[picked]
    last = -(-step.contexts[picked] // step.page_size)
    column = first[:, None] + np.arange(int((last - first).max()))
    table = step.table[picked[:, None], np.minimum(column, step.table.shape[1] - 1)]
    return np.where(column < last[:, None], table, 0), first * step.page_size


def long_sequences(step: Step) -> tuple[LongSequence, ...]:
    """The sequences of more than `SHORT` new tokens, or with branches."""
    long = (np.diff(step.starts) > SHORT) | step.branching
    return tuple(_long_sequence(int(row), step) for row in np.flatnonzero(long))


def branched_sequences(step: Step) -> tuple[LongSequence, ...]:
    """The sequences with branches."""
    return tuple(_long_sequence(row, step) for row, parents in enumerate(step.branches) if parents)


def queries(step: Step) -> NDArray[np.int64]:
    """int64 [N, 4], for each new token of a plain sequence: its row in q, its sequence, its first key, and the end."""
    new = np.diff(step.starts)
    new[step.branching] = 0
    sequence = np.repeat(np.arange(len(new)), new)
    row = np.arange(len(sequence)) + (step.starts[:-1] - np.cumsum(new) + new)[sequence]
    end = row + (step.contexts - step.starts[1:])[sequence] + 1
    first = np.zeros_like(end) if step.window is None else np.maximum(end - step.window, 0)
    return np.stack([row, sequence, first, end], axis=1)


def _long_sequence(row: int, step: Step) -> LongSequence:
    start, stop, context = int(step.starts[row]), int(step.starts[row + 1]), int(step.contexts[row])
    pages, first = _pages(np.array([row]), step)
    mask = None
    if step.branches[row] or stop - start < context or step.window is not None:
        seen = visible(stop - start, context, step.branches[row], step.window)
        mask = step.upload(seen[:, int(first[0]) :])
    return LongSequence(start=start, stop=stop, pages=step.upload(pages[0]), context=context - int(first[0]), mask=mask)


def tiles(step: Step) -> Tiles | None:
    """The plain sequences for the invariant path; None where there are none."""
    per_block = step.pages(BLOCK)
    block = per_block * step.page_size
    new = np.diff(step.starts)
    found: list[tuple[int, int, int, int]] = []  # (blocks of keys, the first of them, sequence, first position)
    for row in np.flatnonzero(~step.branching).tolist():
        end = int(step.contexts[row])
        for first in range((end - int(new[row])) // TILE * TILE, end, TILE):
            skipped = 0 if step.window is None else max(0, first - step.window + 1) // block
            found.append((-(-min(first + TILE, end) // block) - skipped, skipped, row, first))
    if not found:
        return None
    found.sort(key=lambda tile: -tile[0])
    blocks, skipped_blocks, sequence, firsts = np.array(found).T
    positions = firsts[:, None] + np.arange(TILE)
    contexts = step.contexts[sequence]
    rows = positions + (step.starts[sequence + 1] - contexts)[:, None]
    real = (rows >= step.starts[sequence, None]) & (positions < contexts[:, None])
    column = (skipped_blocks * per_block)[:, None] + np.arange(int(blocks[0]) * per_block)
    width = step.table.shape[1]
    pages = np.where(column < width, step.table[sequence[:, None], np.minimum(column, width - 1)], 0)
    return Tiles(
        rows=step.upload(np.where(real, rows, 0).ravel()),
        positions=step.upload(positions),
        real=step.upload(np.flatnonzero(real)),
        sources=step.upload(rows[real]),
        firsts=step.upload(skipped_blocks * block),
        pages=step.upload(pages),
        contexts=step.upload(contexts),
        page_size=step.page_size,
        block=block,
        active=tuple(int((blocks > index).sum()) for index in range(int(blocks[0]))),
        window=step.window,
    )
