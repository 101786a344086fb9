"""Phi-3: Llama with its projections stored as one matrix, and LongRoPE in long contexts (Abdin et al. 2024)."""

from __future__ import annotations

from ...kernels.silu_mul import silu_mul
from .attention_block import AttentionBlock
from .config import ModelConfig, rope_parameters
from .decoder import Decoder, Layer
from .features import require, window_size
from .llama import llama_layer, norm
from .loading import Weights
from .mlp import GatedMLP
from .rope_scaling import rope_table


def phi3(config: ModelConfig, weights: Weights, *, batch_invariant: bool) -> Decoder:
    """`Phi3ForCausalLM`. Raises `ModelError` for tensors or features that it does not know."""
    require(config, "hidden_act", "silu")
    width, inner = config.hidden_size, config.intermediate_size
    q_size, kv_size = config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim
    given = rope_parameters(config.raw)
    if given.get("rope_type", given.get("type")) in ("su", "yarn"):  # what the first checkpoints call it
        given = {**given, "rope_type": "longrope"}
    table = rope_table(config, weights.device, given)
    window = None if config.raw.get("sliding_window") is None else window_size(config)

    def layer(number: int) -> Layer:
        prefix = f"model.layers.{number}."
        attention = AttentionBlock(
            config,
            weights.linear(prefix + "self_attn.", (("qkv_proj", q_size + 2 * kv_size),), width),
            weights.linear(prefix + "self_attn.", (("o_proj", width),), q_size),
            table,
            window,
        )
        gate_up = weights.linear(prefix + "mlp.", (("gate_up_proj", 2 * inner),), width)
        down = weights.linear(prefix + "mlp.", (("down_proj", width),), inner)
        return llama_layer(config, weights, prefix, attention, GatedMLP(gate_up, down, silu_mul, batch_invariant))

    layers = [layer(number) for number in range(config.num_layers)]
    return Decoder(config, weights, layers, norm(config, weights, "model.norm"), batch_invariant=batch_invariant)
