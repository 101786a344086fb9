"""Sets of strings that a regular expression describes, which a given string can be looked up in.

Validators do not agree on every string: the dialects of regexes differ, and so do readings of the formats. A language
therefore has two bounds: what is surely in it, and what some reading takes. Which of the two is written depends on
whether strings are to be in the language or not; a string between the two is *disputed*, and never taken.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from ..expression import (
    ALL_RANGES,
    ANY_CHARACTER,
    Alt,
    Atom,
    Both,
    Chars,
    Expression,
    Not,
    Repeat,
    Seq,
    Text,
    alt,
    repeat,
    seq,
    texts,
)
from ..formats import FORMATS
from ..regex_parser import parse_ecma
from .format_bounds import BOUNDS

ANY_TEXT = repeat(ANY_CHARACTER)
Positions = frozenset[int]


class Language:
    """A set of strings. One object for each pattern and format, so that languages compare by identity.

    Args:
        name: for messages.
        expression: what is surely in it.
        widest: makes what may be in it; None: that is the same.
    """

    __slots__ = ("_make_widest", "_widest", "expression", "is_everything", "name")

    def __init__(self, name: str, expression: Expression, widest: Callable[[], Expression] | None = None) -> None:
        self.name = name
        self.expression = expression
        self.is_everything = _is_any_text(expression)
        self._widest: Expression | None = None
        self._make_widest = widest or (lambda: expression)

    def __repr__(self) -> str:
        return f"Language({self.name})"

    @property
    def widest(self) -> Expression:
        """What may be in it; the same object as `expression` where nothing is disputed."""
        if self._widest is None:
            made = self._make_widest()
            self._widest = self.expression if _are_same(self.expression, made) else made
        return self._widest

    def contains(self, content: str) -> bool:
        """Whether this very string is surely in the set."""
        return len(content) in _ends(self.expression, content, frozenset((0,)))

    def may_contain(self, content: str) -> bool:
        """Whether this very string may be in the set."""
        if self.widest is self.expression:
            return self.contains(content)
        return len(content) in _ends(self.widest, content, frozenset((0,)))

    def has_complement(self) -> bool:
        """Whether any string is known not to be in the set."""
        return not _is_any_text(self.widest)


@lru_cache(maxsize=4096)
def pattern(source: str) -> Language:
    """The strings in which an ECMA-262 regex finds a match. Raises GrammarError as `parse_ecma`."""
    return Language(f"pattern {source!r}", _shortened(parse_ecma(source)), lambda: _widest_pattern(source))


def _widest_pattern(source: str) -> Expression:
    return _shortened(parse_ecma(source, widest=True))


@lru_cache(maxsize=64)
def of_format(name: str) -> Language:
    """The strings of a format that `FORMATS` has."""
    return Language(f"format {name}", FORMATS[name](), lambda: _widest_pattern(BOUNDS.get(name, "")))


@lru_cache(maxsize=64)
def of_values(values: frozenset[str]) -> Language:
    """Just these strings."""
    return Language("listed values", texts(values))


def names_of(contents: Iterable[Expression], widest: Iterable[Expression]) -> Language:
    """The strings that any of `contents` surely matches, and any of `widest` may."""
    made = Alt(tuple(widest))
    return Language("names", Alt(tuple(contents)), lambda: made)


def _is_any_text(node: Expression) -> bool:
    return (
        isinstance(node, Repeat)
        and node.low == 0
        and node.high is None
        and isinstance(node.item, Chars)
        and node.item.ranges == ALL_RANGES
    )


def _are_same(left: Expression, right: Expression) -> bool:
    """Whether both are written the same."""
    if left is right:
        return True
    match left, right:
        case Chars(one), Chars(other):
            return one == other
        case Text(one), Text(other):
            return one == other
        case (Seq(ones), Seq(others)) | (Alt(ones), Alt(others)) | (Both(ones), Both(others)):
            return len(ones) == len(others) and all(map(_are_same, ones, others))
        case Repeat(one, low, high), Repeat(other, other_low, other_high):
            return (low, high) == (other_low, other_high) and _are_same(one, other)
        case (Not(one), Not(other)) | (Atom(one), Atom(other)):
            return _are_same(one, other)
    return False


def _shortened(node: Expression) -> Expression:
    """The same strings: what may be repeated next to any text need not be, as that takes it in."""
    if isinstance(node, Alt):
        return alt(*map(_shortened, node.options))
    if not isinstance(node, Seq):
        return node
    items = list(node.items)
    for edge, inner in ((-1, -2), (0, 1)):
        while len(items) > 1 and _is_any_text(items[edge]):
            beside = items[inner]
            if not isinstance(beside, Repeat) or beside.low == beside.high:
                break
            items[inner] = repeat(beside.item, beside.low, beside.low)
            if beside.low == 0:
                del items[inner]
    return seq(*items)


def _ends(node: Expression, content: str, starts: Positions) -> Positions:
    """Where a match of `node` that starts at one of `starts` may end."""
    match node:
        case Chars(ranges):
            return frozenset(at + 1 for at in starts if at < len(content) and _holds(ranges, ord(content[at])))
        case Text(wanted):
            return frozenset(at + len(wanted) for at in starts if content.startswith(wanted, at))
        case Seq(items):
            for item in items:
                if not starts:
                    break
                starts = _ends(item, content, starts)
            return starts
        case Alt(options):
            return frozenset().union(*(_ends(option, content, starts) for option in options))
        case Repeat(item, low, high):
            return _repeated(item, low, high, content, starts)
        case Both(items):
            return frozenset().union(*(_agreed(items, content, start) for start in starts))
        case Atom(item):
            return _ends(item, content, starts)
        case _:
            raise TypeError(f"no expression over the characters of a string: {type(node).__name__}")


def _repeated(item: Expression, low: int, high: int | None, content: str, starts: Positions) -> Positions:
    if high is None and starts and isinstance(item, Chars) and item.ranges == ALL_RANGES:
        return frozenset(range(min(starts) + low, len(content) + 1))
    for _ in range(low):
        following = _ends(item, content, starts)
        if following == starts:
            break
        starts = following
    reached = starts
    done = low
    while starts and (high is None or done < high):
        starts = _ends(item, content, starts) - reached
        reached |= starts
        done += 1
    return reached


def _agreed(items: tuple[Expression, ...], content: str, start: int) -> Positions:
    """The ends from `start` that all of `items` have."""
    ends: Positions = frozenset(range(start, len(content) + 1))
    for item in items:
        if isinstance(item, Not):
            ends -= _ends(item.item, content, frozenset((start,)))
        else:
            ends &= _ends(item, content, frozenset((start,)))
    return ends


def _holds(ranges: tuple[tuple[int, int], ...], code: int) -> bool:
    key: Any = (code, 0x110000)
    at = bisect_right(ranges, key) - 1
    return at >= 0 and ranges[at][0] <= code <= ranges[at][1]
