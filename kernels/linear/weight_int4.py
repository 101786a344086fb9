"""A linear layer whose weight is kept as 4-bit values, with a scale and an offset for each group of inputs.

    y[t, o] = sum(x[t, i] * ((values[o, i] - 8) * scales[o, g] + offsets[o, g]) for i in range(in)) + bias[o]
    where g = i // group

Scales and offsets are in the model's dtype. On a CPU torch keeps such a weight in a layout of its own and multiplies by
it directly; elsewhere, and for shapes which that does not take, the weight is dequantised for every product.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from .layer import Linear
from .quantize import dequantize_int4, group_of, in_pieces, pack_int4, quantize_int4, unpack_int4

_ROWS = 16
_GROUPS = (32, 64, 128, 256)


@dataclass(frozen=True, slots=True, eq=False)
class WeightInt4:
    """As `Linear`; the reference, in plain torch.

    Attributes:
        packed: uint8 [out, ceil(in / 2)]; see `quantize.pack_int4`.
        scales, offsets: [out, groups], the model's dtype.
        bias: [out], the model's dtype.
        width: inputs.
        group: inputs that share a scale.
    """

    packed: Tensor
    scales: Tensor
    offsets: Tensor
    bias: Tensor | None
    width: int
    group: int

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight().to(x.dtype), self.bias)

    def weight(self) -> Tensor:
        """The weight it stands for: float32 [out, in]."""
        values = unpack_int4(self.packed, self.width)
        return dequantize_int4(values, self.scales, self.offsets, self.group)


@dataclass(frozen=True, slots=True, eq=False)
class PackedInt4:
    """As `Linear`, through torch's op for CPUs.

    Attributes:
        packed: what `_convert_weight_to_int4pack_for_cpu` makes of the values.
        scales_and_offsets: [groups, out, 2], the model's dtype.
        bias: [out], the model's dtype.
        group: inputs that share a scale.
    """

    packed: Tensor
    scales_and_offsets: Tensor
    bias: Tensor | None
    group: int

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(
            x.contiguous(), self.packed, self.group, self.scales_and_offsets
        )
        return y if self.bias is None else y.add_(self.bias)


def quantized(weight: Tensor, bias: Tensor | None = None, group: int | None = None) -> Linear:
    """The layer of `weight` [out, in] quantised; `group` by `quantize.group_of` where it is None."""
    group = group or group_of(weight.shape[1])
    values, scales, offsets = in_pieces(partial(quantize_int4, group=group), weight)
    return of_values(values, scales, offsets, bias, group)


def of_values(values: Tensor, scales: Tensor, offsets: Tensor, bias: Tensor | None, group: int) -> Linear:
    """The layer of a weight that is quantised already: uint8 [out, in], and scales and offsets in the model's dtype."""
    if why_not(values, group) is not None:
        return WeightInt4(pack_int4(values), scales, offsets, bias, values.shape[1], group)
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(values.int(), 1)
    pairs = torch.stack((scales, offsets), dim=-1).transpose(0, 1).contiguous()
    return PackedInt4(packed, pairs, bias, group)


def why_not(weight: Tensor, group: int) -> str | None:
    """Why a layer of a weight of this device and shape runs the reference; None where it does not."""
    if weight.device.type != "cpu":
        return f"the device is {weight.device.type}"
    if not hasattr(torch.ops.aten, "_weight_int4pack_mm_for_cpu"):
        return "this torch has no _weight_int4pack_mm_for_cpu"
    if weight.shape[0] % _ROWS or weight.shape[1] % group or group not in _GROUPS:
        return f"the weight's shape {list(weight.shape)} is no multiple of {_ROWS} outputs and {group} inputs"
    return None
