"""silu_mul in plain torch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def silu_mul(gate_up: Tensor) -> Tensor:
    """As `weft.kernels.silu_mul`."""
    gate, up = gate_up.chunk(2, -1)
    return F.silu(gate).mul_(up)
