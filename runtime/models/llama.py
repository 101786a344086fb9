"""Llama: RMSNorm, rotary positions, grouped-query attention, SiLU-gated MLP (Touvron et al. 2023, section 2.2)."""

from __future__ import annotations

import torch

from ...errors import ModelError
from ...kernels.attention import AttentionPlan, attention
from ...kernels.rms_norm import rms_norm
from ...kernels.rope import cos_sin_cache, rope
from ...kernels.silu_mul import silu_mul
from ...kernels.store_kv import store_kv
from ..kv_cache import KVCache
from .config import ModelConfig
from .loading import Weights


class LlamaModel:
    """The whole model. Weights of one input are stored as one matrix (QKV; gate and up)."""

    def __init__(self, config: ModelConfig, weights: Weights, *, batch_invariant: bool) -> None:
        _refuse_unknown_features(config)
        self.config = config
        self.attention_scale = config.head_dim**-0.5
        self.batch_invariant = batch_invariant
        self._embeddings = weights.take("model.embed_tokens.weight", (config.vocab_size, config.hidden_size))
        self._layers = [_Layer(config, weights, number, batch_invariant) for number in range(config.num_layers)]
        self._norm = weights.take("model.norm.weight", (config.hidden_size,))
        tied = self._embeddings if config.tie_embeddings else None
        self._head = weights.head("lm_head", config.vocab_size, config.hidden_size, tied=tied)
        self._cos_sin = cos_sin_cache(inverse_frequencies(config), config.max_positions).to(self._embeddings.device)

    def forward(
        self, ids: torch.Tensor, positions: torch.Tensor, cache: KVCache, slots: torch.Tensor, plan: AttentionPlan
    ) -> torch.Tensor:
        """See `registry.Model.forward`."""
        residual = self._embeddings[ids]
        hidden = rms_norm(residual, self._layers[0].input_norm, self.config.rms_norm_eps)
        for number, layer in enumerate(self._layers):
            after = self._layers[number + 1].input_norm if number + 1 < len(self._layers) else self._norm
            attended = layer.attend(
                hidden, positions, self._cos_sin, cache.keys[number], cache.values[number], slots, plan
            )
            hidden, residual = rms_norm(attended, layer.post_norm, self.config.rms_norm_eps, residual)
            hidden, residual = rms_norm(layer.mlp(hidden), after, self.config.rms_norm_eps, residual)
        return hidden

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """See `registry.Model.logits`."""
        return self._head(hidden).float()


class _Layer:
    def __init__(self, config: ModelConfig, weights: Weights, number: int, batch_invariant: bool) -> None:
        self._config = config
        self._invariant = batch_invariant
        prefix = f"model.layers.{number}."
        weights.ignore(prefix + "self_attn.rotary_emb.inv_freq")  # old checkpoints hold what we compute
        width, inner = config.hidden_size, config.intermediate_size
        q_size, kv_size = config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim
        self.input_norm = weights.take(prefix + "input_layernorm.weight", (width,))
        self.post_norm = weights.take(prefix + "post_attention_layernorm.weight", (width,))
        attention_parts = (("q_proj", q_size), ("k_proj", kv_size), ("v_proj", kv_size))
        self._qkv = weights.linear(prefix + "self_attn.", attention_parts, width, bias=config.attention_bias)
        self._output = weights.linear(prefix + "self_attn.", (("o_proj", width),), q_size, bias=config.attention_bias)
        gate_up_parts = (("gate_proj", inner), ("up_proj", inner))
        self._gate_up = weights.linear(prefix + "mlp.", gate_up_parts, width, bias=config.mlp_bias)
        self._down = weights.linear(prefix + "mlp.", (("down_proj", width),), inner, bias=config.mlp_bias)
        self._split = [q_size, kv_size, kv_size]

    def attend(
        self,
        hidden: torch.Tensor,
        positions: torch.Tensor,
        cos_sin: torch.Tensor,
        k_pages: torch.Tensor,
        v_pages: torch.Tensor,
        slots: torch.Tensor,
        plan: AttentionPlan,
    ) -> torch.Tensor:
        config = self._config
        count = hidden.shape[0]
        q, k, v = self._qkv(hidden).split(self._split, dim=-1)
        q, k = rope(
            q.reshape(count, config.num_heads, config.head_dim),
            k.reshape(count, config.num_kv_heads, config.head_dim),
            positions,
            cos_sin,
        )
        store_kv(k, v.reshape(count, config.num_kv_heads, config.head_dim), k_pages, v_pages, slots)
        mixed = attention(q, k_pages, v_pages, plan)
        return self._output(mixed.reshape(count, -1))

    def mlp(self, hidden: torch.Tensor) -> torch.Tensor:
        return self._down(silu_mul(self._gate_up(hidden), batch_invariant=self._invariant))


def inverse_frequencies(config: ModelConfig) -> torch.Tensor:
    """Radians a position turns each rotary pair by: float32 [head_dim / 2] (Su et al. 2021, section 3.2.2)."""
    return config.rope_theta ** (-torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim)


def _refuse_unknown_features(config: ModelConfig) -> None:
    raw = config.raw
    rope = raw.get("rope_parameters") or raw.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise ModelError(f"rope scaling of type {kind!r} is not supported for {config.architecture}")
    if raw.get("hidden_act", "silu") != "silu":
        raise ModelError(f"hidden_act {raw['hidden_act']!r} is not supported for {config.architecture}")
    if raw.get("quantization_config"):
        method = raw["quantization_config"].get("quant_method", "unknown")
        raise ModelError(f"weights quantised by {method!r} are not supported")
