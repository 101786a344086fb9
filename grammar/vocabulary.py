"""A tokenizer's vocabulary as bytes: what each token id adds to the text.

Special tokens, and all other added ones, stand for no text: a grammar never produces them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import ModelError

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SPACE_MARK = "\u2581"


class Vocabulary:
    """Token ids and their bytes. Immutable, shared by all grammars of a model.

    Args:
        tokens: per id, the bytes it adds to the text; None for special tokens and unused ids.
        eos_ids: ids that end a text; they stand for no text, whatever `tokens` says.
        encode: text to ids as the tokenizer writes them, no special tokens added; needed for forced text only.

    Raises:
        ModelError: an end-of-sequence id lies outside the vocabulary, or there is none.
    """

    def __init__(
        self,
        tokens: Sequence[bytes | None],
        eos_ids: Iterable[int],
        encode: Callable[[str], list[int]] | None = None,
    ) -> None:
        self.eos_ids: tuple[int, ...] = tuple(sorted(set(eos_ids)))
        if not self.eos_ids:
            raise ModelError("the vocabulary has no end-of-sequence token: a constrained text could never end")
        for eos in self.eos_ids:
            if not 0 <= eos < len(tokens):
                raise ModelError(f"end-of-sequence id {eos} lies outside the vocabulary of {len(tokens)} tokens")
        ends = frozenset(self.eos_ids)
        self.tokens: tuple[bytes | None, ...] = tuple(
            None if index in ends or not token else token for index, token in enumerate(tokens)
        )
        self.encode = encode

    @classmethod
    def from_file(cls, path: str | Path, eos_ids: Iterable[int] | None = None, size: int | None = None) -> Vocabulary:
        """Read a Hugging Face ``tokenizer.json``: byte-level BPE, or SentencePiece pieces with byte fallback.

        Args:
            path: the file.
            eos_ids: ids that end a text; None reads them from ``generation_config.json``, ``config.json`` and
                ``tokenizer_config.json`` beside it.
            size: the model's logits a row, where that is more than the tokenizer has tokens.

        Raises:
            ModelError: the file is no such tokenizer, or no end-of-sequence token is known.
        """
        path = Path(path)
        description = _read_json(path)
        tokens = _token_bytes(description, path)
        if size is not None:
            tokens.extend([None] * (size - len(tokens)))
        found = tuple(eos_ids) if eos_ids is not None else _find_eos_ids(path, description)
        return cls(tokens, found, _encoder(path))

    @property
    def size(self) -> int:
        """How many ids there are: bits in a mask."""
        return len(self.tokens)

    @cached_property
    def ids_by_bytes(self) -> dict[bytes, list[int]]:
        """Every text a token can add, and the ids that add it."""
        ids: dict[bytes, list[int]] = {}
        for index, token in enumerate(self.tokens):
            if token is not None:
                ids.setdefault(token, []).append(index)
        return ids

    @cached_property
    def missing_bytes(self) -> tuple[int, ...]:
        """Bytes that no token stands for alone, of those that occur in UTF-8 (NUL aside)."""
        occurring = [*range(0x01, 0x80), *range(0x80, 0xC0), *range(0xC2, 0xF5)]
        return tuple(byte for byte in occurring if bytes([byte]) not in self.ids_by_bytes)

    def text_of(self, ids: Iterable[int]) -> bytes:
        """The bytes that `ids` add up to; tokens without text add nothing."""
        return b"".join(self.tokens[index] or b"" for index in ids)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} does not hold a JSON object")
    return content


def _token_bytes(description: dict[str, Any], path: Path) -> list[bytes | None]:
    model = description.get("model") or {}
    entries = model.get("vocab")
    if isinstance(entries, dict):
        pieces = entries
    elif isinstance(entries, list):  # Unigram: [piece, score] in order of id
        pieces = {piece: index for index, (piece, _) in enumerate(entries)}
    else:
        raise ModelError(f"{path}: its model has no vocabulary")
    components = set(_component_types(description.get("pre_tokenizer"))) | set(
        _component_types(description.get("decoder"))
    )
    if "ByteLevel" in components:
        spell = _byte_level_bytes
    elif model.get("byte_fallback") or "ByteFallback" in components or "Metaspace" in components:
        spell = _sentencepiece_bytes
    else:
        raise ModelError(f"{path}: neither a byte-level tokenizer nor one of SentencePiece pieces")
    added = description.get("added_tokens") or []
    ids = [*pieces.values(), *(token["id"] for token in added)]
    tokens: list[bytes | None] = [None] * (max(ids, default=-1) + 1)
    for piece, index in pieces.items():
        tokens[index] = spell(piece)
    for token in added:
        tokens[token["id"]] = None
    return tokens


def _component_types(component: object) -> Iterable[str]:
    """The types of a pipeline component and of those inside it."""
    if isinstance(component, dict):
        yield str(component.get("type"))
        for inner in (*component.get("pretokenizers", ()), *component.get("decoders", ())):
            yield from _component_types(inner)


def _byte_alphabet() -> dict[str, int]:
    """The printable character that byte-level BPE writes for each byte.

    Printable Latin-1 stands for itself; the other bytes take the code points from 256 on, in order.
    """
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in plain}
    others = [byte for byte in range(256) if byte not in set(plain)]
    alphabet.update({chr(256 + index): byte for index, byte in enumerate(others)})
    return alphabet


_BYTE_OF = _byte_alphabet()


def _byte_level_bytes(piece: str) -> bytes | None:
    try:
        return bytes(_BYTE_OF[character] for character in piece)
    except KeyError:  # not of the alphabet: a control token that the file does not list as added
        return None


def _sentencepiece_bytes(piece: str) -> bytes | None:
    match = _BYTE_TOKEN.fullmatch(piece)
    if match is not None:
        return bytes([int(match[1], 16)])
    if piece in ("<unk>", "<s>", "</s>", "<pad>"):
        return None
    return piece.replace(_SPACE_MARK, " ").encode()


def _find_eos_ids(path: Path, description: dict[str, Any]) -> tuple[int, ...]:
    for name in ("generation_config.json", "config.json"):
        if (path.parent / name).is_file():
            found = _read_json(path.parent / name).get("eos_token_id")
            if found is not None:
                return tuple(found) if isinstance(found, list) else (found,)
    config = path.parent / "tokenizer_config.json"
    if config.is_file():
        eos = _read_json(config).get("eos_token")
        content = eos.get("content") if isinstance(eos, dict) else eos
        for token in description.get("added_tokens") or []:
            if token["content"] == content:
                return (token["id"],)
    raise ModelError(f"{path}: no end-of-sequence token is named beside it; give eos_ids")


def _encoder(path: Path) -> Callable[[str], list[int]]:
    """The tokenizer's own encoding, loaded on first use."""
    loaded: list[Any] = []

    def encode(content: str) -> list[int]:
        if not loaded:
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_file(str(path))
            tokenizer.encode_special_tokens = True  # their names are text like any other
            loaded.append(tokenizer)
        ids: list[int] = loaded[0].encode(content, add_special_tokens=False).ids
        return ids

    return encode
