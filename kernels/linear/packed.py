"""linear with its weight in oneDNN's own layout, for CPUs.

Torch's own call puts a bfloat16 weight into that layout anew each time, which costs more than the product of few rows;
and it gives float32 to another library, made for other CPUs than one may have.
"""

from __future__ import annotations

import platform
from typing import Any

import torch
from torch import Tensor

_mkldnn: Any = torch.ops.mkldnn
_ROWS = 64
"""Rows the layout is chosen for; measured, it is as good for 1 and for 256."""


class Packed:
    """A layer of float32 or bfloat16. A weight that is used elsewhere too, as embeddings are, is then held twice."""

    __slots__ = ("_bias", "_weight")

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self._weight = _mkldnn._reorder_linear_weight(weight.contiguous(), _ROWS)
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        out: Tensor = _mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return out


def has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself. oneDNN also takes it where AVX512 has to stand in for that."""
    if not _mkldnn._is_mkldnn_bf16_supported():
        return False
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return platform.machine() not in ("x86_64", "AMD64") or native is None or bool(native())


def why_not(device: torch.device, dtype: torch.dtype) -> str | None:
    """Why `Packed` does not serve this device and dtype; None where it does."""
    if device.type != "cpu":
        return f"the device is {device.type}"
    if not all(hasattr(_mkldnn, name) for name in ("_reorder_linear_weight", "_is_mkldnn_bf16_supported")):
        return "this torch has no oneDNN"
    if dtype == torch.bfloat16 and not has_bfloat16():
        return "this CPU has no instructions for bfloat16"
    if dtype not in (torch.float32, torch.bfloat16):
        return f"oneDNN is not asked for {str(dtype).removeprefix('torch.')}"
    return None
