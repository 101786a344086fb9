"""GPTQ's layers (Frantar et al. 2023), as AutoGPTQ and GPTQModel write them.

qweight  int32 [in * bits / 32, out]      values, along the inputs
qzeros   int32 [groups, out * bits / 32]  zeros, along the outputs; each one less than it is, but for format gptq_v2
scales   float [groups, out]
g_idx    int32 [in]                       each input's group: in any order where columns were quantised by activity
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from ...errors import ModelError
from .quantized_folder import Format, Grouped, even_groups, group_size, setting, unpacked


def gptq(config: Mapping[str, Any]) -> Format:
    """By `quantization_config`. Raises `ModelError` for what is not supported, by name."""
    bits = setting(config, "bits", (4, 8, 2))
    kind = setting(config, "checkpoint_format", ("gptq", "gptq_v2"), "gptq")
    setting(config, "pack_dtype", ("int32",), "int32")
    if config.get("is_marlin_format"):
        raise ModelError("quantization_config: GPTQ in Marlin's layout is not supported")
    if config.get("dynamic"):
        raise ModelError("quantization_config: GPTQ with settings that differ by module ('dynamic') is not supported")
    size = group_size(config, "group_size")
    read = partial(_read, bits=bits, size=size, less=1 if kind == "gptq" else 0)
    return Format("qweight", ("qzeros", "scales", "g_idx"), read, f"GPTQ ({bits} bits)")


def _read(parts: Mapping[str, Tensor], *, bits: int, size: int, less: int) -> Grouped:
    values = unpacked(parts["qweight"], bits, 0)
    zeros = (unpacked(parts["qzeros"], bits, 1) + less) & (1 << bits) - 1  # a zero of 0, less one, wraps around
    scales = parts["scales"]
    width, outputs = values.shape
    if not zeros.shape == scales.shape == (len(scales), outputs):
        raise ValueError(f"{outputs} outputs, but zeros {list(zeros.shape)} and scales {list(scales.shape)}")
    groups = parts["g_idx"].long() if "g_idx" in parts else even_groups(width, len(scales), size)
    if groups.shape != (width,) or (width and not 0 <= int(groups.min()) <= int(groups.max()) < len(scales)):
        raise ValueError(f"g_idx must name one of {len(scales)} groups for each of {width} inputs")
    return Grouped(values.T, zeros.T, scales.T, groups)
