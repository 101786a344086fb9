"""A linear layer, optionally one whose rows do not depend on their neighbours.

    y[t, o] = sum(x[t, i] * weight[o, i] for i in range(in)) + bias[o]

A matrix library picks its kernel by the number of rows, and another kernel may sum in another order: the same row then
differs in its last bits from batch to batch. With `batch_invariant=True` every product has the same shape.

A model holds layers (`layer.py`), not weights: a path may keep its weight in a layout or a number format of its own.
"""

from __future__ import annotations

from torch import Tensor

from .invariant import linear as _invariant
from .reference import linear as _reference


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, batch_invariant: bool = False) -> Tensor:
    """x @ weight.T + bias.

    Args:
        x: [T, in].
        weight: [out, in], x's dtype.
        bias: [out].
        batch_invariant: each row's result is the same bits whatever T is and wherever the row stands.

    Returns:
        [T, out].
    """
    return _invariant(x, weight, bias) if batch_invariant else _reference(x, weight, bias)
