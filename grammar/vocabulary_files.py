"""Reading tokenizer files: Hugging Face's ``tokenizer.json`` and Mistral's ``tekken.json``."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from ..errors import ModelError

Encoder = Callable[[str], list[int]]

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SPACE_MARK = "\u2581"
_SENTENCEPIECE_MARKS = ("<unk>", "<s>", "</s>", "<pad>")

_TEKKEN_NAMES = (
    "<unk> <s> </s> [INST] [/INST] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_RESULTS] [/TOOL_RESULTS] [TOOL_CALLS] "
    "[IMG] <pad> [IMG_BREAK] [IMG_END] [PREFIX] [MIDDLE] [SUFFIX] [SYSTEM_PROMPT] [/SYSTEM_PROMPT] [TOOL_CONTENT]"
).split()
"""The special tokens of tekken files that list none, in order of id."""


@dataclass(frozen=True)
class TokenizerFile:
    """What a file says.

    Attributes:
        tokens: per id, the bytes it adds to the text; None for special tokens.
        special: ids of the tokens without text, by name.
        encode: text to ids, no special tokens added; loads the tokenizer on first use.
        eos_ids: finds the ids that end a text. Raises ModelError where none is known.
    """

    tokens: list[bytes | None]
    special: dict[str, int]
    encode: Encoder
    eos_ids: Callable[[], tuple[int, ...]]


def read_tokenizer(path: Path) -> TokenizerFile:
    """Read either kind of file. Raises ModelError where it is neither."""
    description = _read_json(path)
    if isinstance(description.get("config"), dict) and isinstance(description.get("vocab"), list):
        return _read_tekken(description, path)
    return _read_hugging_face(description, path)


def read_text(source: str, place: Path) -> TokenizerFile:
    """As `read_tokenizer`, of a ``tokenizer.json``'s text that is from `place`."""
    return _read_hugging_face(_read_object(source.encode(), place), place, source)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    return _read_object(content, path)


def _read_object(source: bytes, path: Path) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(source)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} does not hold a JSON object")
    return content


# tokenizer.json


def _read_hugging_face(description: dict[str, Any], path: Path, source: str | None = None) -> TokenizerFile:
    pieces = _pieces(description, path)
    spell = _spelling(description, path)
    added = [(entry["content"], entry["id"]) for entry in description.get("added_tokens") or []]
    tokens: list[bytes | None] = [None] * (max([*pieces.values(), *(index for _, index in added)], default=-1) + 1)
    for piece, index in pieces.items():
        tokens[index] = spell(piece)
    for content, index in added:
        tokens[index] = content.encode() if content.isspace() else None
    special = {name: index for name, index in [*pieces.items(), *added] if name and tokens[index] is None}
    return TokenizerFile(tokens, special, _encoder(path, source), lambda: _find_eos_ids(path, dict(added)))


def _pieces(description: dict[str, Any], path: Path) -> dict[str, int]:
    """Ids of the model's pieces, as the file writes them."""
    entries = (description.get("model") or {}).get("vocab")
    if isinstance(entries, dict):
        return entries
    if isinstance(entries, list):  # Unigram: [piece, score] in order of id
        return {piece: index for index, (piece, _) in enumerate(entries)}
    raise ModelError(f"{path}: its model has no vocabulary")


def _spelling(description: dict[str, Any], path: Path) -> Callable[[str], bytes | None]:
    """How the pieces of this file spell bytes."""
    components = {*_component_types(description.get("pre_tokenizer")), *_component_types(description.get("decoder"))}
    if "ByteLevel" in components:
        return _byte_level_bytes
    if description["model"].get("byte_fallback") or components & {"ByteFallback", "Metaspace"}:
        return _sentencepiece_bytes
    raise ModelError(f"{path}: neither a byte-level tokenizer nor one of SentencePiece pieces")


def _component_types(component: object) -> Iterable[str]:
    """The types of a pipeline component and of those inside it."""
    if isinstance(component, dict):
        yield str(component.get("type"))
        for inner in (*component.get("pretokenizers", ()), *component.get("decoders", ())):
            yield from _component_types(inner)


