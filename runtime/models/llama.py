"""Llama: pre-norm, rotary positions, grouped-query attention, SiLU-gated MLP (Touvron et al. 2023, section 2.2).

The other families say how they differ from this one, so their layers are built by `llama_layer` too.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ...kernels.silu_mul import silu_mul
from .attention_block import AttentionBlock
from .config import ModelConfig
from .decoder import Decoder, Layer
from .features import require
from .loading import Weights
from .mlp import GatedMLP
from .rope_scaling import RopeTable, rope_table


def llama(config: ModelConfig, weights: Weights, *, batch_invariant: bool) -> Decoder:
    """`LlamaForCausalLM`. Raises `ModelError` for tensors or features that it does not know."""
    require(config, "hidden_act", "silu")
    table = rope_table(config, weights.device)
    bias = config.attention_bias

    def layer(number: int) -> Layer:
        prefix = f"model.layers.{number}."
        weights.ignore(prefix + "self_attn.rotary_emb.inv_freq")  # old checkpoints hold what we compute
        attention = attention_block(config, weights, prefix + "self_attn.", table, bias=bias, output_bias=bias)
        mlp = gated_mlp(config, weights, prefix + "mlp.", batch_invariant=batch_invariant, bias=config.mlp_bias)
        return llama_layer(config, weights, prefix, attention, mlp)

    layers = [layer(number) for number in range(config.num_layers)]
    return Decoder(config, weights, layers, norm(config, weights, "model.norm"), batch_invariant=batch_invariant)


def attention_block(
    config: ModelConfig,
    weights: Weights,
    prefix: str,
    table: RopeTable | None,
    *,
    bias: bool = False,
    output_bias: bool = False,
    window: int | None = None,
    head_norms: bool = False,
) -> AttentionBlock:
    """Attention whose tensors are named as Llama's; with `head_norms` queries and keys are normalised, as in Qwen3."""
    q_size, kv_size = config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim
    parts = (("q_proj", q_size), ("k_proj", kv_size), ("v_proj", kv_size))
    q_norm, k_norm = (
        weights.take(f"{prefix}{name}.weight", (config.head_dim,)) if head_norms else None
        for name in ("q_norm", "k_norm")
    )
    return AttentionBlock(
        config,
        weights.linear(prefix, parts, config.hidden_size, bias=bias),
        weights.linear(prefix, (("o_proj", config.hidden_size),), q_size, bias=output_bias),
        table,
        window,
        q_norm=q_norm,
        k_norm=k_norm,
    )


def gated_mlp(
    config: ModelConfig,
    weights: Weights,
    prefix: str,
    *,
    batch_invariant: bool,
    bias: bool = False,
    inner: int | None = None,
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
) -> GatedMLP:
    """A SiLU-gated feed-forward layer of `inner` units, `intermediate_size` by default."""
    gate, up, down = names
    inner = config.intermediate_size if inner is None else inner
    gate_up = weights.linear(prefix, ((gate, inner), (up, inner)), config.hidden_size, bias=bias)
    return GatedMLP(
        gate_up, weights.linear(prefix, ((down, config.hidden_size),), inner, bias=bias), silu_mul, batch_invariant
    )


def llama_layer(
    config: ModelConfig, weights: Weights, prefix: str, attention: AttentionBlock, mlp: Callable[[Tensor], Tensor]
) -> Layer:
    """A layer with Llama's two norms."""
    before_attention = norm(config, weights, prefix + "input_layernorm")
    return Layer(before_attention, attention, norm(config, weights, prefix + "post_attention_layernorm"), mlp)


def norm(config: ModelConfig, weights: Weights, name: str) -> Tensor:
    """The weight [hidden] of the norm `name`."""
    return weights.take(name + ".weight", (config.hidden_size,))
