"""The decoder that all families share: embeddings, layers along one residual stream, a norm, the head.

    x = embedding[ids] * embedding_scale
    for layer in layers:
        x = x + after_attention(attention(before_attention(x)))
        x = x + after_mlp(mlp(before_mlp(x)))
    logits = head(norm(x)), squeezed into (-logit_cap, logit_cap)

Every norm is RMSNorm (Zhang and Sennrich 2019); the two `after` ones are left out by most families. The addition of one
step and the norm of the next are one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...kernels.attention import AttentionPlan
from ...kernels.rms_norm import rms_norm
from ..kv_cache import KVCache
from .attention_block import AttentionBlock
from .config import ModelConfig
from .loading import Weights


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer: attention and a feed-forward part, with the weights [hidden] of the norms around them."""

    before_attention: Tensor
    attention: AttentionBlock
    before_mlp: Tensor
    mlp: Callable[[Tensor], Tensor]
    after_attention: Tensor | None = None
    after_mlp: Tensor | None = None


class Decoder:
    """A model, as `registry.Model` has it.

    Args:
        weights: where the embeddings, the last norm and the head are taken from.
        layers: in order.
        norm: weight [hidden] of the last norm.
        attention_scale: multiplies attention scores; the head's width to the power -1/2 by default.
        embedding_scale: multiplies embeddings, rounded to their dtype.
        logit_cap: logits are squeezed into (-logit_cap, logit_cap); 0 for none.
    """

    def __init__(
        self,
        config: ModelConfig,
        weights: Weights,
        layers: Sequence[Layer],
        norm: Tensor,
        *,
        batch_invariant: bool,
        attention_scale: float | None = None,
        embedding_scale: float | None = None,
        logit_cap: float = 0.0,
    ) -> None:
        self.config = config
        self.attention_scale = config.head_dim**-0.5 if attention_scale is None else attention_scale
        self.batch_invariant = batch_invariant
        self._layers = tuple(layers)
        self._norms = [*(layer.before_attention for layer in layers[1:]), norm]
        self._embeddings = weights.take("model.embed_tokens.weight", (config.vocab_size, config.hidden_size))
        if embedding_scale is not None:
            embedding_scale = torch.tensor(embedding_scale).to(self._embeddings.dtype).item()
        self._embedding_scale = embedding_scale
        tied = self._embeddings if config.tie_embeddings else None
        self._head = weights.head("lm_head", config.vocab_size, config.hidden_size, tied=tied)
        self._logit_cap = logit_cap

    def forward(self, ids: Tensor, positions: Tensor, cache: KVCache, slots: Tensor, plan: AttentionPlan) -> Tensor:
        """See `registry.Model.forward`."""
        eps = self.config.rms_norm_eps
        residual = self._embeddings[ids]
        if self._embedding_scale is not None:
            residual = residual * self._embedding_scale
        hidden = rms_norm(residual, self._layers[0].before_attention, eps)
        pages = zip(cache.keys, cache.values, strict=True)
        for layer, (k_pages, v_pages), norm in zip(self._layers, pages, self._norms, strict=True):
            attended = layer.attention(hidden, positions, k_pages, v_pages, slots, plan)
            if layer.after_attention is not None:
                attended = rms_norm(attended, layer.after_attention, eps)
            hidden, residual = rms_norm(attended, layer.before_mlp, eps, residual)
            mixed = layer.mlp(hidden)
            if layer.after_mlp is not None:
                mixed = rms_norm(mixed, layer.after_mlp, eps)
            hidden, residual = rms_norm(mixed, norm, eps, residual)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """See `registry.Model.logits`."""
        logits = self._head(hidden).float()
        return logits.div_(self._logit_cap).tanh_().mul_(self._logit_cap) if self._logit_cap else logits
