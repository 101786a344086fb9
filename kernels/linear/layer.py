"""A linear layer that holds its weight in the layout its path reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from . import linear


class Linear(Protocol):
    """What a model calls, however the weight is kept: x @ weight.T + bias."""

    def __call__(self, x: Tensor) -> Tensor:
        """[T, out] from `x` [T, in], in x's dtype. A row's result may depend on T unless the layer is invariant."""
        ...


class MakeLinear(Protocol):
    """How a loader turns a weight [out, in] and a bias [out] into a layer; the tensors may be let go after it."""

    def __call__(self, weight: Tensor, bias: Tensor | None = None) -> Linear: ...


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """The weight as it is.

    Attributes:
        weight: [out, in].
        bias: [out].
        batch_invariant: see `weft.kernels.linear`.
    """

    weight: Tensor
    bias: Tensor | None = None
    batch_invariant: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias, batch_invariant=self.batch_invariant)
