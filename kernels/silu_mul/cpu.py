"""silu_mul on a CPU: one compiled pass, whose exponentials run on vectors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..simd import KINDS, compiled, exp, read, write


def silu_mul(gate_up: Tensor) -> Tensor:
    """As `weft.kernels.silu_mul`."""
    count, width = gate_up.shape
    gate_up = gate_up.contiguous()
    out = torch.empty(count, width // 2, dtype=gate_up.dtype)
    _gate(KINDS[gate_up.dtype], gate_up.data_ptr(), out.data_ptr(), count, width // 2)
    return out


@compiled
def _gate(kind, gate_up, out, count, width):
    """Addresses of [T, 2 * width] and of [T, width]."""
    for row in range(count):
        for i in range(width):
            gate = read(kind, gate_up, 2 * row * width + i)
            up = read(kind, gate_up, (2 * row + 1) * width + i)
            write(kind, out, row * width + i, gate / (np.float32(1) + exp(-gate)) * up)
