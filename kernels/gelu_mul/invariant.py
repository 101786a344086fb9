"""gelu_mul by calls whose rounding does not depend on where an element stands."""

from __future__ import annotations

import math

from torch import Tensor

SCALE = math.sqrt(2 / math.pi)


def gelu_mul(gate_up: Tensor) -> Tensor:
    """As `weft.kernels.gelu_mul` with `batch_invariant=True`."""
    gate, up = gate_up.float().chunk(2, -1)
    # Each product and sum is a call of its own: a fused one would round differently at a loop's end.
    inner = (gate * gate).mul_(gate).mul_(0.044715).add_(gate).mul_(SCALE)
    return inner.tanh_().add_(1).mul_(gate).mul_(0.5).mul_(up).to(gate_up.dtype)
