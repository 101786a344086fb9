"""The model that every server is measured on: a Llama shape of 135 million random weights, with a tokenizer.

The folder is in the Hugging Face layout, so that each server loads it by itself or through a converter of its own.
"""

from __future__ import annotations

import itertools
import json
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

END = "<|end|>"
GLUE = (
    '": "',
    '", "',
    '": ',
    ', "',
    '"}',
    '{"',
    '"}, {"',
    '": [',
    '": {',
    "]}",
    '"]',
    "}}",
    "\n\n",
    "  ",
    "    ",
    ". ",
)
"""What JSON and prose hold between words; each becomes a token, and so do its beginnings."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A Llama shape: the names are `config.json`'s."""

    hidden_size: int = 576
    num_hidden_layers: int = 30
    num_attention_heads: int = 9
    num_key_value_heads: int = 3
    head_dim: int = 64
    intermediate_size: int = 1536
    vocab_size: int = 49152
    max_position_embeddings: int = 2048


SMALL = Shape(
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=32,
    intermediate_size=96,
    vocab_size=2048,
)
"""For trying the script itself, and for tests."""


def write_model(folder: Path, shape: Shape, *, seed: int = 0) -> Path:
    """Write the model into `folder` unless it stands there already, and give the folder.

    The weights are bfloat16, drawn from `seed`. Their scales were chosen by trying: what blocks add outweighs the
    embedding in the residual stream, or greedy output would repeat one token; attention adds half of what an MLP does,
    or the average over the prompt would favour a few tokens; yet its scores are no larger than usual, or the rounding
    of bfloat16 would decide the output.
    """
    if (folder / "config.json").is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder, shape.vocab_size)
    _write_weights(folder, shape, seed)
    (folder / "generation_config.json").write_text(json.dumps({"do_sample": False, "eos_token_id": 0}))
    (folder / "config.json").write_text(json.dumps(_config(shape), indent=2))  # last: it says that all is there
    return folder


def _config(shape: Shape) -> dict[str, object]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        **{name: getattr(shape, name) for name in Shape.__dataclass_fields__},
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "rope_scaling": None,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "initializer_range": 0.02,
        "use_cache": True,
        "bos_token_id": None,
        "eos_token_id": 0,
        "torch_dtype": "bfloat16",
    }


def tensor_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """The tensors' shapes by Hugging Face's names, in the order in which they are drawn."""
    hidden, head = shape.hidden_size, shape.head_dim
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (shape.vocab_size, hidden)}
    for layer in range(shape.num_hidden_layers):
        name = f"model.layers.{layer}."
        shapes |= {
            f"{name}input_layernorm.weight": (hidden,),
            f"{name}self_attn.q_proj.weight": (shape.num_attention_heads * head, hidden),
            f"{name}self_attn.k_proj.weight": (shape.num_key_value_heads * head, hidden),
            f"{name}self_attn.v_proj.weight": (shape.num_key_value_heads * head, hidden),
            f"{name}self_attn.o_proj.weight": (hidden, shape.num_attention_heads * head),
            f"{name}post_attention_layernorm.weight": (hidden,),
            f"{name}mlp.gate_proj.weight": (shape.intermediate_size, hidden),
            f"{name}mlp.up_proj.weight": (shape.intermediate_size, hidden),
            f"{name}mlp.down_proj.weight": (hidden, shape.intermediate_size),
        }
    return shapes | {"model.norm.weight": (hidden,)}


def _write_weights(folder: Path, shape: Shape, seed: int) -> None:
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, size in tensor_shapes(shape).items():
        if len(size) == 1:
            weights[name] = torch.ones(size, dtype=torch.bfloat16)
            continue
        weights[name] = (torch.randn(size, generator=generator) * _scale(name, size[1])).to(torch.bfloat16)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _scale(name: str, inputs: int) -> float:
    if "embed" in name:
        return 0.02
    return float((0.5 if "o_proj" in name else 1.0) * inputs**-0.5)


def write_tokenizer(folder: Path, vocab_size: int) -> None:
    """Write a byte-level BPE of exactly `vocab_size` tokens; id 0 is the end of sequence, 1 to 256 are the bytes."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    vocab = {END: 0}
    vocab |= {symbol: 1 + at for at, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merges = []
    for text in itertools.chain(_beginnings(GLUE), _letter_runs()):
        if len(vocab) == vocab_size:
            break
        symbols = text.replace(" ", "Ġ").replace("\n", "Ċ")  # as GPT-2 writes these two bytes
        if symbols not in vocab:
            vocab[symbols] = len(vocab)
            merges.append((symbols[:-1], symbols[-1]))
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(END, special=True, normalized=False)])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "model_max_length": 2048}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def _beginnings(texts: tuple[str, ...]) -> Iterator[str]:
    return (text[:end] for text in texts for end in range(2, len(text) + 1))


def _letter_runs() -> Iterator[str]:
    """Digits in twos and threes, runs of letters with and without a space before; each after its own beginning."""
    for length in (2, 3):
        yield from map("".join, itertools.product(string.digits, repeat=length))
    runs: list[str] = [""]
    for _ in range(3):
        runs = [run + letter for run in runs for letter in string.ascii_lowercase]
        yield from (run for run in runs if len(run) > 1)
        yield from (f" {run}" for run in runs)
    draw = random.Random(0)
    while True:
        yield draw.choice(("", " ")) + "".join(draw.choices(string.ascii_lowercase, k=4))
