"""A model folder's `config.json`, as the fields that the engine reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ModelError


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Shapes of a decoder-only transformer; names follow Hugging Face's.

    `raw` is the whole file, for what only one architecture reads.
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
            rope: Mapping[str, Any] = raw.get("rope_parameters") or {}
            heads = int(raw["num_attention_heads"])
            kv_heads = int(raw.get("num_key_value_heads") or heads)
            if heads % kv_heads:
                raise ValueError(f"num_attention_heads {heads} is no multiple of num_key_value_heads {kv_heads}")
            return cls(
                architecture=str(raw["architectures"][0]),
                vocab_size=int(raw["vocab_size"]),
                hidden_size=int(raw["hidden_size"]),
                intermediate_size=int(raw["intermediate_size"]),
                num_layers=int(raw["num_hidden_layers"]),
                num_heads=heads,
                num_kv_heads=kv_heads,
                head_dim=int(raw.get("head_dim") or int(raw["hidden_size"]) // heads),
                rms_norm_eps=float(raw["rms_norm_eps"]),
                rope_theta=float(rope.get("rope_theta", raw.get("rope_theta", 10000.0))),
                max_positions=int(raw["max_position_embeddings"]),
                tie_embeddings=bool(raw.get("tie_word_embeddings", False)),
                attention_bias=bool(raw.get("attention_bias", False)),
                mlp_bias=bool(raw.get("mlp_bias", False)),
                dtype=str(raw.get("dtype") or raw.get("torch_dtype") or "float32"),
                raw=raw,
            )
        except KeyError as error:
            raise ModelError(f"{file}: the field {error.args[0]!r} is missing") from error
        except (ValueError, TypeError, IndexError) as error:
            raise ModelError(f"{file}: {error}") from error
