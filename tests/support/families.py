"""Small models of every family, each with what sets it apart in use: windows shorter than the tests' prompts, rope
scalings past the length they were trained for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tiny import write_model


@dataclass(frozen=True)
class Family:
    """A family's name in transformers, what its config differs by, and what the engine is told."""

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    rewrite: Callable[[dict[str, Any]], None] | None = None

    def write(self, folder: Path, seed: int = 3) -> Path:
        """Write the model folder; `rewrite` then changes its config.json, into what other versions write."""
        write_model(folder, self.name, seed=seed, **self.changes)
        if self.rewrite is not None:
            file = folder / "config.json"
            config = json.loads(file.read_text())
            self.rewrite(config)
            file.write_text(json.dumps(config))
        return folder


def rope(kind: str, **given: Any) -> dict[str, Any]:
    return {"rope_type": kind, "rope_theta": 1000.0, **given}


def old_llama(config: dict[str, Any]) -> None:
    """As before rope_parameters."""
    given = config.pop("rope_parameters")
    config["rope_theta"] = given.pop("rope_theta")
    config["rope_scaling"] = {"type": given.pop("rope_type"), **given}
    config["torch_dtype"] = config.pop("dtype")


def old_gemma3(config: dict[str, Any]) -> None:
    """As Gemma-3 was published: no list of layers, two thetas."""
    given = config.pop("rope_parameters")
    del config["layer_types"], config["_sliding_window_pattern"], config["tie_word_embeddings"]
    config["rope_theta"] = given["full_attention"].pop("rope_theta")
    config["rope_local_base_freq"] = given["sliding_attention"]["rope_theta"]
    config["rope_scaling"] = given["full_attention"]


GEMMA: dict[str, Any] = {"num_hidden_layers": 3, "head_dim": 16, "sliding_window": 11, "query_pre_attn_scalar": 20}
GEMMA3: dict[str, Any] = {
    **GEMMA,
    "num_hidden_layers": 4,
    "sliding_window_pattern": 3,
    "rope_parameters": {
        "full_attention": rope("linear", factor=4.0),
        "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
    },
}
UNTIED = {"tie_word_embeddings": False}  # else random Gemmas, whose embeddings are scaled up, repeat one token
LONGROPE = {
    "max_position_embeddings": 200,
    "partial_rotary_factor": 0.75,
    "rope_parameters": rope(
        "longrope",
        short_factor=[1.0 + at / 10 for at in range(6)],
        long_factor=[1.0 + at * at for at in range(6)],
        partial_rotary_factor=0.75,
    ),
}
MOE = {"num_experts_per_tok": 2, "num_hidden_layers": 3}

FAMILIES: dict[str, Family] = {
    "llama": Family("Llama"),
    "llama-mha": Family("Llama", {"num_key_value_heads": 4}),
    "llama-mqa": Family("Llama", {"num_key_value_heads": 1, "hidden_size": 96, "head_dim": 16}),
    "llama-tied": Family("Llama", {"tie_word_embeddings": True}),
    "llama-biased": Family("Llama", {"attention_bias": True, "mlp_bias": True}),
    "llama-theta": Family("Llama", {"rope_parameters": rope("default")}),
    "llama-linear": Family("Llama", {"max_position_embeddings": 60, "rope_parameters": rope("linear", factor=2.5)}),
    "llama-linear-old": Family(
        "Llama", {"max_position_embeddings": 60, "rope_parameters": rope("linear", factor=2.5)}, rewrite=old_llama
    ),
    "llama-dynamic": Family("Llama", {"max_position_embeddings": 50, "rope_parameters": rope("dynamic", factor=4.0)}),
    "llama-yarn": Family(
        "Llama",
        {
            "max_position_embeddings": 30,
            "rope_parameters": rope("yarn", factor=4.0, original_max_position_embeddings=30, beta_fast=4),
        },
    ),
    "llama-yarn-mscale": Family(
        "Llama",
        {
            "rope_parameters": rope(
                "yarn",
                factor=4.0,
                original_max_position_embeddings=128,
                mscale=0.7,
                mscale_all_dim=1.3,
                truncate=False,
            )
        },
    ),
    "llama-llama3": Family(
        "Llama",
        {
            "rope_parameters": rope(
                "llama3",
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=60,
            )
        },
    ),
    "mistral": Family("Mistral", {"sliding_window": 17, "num_hidden_layers": 3}),
    "mistral-full": Family("Mistral", {"sliding_window": None, "head_dim": 24}),
    "mixtral": Family("Mixtral", {**MOE, "num_local_experts": 5}),
    "qwen2": Family("Qwen2", {"tie_word_embeddings": True}),
    "qwen2-window": Family(
        "Qwen2", {"use_sliding_window": True, "sliding_window": 9, "max_window_layers": 1, "num_hidden_layers": 3}
    ),
    "qwen3": Family("Qwen3", {"head_dim": 24}),
    "qwen3-moe": Family("Qwen3Moe", {**MOE, "num_experts": 6, "moe_intermediate_size": 40, "mlp_only_layers": [1]}),
    "qwen3-moe-rescaled": Family(
        "Qwen3Moe",
        {
            **MOE,
            "num_experts": 4,
            "moe_intermediate_size": 40,
            "norm_topk_prob": True,
            "decoder_sparse_step": 2,
            "use_sliding_window": True,
            "sliding_window": 20,
        },
    ),
    "gemma2": Family("Gemma2", {**GEMMA, **UNTIED, "attn_logit_softcapping": 3.0, "final_logit_softcapping": 5.0}),
    "gemma2-uncapped": Family(
        "Gemma2", {**GEMMA, "attn_logit_softcapping": None, "final_logit_softcapping": None, "attention_bias": True}
    ),
    "gemma3": Family("Gemma3", {**GEMMA3, **UNTIED}),
    "gemma3-old": Family("Gemma3", GEMMA3, rewrite=old_gemma3),
    "phi3": Family("Phi3", {"sliding_window": 19}),
    "phi3-long": Family("Phi3", {**LONGROPE, "original_max_position_embeddings": 30}),
    "phi3-short": Family("Phi3", {**LONGROPE, "original_max_position_embeddings": 100}, {"max_context": 100}),
    "smollm3": Family("SmolLM3", {"num_hidden_layers": 4, "no_rope_layer_interval": 2}),
    "smollm3-window": Family(
        "SmolLM3",
        {"num_hidden_layers": 3, "no_rope_layers": [1, 0, 1], "use_sliding_window": True, "sliding_window": 12},
    ),
}
