"""The gated feed-forward layer: down(activation(gate(x)) * up(x)) (Shazeer 2020, "GLU variants")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ...kernels.linear.layer import Linear


class GatedActivation(Protocol):
    """`weft.kernels.silu_mul` or `weft.kernels.gelu_mul`."""

    def __call__(self, gate_up: Tensor, *, batch_invariant: bool = False) -> Tensor: ...


@dataclass(frozen=True, slots=True, eq=False)
class GatedMLP:
    """One feed-forward layer; gate and up are one matrix.

    Attributes:
        batch_invariant: a row's result is the same bits whatever stands beside it.
    """

    gate_up: Linear
    down: Linear
    activation: GatedActivation
    batch_invariant: bool

    def __call__(self, hidden: Tensor) -> Tensor:
        """[T, hidden] from [T, hidden]."""
        return self.down(self.activation(self.gate_up(hidden), batch_invariant=self.batch_invariant))
