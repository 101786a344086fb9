"""Qwen3-MoE: Qwen3 with many small experts in the place of most feed-forward layers (Yang et al. 2025, section 2)."""

from __future__ import annotations

from .config import ModelConfig
from .decoder import Decoder, Layer
from .features import number as number_of
from .features import require, window_size
from .llama import attention_block, gated_mlp, llama_layer, norm
from .loading import Weights
from .mlp import GatedMLP
from .moe import SparseMLP
from .rope_scaling import rope_table


def qwen3_moe(config: ModelConfig, weights: Weights, *, batch_invariant: bool) -> Decoder:
    """`Qwen3MoeForCausalLM`. Raises `ModelError` for tensors or features that it does not know."""
    require(config, "hidden_act", "silu")
    raw, bias = config.raw, config.attention_bias
    table = rope_table(config, weights.device)
    slides = bool(raw.get("use_sliding_window")) and raw.get("sliding_window") is not None
    window = window_size(config) if slides else None

    def layer(number: int) -> Layer:
        prefix = f"model.layers.{number}."
        attention = attention_block(
            config,
            weights,
            prefix + "self_attn.",
            table,
            bias=bias,
            output_bias=bias,
            window=window,
            head_norms=True,
        )
        read = _experts if _is_sparse(config, number) else gated_mlp
        mlp = read(config, weights, prefix + "mlp.", batch_invariant=batch_invariant)
        return llama_layer(config, weights, prefix, attention, mlp)

    layers = [layer(number) for number in range(config.num_layers)]
    return Decoder(config, weights, layers, norm(config, weights, "model.norm"), batch_invariant=batch_invariant)


def _is_sparse(config: ModelConfig, number: int) -> bool:
    raw = config.raw
    step = int(raw.get("decoder_sparse_step") or 1)
    return number not in (raw.get("mlp_only_layers") or []) and (number + 1) % step == 0


def _experts(config: ModelConfig, weights: Weights, prefix: str, *, batch_invariant: bool) -> SparseMLP:
    count = config.raw.get("num_experts") or number_of(config, "num_local_experts")
    inner, top = (int(number_of(config, name)) for name in ("moe_intermediate_size", "num_experts_per_tok"))

    def expert(at: int) -> GatedMLP:
        return gated_mlp(config, weights, f"{prefix}experts.{at}.", batch_invariant=batch_invariant, inner=inner)

    return SparseMLP(
        weights.take(prefix + "gate.weight", (int(count), config.hidden_size)),
        [expert(at) for at in range(int(count))],
        top,
        rescale=bool(config.raw.get("norm_topk_prob")),
        batch_invariant=batch_invariant,
    )
