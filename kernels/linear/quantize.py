"""Weights and activations as small integers with scales: how values are rounded, and back.

    int8:  weight[o, i] ~ values[o, i] * scales[o]                                        values in -127 ... 127
    int4:  weight[o, i] ~ (values[o, i] - 8) * scales[o, g] + offsets[o, g], g = i // group      values in 0 ... 15
    rows:  x[t, i]      ~ values[t, i] * scales[t]                                        values in -127 ... 127

Rounding is to the nearest. A weight's scales and offsets are rounded to the model's dtype before its values are found,
so that the values make up for what that loses.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

GROUP = 64
_AT_ONCE = 1 << 18  # numbers


def quantize_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Each row by a scale of its own, symmetric.

    Args:
        x: [R, in] of any float dtype.

    Returns:
        int8 [R, in] and float32 [R]. A row depends on nothing but itself. A row of zeros has the scale 0; one that
        holds a NaN or an infinity has that as its scale, so that it is not hidden.
    """
    wide = x.float()
    most = wide.abs().amax(dim=1)
    scales = most / 127
    # A number divided by a tensor would be rounded twice.
    inverse = torch.where((most > 0) & most.isfinite(), most.new_full((), 127) / most, 0.0)
    return (wide * inverse[:, None]).nan_to_num_(0.0, 0.0, 0.0).round_().clamp_(-127, 127).to(torch.int8), scales


def in_pieces(quantise: Callable[[Tensor], tuple[Tensor, ...]], weight: Tensor) -> tuple[Tensor, ...]:
    """What `quantise` gives of `weight` [out, in], a few rows at a time: it computes in float32, which takes room."""
    parts = [quantise(piece) for piece in weight.split(max(1, _AT_ONCE // weight.shape[1]))]
    return tuple(torch.cat(each) for each in zip(*parts, strict=True))


def quantize_int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """int8 [out, in] and scales [out], in the weight's dtype, of `weight` [out, in]."""
    wide = weight.float()
    scales = (wide.abs().amax(dim=1) / 127).to(weight.dtype)
    safe = torch.where(scales > 0, scales, 1.0).float()
    return (wide / safe[:, None]).round_().clamp_(-127, 127).to(torch.int8), scales


def dequantize_int8(values: Tensor, scales: Tensor) -> Tensor:
    """float32 [out, in] from int8 [out, in] and [out]."""
    return values.float() * scales.float()[:, None]


def group_of(width: int) -> int:
    """How many inputs share a scale in a weight of `width` inputs: `GROUP`, or 32 where only that divides them."""
    return 32 if width % GROUP and not width % 32 else GROUP


def quantize_int4(weight: Tensor, group: int) -> tuple[Tensor, Tensor, Tensor]:
    """Groups of `group` inputs, each from its least to its greatest value; the last group may be shorter.

    Args:
        weight: [out, in] of any float dtype.

    Returns:
        uint8 [out, in] of 0 ... 15, and scales and offsets [out, groups] in the weight's dtype.
    """
    rows, width = weight.shape
    missing = -width % group
    grouped = F.pad(weight.float()[:, None], (0, missing), mode="replicate")[:, 0].view(rows, -1, group)
    least, most = grouped.amin(-1), grouped.amax(-1)
    scales = ((most - least) / 15).to(weight.dtype)
    offsets = (least + 8 * scales.float()).to(weight.dtype)
    safe = torch.where(scales > 0, scales, 1.0).float()
    values = ((grouped - offsets.float()[..., None]) / safe[..., None]).round_().add_(8).clamp_(0, 15).to(torch.uint8)
    return values.view(rows, -1)[:, :width].contiguous(), scales, offsets


def dequantize_int4(values: Tensor, scales: Tensor, offsets: Tensor, group: int) -> Tensor:
    """float32 [out, in] from what `quantize_int4` gives."""
    width = values.shape[1]
    spread = [each.float().repeat_interleave(group, dim=1)[:, :width] for each in (scales, offsets)]
    return (values.float() - 8) * spread[0] + spread[1]


def pack_int4(values: Tensor) -> Tensor:
    """uint8 [out, ceil(in / 2)]: two values of 0 ... 15 a byte, the earlier one in the low bits."""
    if values.shape[1] % 2:
        values = F.pad(values, (0, 1))
    return values[:, ::2] | values[:, 1::2] << 4


def unpack_int4(packed: Tensor, width: int) -> Tensor:
    """uint8 [out, width]: `pack_int4` undone."""
    return torch.stack((packed & 15, packed >> 4), dim=-1).flatten(1)[:, :width]
