"""A GGUF file's tensors by Hugging Face's names, in Hugging Face's layout."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import torch

from ...errors import ModelError
from ..gguf_file import GgufFile
from .config import ModelConfig
from .gguf_blocks import DIRECT, dequantize
from .gguf_config import ROPE_FACTORS

_WHOLE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_IN_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_LAYER = re.compile(r"blk\.(\d+)\.(\w+)\.(weight|bias)")


class GgufSource:
    """A `TensorSource`; each tensor is dequantised when it is read.

    Raises `ModelError` for a tensor whose name means nothing here.
    """

    def __init__(self, file: GgufFile, config: ModelConfig) -> None:
        self._file = file
        self._config = config
        self._names = {hugging_face_name(name, file.path): name for name in file.tensors if name != ROPE_FACTORS}

    @property
    def place(self) -> Path:
        return self._file.path

    @property
    def names(self) -> Collection[str]:
        return self._names.keys()

    @property
    def notice(self) -> str | None:
        """See `TensorSource.notice`."""
        import gguf

        kinds = Counter(info.type for info in self._file.tensors.values() if info.type not in DIRECT)
        if not kinds:
            return None
        named = ", ".join(f"{count} in {gguf.GGMLQuantizationType(kind).name}" for kind, count in kinds.most_common())
        return f"of {len(self._names)} tensors of the GGUF file, {named} were dequantised"

    def read(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        """See `TensorSource.read`."""
        held = self._names[name]
        info = self._file.tensors[held]
        try:
            value = dequantize(self._file.data(held), info.type, info.shape, dtype)
        except NotImplementedError as error:
            raise ModelError(f"{self.place}: {held!r} is of a type that cannot be read: {error}") from error
        if self._config.architecture == "LlamaForCausalLM":
            if ".q_proj." in name:
                return unpermuted(value, self._config.num_heads)
            if ".k_proj." in name:
                return unpermuted(value, self._config.num_kv_heads)
        return value


def hugging_face_name(name: str, place: Path) -> str:
    """The name in a Hugging Face folder. Raises `ModelError`, naming the file, where there is none."""
    match = _LAYER.fullmatch(name)
    if match is not None and match[2] in _IN_LAYER:
        return f"model.layers.{match[1]}.{_IN_LAYER[match[2]]}.{match[3]}"
    part, _, kind = name.rpartition(".")
    if part in _WHOLE:
        return f"{_WHOLE[part]}.{kind}"
    raise ModelError(f"{place}: the tensor {name!r} is not known")


def unpermuted(value: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of queries or keys as Hugging Face orders them: first the halves of a head, then the pairs.

    llama.cpp rotates neighbours, Hugging Face the two halves of a head; so its files of Llama hold these rows with the
    two members of a pair side by side.
    """
    width = value.shape[0] // heads
    return value.view(heads, width // 2, 2, -1).transpose(1, 2).reshape(value.shape)
