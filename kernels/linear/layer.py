"""A linear layer that holds its weight in the layout its path reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from ..dispatch import Choice, choose
from . import linear, packed


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


def unquantized(
    device: torch.device, dtype: torch.dtype, *, batch_invariant: bool = False
) -> tuple[MakeLinear, Choice]:
    """What makes the layers of a model whose weights stay in `dtype`, and why that."""
    reason = packed.why_not(device, dtype)
    if reason is None and not batch_invariant:
        return packed.Packed, Choice("linear", "packed", "oneDNN has its weights in its own layout ready")
    choice = choose("linear", device, batch_invariant=batch_invariant)
    if not batch_invariant and device.type == "cpu":
        choice = Choice("linear", choice.path, str(reason))
    return partial(Dense, batch_invariant=batch_invariant), choice
