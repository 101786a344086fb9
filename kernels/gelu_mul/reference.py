"""gelu_mul in plain torch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def gelu_mul(gate_up: Tensor) -> Tensor:
    """As `weft.kernels.gelu_mul`."""
    gate, up = gate_up.chunk(2, -1)
    return F.gelu(gate, approximate="tanh").mul_(up)
