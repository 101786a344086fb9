"""The parameters and the result of `masked_sample`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

LEAST_TEMPERATURE = 1e-5
"""Temperatures between 0 and this draw as at this: lower ones could overflow, and are greedy but for exact ties."""


class Sampled(NamedTuple):
    """What was drawn.

    Attributes:
        tokens: int64 [B]; -1 where everything is forbidden, -2 where the logits hold NaN or +inf.
        logprobs: float32 [B], natural log of the token's probability under the raw logits: unadjusted, unmasked, at
            temperature 1. -inf where no token was drawn.
        allowed: int32 [B], tokens the mask row allows; V where unconstrained.
    """

    tokens: Tensor
    logprobs: Tensor
    allowed: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Adjust:
    """Sparse changes to logits, at most one entry a (row, token), sorted by row.

    A logit x becomes (x / scale if x > 0 else x * scale) + add.

    Attributes:
        rows: int64 [N], row in the batch.
        tokens: int64 [N], each in [0, V).
        scale: float32 [N], repetition penalty; 1 is off.
        add: float32 [N], logit_bias less the other penalties; -inf forbids the token; never NaN or +inf.
    """

    rows: Tensor
    tokens: Tensor
    scale: Tensor
    add: Tensor

    @classmethod
    def build(
        cls, entries: Iterable[tuple[int, int, float, float]], device: torch.device | str = "cpu"
    ) -> Adjust | None:
        """From (row, token, scale, add) in any order; entries of one (row, token) multiply and add up.

        None where there are no entries.
        """
        merged: dict[tuple[int, int], tuple[float, float]] = {}
        for row, token, scale, add in entries:
            old_scale, old_add = merged.get((row, token), (1.0, 0.0))
            merged[row, token] = (old_scale * scale, old_add + add)
        if not merged:
            return None
        places = torch.tensor(sorted(merged), dtype=torch.int64)
        values = torch.tensor([merged[place] for place in sorted(merged)], dtype=torch.float32)
        rows, tokens = places.t().contiguous().to(device)
        scale_values, add_values = values.t().contiguous().to(device)
        return cls(rows, tokens, scale_values, add_values)


@dataclass(frozen=True, slots=True, eq=False)
class SamplingTensors:
    """How each row of a batch is drawn, on the logits' device.

    Attributes:
        temperature: float32 [B]; 0 is greedy.
        top_k: int32 [B]; 0 is off.
        top_p: float32 [B] in (0, 1]; 1 is off.
        min_p: float32 [B] in [0, 1]; 0 is off.
        seeds: int64 [B], any value.
        positions: int64 [B], the place in its sequence of the token to be drawn.
        adjust: changes to single logits.
    """

    temperature: Tensor
    top_k: Tensor
    top_p: Tensor
    min_p: Tensor
    seeds: Tensor
    positions: Tensor
    adjust: Adjust | None = None

    @classmethod
    def build(
        cls,
        *,
        temperature: Sequence[float],
        top_k: Sequence[int] | None = None,
        top_p: Sequence[float] | None = None,
        min_p: Sequence[float] | None = None,
        seeds: Sequence[int] | None = None,
        positions: Sequence[int] | None = None,
        adjust: Adjust | None = None,
        device: torch.device | str = "cpu",
    ) -> SamplingTensors:
        """From host lists of one value a row; what is left out is off, or 0."""
        count = len(temperature)

        def column(values: Sequence[float] | None, default: float, dtype: torch.dtype) -> Tensor:
            if values is None:
                return torch.full((count,), default, dtype=dtype, device=device)
            return torch.tensor(values, dtype=dtype, device=device)

        return cls(
            temperature=column(temperature, 0.0, torch.float32),
            top_k=column(top_k, 0, torch.int32),
            top_p=column(top_p, 1.0, torch.float32),
            min_p=column(min_p, 0.0, torch.float32),
            seeds=column(seeds, 0, torch.int64),
            positions=column(positions, 0, torch.int64),
            adjust=adjust,
        )

    def inverse_temperature(self) -> Tensor:
        """float32 [B]: what the reference and every kernel multiply by, so that all round alike."""
        return self.temperature.clamp(min=LEAST_TEMPERATURE).reciprocal()

    def log_min_p(self) -> Tensor:
        """float32 [B]: min_p as a threshold on d; -inf where it is off."""
        return self.min_p.log()
