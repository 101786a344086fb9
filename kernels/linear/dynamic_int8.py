"""A linear layer of int8 weights that rounds its activations to int8 too, each row by a scale of its own.

    q[t, i], r[t] = quantize_rows(x)
    y[t, o] = (sum(q[t, i] * values[o, i] for i in range(in)) * scales[o]) * r[t] + bias[o]

The sum is of whole numbers, exact in any order, and the rest is done value by value: a row's result is the same bits
whatever stands beside it in the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from . import cpu_rows
from .quantize import in_pieces, quantize_rows

EXACT = 1024
"""Inputs whose products of two int8 values a float32 sums exactly: 1024 * 127 * 127 < 2 ** 24."""


@dataclass(frozen=True, slots=True, eq=False)
class DynamicInt8:
    """As `Linear`; the reference, in plain torch.

    Attributes:
        values: int8 [out, in].
        scales: float32 [out].
        bias: [out].
    """

    values: Tensor
    scales: Tensor
    bias: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        q, rows = quantize_rows(x)
        total = torch.zeros(len(x), len(self.values), dtype=torch.int32, device=x.device)
        for start in range(0, x.shape[1], EXACT):
            part = slice(start, start + EXACT)
            total += (q[:, part].float() @ self.values[:, part].float().T).to(torch.int32)
        return _scaled(total.float().mul_(self.scales), rows, self.bias, x.dtype)


@dataclass(frozen=True, slots=True, eq=False)
class OnednnInt8:
    """As `Linear`, through oneDNN.

    Attributes:
        packed: what `onednn.qlinear_prepack` makes of the values.
        scales: float32 [out].
        zeros: int32 [out], all 0.
        bias: [out].
    """

    packed: Tensor
    scales: Tensor
    zeros: Tensor
    bias: Tensor | None = None

    @classmethod
    def of(cls, values: Tensor, scales: Tensor, bias: Tensor | None = None) -> OnednnInt8:
        """From int8 [out, in] and float32 [out]."""
        packed = torch.ops.onednn.qlinear_prepack(values, None)
        return cls(packed, scales, torch.zeros(len(values), dtype=torch.int32), bias)

    def __call__(self, x: Tensor) -> Tensor:
        values, rows = cpu_rows.quantize_rows(x)
        product = torch.ops.onednn.qlinear_pointwise(
            *(values, 1.0, cpu_rows.ZERO),  # scale and zero point of the activations
            *(self.packed, self.scales, self.zeros, None),
            *(1.0, 0, torch.float32),  # scale, zero point and dtype of the result
            *("none", [], ""),
        )
        return cpu_rows.scaled(product, rows, self.bias, x.dtype)


def quantized(weight: Tensor, bias: Tensor | None = None) -> DynamicInt8 | OnednnInt8:
    """The layer of `weight` [out, in] quantised."""
    values, scales = in_pieces(quantize_rows, weight)
    return DynamicInt8(values, scales, bias) if why_not(weight) else OnednnInt8.of(values, scales, bias)


def why_not(weight: Tensor) -> str | None:
    """Why a layer of this weight runs the reference; None where it does not."""
    if weight.device.type != "cpu":
        return f"the device is {weight.device.type}"
    return _onednn_fault()


def _scaled(product: Tensor, rows: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    """float32 [T, out] times each row's scale, plus the bias, in `dtype`."""
    y = product.mul_(rows[:, None])
    if bias is not None:
        y = y.add_(bias)
    return y.to(dtype)


@cache
def _onednn_fault() -> str | None:
    """What is wrong with oneDNN's int8 product here, found by trying it; None where it is exact.

    Its ops are not part of torch's public interface, and on a CPU without VNNI its sums may saturate.
    """
    values = torch.full((16, 64), 127, dtype=torch.int8)
    values[1::2] = -127
    x = torch.full((3, 64), 127.0)
    x[1] = -127.0
    x[2, ::2] = 0.5
    scales = torch.ones(len(values))
    try:
        found = OnednnInt8.of(values, scales)(x)
    except (AttributeError, RuntimeError, TypeError) as error:
        return f"oneDNN's int8 product cannot be had: {str(error).splitlines()[0]}"
    if not torch.equal(found, DynamicInt8(values, scales)(x)):
        return "oneDNN's int8 product is not exact on this CPU"
    return None
