"""The model as training sees it: Llama, with the parameter names of Hugging Face's `LlamaForCausalLM`.

Weights are kept in float32 and used in `dtype` (bfloat16 is nearly four times as fast on a CPU with
AVX512-BF16); the residual stream stays in float32. The head is applied only where a loss is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the model; the defaults are those of the shipped folder."""

    vocabulary: int = 4096
    hidden: int = 256
    layers: int = 7
    heads: int = 4
    kv_heads: int = 4
    ffn: int = 448
    context: int = 2048
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads

    def as_hugging_face(self, end: int, pad: int) -> dict[str, Any]:
        """The contents of config.json, for a tokenizer whose `<|end|>` and `<|pad|>` are `end` and `pad`."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": self.vocabulary,
            "hidden_size": self.hidden,
            "intermediate_size": self.ffn,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "max_position_embeddings": self.context,
            "rms_norm_eps": self.norm_eps,
            "rope_theta": self.rope_theta,
            "rope_scaling": None,
            "attention_bias": False,
            "attention_dropout": 0.0,
            "mlp_bias": False,
            "tie_word_embeddings": True,
            "initializer_range": 0.02,
            "use_cache": True,
            "bos_token_id": None,
            "eos_token_id": end,
            "pad_token_id": pad,
            "torch_dtype": "bfloat16",
        }


def rope_tables(config: ModelConfig, length: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each [length, head_dim]: the two halves of a head turn together."""
    half = config.head_dim // 2
    frequencies = config.rope_theta ** (-torch.arange(half) / half)
    angles = torch.arange(length)[:, None] * frequencies
    angles = torch.cat([angles, angles], -1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn `x` [batch, heads, length, head_dim] by its positions' angles."""
    left, right = x.chunk(2, -1)
    return x * cos + torch.cat([-right, left], -1) * sin


class Norm(nn.Module):
    """RMSNorm, computed in float32."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


class Linear(nn.Module):
    """A bias-free linear layer that computes in its input's dtype."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype))


class Attention(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = config.heads, config.kv_heads, config.head_dim
        self.q_proj = Linear(config.hidden, config.heads * config.head_dim)
        self.k_proj = Linear(config.hidden, config.kv_heads * config.head_dim)
        self.v_proj = Linear(config.hidden, config.kv_heads * config.head_dim)
        self.o_proj = Linear(config.heads * config.head_dim, config.hidden)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q = self.q_proj(x).view(batch, length, self.heads, self.head_dim).transpose(1, 2)
        k = self.k_proj(x).view(batch, length, self.kv_heads, self.head_dim).transpose(1, 2)
        v = self.v_proj(x).view(batch, length, self.kv_heads, self.head_dim).transpose(1, 2)
        q, k = rotate(q, cos, sin).to(x.dtype), rotate(k, cos, sin).to(x.dtype)
        if self.kv_heads != self.heads:
            k, v = (t.repeat_interleave(self.heads // self.kv_heads, 1) for t in (k, v))
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(out.transpose(1, 2).reshape(batch, length, -1))


class FeedForward(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = Linear(config.hidden, config.ffn)
        self.up_proj = Linear(config.hidden, config.ffn)
        self.down_proj = Linear(config.ffn, config.hidden)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.input_layernorm = Norm(config.hidden, config.norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = Norm(config.hidden, config.norm_eps)
        self.mlp = FeedForward(config)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """`x` [batch, length, hidden] in float32; the products run in the dtype of `cos`."""
        x = x + self.self_attn(self.input_layernorm(x).to(cos.dtype), cos, sin).float()
        return x + self.mlp(self.post_attention_layernorm(x).to(cos.dtype)).float()


class Body(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocabulary, config.hidden)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = Norm(config.hidden, config.norm_eps)


class Seedling(nn.Module):
    """The whole model; the output head is the embedding table."""

    def __init__(self, config: ModelConfig, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config = config
        self.dtype = dtype
        self.model = Body(config)
        cos, sin = rope_tables(config, config.context)
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", cos.to(dtype), persistent=False)
        self.register_buffer("sin", sin.to(dtype), persistent=False)

    def layers(self) -> list[Layer]:
        """The layers, first to last."""
        return cast("list[Layer]", list(self.model.layers))

    def hidden(self, ids: Tensor) -> Tensor:
        """Final states [batch, length, hidden] of `ids` [batch, length]."""
        length = ids.shape[1]
        x = self.model.embed_tokens(ids)
        for layer in self.layers():
            x = layer(x, self.cos[:length], self.sin[:length])
        return self.model.norm(x)

    def head(self, states: Tensor) -> Tensor:
        """Logits [..., vocabulary] in float32 of `states` [..., hidden]."""
        return F.linear(states.to(self.dtype), self.model.embed_tokens.weight.to(self.dtype)).float()

    def loss(self, ids: Tensor, weights: Tensor) -> Tensor:
        """Weighted mean cross-entropy of each next token.

        `ids` [batch, length] int64; `weights` [batch, length] float32 weighs the prediction *of* the token
        at that place, and the head is applied only where it is not zero.
        """
        rows = weights[:, 1:].nonzero(as_tuple=True)
        targets, weight = ids[:, 1:][rows], weights[:, 1:][rows]
        logits = self.head(self.hidden(ids)[:, :-1][rows])
        return (F.cross_entropy(logits, targets, reduction="none") * weight).sum() / weight.sum()
