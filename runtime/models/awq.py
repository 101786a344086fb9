"""AWQ's layers (Lin et al. 2024), in the layout that AutoAWQ calls gemm.

    qweight  int32 [in, out / 8]
    qzeros   int32 [groups, out / 8]
    scales   float [groups, out]

Eight outputs stand in a word, the lowest bits first, in the order `ORDER`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .quantized_folder import Format, Grouped, even_groups, group_size, setting, unpacked

ORDER = (0, 2, 4, 6, 1, 3, 5, 7)
"""Which of its eight outputs each place of a word holds."""


def awq(config: Mapping[str, Any]) -> Format:
    """By `quantization_config`. Raises `ModelError` for what is not supported, by name."""
    setting(config, "bits" if "bits" in config else "w_bit", (4,))
    setting(config, "version", ("gemm", "GEMM"), "gemm")
    setting(config, "zero_point", (True,), True)
    size = group_size(config, "group_size" if "group_size" in config else "q_group_size")
    return Format("qweight", ("qzeros", "scales"), partial(_read, size=size), "AWQ (4 bits)")


def _read(parts: Mapping[str, Tensor], *, size: int) -> Grouped:
    values, zeros, scales = _ordered(parts["qweight"]), _ordered(parts["qzeros"]), parts["scales"]
    width, outputs = values.shape
    if not zeros.shape == scales.shape == (len(scales), outputs):
        raise ValueError(f"{outputs} outputs, but zeros {list(zeros.shape)} and scales {list(scales.shape)}")
    return Grouped(values.T, zeros.T, scales.T, even_groups(width, len(scales), size))


def _ordered(words: Tensor) -> Tensor:
    """uint8 [rows, out] of int32 [rows, out / 8]."""
    places = torch.tensor([ORDER.index(output) for output in range(8)])
    return unpacked(words, 4, 1).view(len(words), -1, 8)[:, :, places].flatten(1)
