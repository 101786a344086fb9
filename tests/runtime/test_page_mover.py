"""Pages come back from bytes as they were."""

from __future__ import annotations

import pytest
import torch

from weft.runtime.page_mover import KVPageMover


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float8_e4m3fn])
def test_pages_are_moved_bit_by_bit(dtype: torch.dtype) -> None:
    shapes = [(2, 5, 4, 8), (1, 5, 4, 6)]
    bits = [torch.randint(0, 256, (*shape, dtype.itemsize), dtype=torch.uint8) for shape in shapes]
    tensors = [each.view(dtype).squeeze(-1).clone() for each in bits]
    mover = KVPageMover(tensors)
    payloads = mover.read([3, 0])
    assert [len(payload) for payload in payloads] == [mover.page_bytes] * 2
    blank = [torch.zeros_like(tensor) for tensor in tensors]
    KVPageMover(blank).write([1, 4], payloads)
    for tensor, copy in zip(tensors, blank, strict=True):
        assert torch.equal(copy[:, [1, 4]].view(torch.uint8), tensor[:, [3, 0]].view(torch.uint8))
        assert not copy[:, [0, 2, 3]].view(torch.uint8).any()
