"""The named character sets of the two regex dialects, and how `re` folds case, as code point ranges."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import cache

from .expression import Ranges, complement, intersect, merge

ASCII_DIGITS: Ranges = ((0x30, 0x39),)
ASCII_WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
ASCII_SPACE: Ranges = ((0x09, 0x0D), (0x20, 0x20))
NEWLINE: Ranges = ((0x0A, 0x0A),)

_SHARED_SPACE: Ranges = (
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
)
_ECMA_SPACE = merge((*_SHARED_SPACE, (0xFEFF, 0xFEFF)))
_PYTHON_SPACE = merge((*_SHARED_SPACE, (0x1C, 0x1F), (0x85, 0x85)))
_ASCII = {"d": ASCII_DIGITS, "w": ASCII_WORD, "s": ASCII_SPACE}
_ECMA = {"d": ASCII_DIGITS, "w": ASCII_WORD, "s": _ECMA_SPACE}

PYTHON_DOT: Ranges = complement(NEWLINE)
ECMA_DOT: Ranges = complement(((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)))

_ASSIGNED = (range(0x40000), range(0xE0000, 0xE0200))
"""Where characters are: past these, all are unassigned but for the private use of the last two planes."""
_LAST_PLANES: Ranges = ((0xF0000, 0xFFFFD), (0x100000, 0x10FFFD))

_LONG_NAMES = {
    "Letter": "L",
    "Cased_Letter": "LC",
    "Uppercase_Letter": "Lu",
    "Lowercase_Letter": "Ll",
    "Titlecase_Letter": "Lt",
    "Modifier_Letter": "Lm",
    "Other_Letter": "Lo",
    "Mark": "M",
    "Combining_Mark": "M",
    "Nonspacing_Mark": "Mn",
    "Spacing_Mark": "Mc",
    "Enclosing_Mark": "Me",
    "Number": "N",
    "Decimal_Number": "Nd",
    "digit": "Nd",
    "Letter_Number": "Nl",
    "Other_Number": "No",
    "Punctuation": "P",
    "punct": "P",
    "Connector_Punctuation": "Pc",
    "Dash_Punctuation": "Pd",
    "Open_Punctuation": "Ps",
    "Close_Punctuation": "Pe",
    "Initial_Punctuation": "Pi",
    "Final_Punctuation": "Pf",
    "Other_Punctuation": "Po",
    "Symbol": "S",
    "Math_Symbol": "Sm",
    "Currency_Symbol": "Sc",
    "Modifier_Symbol": "Sk",
    "Other_Symbol": "So",
    "Separator": "Z",
    "Space_Separator": "Zs",
    "Line_Separator": "Zl",
    "Paragraph_Separator": "Zp",
    "Other": "C",
    "Control": "Cc",
    "cntrl": "Cc",
    "Format": "Cf",
    "Surrogate": "Cs",
    "Private_Use": "Co",
    "Unassigned": "Cn",
}
_SHORT_NAMES = frozenset(_LONG_NAMES.values())


def ascii_set(letter: str) -> Ranges:
    r"""``\d``, ``\w``, ``\s`` and their negations under `re.ASCII`."""
    return _signed(_ASCII[letter.lower()], letter)


def ecma_set(letter: str) -> Ranges:
    r"""What ECMA-262 means by ``\d``, ``\w``, ``\s`` and their negations."""
    return _signed(_ECMA[letter.lower()], letter)


def python_set(letter: str) -> Ranges:
    r"""What this Python's `re` means by ``\d``, ``\w``, ``\s`` and their negations."""
    return _signed(_PYTHON_SPACE if letter in "sS" else _python_class(letter.lower()), letter)


@cache
def common_set(letter: str) -> Ranges:
    r"""What both dialects mean by ``\d``, ``\w``, ``\s`` and their negations: the intersection."""
    if letter in "dw":
        return ecma_set(letter)
    return python_set(letter) if letter in "DW" else intersect(ecma_set(letter), python_set(letter))


