"""Small trained tokenizers of the kinds that GGUF files carry, as Hugging Face folders hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

TEXTS = [
    "The quick brown fox jumps over the lazy dog, and it's the dog's 3rd day; they'll see 12345 of them.",
    "name: value\n\n\tnames and values, naming  the   things\r\n",
    "def f(x): return x ** 2 + 10  # a comment",
    "日本語のテキスト, naïve café, Ω≈ç√, 🙂🙂 and 👩‍👩‍👧",
]
"""What they are trained on, and compared on."""

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
END = "<|end|>"


def byte_level(folder: Path, cut: str, size: int = 400) -> Path:
    """A byte-level BPE whose text is cut as llama.cpp's pre-tokenizer `cut` does."""
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    cuts: dict[str, list[Any]] = {
        "gpt-2": [pre_tokenizers.ByteLevel(add_prefix_space=False)],
        "smollm": [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)],
        "llama-bpe": [pre_tokenizers.Split(Regex(LLAMA3), "isolated"), plain],
        "qwen2": [pre_tokenizers.Split(Regex(QWEN2), "isolated"), plain],
    }
    tokenizer = Tokenizer(models.BPE(ignore_merges=cut == "llama-bpe"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(cuts[cut])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in (END, "<|user|>")])
    tokenizer.add_tokens([AddedToken("<think>", special=False, normalized=False)])
    return _saved(
        tokenizer, folder, {"eos_token": END, "cut": cut, "chat_template": "{{ messages[0].content }}<|user|>"}
    )


def sentencepiece(folder: Path, size: int = 500) -> Path:
    """A BPE over pieces with scores and a byte fallback, as SentencePiece's files of Llama become."""
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    trained.train_from_iterator(TEXTS[:3], trainers.BpeTrainer(vocab_size=size - 259, show_progress=False))
    merges = json.loads(trained.to_str())["model"]["merges"]
    joined = ["".join(pair) for pair in merges]
    letters = [piece for piece in sorted(trained.get_vocab()) if len(piece) == 1]
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *dict.fromkeys(joined), *letters]
    vocabulary = {piece: token for token, piece in enumerate(pieces)}
    order = {piece: -float(rank) for rank, piece in enumerate(dict.fromkeys(joined))}
    model = models.BPE(
        vocabulary, [tuple(pair) for pair in merges], unk_token="<unk>", fuse_unk=True, byte_fallback=True
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = trained.normalizer
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in pieces[:3]])
    scores = [order.get(piece, 0.0 if token < 259 else -1e6 - token) for piece, token in vocabulary.items()]
    return _saved(tokenizer, folder, {"eos_token": "</s>", "bos_token": "<s>", "scores": scores})


def _saved(tokenizer: Tokenizer, folder: Path, config: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
