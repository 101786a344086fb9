"""Mixtral: Mistral with a mixture of experts in the place of each feed-forward layer (Jiang et al. 2024, section 2)."""

from __future__ import annotations

from .config import ModelConfig
from .decoder import Decoder, Layer
from .features import number as number_of
from .features import require, window_size
from .llama import attention_block, gated_mlp, llama_layer, norm
from .loading import Weights
from .moe import SparseMLP
from .rope_scaling import rope_table

NAMES = ("w1", "w3", "w2")  # gate, up, down


def mixtral(config: ModelConfig, weights: Weights, *, batch_invariant: bool) -> Decoder:
    """`MixtralForCausalLM`. Raises `ModelError` for tensors or features that it does not know."""
    require(config, "hidden_act", "silu")
    table = rope_table(config, weights.device)
    window = None if config.raw.get("sliding_window") is None else window_size(config)
    count, top = int(number_of(config, "num_local_experts")), int(number_of(config, "num_experts_per_tok"))

    def experts(prefix: str) -> SparseMLP:
        return SparseMLP(
            weights.take(prefix + "gate.weight", (count, config.hidden_size)),
            [
                gated_mlp(config, weights, f"{prefix}experts.{at}.", batch_invariant=batch_invariant, names=NAMES)
                for at in range(count)
            ],
            top,
            rescale=True,
            batch_invariant=batch_invariant,
        )

    def layer(number: int) -> Layer:
        prefix = f"model.layers.{number}."
        attention = attention_block(config, weights, prefix + "self_attn.", table, window=window)
        return llama_layer(config, weights, prefix, attention, experts(prefix + "block_sparse_moe."))

    layers = [layer(number) for number in range(config.num_layers)]
    return Decoder(config, weights, layers, norm(config, weights, "model.norm"), batch_invariant=batch_invariant)