def _byte_alphabet() -> dict[int, int]:
    """The byte that each printable character of byte-level BPE stands for; all others below 256 stand for none.

    Printable Latin-1 stands for itself; the other bytes are written as the code points from 256 on, in order.
    """
    plain = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in plain]
    return {**dict.fromkeys(others, 0xFFFF), **{256 + index: byte for index, byte in enumerate(others)}}


_BYTE_OF = _byte_alphabet()


def _byte_level_bytes(piece: str) -> bytes | None:
    try:
        return piece.translate(_BYTE_OF).encode("latin-1")
    except UnicodeEncodeError:  # not of the alphabet: a control token that the file does not list as added
        return None


def _sentencepiece_bytes(piece: str) -> bytes | None:
    match = _BYTE_TOKEN.fullmatch(piece)
    if match is not None:
        return bytes([int(match[1], 16)])
    if piece in _SENTENCEPIECE_MARKS:
        return None
    return piece.replace(_SPACE_MARK, " ").encode()


def _find_eos_ids(path: Path, added: dict[str, int]) -> tuple[int, ...]:
    for name in ("generation_config.json", "config.json"):
        if (path.parent / name).is_file():
            found = _read_json(path.parent / name).get("eos_token_id")
            if found is not None:
                return tuple(found) if isinstance(found, list) else (found,)
    config = path.parent / "tokenizer_config.json"
    if config.is_file():
        eos = _read_json(config).get("eos_token")
        content = eos.get("content") if isinstance(eos, dict) else eos
        if content in added:
            return (added[content],)
    raise ModelError(f"{path}: no end-of-sequence token is named beside it; give eos_ids")


def _encoder(path: Path, source: str | None) -> Encoder:
    """The tokenizer's own encoding, loaded on first use."""
    loaded: list[Any] = []

    def encode(content: str) -> list[int]:
        if not loaded:
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_file(str(path)) if source is None else Tokenizer.from_str(source)
            tokenizer.encode_special_tokens = True  # their names are text like any other
            loaded.append(tokenizer)
        ids: list[int] = loaded[0].encode(content, add_special_tokens=False).ids
        return ids

    return encode


# tekken.json


def _read_tekken(description: dict[str, Any], path: Path) -> TokenizerFile:
    """Special tokens have the first ids; the others follow by rank, as many as the model has use for."""
    config = description["config"]
    try:
        first, size, pattern = config["default_num_special_tokens"], config["default_vocab_size"], config["pattern"]
        spelled = [b64decode(entry["token_bytes"]) for entry in islice(description["vocab"], size - first)]
        named = {entry["token_str"]: entry["rank"] for entry in description.get("special_tokens") or ()}
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} is no tekken file: {error!r}") from error
    special = named or dict(zip(_TEKKEN_NAMES, range(first), strict=False))
    tokens = [*[None] * first, *spelled]

    def eos_ids() -> tuple[int, ...]:
        if "</s>" not in special:
            raise ModelError(f"{path}: it names no token </s>; give eos_ids")
        return (special["</s>"],)

    return TokenizerFile(tokens, special, _tekken_encoder(spelled, first, pattern, path), eos_ids)


def _tekken_encoder(spelled: list[bytes], first: int, pattern: str, path: Path) -> Encoder:
    """Byte-pair encoding by rank, loaded on first use."""
    loaded: list[Any] = []

    def encode(content: str) -> list[int]:
        if not loaded:
            try:
                import tiktoken
            except ImportError as error:
                raise ModelError(f"{path}: encoding text with a tekken file needs the package tiktoken") from error
            ranks = {token: rank for rank, token in enumerate(spelled)}
            loaded.append(tiktoken.Encoding("tekken", pat_str=pattern, mergeable_ranks=ranks, special_tokens={}))
        return [first + rank for rank in loaded[0].encode_ordinary(content)]

    return encode
