"""attention in torch calls batched over sequences, for devices without a kernel.

Sequences with few new tokens (decodes, forced spans) are gathered page by page into one padded [KV, N, L, D] and go
through two batched products; a long prefill goes alone through torch's fused attention, its keys cut to its exact end,
or, where scores are capped, which that has no way for, through products over a few queries at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .parts import LongSequence, ShortBatch
from .plan import AttentionPlan

ROWS = 64
"""Queries of a long sequence taken at once where scores are capped: bounds the memory that its scores take."""


def attention(q: Tensor, k_pages: Tensor, v_pages: Tensor, plan: AttentionPlan, softcap: float = 0.0) -> Tensor:
    """As `weft.kernels.attention`."""
    out = torch.empty_like(q)
    for batch in plan.short:
        _short(out, q, k_pages, v_pages, batch, plan.scale, softcap)
    attend_long(out, q, k_pages, v_pages, plan.long, plan.scale, softcap)
    return out


def attend_long(
    out: Tensor,
    q: Tensor,
    k_pages: Tensor,
    v_pages: Tensor,
    sequences: Sequence[LongSequence],
    scale: float,
    softcap: float,
) -> None:
    """Attend for the rows of `sequences` alone."""
    for sequence in sequences:
        if softcap:
            _long_capped(out, q, k_pages, v_pages, sequence, scale, softcap)
        else:
            _long(out, q, k_pages, v_pages, sequence, scale)


def _short(
    out: Tensor, q: Tensor, k_pages: Tensor, v_pages: Tensor, batch: ShortBatch, scale: float, softcap: float
) -> None:
    heads, width = q.shape[1:]
    kv = k_pages.shape[0]
    groups, queries = heads // kv, batch.queries
    count = len(batch.rows) // queries
    # [N, Q, KV, G, D] -> [KV * N, G * Q, D]
    query = (q.index_select(0, batch.rows).float() * scale).view(count, queries, kv, groups, width)
    query = query.permute(2, 0, 3, 1, 4).reshape(kv * count, groups * queries, width)
    keys, values = (_gather(pages, batch, kv * count) for pages in (k_pages, v_pages))
    scores = torch.bmm(query, keys.transpose(1, 2))
    if softcap:
        scores.div_(softcap).tanh_().mul_(softcap)
    if batch.bias is not None:
        scores.view(kv, count, groups, queries, -1).add_(batch.bias)
    result = torch.bmm(scores.softmax(-1), values).view(kv, count, groups, queries, width)
    result = result.permute(1, 3, 0, 2, 4).reshape(count * queries, heads, width).to(q.dtype)
    if batch.real is None:
        out.index_copy_(0, batch.rows, result)
    else:
        out.index_copy_(0, batch.rows.index_select(0, batch.real), result.index_select(0, batch.real))


def _gather(pages: Tensor, batch: ShortBatch, count: int) -> Tensor:
    """The batch's keys or values, float32 [KV * N, L, D], zero past each sequence's end.

    What lies there may be NaN, and a weight of 0 would not silence it.
    """
    kv, width = pages.shape[0], pages.shape[3]
    rows = pages.index_select(1, batch.pages).view(kv, -1, width)
    if len(batch.stale):
        rows.index_fill_(1, batch.stale, 0.0)
    return rows.view(count, -1, width).float()


def _long(out: Tensor, q: Tensor, k_pages: Tensor, v_pages: Tensor, sequence: LongSequence, scale: float) -> None:
    keys, values = (_keys(pages, sequence)[None] for pages in (k_pages, v_pages))
    rows = slice(sequence.start, sequence.stop)
    result = F.scaled_dot_product_attention(
        q[rows].transpose(0, 1)[None],
        keys,
        values,
        attn_mask=sequence.mask,
        is_causal=sequence.mask is None,
        scale=scale,
        enable_gqa=q.shape[1] != k_pages.shape[0],
    )
    out[rows] = result[0].transpose(0, 1)


def _long_capped(
    out: Tensor, q: Tensor, k_pages: Tensor, v_pages: Tensor, sequence: LongSequence, scale: float, softcap: float
) -> None:
    keys, values = (_keys(pages, sequence).float() for pages in (k_pages, v_pages))
    kv, context, width = keys.shape
    count = sequence.stop - sequence.start
    seen = sequence.mask
    if seen is None:
        seen = torch.ones(count, context, dtype=torch.bool, device=q.device).tril_()
    for first in range(0, count, ROWS):
        rows = slice(sequence.start + first, sequence.start + min(first + ROWS, count))
        query = (q[rows].float() * scale).transpose(0, 1).reshape(kv, -1, width)  # [KV, G * n, D]
        scores = torch.bmm(query, keys.transpose(1, 2)).div_(softcap).tanh_().mul_(softcap)
        hidden = ~seen[first : first + ROWS]
        scores.view(kv, -1, *hidden.shape).masked_fill_(hidden, -torch.inf)
        result = torch.bmm(scores.softmax(-1), values).view(q.shape[1], -1, width)
        out[rows] = result.transpose(0, 1).to(q.dtype)


def _keys(pages: Tensor, sequence: LongSequence) -> Tensor:
    """A sequence's keys or values [KV, context, D], cut to its exact end."""
    return pages.index_select(1, sequence.pages).flatten(1, 2)[:, : sequence.context]
