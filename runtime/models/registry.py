"""Architecture name to model class."""

from __future__ import annotations

from typing import Protocol

import torch

from ...errors import ModelError
from ...kernels.attention import AttentionPlan
from ..kv_cache import KVCache
from .config import ModelConfig
from .gemma import gemma2, gemma3
from .llama import llama
from .loading import Weights
from .mistral import mistral
from .mixtral import mixtral
from .phi3 import phi3
from .qwen import qwen2, qwen3
from .qwen_moe import qwen3_moe
from .smollm3 import smollm3


class Model(Protocol):
    """What the runner asks of an architecture. T is the step's new tokens, over all sequences, packed.

    Attributes:
        attention_scale: multiplies attention scores.
        batch_invariant: whether a token's result may not depend on the rest of the batch.
    """

    config: ModelConfig
    attention_scale: float
    batch_invariant: bool

    def forward(
        self, ids: torch.Tensor, positions: torch.Tensor, cache: KVCache, slots: torch.Tensor, plan: AttentionPlan
    ) -> torch.Tensor:
        """Store the new tokens' KV in `slots` and give their last hidden states.

        Args:
            ids, positions, slots: int64 [T].
            cache: the paged KV pool of every layer.
            plan: who attends to what.

        Returns:
            [T, hidden], normalised, in the model's dtype.
        """
        ...

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """float32 [N, V] from hidden states [N, hidden]."""
        ...


class Family(Protocol):
    """Makes a model of one architecture. Raises `ModelError` for tensors or features that it does not know."""

    def __call__(self, config: ModelConfig, weights: Weights, *, batch_invariant: bool) -> Model: ...


ARCHITECTURES: dict[str, Family] = {
    "Gemma2ForCausalLM": gemma2,
    "Gemma3ForCausalLM": gemma3,
    "LlamaForCausalLM": llama,
    "MistralForCausalLM": mistral,
    "MixtralForCausalLM": mixtral,
    "Phi3ForCausalLM": phi3,
    "Qwen2ForCausalLM": qwen2,
    "Qwen3ForCausalLM": qwen3,
    "Qwen3MoeForCausalLM": qwen3_moe,
    "SmolLM3ForCausalLM": smollm3,
}


def build(config: ModelConfig, weights: Weights, *, batch_invariant: bool) -> Model:
    """The model of `config`, filled from `weights`. Raises `ModelError` for an unknown architecture, by name."""
    chosen = ARCHITECTURES.get(config.architecture)
    if chosen is None:
        known = ", ".join(sorted(ARCHITECTURES))
        raise ModelError(f"the architecture {config.architecture!r} is not known; known are: {known}")
    model = chosen(config, weights, batch_invariant=batch_invariant)
    weights.check_all_used()
    return model
