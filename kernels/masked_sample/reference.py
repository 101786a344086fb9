"""masked_sample in plain torch, on any device: the oracle. Filters sort the vocabulary."""

from __future__ import annotations

import torch
from torch import Tensor

from .noise import gumbel
from .params import Adjust, Sampled, SamplingTensors

MASS_UNIT = 2.0**40
"""exp(d) = 1 in units of mass. 2^20 tokens of the greatest mass still fit an int64."""


def masked_sample(logits: Tensor, mask_table: Tensor, mask_rows: Tensor, params: SamplingTensors) -> Sampled:
    """As `weft.kernels.masked_sample`."""
    raw = logits.float()
    broken = ~(raw < torch.inf).all(-1)  # NaN compares false
    z = adjusted(raw, params.adjust)
    allowed = allowed_tokens(mask_table, mask_rows, raw.shape[1])
    z = z.masked_fill(~allowed, -torch.inf)
    best, tokens = z.max(-1)
    drawn = ((params.temperature > 0) & (best > -torch.inf) & ~broken).nonzero().squeeze(1)
    if len(drawn):
        tokens[drawn] = _draw(z[drawn], best[drawn], drawn, params)
    tokens[best == -torch.inf] = -1
    tokens[broken] = -2
    logprobs = raw.gather(1, tokens.clamp(min=0)[:, None]).squeeze(1) - raw.logsumexp(-1)
    logprobs[tokens < 0] = -torch.inf
    return Sampled(tokens, logprobs, allowed.sum(-1, dtype=torch.int32))


def adjusted(raw: Tensor, adjust: Adjust | None) -> Tensor:
    """float32 [B, V]: the logits after penalties and biases; `raw` itself where there are none."""
    if adjust is None:
        return raw
    x = raw[adjust.rows, adjust.tokens]
    x = torch.where(x > 0, x / adjust.scale, x * adjust.scale) + adjust.add
    return raw.index_put((adjust.rows, adjust.tokens), x.clamp(max=torch.finfo(torch.float32).max))


def allowed_tokens(mask_table: Tensor, mask_rows: Tensor, vocabulary: int) -> Tensor:
    """bool [B, V]: what each row's mask allows."""
    free = mask_rows[:, None] < 0
    if not len(mask_table):
        return free.expand(-1, vocabulary)
    words = mask_table[mask_rows.clamp(min=0).long()]
    shifts = torch.arange(32, dtype=torch.int32, device=words.device)
    bits = (words[:, :, None] >> shifts & 1).flatten(1)[:, :vocabulary]
    return bits.bool() | free


def _draw(z: Tensor, best: Tensor, rows: Tensor, params: SamplingTensors) -> Tensor:
    """int64 [N]: a token for each of `rows`, whose adjusted and masked logits are `z`, at most `best`."""
    d = (z - best[:, None]) * params.inverse_temperature()[rows, None]
    least = torch.maximum(params.log_min_p()[rows], threshold(d, params.top_k[rows], params.top_p[rows]))
    noise = gumbel(params.seeds[rows], params.positions[rows], z.shape[1])
    kept = (d >= least[:, None]) & (d > -torch.inf)
    return torch.where(kept, d + noise, -torch.inf).argmax(-1)


def threshold(d: Tensor, top_k: Tensor, top_p: Tensor) -> Tensor:
    """float32 [N]: the least value of `d` that top-k and then top-p keep; -inf where both are off.

    Args:
        d: float32 [N, V], at most 0 and 0 somewhere in each row.
        top_k: int32 [N]; 0 is off.
        top_p: float32 [N]; 1 is off.
    """
    by_k, by_p = top_k > 0, top_p < 1
    if not bool((by_k | by_p).any()):
        return torch.full_like(top_p, -torch.inf)
    ordered = d.sort(-1, descending=True).values
    last = (top_k.long() - 1).clamp(0, d.shape[1] - 1)
    least_k = torch.where(by_k, ordered.gather(1, last[:, None]).squeeze(1), -torch.inf)
    mass = mass_units(ordered).masked_fill_(ordered < least_k[:, None], 0)
    running = mass.cumsum(-1)
    above = (running - mass).double()  # exact for the first of equal values, which is the one that decides
    within = (above < top_p.double()[:, None] * running[:, -1:].double()).sum(-1)
    least_p = ordered.gather(1, within[:, None] - 1).squeeze(1)
    return torch.maximum(least_k, torch.where(by_p, least_p, -torch.inf))


def mass_units(d: Tensor) -> Tensor:
    """int64, d's shape: exp(d) in units of 2^-40, rounded down."""
    return (d.exp() * MASS_UNIT).long()
