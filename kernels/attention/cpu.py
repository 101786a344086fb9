"""attention on a CPU: one compiled pass over the pages for each new token, whatever the batch and the chunk.

It gathers no keys and makes no masks. What it does not do, branches and heads whose width is no multiple of sixteen,
goes by the batched path.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..simd import KINDS, LANES
from . import batched
from .cpu_rows import attend, shape
from .plan import AttentionPlan


def attention(q: Tensor, k_pages: Tensor, v_pages: Tensor, plan: AttentionPlan, softcap: float = 0.0) -> Tensor:
    """As `weft.kernels.attention`."""
    heads, width = q.shape[1:]
    if width % LANES:
        return batched.attention(q, k_pages, v_pages, plan, softcap)
    out = torch.empty(q.shape, dtype=q.dtype)
    batched.attend_long(out, q, k_pages, v_pages, plan.branched, plan.scale, softcap)
    kv_heads, num_pages, page_size, _ = k_pages.shape
    if q.stride()[1:] != (width, 1):
        q = q.contiguous()
    attend(
        KINDS[q.dtype],
        shape(heads // kv_heads, width),
        q.data_ptr(),
        q.stride(0),
        k_pages.data_ptr(),
        v_pages.data_ptr(),
        out.data_ptr(),
        kv_heads,
        num_pages,
        page_size,
        plan.queries,
        plan.step.table,
        (np.float32(plan.scale), np.float32(softcap)),
    )
    return out
