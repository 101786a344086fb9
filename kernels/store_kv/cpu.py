"""store_kv on a CPU: one compiled pass over keys and values."""

from __future__ import annotations

from torch import Tensor

from ..simd import KINDS, compiled, read, write


def store_kv(k: Tensor, v: Tensor, k_pages: Tensor, v_pages: Tensor, slots: Tensor) -> None:
    """As `weft.kernels.store_kv`."""
    count, heads, width = k.shape
    slots_in_head = k_pages.shape[1] * k_pages.shape[2]
    for new, pages in ((k, k_pages), (v, v_pages)):
        if new.stride()[1:] != (width, 1):
            new = new.contiguous()
        shape = (count, heads, width)
        _store(KINDS[new.dtype], new.data_ptr(), new.stride(0), pages.data_ptr(), shape, slots.numpy(), slots_in_head)


@compiled
def _store(kind, new, stride, pages, shape, slots, slots_in_head):
    """`new` is the address of [T, heads, width] in rows of `stride`, `pages` of [heads, slots, width]."""
    count, heads, width = shape
    for row in range(count):
        for head in range(heads):
            source = row * stride + head * width
            target = (head * slots_in_head + slots[row]) * width
            for i in range(width):
                write(kind, pages, target + i, read(kind, new, source + i))
