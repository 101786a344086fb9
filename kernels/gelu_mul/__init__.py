"""The gated activation of a feed-forward layer, with GELU in its tanh form (Hendrycks and Gimpel 2016, section 2).

    for t in range(T), for f in range(F):
        gate, up = gate_up[t, f], gate_up[t, F + f]
        y[t, f] = gate / 2 * (1 + tanh(sqrt(2 / pi) * (gate + 0.044715 * gate ** 3))) * up

Torch's GELU rounds the last few elements of a loop unlike the others, as its SiLU does (see `silu_mul`).
`batch_invariant=True` uses only calls that round all alike.
"""

from __future__ import annotations

from torch import Tensor

from .invariant import gelu_mul as _invariant
from .reference import gelu_mul as _reference


def gelu_mul(gate_up: Tensor, *, batch_invariant: bool = False) -> Tensor:
    """GELU of the first half times the second.

    Args:
        gate_up: float32, bfloat16 or float16 [T, 2 F].
        batch_invariant: each row's result is the same bits whatever T is and wherever the row stands.

    Returns:
        [T, F], the same dtype; a new tensor.
    """
    return _invariant(gate_up) if batch_invariant else _reference(gate_up)
