"""What the engine knows of a vocabulary before any grammar: its trie, and sets of tokens by what they are made of."""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..vocabulary import Vocabulary
from .layout import CLAMP, QUOTE
from .trie import ILL_FORMED, Trie, build_trie, sets_of_tokens

_BACKSLASH = 0x5C


class Tokens:
    """A vocabulary, prepared.

    Attributes:
        words: 32-bit words of a mask.
        trie: all tokens that are text.
        quotes: those of them that hold a quote.
        short, long: those of up to `CLAMP` characters, and of more.
        are_short: uint32 [words]; the short ones.
        contains: uint32 [256, words]; tokens by the bytes they hold, row `ILL_FORMED` those that are no whole number
            of characters.
        spellable: int32 [8]; bytes that some token holds.
        plain_bytes: uint64 [4]; bytes of characters that stand for themselves inside a JSON string.
        longest_special: most characters of a token that is not of such characters only.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        pairs = [(content, token) for token, content in enumerate(vocabulary.tokens) if content is not None]
        self.words = (vocabulary.size + 31) // 32
        self.trie: Trie = build_trie(pairs)
        self.quotes: Trie = build_trie([pair for pair in pairs if QUOTE in pair[0]])
        self.short: Trie = build_trie([pair for pair in pairs if _characters(pair[0]) <= CLAMP])
        self.long: Trie = build_trie([pair for pair in pairs if _characters(pair[0]) > CLAMP])
        self.are_short: NDArray[np.uint32] = np.zeros(self.words, np.uint32)
        for content, token in pairs:
            if _characters(content) <= CLAMP:
                self.are_short[token >> 5] |= np.uint32(1 << (token & 31))
        flat = np.frombuffer(b"".join(content for content, _ in pairs), dtype=np.uint8)
        offsets = np.zeros(len(pairs) + 1, np.int64)
        np.cumsum(np.fromiter((len(content) for content, _ in pairs), np.int64, len(pairs)), out=offsets[1:])
        ids = np.fromiter((token for _, token in pairs), np.int64, len(pairs))
        self.contains: NDArray[np.uint32] = np.zeros((256, self.words), np.uint32)
        lengths = np.zeros(vocabulary.size, np.int32)
        sets_of_tokens(flat, offsets, ids, self.contains, lengths)
        for content, token in pairs:
            if not content.isascii():
                try:
                    content.decode()
                except UnicodeDecodeError:
                    self.contains[ILL_FORMED, token >> 5] |= np.uint32(1 << (token & 31))
        self.spellable: NDArray[np.int32] = np.packbits(self._holds(), bitorder="little").view(np.int32)
        self._text: NDArray[np.uint32] = np.bitwise_or.reduce(self.contains, axis=0)
        special = [*range(0x20), QUOTE, _BACKSLASH, ILL_FORMED]
        marked = np.bitwise_or.reduce(self.contains[special], axis=0)
        self.plain_bytes: NDArray[np.uint64] = np.full(4, 2**64 - 1, np.uint64)
        for byte in special:
            self.plain_bytes[byte >> 6] &= np.uint64(2**64 - 1 - (1 << (byte & 63)))
        every = self._text & ~marked
        is_plain = np.unpackbits(every.view(np.uint8), bitorder="little")[: vocabulary.size].astype(bool)
        self._plain = [every]
        longest = int(lengths[is_plain].max(initial=0))
        by_length = [np.zeros(self.words, np.uint32) for _ in range(longest + 1)]
        for token in np.flatnonzero(is_plain).tolist():
            by_length[lengths[token]][token >> 5] |= np.uint32(1 << (token & 31))
        self._plain = [np.bitwise_or.accumulate(np.array(by_length), axis=0)[k] for k in range(longest + 1)]
        is_text = np.unpackbits(self._text.view(np.uint8), bitorder="little")[: vocabulary.size].astype(bool)
        self.longest_special = int(lengths[is_text & ~is_plain].max(initial=0)) + 1
        self._contents: list[NDArray[np.uint8] | None] = [
            None if content is None else np.frombuffer(content, dtype=np.uint8) for content in vocabulary.tokens
        ]

    def _holds(self) -> NDArray[np.bool_]:
        """For each byte, whether some token holds it."""
        held: NDArray[np.bool_] = np.any(self.contains != 0, axis=1)
        held[ILL_FORMED] = False
        return held

    def plain(self, most: int) -> NDArray[np.uint32]:
        """Tokens of up to `most` (-1: any number of) characters that stand for themselves inside a JSON string."""
        return self._plain[-1 if most < 0 or most >= len(self._plain) else most]

    def made_of(self, loop: NDArray[np.uint64]) -> NDArray[np.uint32]:
        """Well-formed tokens of these bytes only."""
        excluded = [byte for byte in range(256) if not int(loop[byte >> 6]) >> (byte & 63) & 1 or byte == ILL_FORMED]
        marked: NDArray[np.uint32] = np.bitwise_or.reduce(self.contains[excluded], axis=0)
        result: NDArray[np.uint32] = self._text & ~marked
        return result

    def content(self, token: int) -> NDArray[np.uint8] | None:
        """The bytes of a token; None where it is no text, or there is no such token."""
        return self._contents[token] if 0 <= token < len(self._contents) else None


def _characters(content: bytes) -> int:
    """How many characters begin in a token; the rest of one that began before counts for nothing."""
    return len(content) if content.isascii() else sum(byte & 0xC0 != 0x80 for byte in content)


_lock = threading.Lock()
_known: WeakKeyDictionary[Vocabulary, Tokens] = WeakKeyDictionary()


def tokens_of(vocabulary: Vocabulary) -> Tokens:
    """The prepared vocabulary, made once."""
    with _lock:
        made = _known.get(vocabulary)
        if made is None:
            made = _known[vocabulary] = Tokens(vocabulary)
        return made
