"""Grouped-query attention of one layer: project, norm, rotate, store, attend, project (Ainslie et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ...kernels.attention import AttentionPlan, attention
from ...kernels.linear.layer import Linear
from ...kernels.rms_norm import rms_norm
from ...kernels.rope import rope
from ...kernels.store_kv import store_kv
from .config import ModelConfig
from .rope_scaling import RopeTable


@dataclass(frozen=True, slots=True, eq=False)
class AttentionBlock:
    """One layer's attention.

    Attributes:
        config: heads and widths.
        qkv: hidden to queries, keys and values, one after the other.
        output: heads to hidden.
        table: what rotates queries and keys; None for a layer without positions (Kazemnejad et al. 2023, "NoPE").
        window: positions a query sees, its own included; None for all.
        softcap: scores are squeezed into (-softcap, softcap); 0 for none.
        q_norm, k_norm: [head_dim], weights by which each head is normalised before it is rotated; None for no norm.
    """

    config: ModelConfig
    qkv: Linear
    output: Linear
    table: RopeTable | None
    window: int | None = None
    softcap: float = 0.0
    q_norm: Tensor | None = None
    k_norm: Tensor | None = None

    def __call__(
        self, hidden: Tensor, positions: Tensor, k_pages: Tensor, v_pages: Tensor, slots: Tensor, plan: AttentionPlan
    ) -> Tensor:
        """[T, hidden] from [T, hidden]; the new tokens' keys and values go to `slots` of this layer's pages."""
        config, count = self.config, hidden.shape[0]
        sizes = [heads * config.head_dim for heads in (config.num_heads, config.num_kv_heads, config.num_kv_heads)]
        parts = self.qkv(hidden).split(sizes, dim=-1)
        q, k, v = (part.reshape(count, -1, config.head_dim) for part in parts)
        if self.q_norm is not None and self.k_norm is not None:
            q, k = (
                rms_norm(part, weight, config.rms_norm_eps) for part, weight in ((q, self.q_norm), (k, self.k_norm))
            )
        if self.table is not None:
            q, k = rope(q, k, positions, self.table.upto(plan.longest))
        store_kv(k, v, k_pages, v_pages, slots)
        mixed = attention(q, k_pages, v_pages, plan, window=self.window, softcap=self.softcap)
        return self.output(mixed.reshape(count, -1))
