"""attention in plain torch: a loop over sequences with a softmax in float32. The oracle; runs on any device."""

from __future__ import annotations

import torch
from torch import Tensor

from .branches import visible
from .plan import AttentionPlan


def attention(q: Tensor, k_pages: Tensor, v_pages: Tensor, plan: AttentionPlan, softcap: float = 0.0) -> Tensor:
    """As `weft.kernels.attention`."""
    out = torch.empty_like(q)
    kv = k_pages.shape[0]
    for row, context in enumerate(plan.context_lens):
        start, stop = plan.query_start[row], plan.query_start[row + 1]
        keys, values = (_sequence(pages, plan.page_table[row], context) for pages in (k_pages, v_pages))
        query = q[start:stop].float().transpose(0, 1)  # [H, n, D]
        query = query.reshape(kv, -1, *query.shape[1:])  # [KV, G, n, D]
        scores = torch.einsum("kgqd,kpd->kgqp", query, keys) * plan.scale
        if softcap:
            scores = softcap * torch.tanh(scores / softcap)
        seen = torch.from_numpy(visible(stop - start, context, plan.branches[row], plan.window)).to(q.device)
        scores.masked_fill_(~seen, -torch.inf)
        result = torch.einsum("kgqp,kpd->kgqd", scores.softmax(-1), values)
        out[start:stop] = result.flatten(0, 1).transpose(0, 1)
    return out


def _sequence(pages: Tensor, table: Tensor, context: int) -> Tensor:
    """One sequence's keys or values: float32 [KV, context, D]."""
    count = -(-context // pages.shape[2])
    return pages.index_select(1, table[:count]).flatten(1, 2)[:, :context].float()
