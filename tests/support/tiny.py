"""Tiny models with random weights and a byte-level tokenizer, written by `transformers` and `tokenizers`."""

from __future__ import annotations

import json
from pathlib import Path

TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
MERGED = ("the", "ing", "name", '": "', '", "', "tr", "ue", "true", "null", "12", "é", "日本")


def write_tokenizer(folder: Path, *, template: str | None = TEMPLATE) -> None:
    """A byte-level BPE: 256 bytes, a few merges, and special tokens `<|end|>` and the roles."""
    import tokenizers
    from tokenizers import AddedToken, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {symbol: token for token, symbol in enumerate(alphabet)}
    merges: list[tuple[str, str]] = []
    to_symbols = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for word in MERGED:
        symbols = "".join(piece for piece, _ in to_symbols.pre_tokenize_str(word))
        for end in range(2, len(symbols) + 1):
            pair = (symbols[: end - 1], symbols[end - 1])
            if symbols[:end] not in vocab:
                vocab[symbols[:end]] = len(vocab)
                merges.append(pair)
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab, merges))
    tokenizer.pre_tokenizer = to_symbols
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"]
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in specials])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"eos_token": "<|end|>", "tokenizer_class": "PreTrainedTokenizerFast"}
    if template is not None:
        config["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")


SHAPE: dict[str, object] = {
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": None,
    "eos_token_id": None,
    "bos_token_id": None,
    "initializer_range": 0.25,
}


def write_llama(folder: Path, *, seed: int = 0, **changes: object) -> Path:
    """A random Llama model folder, tokenizer included. `changes` go to `LlamaConfig`."""
    return write_model(folder, "Llama", seed=seed, vary=False, **changes)


def write_model(folder: Path, family: str, *, seed: int = 0, vary: bool = True, **changes: object) -> Path:
    """A random model folder of one of transformers' families, such as "Gemma2", tokenizer included.

    `changes` go to its config. With `vary`, biases and weights of norms are random too.
    """
    import torch
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder)
    torch.manual_seed(seed)
    names = [f"{family}TextConfig", f"{family}Config"]
    config_class = next(getattr(transformers, name) for name in names if hasattr(transformers, name))
    model = getattr(transformers, f"{family}ForCausalLM")(config_class(**{**SHAPE, **changes}))
    if vary:
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() == 1:
                    parameter.add_(torch.randn_like(parameter) * 0.2)
    model.save_pretrained(folder)
    return folder
