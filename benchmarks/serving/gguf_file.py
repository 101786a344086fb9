"""A Llama folder as a GGUF file, which llama.cpp's server reads: the same bfloat16 weights, bit for bit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import gguf
    import torch

OUTER = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
OF_A_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_gguf(folder: Path, file: Path) -> Path:
    """Write the Llama of `folder` to `file` unless it stands there already; `file`."""
    if file.exists():
        return file
    import gguf

    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".part")
    writer = gguf.GGUFWriter(beside, "llama")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    _write_shape(writer, config)
    _write_tokenizer(writer, json.loads((folder / "tokenizer.json").read_text(encoding="utf-8")), config)
    for name, tensor in _tensors(folder, config):
        _write_tensor(writer, name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return beside.replace(file)


def _write_shape(writer: gguf.GGUFWriter, config: Mapping[str, Any]) -> None:
    import gguf

    heads = config["num_attention_heads"]
    head = config.get("head_dim") or config["hidden_size"] // heads
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])


def _write_tokenizer(writer: gguf.GGUFWriter, source: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """The vocabulary. Prompts come as ids, so how llama.cpp would cut text into words does not matter."""
    import gguf

    kinds = {
        entry["id"]: gguf.TokenType.CONTROL if entry["special"] else gguf.TokenType.USER_DEFINED
        for entry in source["added_tokens"]
    }
    texts = {token: text for text, token in source["model"]["vocab"].items()}
    texts |= {entry["id"]: entry["content"] for entry in source["added_tokens"]}
    ids = range(config["vocab_size"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([texts.get(token, f"[unused{token}]") for token in ids])
    writer.add_token_types([kinds.get(token, gguf.TokenType.NORMAL if token in texts else 5) for token in ids])
    merges = source["model"]["merges"]
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(False)


def _tensors(folder: Path, config: Mapping[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor under GGUF's name, as GGUF has it."""
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", framework="pt") as stored:
        for name in stored.keys():  # noqa: SIM118 - it is no mapping
            tensor = stored.get_tensor(name)
            if name.endswith("q_proj.weight"):
                tensor = _paired(tensor, config["num_attention_heads"])
            if name.endswith("k_proj.weight"):
                tensor = _paired(tensor, config["num_key_value_heads"])
            yield _gguf_name(name), tensor


def _gguf_name(name: str) -> str:
    if name in OUTER:
        return OUTER[name]
    match = re.fullmatch(r"model\.layers\.(\d+)\.(.+)\.weight", name)
    if match is None or match[2] not in OF_A_LAYER:
        raise ValueError(f"a Llama has no tensor {name!r}")
    return f"blk.{match[1]}.{OF_A_LAYER[match[2]]}.weight"


def _paired(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of a head reordered for llama.cpp's rotary embedding: it turns rows 2i and 2i+1, others i and i + half."""
    halves = rows.reshape(heads, 2, -1, rows.shape[1])
    return halves.transpose(1, 2).reshape(rows.shape)


def _write_tensor(writer: gguf.GGUFWriter, name: str, tensor: torch.Tensor) -> None:
    import gguf
    import torch

    if tensor.ndim == 1:  # norms, which llama.cpp wants in float32
        writer.add_tensor(name, tensor.float().numpy())
        return
    halves = tensor.to(torch.bfloat16).contiguous().view(torch.uint8).numpy()
    writer.add_tensor(name, halves, raw_dtype=gguf.GGMLQuantizationType.BF16)
