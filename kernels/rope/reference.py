"""rope in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor


def rope(q: Tensor, k: Tensor, positions: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
    """As `weft.kernels.rope`."""
    cos, sin = cache.index_select(0, positions).unsqueeze(2).unbind(1)
    return _rotate(q, cos, sin), _rotate(k, cos, sin)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    width = cos.shape[-1]
    turned = x if width == x.shape[-1] else x[..., :width]
    # Multiply and add apart: a fused one would round differently in the vector body and the tail of torch's loops.
    out = (turned * cos).add_(turned.roll(width // 2, -1) * sin).to(x.dtype)
    return out if turned is x else torch.cat([out, x[..., width:]], -1)