@cache
def either_set(letter: str) -> Ranges:
    r"""What either dialect means by ``\d``, ``\w``, ``\s`` and their negations: the union."""
    if letter in "DW":
        return ecma_set(letter)
    return python_set(letter) if letter in "dw" else merge((*ecma_set(letter), *python_set(letter)))


def _signed(ranges: Ranges, letter: str) -> Ranges:
    return complement(ranges) if letter.isupper() else ranges


@cache
def _python_class(letter: str) -> Ranges:
    ranges: list[tuple[int, int]] = []
    for block in _ASSIGNED:
        found = re.finditer(rf"\{letter}+", "".join(map(chr, block)))
        ranges.extend((block.start + match.start(), block.start + match.end() - 1) for match in found)
    return merge(ranges)


def unicode_property(name: str) -> Ranges | None:
    r"""The characters of ``\p{name}``: a general category, Any, ASCII or Assigned; None where it is another."""
    key, _, value = name.rpartition("=")
    if key not in ("", "gc", "General_Category"):
        return None
    if not key and value in ("Any", "ASCII"):
        return ((0, 0x7F if value == "ASCII" else 0x10FFFF),)
    if not key and value == "Assigned":
        return complement(_category("Cn"))
    short = _LONG_NAMES.get(value, value)
    return _category(short) if short in _SHORT_NAMES else None


@cache
def _category(name: str) -> Ranges:
    wanted = ("Lu", "Ll", "Lt") if name == "LC" else (name,)
    return merge(pair for category, pairs in _categories().items() if category.startswith(wanted) for pair in pairs)


@cache
def _categories() -> dict[str, list[tuple[int, int]]]:
    """The ranges of every general category."""
    found: dict[str, list[tuple[int, int]]] = {"Cn": [], "Co": list(_LAST_PLANES)}
    listed: list[tuple[int, int]] = [*_LAST_PLANES]
    for block in _ASSIGNED:
        listed.append((block.start, block.stop - 1))
        start, current = block.start, unicodedata.category(chr(block.start))
        for point in block[1:]:
            category = unicodedata.category(chr(point))
            if category != current:
                found.setdefault(current, []).append((start, point - 1))
                start, current = point, category
        found.setdefault(current, []).append((start, block.stop - 1))
    found["Cn"].extend(complement(merge(listed)))
    return found


def fold_case(ranges: Ranges, ascii_only: bool = False) -> Ranges:
    """`ranges`, and every character that `re.IGNORECASE` holds to be the same as one of them."""
    if ascii_only:
        lower = [(a + 32, b + 32) for a, b in intersect(ranges, ((0x41, 0x5A),))]
        upper = [(a - 32, b - 32) for a, b in intersect(ranges, ((0x61, 0x7A),))]
        return merge((*ranges, *lower, *upper))
    classes = _case_classes()
    if sum(last - first for first, last in ranges) < 64:
        points = (point for first, last in ranges for point in range(first, last + 1) if point in classes)
    else:
        starts = [first for first, _ in ranges]
        points = (point for point in classes if _holds(ranges, starts, point))
    return merge((*ranges, *((other, other) for point in points for other in classes[point])))


def _holds(ranges: Ranges, starts: list[int], point: int) -> bool:
    index = bisect_right(starts, point) - 1
    return index >= 0 and point <= ranges[index][1]


@cache
def _case_classes() -> dict[int, tuple[int, ...]]:
    """For each character with case, all that `re` takes for it: one lower case, or lower cases of one upper case."""
    by_upper: dict[str, set[int]] = {}
    for block in (range(0x20000), range(0xE0000, 0xE0200)):
        for point in block:
            character = chr(point)
            lower = character.lower()[0]  # the one lower case of two characters, of U+0130, begins with the simple one
            upper = lower.upper()
            if upper != character or lower != character:
                by_upper.setdefault(upper, set()).update((point, ord(lower)))
    classes = (tuple(sorted(points)) for points in by_upper.values() if len(points) > 1)
    return {point: points for points in classes for point in points}
