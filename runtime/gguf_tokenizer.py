"""The tokenizer that a GGUF file carries, as Hugging Face's `tokenizers` describes it. Imports no torch.

Two kinds are known, by `tokenizer.ggml.model`: `gpt2` is byte-level BPE with its list of merges, whose text is first
cut by the regexes that `tokenizer.ggml.pre` names; `llama` is SentencePiece's BPE, whose merges follow from the pieces'
scores, with bytes to fall back on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import ModelError
from .gguf_file import GgufFile
from .tokenizer_files import TokenizerFiles

_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED = 1, 2, 3, 4
_SPACE = "\u2581"

_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN2 = _LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def _byte_level(use_regex: bool) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def _split(pattern: str) -> list[dict[str, Any]]:
    regex = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return [regex, _byte_level(use_regex=False)]


_GPT2 = [_byte_level(use_regex=True)]
_DIGITS = [{"type": "Digits", "individual_digits": True}, *_GPT2]
CUTS: dict[str, list[dict[str, Any]]] = {
    **dict.fromkeys(("gpt-2", "gpt2", "mpt", "olmo", "jais", "phi-2"), _GPT2),
    **dict.fromkeys(("starcoder", "refact", "command-r", "smollm", "codeshell", "exaone"), _DIGITS),
    **dict.fromkeys(("llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral", "smaug-bpe", "dbrx"), _split(_LLAMA3)),
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan"), _split(_QWEN2)),
}
"""How text is cut before it is merged, by `tokenizer.ggml.pre`."""
_WHOLE_WORDS_FIRST = frozenset({"llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral"})
"""Those whose words are tokens as they are where the vocabulary has them, whatever the merges say."""


def read_gguf(path: Path) -> TokenizerFiles:
    """The tokenizer of a GGUF file. Raises `ModelError` naming the file, for kinds that are not known here by name."""
    file = GgufFile(path)
    kind = file.need("tokenizer.ggml.model")
    makers = {"gpt2": _byte_level_bpe, "llama": _sentencepiece_bpe}
    if kind not in makers:
        raise ModelError(f"{path}: the GGUF tokenizer {kind!r} is not known; known are: {', '.join(makers)}")
    tokens = _names(file)
    described = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added(file, tokens),
        "post_processor": _post_processor(file, tokens),
        **makers[kind](file, tokens),
    }
    return TokenizerFiles(
        place=path,
        source=json.dumps(described, ensure_ascii=False),
        config=_config(file, tokens),
        generation={},
        eos_ids=_eos_ids(file, tokens),
    )


def _names(file: GgufFile) -> list[str]:
    tokens: list[str] = file.need("tokenizer.ggml.tokens")
    types = file.metadata.get("tokenizer.ggml.token_type")
    if types is not None and len(types) != len(tokens):
        raise ModelError(f"{file.path}: {len(tokens)} tokens, but {len(types)} types of tokens")
    if len(set(tokens)) != len(tokens):
        raise ModelError(f"{file.path}: a token stands twice in the vocabulary")
    return tokens


def _types(file: GgufFile, tokens: list[str]) -> list[int]:
    types: list[int] = file.metadata.get("tokenizer.ggml.token_type") or [1] * len(tokens)
    return types


def _added(file: GgufFile, tokens: list[str]) -> list[dict[str, Any]]:
    kinds = {_CONTROL: True, _UNKNOWN: True, _USER_DEFINED: False}
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return [
        {"id": token, "content": name, "special": kinds[kind], **plain}
        for token, (name, kind) in enumerate(zip(tokens, _types(file, tokens), strict=True))
        if kind in kinds
    ]


def _config(file: GgufFile, tokens: list[str]) -> dict[str, Any]:
    """What `tokenizer_config.json` would say."""
    keys = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
    config: dict[str, Any] = {}
    for name, key in keys.items():
        token = file.metadata.get(f"tokenizer.ggml.{key}_token_id")
        if token is not None:
            config[name] = tokens[_in_range(file, key, token, tokens)]
    template = file.metadata.get("tokenizer.chat_template")
    return {**config, "chat_template": template} if template else config


def _post_processor(file: GgufFile, tokens: list[str]) -> dict[str, Any] | None:
    """Puts the BOS token before a text, where the file says so; by default it is put before SentencePiece's."""
    token = file.metadata.get("tokenizer.ggml.bos_token_id")
    by_default = file.metadata.get("tokenizer.ggml.model") == "llama"
    if token is None or not file.metadata.get("tokenizer.ggml.add_bos_token", by_default):
        return None
    name = tokens[_in_range(file, "bos", token, tokens)]
    begin = {"SpecialToken": {"id": name, "type_id": 0}}
    first, second = ({"Sequence": {"id": each, "type_id": 0}} for each in "AB")
    return {
        "type": "TemplateProcessing",
        "single": [begin, first],
        "pair": [begin, first, begin, second],
        "special_tokens": {name: {"id": name, "ids": [token], "tokens": [name]}},
    }


