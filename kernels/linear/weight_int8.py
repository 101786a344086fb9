"""A linear layer whose weight is kept as int8 with a scale for each output; activations stay as they are.

    y[t, o] = sum(x[t, i] * values[o, i] for i in range(in)) * scales[o] + bias[o]

A step of few rows is bound by reading the weight, and int8 is half of bfloat16: there torch's own op reads it directly.
A step of many rows is bound by arithmetic: there the values, which are exact in every float dtype, are widened first
and the product is the dense one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .quantize import dequantize_int8, in_pieces, quantize_int8

FEW = 16
"""Rows up to which reading int8 directly was faster than widening it, on a CPU with AVX512."""
_LANES = 16
_WIDENED = 1 << 20
"""Values widened at a time: they stay in the cache, and no large piece of memory is asked for anew each time."""


@dataclass(frozen=True, slots=True, eq=False)
class WeightInt8:
    """As `Linear`.

    Attributes:
        values: int8 [out, in].
        scales: [out], the model's dtype.
        bias: [out], the model's dtype.
        direct: whether few rows go through `torch._weight_int8pack_mm`.
    """

    values: Tensor
    scales: Tensor
    bias: Tensor | None
    direct: bool

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor | None = None) -> WeightInt8:
        """Quantise `weight` [out, in]."""
        values, scales = in_pieces(quantize_int8, weight)
        return cls(values, scales, bias, direct=why_not(weight) is None)

    def __call__(self, x: Tensor) -> Tensor:
        if self.direct and len(x) <= FEW:
            y = torch._weight_int8pack_mm(x.contiguous(), self.values, self.scales)
            return y if self.bias is None else y.add_(self.bias)
        return linear(x, self.values, self.scales, self.bias)


def linear(x: Tensor, values: Tensor, scales: Tensor, bias: Tensor | None = None) -> Tensor:
    """The reference: in plain torch. `x` [T, in]; for the rest see `WeightInt8`."""
    if x.dtype == torch.float16:  # whose range the unscaled sums may leave
        return F.linear(x, dequantize_int8(values, scales).to(x.dtype), bias)
    rows = max(1, _WIDENED // values.shape[1])
    parts = [F.linear(x, part.to(x.dtype)) for part in values.split(rows)]
    y = (parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)).mul_(scales)
    return y if bias is None else y.add_(bias)


def why_not(weight: Tensor) -> str | None:
    """Why a layer of this weight always runs the reference; None where it does not."""
    if weight.device.type != "cpu":
        return f"the device is {weight.device.type}"
    if not hasattr(torch, "_weight_int8pack_mm"):
        return "this torch has no _weight_int8pack_mm"
    if weight.shape[1] % _LANES or weight.shape[0] % _LANES:
        return f"the weight's shape {list(weight.shape)} is no multiple of {_LANES}"
    return None
