"""A Hugging Face folder turned into a GGUF file, as llama.cpp's converter has it, with `gguf`'s own writer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors.torch import load_file

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf_name(name: str) -> str:
    """The name that llama.cpp gives a tensor of a folder."""
    whole, _, kind = name.rpartition(".")
    if whole in NAMES:
        return f"{NAMES[whole]}.{kind}"
    _, _, layer, part = whole.split(".", 3)
    return f"blk.{layer}.{NAMES[part]}.{kind}"


def permuted(value: torch.Tensor, heads: int) -> torch.Tensor:
    """Queries' or keys' rows with the two members of a rotary pair side by side."""
    return value.view(heads, 2, value.shape[0] // heads // 2, -1).transpose(1, 2).reshape(value.shape)


def write_gguf(folder: Path, path: Path, kind: str = "F16", *, architecture: str = "llama", **extra: Any) -> Path:
    """Write `path`: the folder's tensors (matrices as `kind`), shapes and tokenizer. `extra` is more metadata."""
    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base((config.get("rope_parameters") or config).get("rope_theta", 10000.0))
    if config.get("head_dim"):
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])
    for key, value in extra.items():
        {str: writer.add_string, int: writer.add_uint32, float: writer.add_float32}[type(value)](key, value)
    add_tokenizer(writer, folder)
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    quantised = gguf.GGMLQuantizationType[kind]
    for name, tensor in load_file(folder / "model.safetensors").items():
        part = name.split(".")[-2]
        value = permuted(tensor, heads[part]) if architecture == "llama" and part in heads else tensor
        array = value.float().numpy()
        if array.ndim == 1:
            writer.add_tensor(gguf_name(name), array)
        else:
            writer.add_tensor(gguf_name(name), gguf.quants.quantize(array, quantised), raw_dtype=quantised)
    finish(writer)
    return path


def add_tokenizer(writer: gguf.GGUFWriter, folder: Path) -> None:
    """The folder's tokenizer: byte-level BPE, or, where it has a byte fallback, SentencePiece's, by scores."""
    described = json.loads((folder / "tokenizer.json").read_text())
    config = json.loads((folder / "tokenizer_config.json").read_text())
    model = described["model"]
    added = {entry["id"]: entry for entry in described["added_tokens"]}
    names = {token: name for name, token in model["vocab"].items()} | {t: e["content"] for t, e in added.items()}
    tokens = [names[token] for token in range(len(names))]
    sentencepiece = bool(model.get("byte_fallback"))
    writer.add_tokenizer_model("llama" if sentencepiece else "gpt2")
    if sentencepiece:
        writer.add_token_scores(config["scores"])
    else:
        writer.add_tokenizer_pre(config["cut"])
        writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]])
    writer.add_token_list(tokens)
    writer.add_token_types([_type(token, names[token], added) for token in range(len(tokens))])
    if config.get("eos_token"):
        writer.add_eos_token_id(tokens.index(config["eos_token"]))
    if config.get("bos_token"):
        writer.add_bos_token_id(tokens.index(config["bos_token"]))
    if config.get("chat_template"):
        writer.add_chat_template(config["chat_template"])
    if model.get("unk_token"):
        writer.add_unk_token_id(tokens.index(model["unk_token"]))


def _type(token: int, name: str, added: dict[int, Any]) -> int:
    if name == "<unk>":
        return int(gguf.TokenType.UNKNOWN)
    if token in added:
        return int(gguf.TokenType.CONTROL if added[token]["special"] else gguf.TokenType.USER_DEFINED)
    return int(gguf.TokenType.BYTE if name.startswith("<0x") else gguf.TokenType.NORMAL)


def finish(writer: gguf.GGUFWriter) -> None:
    """Write what the writer was given."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def random_blocks(kind: gguf.GGMLQuantizationType, count: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """uint8 [bytes of `count` blocks], of any bits: each is some block, if not one that a writer would make."""
    size = gguf.GGML_QUANT_SIZES[kind][1]
    return np.random.default_rng(seed).integers(0, 256, count * size, dtype=np.uint8)
