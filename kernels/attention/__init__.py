"""Attention of new tokens over paged keys and values: decode, prefill and any mixture of the two.

    for b in range(B):                                   # sequences; their new tokens are ragged in q
        n = query_start[b + 1] - query_start[b]
        for j in range(n), for h in range(H):
            last = context_lens[b] - n + j               # the token's own place: it sees 0 ... last
            kv = h // (H // KV)
            for p in range(max(0, last + 1 - window), last + 1):     # window: all where it is None
                page, offset = page_table[b, p // page_size], p % page_size
                score[p] = scale * dot(q[t, h], k_pages[kv, page, offset])
                if softcap: score[p] = softcap * tanh(score[p] / softcap)
            out[t, h] = sum(softmax(score)[p] * v_pages[kv, page, offset])

The keys and values of the new tokens are stored (`store_kv`) before the call. Page slots past a sequence's end may hold
anything, NaN included; entries of `page_table` past its last page are 0 and are not read as its keys. Softmax in
float32. The last tokens of a sequence may be `branches`, a tree: of these each sees its own ancestors only, and windows
count positions, not places. What depends only on the batch, not on the layer, is worked out once a step in an
`AttentionPlan`; what depends on a layer's window too, once a window.

A path that is made for plain causal attention may hand calls with a window or a cap over to `batched`.
"""

from __future__ import annotations

from torch import Tensor

from ..dispatch import choose
from .batched import attention as _batched
from .invariant import attention as _invariant
from .plan import AttentionPlan
from .reference import attention as _reference

__all__ = ["AttentionPlan", "attention"]


def _cpu(q: Tensor, k_pages: Tensor, v_pages: Tensor, plan: AttentionPlan, softcap: float) -> Tensor:
    from .cpu import attention  # numba is loaded only where it runs

    return attention(q, k_pages, v_pages, plan, softcap)


_PATHS = {"reference": _reference, "batched": _batched, "invariant": _invariant, "cpu": _cpu}


def attention(
    q: Tensor, k_pages: Tensor, v_pages: Tensor, plan: AttentionPlan, *, window: int | None = None, softcap: float = 0.0
) -> Tensor:
    """Attend.

    Args:
        q: float32, bfloat16 or float16 [T, H, D], already rotated; the sequences' new tokens one after the other.
        k_pages, v_pages: [KV, P, page_size, D], q's dtype; H is a multiple of KV.
        plan: of this step's batch, on q's device.
        window: positions a query sees, its own and those right before it (Beltagy et al. 2020, section 3.1; as Mistral
            counts it); None for all.
        softcap: scores are squeezed into (-softcap, softcap) (Gemma Team 2024, "Gemma 2", section 2); 0 for none.

    Returns:
        [T, H, D], q's dtype. Where the plan is batch-invariant, a token's result is the same bits whatever else is
        in the batch and however its prompt was cut into chunks.

    Raises:
        ValueError: a window below 1.
    """
    path = choose("attention", q.device, batch_invariant=plan.batch_invariant).path
    return _PATHS[path](q, k_pages, v_pages, plan.within(window), softcap)
