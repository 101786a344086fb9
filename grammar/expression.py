"""What a text may be, as an expression over Unicode characters: sets of characters, sequences, alternatives, repeats.

Regexes, choices and JSON Schemas all become one of these, and are bounded, checked and compiled in this form. Build
them with the lower-case functions, which keep a simple normal form: no sequence inside a sequence, and an expression
that no text can match is `NOTHING` wherever that can be seen.

Two characters are never matched, whatever a set says: lone surrogates, which no UTF-8 text holds, and NUL, which the
compiled form keeps for itself as the mark of the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAX_CHARACTER = 0x10FFFF
Ranges = tuple[tuple[int, int], ...]
"""Code points as sorted, disjoint, inclusive (first, last) pairs."""

ALL_RANGES: Ranges = ((1, 0xD7FF), (0xE000, MAX_CHARACTER))


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Seq:
    """One after the other; of nothing, the empty text."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    """Any one of several; of none, no text at all."""

    options: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """From `low` to `high` times the same; None is without end."""

    item: Expression
    low: int
    high: int | None


Expression = Chars | Seq | Alt | Repeat

EMPTY = Seq(())
NOTHING = Alt(())


def merge(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted and disjoint, whatever the order and overlap of the pairs given."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    """Every code point from 0 to `MAX_CHARACTER` that is not in `ranges` (merged)."""
    gaps = []
    start = 0
    for first, last in ranges:
        if first > start:
            gaps.append((start, first - 1))
        start = last + 1
    if start <= MAX_CHARACTER:
        gaps.append((start, MAX_CHARACTER))
    return tuple(gaps)


def intersect(left: Ranges, right: Ranges) -> Ranges:
    """Code points that are in both (each merged)."""
    common = []
    i = j = 0
    while i < len(left) and j < len(right):
        first, last = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if first <= last:
            common.append((first, last))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def chars(ranges: Iterable[tuple[int, int]]) -> Expression:
    """One character out of `ranges`, in any order."""
    usable = intersect(merge(ranges), ALL_RANGES)
    return Chars(usable) if usable else NOTHING


def one_of(characters: str) -> Expression:
    """One of these characters."""
    return chars((ord(character), ord(character)) for character in characters)


def text(content: str) -> Expression:
    """Exactly this text."""
    return seq(*(one_of(character) for character in content))


def seq(*items: Expression) -> Expression:
    """`items`, one after the other."""
    flat: list[Expression] = []
    for item in items:
        if item == NOTHING:
            return NOTHING
        flat.extend(item.items if isinstance(item, Seq) else (item,))
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def alt(*options: Expression) -> Expression:
    """Any one of `options`."""
    flat: list[Expression] = []
    for option in options:
        flat.extend(option.options if isinstance(option, Alt) else (option,))
    return flat[0] if len(flat) == 1 else Alt(tuple(flat))


def repeat(item: Expression, low: int = 0, high: int | None = None) -> Expression:
    """`item` from `low` to `high` times; an empty range is no text at all."""
    if high is not None and low > high:
        return NOTHING
    if item == NOTHING:
        return EMPTY if low == 0 else NOTHING
    if high == 0 or item == EMPTY:
        return EMPTY
    return item if (low, high) == (1, 1) else Repeat(item, low, high)


def optional(item: Expression) -> Expression:
    """`item` or the empty text."""
    return repeat(item, 0, 1)


def size(expression: Expression) -> int:
    """Nodes when every counted repeat is written out; shared parts count each time they are used."""
    known: dict[int, int] = {}

    def visit(node: Expression) -> int:
        count = known.get(id(node))
        if count is None:
            count = known[id(node)] = measure(node)
        return count

    def measure(node: Expression) -> int:
        match node:
            case Chars():
                return 1
            case Seq(items):
                return 1 + sum(map(visit, items))
            case Alt(options):
                return 1 + sum(map(visit, options))
            case Repeat(item, low, high):
                return 1 + visit(item) * max(low + 1 if high is None else high, 1)

    return visit(expression)


def lengths(expression: Expression) -> tuple[int, int | None]:
    """The fewest and most characters a match can have; None is without end."""
    match expression:
        case Chars():
            return 1, 1
        case Seq(items):
            bounds = [lengths(item) for item in items]
            return sum(low for low, _ in bounds), _total(high for _, high in bounds)
        case Alt(options):
            bounds = [lengths(option) for option in options] or [(0, 0)]
            highs = [high for _, high in bounds]
            known = [high for high in highs if high is not None]
            return min(low for low, _ in bounds), max(known) if len(known) == len(highs) else None
        case Repeat(item, low, high):
            shortest, longest = lengths(item)
            unbounded = longest != 0 and (high is None or longest is None)
            return shortest * low, None if unbounded else (longest or 0) * (high or 0)


def _total(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
