"""Gemma-2 and Gemma-3: norms on both sides of each block, GELU gates, scaled embeddings, layers with a sliding window
between those that see all (Gemma Team 2024, "Gemma 2", section 2; Gemma Team 2025, "Gemma 3", section 2).

Gemma-2 caps attention scores and logits. Gemma-3 normalises queries and keys instead, and turns its two kinds of layers
by different frequencies. Every norm's weight is stored as what it exceeds 1 by; the 1 is added when it is loaded, in
float32, and the sum kept so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...kernels.gelu_mul import gelu_mul
from .attention_block import AttentionBlock
from .config import ModelConfig, rope_parameters
from .decoder import Decoder, Layer
from .features import layer_types, number, require, windows
from .llama import attention_block, gated_mlp
from .loading import Weights
from .rope_scaling import rope_table


def gemma2(config: ModelConfig, weights: Weights, *, batch_invariant: bool) -> Decoder:
    """`Gemma2ForCausalLM`. Raises `ModelError` for tensors or features that it does not know."""
    _check(config)
    table = rope_table(config, weights.device)
    sizes = windows(config, lambda layer: layer % 2 == 0)
    softcap = _cap(config, "attn_logit_softcapping")

    def attention(layer: int, prefix: str) -> AttentionBlock:
        bias = config.attention_bias
        block = attention_block(config, weights, prefix, table, bias=bias, output_bias=bias, window=sizes[layer])
        return replace(block, softcap=softcap)

    blocks = [attention(layer, f"model.layers.{layer}.self_attn.") for layer in range(config.num_layers)]
    return _gemma(config, weights, blocks, batch_invariant)


def gemma3(config: ModelConfig, weights: Weights, *, batch_invariant: bool) -> Decoder:
    """`Gemma3ForCausalLM`. Raises `ModelError` for tensors or features that it does not know."""
    _check(config)
    require(config, "attn_logit_softcapping")
    pattern = int(number(config, "sliding_window_pattern"))
    kinds = layer_types(config, lambda layer: (layer + 1) % pattern != 0)
    sizes = windows(config, lambda layer: (layer + 1) % pattern != 0)
    tables = {kind: rope_table(config, weights.device, _rope(config, kind)) for kind in sorted(set(kinds))}

    def attention(layer: int, prefix: str) -> AttentionBlock:
        bias = config.attention_bias
        table = tables[kinds[layer]]
        block = attention_block(config, weights, prefix, table, bias=bias, output_bias=bias, window=sizes[layer])
        q_norm, k_norm = (_norm(weights, prefix + name, config.head_dim) for name in ("q_norm", "k_norm"))
        return replace(block, q_norm=q_norm, k_norm=k_norm)

    blocks = [attention(layer, f"model.layers.{layer}.self_attn.") for layer in range(config.num_layers)]
    return _gemma(config, weights, blocks, batch_invariant)


def _gemma(config: ModelConfig, weights: Weights, blocks: list[AttentionBlock], batch_invariant: bool) -> Decoder:
    width = config.hidden_size

    def layer(prefix: str, attention: AttentionBlock) -> Layer:
        mlp = gated_mlp(config, weights, prefix + "mlp.", batch_invariant=batch_invariant)
        return Layer(
            before_attention=_norm(weights, prefix + "input_layernorm", width),
            attention=attention,
            after_attention=_norm(weights, prefix + "post_attention_layernorm", width),
            before_mlp=_norm(weights, prefix + "pre_feedforward_layernorm", width),
            mlp=replace(mlp, activation=gelu_mul),
            after_mlp=_norm(weights, prefix + "post_feedforward_layernorm", width),
        )

    return Decoder(
        config,
        weights,
        [layer(f"model.layers.{at}.", attention) for at, attention in enumerate(blocks)],
        _norm(weights, "model.norm", width),
        batch_invariant=batch_invariant,
        attention_scale=number(config, "query_pre_attn_scalar") ** -0.5,
        embedding_scale=width**0.5,
        logit_cap=_cap(config, "final_logit_softcapping"),
    )


def _check(config: ModelConfig) -> None:
    require(config, "hidden_activation", "gelu_pytorch_tanh")
    require(config, "use_bidirectional_attention", False)


def _norm(weights: Weights, name: str, width: int) -> Tensor:
    return weights.take(name + ".weight", (width,), dtype=torch.float32) + 1


def _cap(config: ModelConfig, name: str) -> float:
    return 0.0 if config.raw.get(name) is None else float(number(config, name))


def _rope(config: ModelConfig, kind: str) -> Mapping[str, Any]:
    """Gemma-3's rope parameters for one kind of layers, however the config writes them."""
    given = rope_parameters(config.raw)
    if isinstance(given.get(kind), dict):
        return {"rope_theta": config.raw["rope_theta"], **given[kind]}
    if kind == "sliding_attention":
        return {"rope_theta": config.raw["rope_local_base_freq"]}
    return {"rope_theta": config.raw["rope_theta"], **given}
