"""Layers in compressed-tensors' format `pack-quantized`, as llm-compressor writes them.

weight_packed      int32 [out, ceil(in * bits / 32)]     values, along the inputs, from -2^(bits - 1) counted up
weight_scale       float [out, groups]
weight_zero_point  int32 [ceil(out * bits / 32), groups] along the outputs, likewise; or int8 [out, groups], as it is;
                                                         none where 0 stands for 0
weight_g_idx       int32 [in]                            each input's group; none where groups are in order
weight_shape       int64 [2]                             out and in
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...errors import ModelError
from .quantized_folder import Format, Grouped, even_groups, group_size, setting, unpacked

_PARTS = ("weight_scale", "weight_zero_point", "weight_g_idx", "weight_shape")


def compressed_tensors(config: Mapping[str, Any]) -> Format:
    """By `quantization_config`. Raises `ModelError` for what is not supported, by name."""
    setting(config, "format", ("pack-quantized",))
    if config.get("kv_cache_scheme") is not None:
        raise ModelError("quantization_config: a quantised KV cache (kv_cache_scheme) is not supported")
    groups = config.get("config_groups")
    if not isinstance(groups, dict) or not groups:
        raise ModelError("quantization_config: config_groups is missing")
    schemes = list(groups.values())
    for scheme in schemes:
        for name in ("input_activations", "output_activations"):
            if scheme.get(name) is not None:
                raise ModelError(f"quantization_config: quantised {name} are not supported")
    weights = schemes[0].get("weights") or {}
    if any(scheme.get("weights") != weights for scheme in schemes):
        raise ModelError("quantization_config: config_groups whose weights differ are not supported")
    bits = setting(weights, "num_bits", (4, 8))
    setting(weights, "type", ("int",), "int")
    strategy = setting(weights, "strategy", ("group", "channel"), "channel")
    size = group_size(weights, "group_size") if strategy == "group" else -1
    return Format("weight_packed", _PARTS, partial(_read, bits=bits, size=size), f"compressed-tensors ({bits} bits)")


def _read(parts: Mapping[str, Tensor], *, bits: int, size: int) -> Grouped:
    outputs, width = (int(number) for number in parts["weight_shape"])
    scales = parts["weight_scale"].view(outputs, -1)
    values = unpacked(parts["weight_packed"], bits, 1)[:, :width]
    if values.shape != (outputs, width):
        raise ValueError(f"weight_shape is {[outputs, width]}")
    zeros = torch.full(scales.shape, 1 << bits - 1, dtype=torch.uint8)
    held = parts.get("weight_zero_point")
    if held is not None:
        packed = held.dtype == torch.int32
        zeros = unpacked(held, bits, 0)[:outputs] if packed else (held.view(outputs, -1).int() + zeros).to(torch.uint8)
    if zeros.shape != scales.shape:
        raise ValueError(f"zeros are {list(zeros.shape)} and scales {list(scales.shape)}")
    groups = even_groups(width, scales.shape[1], size)
    order = parts.get("weight_g_idx")
    if order is not None and not bool((order == -1).all()):  # -1 is written for no order
        if order.shape != (width,) or not 0 <= int(order.min()) <= int(order.max()) < scales.shape[1]:
            raise ValueError(f"weight_g_idx must name one of {scales.shape[1]} groups for each of {width} inputs")
        groups = order.long()
    return Grouped(values, zeros, scales, groups)