def _eos_ids(file: GgufFile, tokens: list[str]) -> tuple[int, ...]:
    """The end of the text, and those of a turn and of a message, which end a generation too."""
    found = [(key, file.metadata.get(f"tokenizer.ggml.{key}_token_id")) for key in ("eos", "eot", "eom")]
    return tuple(dict.fromkeys(_in_range(file, key, token, tokens) for key, token in found if token is not None))


def _in_range(file: GgufFile, key: str, token: int, tokens: list[str]) -> int:
    if not 0 <= token < len(tokens):
        raise ModelError(f"{file.path}: tokenizer.ggml.{key}_token_id is {token}, of {len(tokens)} tokens")
    return token


def _byte_level_bpe(file: GgufFile, tokens: list[str]) -> dict[str, Any]:
    cut = file.need("tokenizer.ggml.pre")
    if cut not in CUTS:
        known = ", ".join(CUTS)
        raise ModelError(f"{file.path}: the pre-tokenizer {cut!r} is not known; known are: {known}")
    steps = CUTS[cut]
    model = _bpe({name: token for token, name in enumerate(tokens)}, file.need("tokenizer.ggml.merges"))
    model["ignore_merges"] = cut in _WHOLE_WORDS_FIRST
    return {
        "normalizer": None,
        "pre_tokenizer": steps[0] if len(steps) == 1 else {"type": "Sequence", "pretokenizers": steps},
        "decoder": _byte_level(use_regex=True),
        "model": model,
    }


def _sentencepiece_bpe(file: GgufFile, tokens: list[str]) -> dict[str, Any]:
    scores: list[float] = file.need("tokenizer.ggml.scores")
    if len(scores) != len(tokens):
        raise ModelError(f"{file.path}: {len(tokens)} tokens, but {len(scores)} scores")
    vocabulary = {name: token for token, name in enumerate(tokens)}
    unknown = file.metadata.get("tokenizer.ggml.unknown_token_id")
    types = _types(file, tokens)
    pieces = {name: token for name, token in vocabulary.items() if types[token] == _NORMAL}
    model = _bpe(vocabulary, merges_of(pieces, scores))
    model["byte_fallback"] = model["fuse_unk"] = True
    model["unk_token"] = None if unknown is None else tokens[_in_range(file, "unknown", unknown, tokens)]
    prefixed = file.metadata.get("tokenizer.ggml.add_space_prefix", True)
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE}
    restore = {"type": "Replace", "pattern": {"String": _SPACE}, "content": " "}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    decoders = [restore, {"type": "ByteFallback"}, {"type": "Fuse"}, *([strip] if prefixed else [])]
    return {
        "normalizer": {
            "type": "Sequence",
            "normalizers": [*([{"type": "Prepend", "prepend": _SPACE}] if prefixed else []), replace],
        },
        "pre_tokenizer": None,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": model,
    }


def _bpe(vocabulary: dict[str, int], merges: list[str] | list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": vocabulary,
        "merges": merges,
    }


def merges_of(vocabulary: dict[str, int], scores: list[float]) -> list[tuple[str, str]]:
    """SentencePiece's merges: each way to make a piece of two others, those of the best score first.

    SentencePiece joins the neighbours whose piece has the best score (Kudo and Richardson 2018, section 3.1); a list
    of merges does the same, since a piece's score falls with its id wherever it was trained as BPE.
    """
    ways = [
        (-scores[token], token, vocabulary[piece[:at]], vocabulary[piece[at:]], piece[:at], piece[at:])
        for piece, token in vocabulary.items()
        for at in range(1, len(piece))
        if piece[:at] in vocabulary and piece[at:] in vocabulary
    ]
    return [(left, right) for *_, left, right in sorted(ways)]
