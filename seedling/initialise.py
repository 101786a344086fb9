"""Starting weights in which copying already works.

A small model spends its first millions of tokens on finding induction heads (Olsson et al. 2022,
"In-context Learning and Induction Heads"): one head writes the previous token beside each token, a later one
looks for the place whose previous token is the current one and copies what stands there. Both are simple
enough to write down, so training starts from them rather than waiting for them. The other heads start with
query and key alike, so that a token looks at tokens like itself, in the spirit of Trockman & Kolter 2023,
"Mimetic Initialization of Self-Attention Layers". Nothing is frozen: training may keep or undo all of it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .model import Attention, ModelConfig, Seedling

EMBEDDING_SCALE = 0.08
CONSTANT = 4 * EMBEDDING_SCALE
"""Dimension 0 of every embedding: a direction that all tokens share, from which position-only scores grow.
As the head is tied it adds the same to every logit, which softmax ignores."""
FINAL_NORM = 0.16
OFFSETS = (1, 1, 2, 3)
"""How far back each head of layer 0 looks."""
INDUCTION_LAYER = 1
WRITE = EMBEDDING_SCALE
"""How loud the previous token stands beside a token, whose own dimensions have `EMBEDDING_SCALE`."""
MATCH = 4.0
COPY = 4 * EMBEDDING_SCALE
SLOW = 18
"""Rotary pairs from this one on turn slowly enough to compare tokens hundreds of places apart."""


@torch.no_grad()
def initialise(model: Seedling, seed: int) -> None:
    """Fill all weights of `model` from `seed`."""
    generator = torch.Generator().manual_seed(seed)
    config = model.config
    plain(model, generator)
    if config.layers <= INDUCTION_LAYER or {config.heads, config.kv_heads} != {len(OFFSETS)}:
        return  # the construction is written for the shipped shape
    embedding = model.model.embed_tokens.weight
    embedding.normal_(0, EMBEDDING_SCALE, generator=generator)
    embedding[:, 0] = CONSTANT
    model.model.norm.weight.fill_(FINAL_NORM)
    reads = orthogonal(config.hidden, generator).view(config.heads, config.head_dim, config.hidden)
    writes = orthogonal(config.hidden, generator).view(config.heads, config.head_dim, config.hidden)
    previous_token_heads(model.layers()[0].self_attn, config, reads, writes)
    induction_heads(model.layers()[INDUCTION_LAYER].self_attn, config, reads, writes, generator)


@torch.no_grad()
def plain(model: Seedling, generator: torch.Generator) -> None:
    """Random weights, residual branches small, queries close to keys."""
    for name, weight in model.named_parameters():
        if weight.dim() < 2:
            weight.fill_(1.0)
            continue
        scale = weight.shape[1] ** -0.5
        if "o_proj" in name or "down_proj" in name:
            scale *= 0.03
        weight.normal_(0, scale, generator=generator)
    model.model.embed_tokens.weight.normal_(0, 0.02, generator=generator)
    for layer in model.layers():
        attention = layer.self_attn
        if attention.q_proj.weight.shape == attention.k_proj.weight.shape:
            attention.k_proj.weight.mul_(0.6).add_(attention.q_proj.weight, alpha=0.8)


def orthogonal(size: int, generator: torch.Generator) -> Tensor:
    """A random orthogonal matrix [size, size]."""
    return torch.linalg.qr(torch.randn(size, size, generator=generator))[0]


def previous_token_heads(attention: Attention, config: ModelConfig, reads: Tensor, writes: Tensor) -> None:
    """Head h of `attention` looks `OFFSETS[h]` tokens back and writes what `reads[h]` sees there along `writes[h]`.

    Query and key are constant vectors (they read dimension 0 only); rotary position turns their product into
    a sum of cosines of the distance, and the query's phases put the peak of that sum at the offset.
    """
    half, dim = config.head_dim // 2, config.head_dim
    frequencies = config.rope_theta ** (-torch.arange(half) / half)
    strength = torch.ones(half)
    strength[:4] = torch.tensor([6.0, 6.0, 4.0, 2.0])
    # The constant is about 4 after the norm, and scores are divided by sqrt(head_dim).
    strength = (strength * dim**0.5).sqrt() / 4.0
    for head, offset in enumerate(OFFSETS):
        rows = slice(head * dim, (head + 1) * dim)
        query = torch.cat([strength * (frequencies * offset).cos(), -strength * (frequencies * offset).sin()])
        key = torch.cat([strength, torch.zeros(half)])
        for weight, column in ((attention.q_proj.weight, query), (attention.k_proj.weight, key)):
            weight[rows] *= 0.05
            weight[rows, 0] = column
        attention.v_proj.weight[rows] = reads[head]
        attention.o_proj.weight[:, rows] = WRITE * writes[head].T


def induction_heads(
    attention: Attention, config: ModelConfig, reads: Tensor, writes: Tensor, generator: torch.Generator
) -> None:
    """Every head looks for places whose previous token is the current token, and together they copy it.

    Only slowly turning rotary pairs compare tokens, so that distance hardly matters.
    """
    half, dim = config.head_dim // 2, config.head_dim
    slow = torch.arange(SLOW * half // 32, half)
    slow = torch.cat([slow, slow + half])
    copied = orthogonal(config.hidden, generator).view(config.heads, dim, config.hidden)
    for head in range(config.heads):
        source = head % 2  # the two heads of layer 0 that look one token back
        mix = orthogonal(dim, generator)[: len(slow)]
        first = head * dim
        rows = slice(first, first + dim)
        for weight, side in ((attention.q_proj.weight, reads[source]), (attention.k_proj.weight, writes[source])):
            weight[rows] *= 0.05
            weight[first + slow] = MATCH * mix @ side
        attention.v_proj.weight[rows] = copied[head]
        attention.o_proj.weight[:, rows] = COPY * copied[head].T
