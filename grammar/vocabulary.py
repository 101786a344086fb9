"""A tokenizer's vocabulary as bytes: what each token id adds to the text.

Special tokens stand for no text, and come only where a grammar names them. Those are all the added tokens of a
tokenizer file, whether it calls them special (as ``<|im_start|>``) or not (as ``<tool_call>`` in many models): either
way they are marks, whose letters in a text are not meant. Only added tokens that are white space and nothing else
(indentation, in some vocabularies) are text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import ModelError
from .vocabulary_files import read_text, read_tokenizer


class Vocabulary:
    """Token ids and their bytes. Immutable, shared by all grammars of a model.

    Args:
        tokens: per id, the bytes it adds to the text; None for special tokens and unused ids.
        eos_ids: ids that end a text; they stand for no text, whatever `tokens` says.
        encode: text to ids as the tokenizer writes them, no special tokens added; needed for forced text only.
        special: ids of the special tokens that a grammar may name, by name; those that end a text are left out.

    Raises:
        ModelError: an end-of-sequence id lies outside the vocabulary, or there is none; a special token lies outside
            it, or stands for text.
    """

    def __init__(
        self,
        tokens: Sequence[bytes | None],
        eos_ids: Iterable[int],
        encode: Callable[[str], list[int]] | None = None,
        special: Mapping[str, int] | None = None,
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
        self.kept: dict[Any, Any] = {}  # what grammar engines keep of it, as long as it lives
        self.special: dict[str, int] = {name: index for name, index in (special or {}).items() if index not in ends}
        for name, index in self.special.items():
            if not 0 <= index < len(self.tokens) or self.tokens[index] is not None:
                raise ModelError(f"special token {name!r} has id {index}, which is outside the vocabulary or is text")

    @classmethod
    def from_file(cls, path: str | Path, eos_ids: Iterable[int] | None = None, size: int | None = None) -> Vocabulary:
        """Read a tokenizer's file.

        Either a Hugging Face ``tokenizer.json`` (byte-level BPE, or SentencePiece pieces with byte fallback), or a
        Mistral ``tekken.json`` (tokens as bytes, by rank).

        Args:
            path: the file.
            eos_ids: ids that end a text; None reads them from the file, or from ``generation_config.json``,
                ``config.json`` and ``tokenizer_config.json`` beside it.
            size: the model's logits a row, where that is more than the tokenizer has tokens.

        Raises:
            ModelError: the file is no such tokenizer, or no end-of-sequence token is known.
        """
        file = read_tokenizer(Path(path))
        if size is not None:
            file.tokens.extend([None] * (size - len(file.tokens)))
        found = tuple(eos_ids) if eos_ids is not None else file.eos_ids()
        return cls(file.tokens, found, file.encode, file.special)

    @classmethod
    def from_text(cls, source: str, place: str | Path, eos_ids: Iterable[int]) -> Vocabulary:
        """As `from_file`, of the text of a ``tokenizer.json``; `place` says where it is from, for messages."""
        file = read_text(source, Path(place))
        return cls(file.tokens, eos_ids, file.encode, file.special)

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
