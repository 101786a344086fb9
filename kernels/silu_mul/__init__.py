"""The gated activation of a feed-forward layer.

    for t in range(T), for f in range(F):
        gate, up = gate_up[t, f], gate_up[t, F + f]
        y[t, f] = gate / (1 + exp(-gate)) * up

Torch's SiLU rounds the last few elements of a loop, which it takes one by one, unlike those it takes a vector at a
time; where its threads cut the tensor depends on T. `batch_invariant=True` uses only calls that round all alike.
"""

from __future__ import annotations

from torch import Tensor

from ..dispatch import choose
from .invariant import silu_mul as _invariant
from .reference import silu_mul as _reference


def silu_mul(gate_up: Tensor, *, batch_invariant: bool = False) -> Tensor:
    """SiLU of the first half times the second.

    Args:
        gate_up: float32, bfloat16 or float16 [T, 2 F].
        batch_invariant: each row's result is the same bits whatever T is and wherever the row stands.

    Returns:
        [T, F], the same dtype; a new tensor.
    """
    path = choose("silu_mul", gate_up.device, batch_invariant=batch_invariant).path
    if path == "cpu":
        from .cpu import silu_mul as _cpu  # numba is loaded only where it runs

        return _cpu(gate_up)
    return _invariant(gate_up) if path == "invariant" else _reference(gate_up)
