"""A model folder's `config.json`, as the fields that the engine reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ModelError

DEFAULTS: dict[str, dict[str, Any]] = {
    "MistralForCausalLM": {"sliding_window": 4096},
    "MixtralForCausalLM": {"rope_theta": 1e6, "num_local_experts": 8, "num_experts_per_tok": 2},
    "Gemma2ForCausalLM": {
        "head_dim": 256,
        "tie_word_embeddings": True,
        "query_pre_attn_scalar": 256,
        "sliding_window": 4096,
        "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 30.0,
    },
    "Gemma3ForCausalLM": {
        "head_dim": 256,
        "tie_word_embeddings": True,
        "query_pre_attn_scalar": 256,
        "sliding_window": 4096,
        "sliding_window_pattern": 6,
        "rope_theta": 1e6,
        "rope_local_base_freq": 1e4,
    },
    "Qwen3ForCausalLM": {"head_dim": 128},
    "Phi3ForCausalLM": {"original_max_position_embeddings": 4096},
    "SmolLM3ForCausalLM": {"rope_theta": 2e6, "tie_word_embeddings": True, "no_rope_layer_interval": 4},
}
"""What a config means by leaving a field out, as older versions of transformers do where it holds the default."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Shapes of a decoder-only transformer; names follow Hugging Face's.

    `max_positions` is the longest context, by `max_position_embeddings` and the rope scaling. `raw` is the whole file,
    with the architecture's defaults for what it leaves out, for what only one architecture reads.
    """

    architecture: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    max_positions: int
    tie_embeddings: bool
    attention_bias: bool
    mlp_bias: bool
    dtype: str
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> ModelConfig:
        """Read ``folder/config.json``. Raises `ModelError` naming the file and the field."""
        file = folder / "config.json"
        if not file.is_file():
            raise ModelError(f"{folder} is not a model folder: it has no config.json")
        try:
            raw = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ModelError(f"{file}: {error}") from error
        return cls.of(raw, file)

    @classmethod
    def of(cls, raw: Any, file: Path) -> ModelConfig:
        """The config that `raw` holds. Raises `ModelError` naming `file`, where it is from, and the field."""
        try:
            if not isinstance(raw, dict):
                raise ValueError("a JSON object is needed")
            architecture = str(raw["architectures"][0])
            raw = {**DEFAULTS.get(architecture, {}), **raw}
            rope = rope_parameters(raw)
            heads = int(raw["num_attention_heads"])
            kv_heads = int(raw.get("num_key_value_heads") or heads)
            if min(heads, kv_heads) < 1:
                raise ValueError(f"{heads} heads and {kv_heads} key heads: at least one of each is needed")
            if heads % kv_heads:
                raise ValueError(f"num_attention_heads {heads} is no multiple of num_key_value_heads {kv_heads}")
            return cls(
                architecture=architecture,
                vocab_size=int(raw["vocab_size"]),
                hidden_size=int(raw["hidden_size"]),
                intermediate_size=int(raw["intermediate_size"]),
                num_layers=int(raw["num_hidden_layers"]),
                num_heads=heads,
                num_kv_heads=kv_heads,
                head_dim=int(raw.get("head_dim") or int(raw["hidden_size"]) // heads),
                rms_norm_eps=float(raw["rms_norm_eps"]),
                rope_theta=float(rope.get("rope_theta", raw.get("rope_theta", 10000.0))),
                max_positions=_longest_context(architecture, raw),
                tie_embeddings=bool(raw.get("tie_word_embeddings", False)),
                attention_bias=bool(raw.get("attention_bias", False)),
                mlp_bias=bool(raw.get("mlp_bias", False)),
                dtype=str(raw.get("dtype") or raw.get("torch_dtype") or "float32"),
                raw=raw,
            )
        except KeyError as error:
            raise ModelError(f"{file}: the field {error.args[0]!r} is missing") from error
        except (ValueError, TypeError, IndexError, ArithmeticError) as error:
            raise ModelError(f"{file}: {error}") from error


def rope_parameters(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The field `rope_parameters`, or `rope_scaling`, as it was called. Raises ValueError where it is no object."""
    given = raw.get("rope_scaling") or raw.get("rope_parameters") or {}
    if not isinstance(given, dict):
        raise ValueError(f"the rope parameters must be an object, not {given!r}")
    return given


def _longest_context(architecture: str, raw: Mapping[str, Any]) -> int:
    """`max_position_embeddings`, times the factor of those rope scalings that it is stated without."""
    stated = int(raw["max_position_embeddings"])
    rope = rope_parameters(raw)
    kind, factor = rope.get("rope_type", rope.get("type")), float(rope.get("factor") or 1)
    if kind == "yarn":
        return max(stated, int(float(rope.get("original_max_position_embeddings") or stated) * factor))
    if kind in ("linear", "dynamic") and architecture != "Gemma3ForCausalLM":  # which states it with the factor
        return int(stated * factor)
    return stated
