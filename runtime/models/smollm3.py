"""SmolLM3: Llama in which every fourth layer has no positions (Yang et al. 2025, "RoPE to NoPE and back again")."""

from __future__ import annotations

from ...errors import ModelError
from .config import ModelConfig
from .decoder import Decoder, Layer
from .features import number as number_of
from .features import require, windows
from .llama import attention_block, gated_mlp, llama_layer, norm
from .loading import Weights
from .rope_scaling import rope_table


def smollm3(config: ModelConfig, weights: Weights, *, batch_invariant: bool) -> Decoder:
    """`SmolLM3ForCausalLM`. Raises `ModelError` for tensors or features that it does not know."""
    require(config, "hidden_act", "silu")
    table = rope_table(config, weights.device)
    turned = _has_positions(config)
    slides = bool(config.raw.get("use_sliding_window")) and config.raw.get("sliding_window") is not None
    sizes = windows(config, lambda number: slides and not turned[number])
    bias = config.attention_bias

    def layer(number: int) -> Layer:
        prefix = f"model.layers.{number}."
        attention = attention_block(
            config,
            weights,
            prefix + "self_attn.",
            table if turned[number] else None,
            bias=bias,
            output_bias=bias,
            window=sizes[number] if slides else None,
        )
        mlp = gated_mlp(config, weights, prefix + "mlp.", batch_invariant=batch_invariant, bias=config.mlp_bias)
        return llama_layer(config, weights, prefix, attention, mlp)

    layers = [layer(number) for number in range(config.num_layers)]
    return Decoder(config, weights, layers, norm(config, weights, "model.norm"), batch_invariant=batch_invariant)


def _has_positions(config: ModelConfig) -> list[bool]:
    """Which layers rotate queries and keys."""
    given = config.raw.get("no_rope_layers")
    if given is None:
        interval = int(number_of(config, "no_rope_layer_interval"))
        return [(number + 1) % interval != 0 for number in range(config.num_layers)]
    if not isinstance(given, list) or len(given) < config.num_layers:
        raise ModelError(f"config.json: no_rope_layers must list {config.num_layers} layers")
    return [bool(each) for each in given]
