"""Root-mean-square normalisation, optionally with the residual addition before it.

    for t in range(T):
        r = x[t] (+ residual[t])
        y[t] = r / sqrt(mean(r * r) + eps) * weight        # in float32, rounded once to x's dtype

A row's result does not depend on the other rows.
"""

from __future__ import annotations

from typing import overload

from torch import Tensor

from ..dispatch import choose
from .reference import rms_norm as _reference


@overload
def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor: ...
@overload
def rms_norm(x: Tensor, weight: Tensor, eps: float, residual: Tensor) -> tuple[Tensor, Tensor]: ...
def rms_norm(x: Tensor, weight: Tensor, eps: float, residual: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
    """Normalise the last dimension of `x`.

    Args:
        x: float32, bfloat16 or float16 [..., H].
        weight: [H], x's dtype or float32.
        eps: added to the mean square.
        residual: x's shape and dtype, added before normalising.

    Returns:
        y, x's shape and dtype; with `residual`, (y, x + residual).
    """
    if choose("rms_norm", x.device).path == "cpu":
        from .cpu import rms_norm as _cpu  # numba is loaded only where it runs

        y, total = _cpu(x, weight, eps, residual)
        return y if residual is None else (y, total)
    if residual is None:
        return _reference(x, weight, eps)
    total = x + residual
    return _reference(total, weight, eps), total
