"""A GGUF file's metadata as the `config.json` that the same model's Hugging Face folder would have."""

from __future__ import annotations

import math
from typing import Any

import torch

from ...errors import ModelError
from ..gguf_file import GgufFile
from .config import ModelConfig
from .gguf_blocks import dequantize

ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}
"""By `general.architecture`. Mistral's files call themselves llama."""

ROPE_FACTORS = "rope_freqs.weight"
"""What Llama 3.1's rope scaling comes to: divisors of the frequencies."""
_DTYPES = {0: "float32", 1: "float16", 30: "bfloat16"}


def read_config(file: GgufFile) -> ModelConfig:
    """The model's shapes. Raises `ModelError` for an architecture or a feature that is not known here, by name."""
    kind = file.need("general.architecture")
    if kind not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise ModelError(f"{file.path}: the GGUF architecture {kind!r} is not known; known are: {known}")
    if file.metadata.get("split.count", 1) > 1:
        raise ModelError(f"{file.path} is one of {file.metadata['split.count']} parts: join them with llama-gguf-split")
    get = _Fields(file, kind)
    if get("expert_count", 0):
        raise ModelError(f"{file.path}: a GGUF file of {kind!r} with experts (a mixture) is not supported")
    if get("attention.sliding_window", 0):
        raise ModelError(f"{file.path}: {kind}.attention.sliding_window is not supported in GGUF files")
    if "token_embd.weight" not in file.tensors:
        raise ModelError(f"{file.path}: the tensor 'token_embd.weight' is missing")
    vocabulary, width = file.tensors["token_embd.weight"].shape
    heads = get("attention.head_count")
    head_dim = get("attention.key_length", width // heads)
    for name, value in (("rope.dimension_count", head_dim), ("attention.value_length", head_dim)):
        if get(name, value) != value:
            raise ModelError(f"{file.path}: {kind}.{name} is {get(name)}, but heads are {value} wide")
    raw = {
        "architectures": [ARCHITECTURES[kind]],
        "model_type": kind,
        "vocab_size": vocabulary,
        "hidden_size": get("embedding_length"),
        "intermediate_size": get("feed_forward_length"),
        "num_hidden_layers": get("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": get("attention.head_count_kv", heads),
        "head_dim": head_dim,
        "rms_norm_eps": get("attention.layer_norm_rms_epsilon"),
        "max_position_embeddings": get("context_length"),
        "tie_word_embeddings": "output.weight" not in file.tensors,
        "attention_bias": "blk.0.attn_output.bias" in file.tensors,
        "mlp_bias": "blk.0.ffn_up.bias" in file.tensors,
        "dtype": _DTYPES.get(file.tensors["token_embd.weight"].type, "bfloat16"),
        **_rope(file, get, head_dim),
    }
    return ModelConfig.of(raw, file.path)


class _Fields:
    """The metadata of one architecture, by the keys without its name."""

    def __init__(self, file: GgufFile, kind: str) -> None:
        self._file = file
        self._kind = kind

    def __call__(self, key: str, default: Any = None) -> Any:
        name = f"{self._kind}.{key}"
        value = self._file.need(name) if default is None else self._file.metadata.get(name, default)
        if isinstance(value, list):
            raise ModelError(f"{self._file.path}: {name} differs from layer to layer, which is not supported")
        return value


def _rope(file: GgufFile, get: _Fields, head_dim: int) -> dict[str, Any]:
    theta = get("rope.freq_base", 10000.0)
    kind = get("rope.scaling.type", "none")
    if ROPE_FACTORS in file.tensors:
        scaling = _llama3_scaling(file, theta, head_dim)
    elif kind == "none":
        return {"rope_theta": theta}
    elif kind in ("linear", "yarn"):
        scaling = {"rope_type": kind, "factor": get("rope.scaling.factor")}
        if kind == "yarn":
            scaling["original_max_position_embeddings"] = get("rope.scaling.original_context_length")
    else:
        raise ModelError(f"{file.path}: rope scaling of type {kind!r} is not supported in GGUF files")
    return {"rope_theta": theta, "rope_scaling": scaling}


def _llama3_scaling(file: GgufFile, theta: float, head_dim: int) -> dict[str, Any]:
    """The parameters that give the divisors which the file holds; those of all Llama 3 models differ in one alone."""
    info = file.tensors[ROPE_FACTORS]
    held = dequantize(file.data(ROPE_FACTORS), info.type, info.shape, torch.float32).double()
    scaling = {
        "rope_type": "llama3",
        "factor": float(held.max()),
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    wanted = llama3_divisors(theta, head_dim, scaling)
    if held.shape != wanted.shape or not torch.allclose(held, wanted, rtol=1e-3):
        raise ModelError(
            f"{file.path}: {ROPE_FACTORS} is not the rope scaling of Llama 3, and others are not supported"
        )
    return scaling


def llama3_divisors(theta: float, head_dim: int, scaling: dict[str, Any]) -> torch.Tensor:
    """What Llama 3.1 divides each rotary frequency by: float64 [head_dim / 2] (Llama 3.1's reference code)."""
    frequency = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    turns = scaling["original_max_position_embeddings"] * frequency / (2 * math.pi)
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    smooth = ((turns - low) / (high - low)).clamp(0, 1)
    return 1 / ((1 - smooth) / scaling["factor"] + smooth)
