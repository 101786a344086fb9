"""Branches for the invariant path: each way through a tree is a sequence of its own, in pages of one token.

So a token stands in the tile, and its ancestors in the blocks, where they would stand if its way were the whole
sequence, and the result has the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .branches import paths
from .parts import BLOCK, TILE, Step, Tiles


@dataclass(frozen=True, slots=True, eq=False)
class _Tile:
    """One tile of a way through a tree.

    Attributes:
        first: its first position.
        places: int64 [tokens of the way], where in the sequence each position's token stands.
        real: bool [TILE], the positions whose result is taken from this tile.
        row: q's row of the sequence's first token, were it among the new ones.
        slots: int64 [tokens of the way], each position's slot among all pages' slots.
    """

    first: int
    places: NDArray[np.int64]
    real: NDArray[np.bool_]
    row: int
    slots: NDArray[np.int64]

    def blocks(self, block: int) -> int:
        return -(-min(self.first + TILE, len(self.places)) // block)


def branch_tiles(step: Step) -> Tiles | None:
    """The sequences with branches; None where there are none. The pages' slots are this `Tiles`' pages."""
    found = [tile for row, parents in enumerate(step.branches) if parents for tile in _sequence_tiles(row, step)]
    if not found:
        return None
    block = step.pages(BLOCK) * step.page_size
    found.sort(key=lambda tile: -tile.blocks(block))
    counts = [tile.blocks(block) for tile in found]
    positions = np.array([tile.first for tile in found])[:, None] + np.arange(TILE)
    rows = np.zeros((len(found), TILE), np.int64)
    slots = np.zeros((len(found), counts[0] * block), np.int64)
    for at, tile in enumerate(found):
        rows[at, tile.real] = tile.row + tile.places[positions[at, tile.real]]
        width = min(slots.shape[1], len(tile.slots))
        slots[at, :width] = tile.slots[:width]
    real = np.array([tile.real for tile in found])
    return Tiles(
        rows=step.upload(rows.ravel()),
        positions=step.upload(positions),
        real=step.upload(np.flatnonzero(real)),
        sources=step.upload(rows[real]),
        firsts=step.upload(np.zeros(len(found), np.int64)),
        pages=step.upload(slots),
        contexts=step.upload(np.array([len(tile.places) for tile in found])),
        page_size=1,
        block=block,
        active=tuple(sum(count > index for count in counts) for index in range(counts[0])),
        window=step.window,
    )


def _sequence_tiles(row: int, step: Step) -> list[_Tile]:
    """The tiles of one sequence; each new token is real in the first of its ways."""
    parents, context = step.branches[row], int(step.contexts[row])
    start = context - int(step.starts[row + 1] - step.starts[row])
    plain = context - len(parents)
    where = np.arange(context)
    slots = step.table[row, where // step.page_size] * step.page_size + where % step.page_size
    wanted = where >= start
    found = []
    for path in paths(parents):
        places = np.concatenate([where[:plain], plain + np.array(path)])
        for first in range(min(start, plain) // TILE * TILE, len(places), TILE):
            members = places[first : first + TILE]
            real = np.zeros(TILE, np.bool_)
            real[: len(members)] = wanted[members]
            if real.any():
                wanted[members] = False
                found.append(_Tile(first, places, real, int(step.starts[row]) - start, slots[places]))
    return found
