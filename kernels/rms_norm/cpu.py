"""rms_norm on a CPU: one compiled pass, with the residual addition in it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..simd import KINDS, compiled, read, write


def rms_norm(x: Tensor, weight: Tensor, eps: float, residual: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """As `weft.kernels.rms_norm`, and what was normalised: `x` itself without a residual."""
    x = x.contiguous()
    out = torch.empty_like(x)
    width = x.shape[-1]
    rows = x.numel() // width
    total, added = x, 0
    if residual is not None:
        residual = residual.contiguous()
        total, added = torch.empty_like(x), residual.data_ptr()
    _normalise(
        KINDS[x.dtype],
        (x.data_ptr(), added, total.data_ptr(), out.data_ptr()),
        KINDS[weight.dtype],
        weight.data_ptr(),
        (rows, width),
        np.float32(eps),
    )
    return out, total


@compiled
def _normalise(kind, tensors, weight_kind, weight, shape, eps):
    """`tensors` are addresses of [rows, width]: x, the residual (0 for none), their sum (x itself), y."""
    x, residual, total, out = tensors
    rows, width = shape
    for row in range(rows):
        at = row * width
        squares = np.float32(0)
        if residual:
            for i in range(width):
                write(kind, total, at + i, read(kind, x, at + i) + read(kind, residual, at + i))
        for i in range(width):
            value = read(kind, total, at + i)
            squares += value * value
        scale = np.float32(1) / np.sqrt(squares / np.float32(width) + eps)
        for i in range(width):
            write(kind, out, at + i, read(kind, total, at + i) * scale * read(weight_kind, weight, i))
