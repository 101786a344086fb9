"""linear in plain torch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """As `weft.kernels.linear`."""
    return F.linear(x, weight, bias)
