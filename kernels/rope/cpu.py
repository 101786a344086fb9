"""rope on a CPU: one compiled pass over queries and keys."""

from __future__ import annotations

import torch
from torch import Tensor

from ..simd import KINDS, compiled, read, write


def rope(q: Tensor, k: Tensor, positions: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
    """As `weft.kernels.rope`."""
    count, heads, width = q.shape
    q, k = (x if x.stride()[1:] == (width, 1) else x.contiguous() for x in (q, k))
    out = torch.empty(count, heads, width, dtype=q.dtype), torch.empty(k.shape, dtype=k.dtype)
    _rotate_both(
        KINDS[q.dtype],
        (q.data_ptr(), q.stride(0), out[0].data_ptr(), heads),
        (k.data_ptr(), k.stride(0), out[1].data_ptr(), k.shape[1]),
        width,
        positions.numpy(),
        cache.view(len(cache), -1).numpy(),
    )
    return out


@compiled
def _rotate_both(kind, queries, keys, width, positions, cache):
    """Each of `queries` and `keys` is (address of [T, heads, width], the stride of its rows, address of out, heads).

    `cache` is float32 [length, 2 R]: the cosines, then the sines, the first half of them negated.
    """
    for source, stride, target, heads in (queries, keys):
        for row in range(len(positions)):
            angles = cache[positions[row]]
            for head in range(heads):
                from_at, to_at = row * stride + head * width, (row * heads + head) * width
                _rotate(kind, source, from_at, target, to_at, width, angles)


@compiled
def _rotate(kind, source, from_at, target, to_at, width, angles):
    """One head of one token; see `rope`."""
    turned = len(angles) // 2
    half = turned // 2
    for i in range(half):
        a, b = read(kind, source, from_at + i), read(kind, source, from_at + half + i)
        write(kind, target, to_at + i, a * angles[i] + b * angles[turned + i])
        write(kind, target, to_at + half + i, b * angles[half + i] + a * angles[turned + half + i])
    for i in range(turned, width):
        write(kind, target, to_at + i, read(kind, source, from_at + i))
