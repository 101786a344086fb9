"""The named character sets of the two regex dialects, as code point ranges."""

from __future__ import annotations

import re
from functools import cache

from .expression import MAX_CHARACTER, Ranges, complement

_ASCII_DIGITS: Ranges = ((0x30, 0x39),)
_ASCII_WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_ECMA_SPACE: Ranges = (
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
)
_ECMA = {"d": _ASCII_DIGITS, "w": _ASCII_WORD, "s": _ECMA_SPACE}

PYTHON_DOT: Ranges = complement(((0x0A, 0x0A),))
ECMA_DOT: Ranges = complement(((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)))


def ecma_set(letter: str) -> Ranges:
    r"""What ECMA-262 means by ``\d``, ``\w``, ``\s`` and their negations."""
    return complement(_ECMA[letter.lower()]) if letter.isupper() else _ECMA[letter]


@cache
def python_set(letter: str) -> Ranges:
    r"""What this Python's `re` means by ``\d``, ``\w``, ``\s`` and their negations: asked of `re` itself."""
    characters = "".join(map(chr, range(MAX_CHARACTER + 1)))
    return tuple((match.start(), match.end() - 1) for match in re.finditer(rf"\{letter}+", characters))
