"""Philox4x32-10 in plain torch: uniform noise that is a function of (seed, position, token) alone."""

from __future__ import annotations

import torch
from torch import Tensor

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
_WORD = 0xFFFFFFFF


def philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    """Four words of noise for each counter.

    Args:
        counter: four int64 tensors of values in [0, 2^32) that broadcast together.
        key: two such tensors.

    Returns:
        four int64 tensors of values in [0, 2^32).
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        # 32 x 32 bits fill all 64: the product may be negative as an int64, so the shifted high half is masked.
        first, second = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0 = ((second >> 32) & _WORD) ^ c1 ^ k0
        c2 = ((first >> 32) & _WORD) ^ c3 ^ k1
        c1, c3 = second & _WORD, first & _WORD
        k0, k1 = (k0 + WEYL[0]) & _WORD, (k1 + WEYL[1]) & _WORD
    return c0, c1, c2, c3


def bits(seeds: Tensor, positions: Tensor, vocabulary: int) -> Tensor:
    """The 32 random bits of every token of every row.

    Args:
        seeds, positions: int64 [B].
        vocabulary: V.

    Returns:
        int64 [B, V] of values in [0, 2^32).
    """
    blocks = torch.arange((vocabulary + 3) // 4, device=seeds.device)
    seeds, positions = seeds[:, None], positions[:, None]
    words = philox(
        (blocks, positions & _WORD, (positions >> 32) & _WORD, torch.zeros_like(blocks)),
        (seeds & _WORD, (seeds >> 32) & _WORD),
    )
    return torch.stack(words, -1).flatten(1)[:, :vocabulary]


def gumbel(seeds: Tensor, positions: Tensor, vocabulary: int) -> Tensor:
    """float32 [B, V] of standard Gumbel noise: -log(e) for exponential e = -log(1 - u).

    Small e are the ones that win draws, so they are the ones to be fine-grained: u = (bits + 1/2) / 2^32 is at its
    finest near 0, and there -log(1 - u) is summed as a series, since 1 - u would round u's digits away.
    """
    uniform = bits(seeds, positions, vocabulary).float().add_(0.5).mul_(2.0**-32).clamp_(max=1 - 2.0**-24)
    series = uniform * (1 + uniform * (1 / 2 + uniform * (1 / 3 + uniform * (1 / 4))))
    exponential = torch.where(uniform < 1 / 256, series, -torch.log(1 - uniform))
    return -torch.log(exponential)
