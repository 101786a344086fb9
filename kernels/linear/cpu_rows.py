"""Rows of activations to int8, and the products of int8 back, on a CPU: one compiled pass each."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..simd import KINDS, bits_of, compiled, float_of, read, write

ZERO = 128
"""What stands for 0 in unsigned rows."""
_SIZE = np.int32(0x7FFFFFFF)  # all bits of a float32 but its sign: they are ordered as sizes are, NaN above all
_INFINITE = np.int32(0x7F800000)


def quantize_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """As `quantize.quantize_rows`, bit for bit, but for values that are `ZERO` more: uint8 [R, in] and float32 [R]."""
    count, width = x.shape
    x = x.contiguous()
    values = torch.empty(count, width, dtype=torch.uint8)
    scales = torch.empty(count)
    _quantise(KINDS[x.dtype], x.data_ptr(), values.numpy(), scales.numpy())
    return values, scales


def scaled(product: Tensor, rows: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    """product[t, o] * rows[t] + bias[o] in `dtype`, of float32 [T, out], [T] and, in `dtype`, [out]."""
    out = torch.empty(product.shape, dtype=dtype)
    address = 0 if bias is None else bias.data_ptr()
    _scale(KINDS[dtype], product.contiguous().numpy(), rows.numpy(), address, out.data_ptr())
    return out


@compiled
def _quantise(kind, x, values, scales):
    """`x` is the address of [R, in]."""
    for row in range(len(values)):
        line = values[row]
        at = row * len(line)
        size = np.int32(0)
        for i in range(len(line)):
            size = max(size, bits_of(read(kind, x, at + i)) & _SIZE)
        most = float_of(size)
        scales[row] = most / np.float32(127)
        inverse = np.float32(127) / most
        if size == 0 or size >= _INFINITE or bits_of(inverse) >= _INFINITE:
            line[:] = ZERO
            continue
        for i in range(len(line)):
            line[i] = np.uint8(np.int32(np.rint(read(kind, x, at + i) * inverse)) + ZERO)


@compiled
def _scale(kind, product, rows, bias, out):
    """`bias` is the address of [out], 0 for none; `out` that of [T, out]."""
    count, width = product.shape
    for row in range(count):
        line, scale, at = product[row], rows[row], row * width
        if bias:
            for i in range(width):
                write(kind, out, at + i, line[i] * scale + read(kind, bias, i))
        else:
            for i in range(width):
                write(kind, out, at + i, line[i] * scale)
