"""The device's table of mask rows: a bounded pool, so that a step uploads row numbers instead of masks.

A row is pinned until its step is done, evicted by least recent use, and asked of its grammar again when it is needed
again. Forks and rollbacks keep grammar states, never rows.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch

from ..errors import EngineError
from ..grammar.protocol import Grammar


class MaskPool:
    """Mask rows on one device.

    Args:
        rows: capacity; at least as many as requests can run at once.
        vocab_size: tokens of the model's logits (may exceed the tokenizer's vocabulary: the rest is forbidden).
        device: where the table stands.

    Attributes:
        capacity: how many rows there are.
        table: int32 [rows, ceil(vocab_size / 32)], the `mask_table` of `masked_sample`.
        hits, misses: how often a row was on the device already.
    """

    def __init__(self, rows: int, vocab_size: int, device: torch.device) -> None:
        self.table = torch.zeros((rows, (vocab_size + 31) // 32), dtype=torch.int32, device=device)
        self.capacity = rows
        self._free = list(range(rows - 1, -1, -1))
        self._rows: OrderedDict[tuple[int, int], int] = OrderedDict()
        self._pinned: set[tuple[int, int]] = set()
        self.hits = 0
        self.misses = 0

    def acquire(self, grammar: Grammar, row: int) -> int:
        """The table row that holds `grammar.mask(row)`, pinned until `release_all`.

        Raises `EngineError` where every row is pinned.
        """
        key = (grammar.key, row)
        place = self._rows.get(key)
        if place is None:
            self.misses += 1
            bits = grammar.mask(row)
            place = self._take()
            self._upload(place, bits)
            self._rows[key] = place
        else:
            self.hits += 1
            self._rows.move_to_end(key)
        self._pinned.add(key)
        return place

    def release_all(self) -> None:
        """The step is done: its rows may be evicted."""
        self._pinned.clear()

    def _take(self) -> int:
        if self._free:
            return self._free.pop()
        victim = next((key for key in self._rows if key not in self._pinned), None)
        if victim is None:
            raise EngineError(f"all {len(self._rows)} mask rows are in use in one step")
        return self._rows.pop(victim)

    def _upload(self, place: int, bits: np.ndarray[tuple[int], np.dtype[np.int32]]) -> None:
        row = self.table[place]
        words = min(len(bits), row.shape[0])
        row[:words].copy_(torch.from_numpy(np.array(bits[:words])))
        row[words:].zero_()
