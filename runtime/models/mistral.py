"""Mistral: Llama with a sliding window in every layer (Jiang et al. 2023, section 2)."""

from __future__ import annotations

from .config import ModelConfig
from .decoder import Decoder, Layer
from .features import require, window_size
from .llama import attention_block, gated_mlp, llama_layer, norm
from .loading import Weights
from .rope_scaling import rope_table


def mistral(config: ModelConfig, weights: Weights, *, batch_invariant: bool) -> Decoder:
    """`MistralForCausalLM`. Raises `ModelError` for tensors or features that it does not know."""
    require(config, "hidden_act", "silu")
    require(config, "layer_types")
    table = rope_table(config, weights.device)
    window = None if config.raw["sliding_window"] is None else window_size(config)

    def layer(number: int) -> Layer:
        prefix = f"model.layers.{number}."
        attention = attention_block(config, weights, prefix + "self_attn.", table, window=window)
        mlp = gated_mlp(config, weights, prefix + "mlp.", batch_invariant=batch_invariant)
        return llama_layer(config, weights, prefix, attention, mlp)

    layers = [layer(number) for number in range(config.num_layers)]
    return Decoder(config, weights, layers, norm(config, weights, "model.norm"), batch_invariant=batch_invariant)
