"""Qwen2 and Qwen3: Llama with biased queries, keys and values (Yang et al. 2024, section 2.2.1), or, instead of biases,
with queries and keys normalised a head (Yang et al. 2025, section 2). Upper layers may have a sliding window."""

from __future__ import annotations

from .config import ModelConfig
from .decoder import Decoder, Layer
from .features import require, windows
from .llama import attention_block, gated_mlp, llama_layer, norm
from .loading import Weights
from .rope_scaling import rope_table


def qwen2(config: ModelConfig, weights: Weights, *, batch_invariant: bool) -> Decoder:
    """`Qwen2ForCausalLM`. Raises `ModelError` for tensors or features that it does not know."""
    return _qwen(config, weights, batch_invariant=batch_invariant, bias=True, output_bias=False, head_norms=False)


def qwen3(config: ModelConfig, weights: Weights, *, batch_invariant: bool) -> Decoder:
    """`Qwen3ForCausalLM`. Raises `ModelError` for tensors or features that it does not know."""
    bias = config.attention_bias
    return _qwen(config, weights, batch_invariant=batch_invariant, bias=bias, output_bias=bias, head_norms=True)


def _qwen(
    config: ModelConfig, weights: Weights, *, batch_invariant: bool, bias: bool, output_bias: bool, head_norms: bool
) -> Decoder:
    require(config, "hidden_act", "silu")
    table = rope_table(config, weights.device)
    slides = bool(config.raw.get("use_sliding_window")) and config.raw.get("sliding_window") is not None
    full = config.raw.get("max_window_layers", 28)
    sizes = windows(config, lambda number: slides and number >= full)

    def layer(number: int) -> Layer:
        prefix = f"model.layers.{number}."
        attention = attention_block(
            config,
            weights,
            prefix + "self_attn.",
            table,
            bias=bias,
            output_bias=output_bias,
            window=sizes[number],
            head_norms=head_norms,
        )
        mlp = gated_mlp(config, weights, prefix + "mlp.", batch_invariant=batch_invariant)
        return llama_layer(config, weights, prefix, attention, mlp)

    layers = [layer(number) for number in range(config.num_layers)]
    return Decoder(config, weights, layers, norm(config, weights, "model.norm"), batch_invariant=batch_invariant)
