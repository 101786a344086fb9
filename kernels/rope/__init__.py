"""Rotary position embedding of queries and keys, by Hugging Face's "rotate half" convention.

    for t in range(T), for every head h, for i in range(R / 2):        # R <= D: the rotated part
        a, b = x[t, h, i], x[t, h, i + R / 2]
        c, s = cos(positions[t] * inv_freq[i]), sin(positions[t] * inv_freq[i])
        y[t, h, i], y[t, h, i + R / 2] = a * c - b * s, b * c + a * s
    y[t, h, R:] = x[t, h, R:]

In float32, rounded once to x's dtype. Cosines and sines come from `cos_sin_cache`, made once a model.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..dispatch import choose
from .reference import rope as _reference


def cos_sin_cache(inv_freq: Tensor, length: int, *, start: int = 0, scale: float = 1.0) -> Tensor:
    """The table `rope` reads.

    Args:
        inv_freq: float [R / 2], radians a position, lowest index first; [length, R / 2] for each position its own.
        length: how many positions.
        start: the first of them.
        scale: multiplies every cosine and sine (YaRN's attention factor).

    Returns:
        float32 [length, 2, R] on inv_freq's device: the cosines of both halves, then (-sines, sines).
    """
    positions = torch.arange(start, start + length, dtype=torch.float32, device=inv_freq.device)
    angles = positions[:, None] * inv_freq.float()
    cos, sin = angles.cos() * scale, angles.sin() * scale
    return torch.stack([torch.cat([cos, cos], -1), torch.cat([-sin, sin], -1)], 1)


def rope(q: Tensor, k: Tensor, positions: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
    """Rotate queries and keys by their positions; new tensors, the arguments are left alone.

    Args:
        q: float32, bfloat16 or float16 [T, H, D].
        k: the same dtype, [T, KV, D].
        positions: int64 [T], each in [0, length).
        cache: what `cos_sin_cache` gave, on q's device.
    """
    if choose("rope", q.device).path == "cpu":
        from .cpu import rope as _cpu  # numba is loaded only where it runs

        return _cpu(q, k, positions, cache)
    return _reference(q, k, positions, cache)
