"""JSON's own spelling, as expressions: what any string or value may look like, and how a given one does.

A string of which nothing is said may use every escape that JSON has; each counts as one character. Where its content
matters (a pattern, a format, a constant, an object's key) each character has at most two spellings: itself, where JSON
lets it stand so, and what ``json.dumps(..., ensure_ascii=True)`` writes. So whatever `json.dumps` writes is taken, with
`ensure_ascii` on and off, and every text has one reading only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

from ..errors import GrammarError
from .expression import (
    EMPTY,
    MAX_CHARACTER,
    NOTHING,
    Alt,
    Atom,
    Both,
    Chars,
    Expression,
    Multiple,
    Not,
    Ranges,
    Repeat,
    Seq,
    Text,
    alt,
    both,
    chars,
    intersect,
    one_of,
    repeat,
    seq,
    text,
    texts,
)
from .numbers import INTEGER, NUMBER, equal

Spelling = Literal["mixed", "raw", "ascii"]
"""How the characters of a string may be spelled: both ways; only as `json.dumps` does without `ensure_ascii`; only as
it does with it. The last two give each string one spelling."""

MOST_WHITESPACE = 20
"""Characters between two tokens of JSON in the flexible style."""

_SPACES = Repeat(one_of(" \n\r\t"), 0, MOST_WHITESPACE)


@dataclass(frozen=True, slots=True)
class Style:
    """The whitespace between tokens of JSON.

    Attributes:
        item_separator, key_separator: what stands between items, and between a key and its value.
        flexible: instead of any whitespace in these, up to `MOST_WHITESPACE` characters of it between any two tokens.
    """

    item_separator: str = ", "
    key_separator: str = ": "
    flexible: bool = False

    @property
    def comma(self) -> Expression:
        """Between members of an object, or items of an array."""
        return _separator(self.item_separator, self.flexible)

    @property
    def colon(self) -> Expression:
        """Between a key and its value."""
        return _separator(self.key_separator, self.flexible)

    @property
    def space(self) -> Expression:
        """Inside a bracket or brace, next to it."""
        return _SPACES if self.flexible else EMPTY


STYLES = {"compact": Style(",", ":"), "spaced": Style(), "flexible": Style(",", ":", flexible=True)}

BOOLEAN = alt(Text("true"), Text("false"))
NULL = Text("null")


@lru_cache(maxsize=64)
def _separator(sign: str, flexible: bool) -> Expression:
    return seq(_SPACES, text(sign.strip()), _SPACES) if flexible else text(sign)


# A character of a string.

_HEX = "0123456789abcdef"
_Places = tuple[tuple[str, str], ...]
_BMP: _Places = (("\\u", _HEX), ("", _HEX), ("", _HEX), ("", _HEX))
_ASTRAL: _Places = (("\\ud", "89ab"), ("", _HEX), ("", _HEX), ("\\ud", "cdef"), ("", _HEX), ("", _HEX))
"""The digits of an escape, first to last: what stands before one, and its signs in order."""

_UNESCAPED: Ranges = ((0x20, 0x21), (0x23, 0x5B), (0x5D, MAX_CHARACTER))
_ASCII_UNESCAPED: Ranges = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7E))
_ALWAYS_ESCAPED = {chr(point): json.dumps(chr(point))[1:-1] for point in (*range(0x20), 0x22, 0x5C)}
_SOMETIMES_BMP: Ranges = ((0x7F, 0xD7FF), (0xE000, 0xFFFF))
_SOMETIMES_ASTRAL: Ranges = ((0x10000, MAX_CHARACTER),)


def _any_spelling() -> Expression:
    """One character inside a string, in any spelling that JSON has for it."""
    digit = one_of("0123456789abcdefABCDEF")
    two = repeat(digit, 2, 2)
    unit = alt(
        seq(one_of("0123456789abcefABCEF"), repeat(digit, 3, 3)),
        seq(
            one_of("dD"),
            alt(
                seq(one_of("01234567"), two),
                seq(one_of("89abAB"), two, text("\\u"), one_of("dD"), one_of("cdefCDEF"), two),
            ),
        ),
    )
    return alt(chars(_UNESCAPED), seq(Text("\\"), alt(one_of('"\\/bfnrt'), seq(Text("u"), unit))))


STRING_CHARACTER = _any_spelling()
"""One character inside a string of which nothing is said. The engine knows this object."""
_QUOTE = Text('"')
STRING = Atom(Seq((_QUOTE, Repeat(STRING_CHARACTER, 0, None), _QUOTE)))
"""Any string."""


@lru_cache(maxsize=1024)
def string(low: int = 0, high: int | None = None) -> Expression:
    """An `Atom` of any string of `low` to `high` characters (code points)."""
    if low == 0 and high is None:
        return STRING
    if high is not None and low > high:
        return NOTHING
    return Atom(Seq((_QUOTE, Repeat(STRING_CHARACTER, low, high), _QUOTE)))


@lru_cache(maxsize=512)
def string_of(content: Expression, style: Spelling = "mixed") -> Expression:
    """An `Atom` of the strings whose content the regular expression `content` matches, or `NOTHING`.

    Raises:
        GrammarError: `content` is not regular, or too deeply nested.
    """
    inside = inside_string(content, style)
    return NOTHING if inside is NOTHING else Atom(seq(_QUOTE, inside, _QUOTE))


def inside_string(content: Expression, style: Spelling = "mixed") -> Expression:
    """What may stand between the quotes of a string whose content `content` matches. Raises as `string_of` does."""
    try:
        return _inside(content, style)
    except RecursionError:
        raise GrammarError("the strings asked for are nested too deeply", keyword="size") from None


def _inside(node: Expression, style: Spelling) -> Expression:
    match node:
        case Chars(ranges):
            return node if _is_plain(ranges) else _characters(ranges, style)
        case Text(content):
            return node if _is_unchanged(content) else _spelled(content, style)
        case Seq(items):
            return seq(*[_inside(item, style) for item in items])
        case Alt(options):
            return alt(*[_inside(option, style) for option in options])
        case Repeat(item, low, high):
            return repeat(_inside(item, style), low, high)
        case Both(items):
            return both(*[_inside(item, style) for item in items])
        case Not(item):
            # Right only inside a Both, whose other side knows no other spellings than these.
            return Not(_inside(item, style))
        case Atom(item):
            return _inside_atom(node, style)
        case Multiple():
            return node
        case _:
            raise GrammarError(f"{type(node).__name__} cannot stand inside a JSON string", keyword="regular")


@lru_cache(maxsize=256)
def _inside_atom(atom: Atom, style: Spelling) -> Expression:
    inside = _inside(atom.item, style)
    return inside if inside is NOTHING else Atom(inside)


def _is_plain(ranges: Ranges) -> bool:
    return intersect(ranges, _ASCII_UNESCAPED) == ranges


def _is_unchanged(content: str) -> bool:
    """Whether there is one spelling, the text itself."""
    return content.isascii() and content.isprintable() and '"' not in content and "\\" not in content


@lru_cache(maxsize=4096)
def _characters(ranges: Ranges, style: Spelling) -> Expression:
    raw = intersect(ranges, _ASCII_UNESCAPED if style == "ascii" else _UNESCAPED)
    ways: list[Expression] = [chars(raw)] if raw else []
    ways += [
        Text(escape) for letter, escape in _ALWAYS_ESCAPED.items() if intersect(ranges, ((ord(letter), ord(letter)),))
    ]
    if style != "raw":
        ways.append(_escaped(intersect(ranges, _SOMETIMES_BMP), _BMP))
        astral = intersect(ranges, _SOMETIMES_ASTRAL)
        ways.append(_escaped(tuple((first - 0x10000, last - 0x10000) for first, last in astral), _ASTRAL))
    return alt(*[way for way in ways if way is not NOTHING])


@lru_cache(maxsize=16384)
def _escaped(ranges: Ranges, places: _Places) -> Expression:
    """The numbers in `ranges`, of so many digits, as they are escaped; what is shared is one object."""
    if not ranges:
        return NOTHING
    (before, signs), rest = places[0], places[1:]
    unit = 1
    for _, following in rest:
        unit *= len(following)
    by_rest: dict[Ranges, str] = {}
    below: dict[int, list[tuple[int, int]]] = {}
    for first, last in ranges:
        for digit in range(first // unit, last // unit + 1):
            start = digit * unit
            below.setdefault(digit, []).append((max(first, start) - start, min(last, start + unit - 1) - start))
    for digit, found in sorted(below.items()):
        key = tuple(found)
        by_rest[key] = by_rest.get(key, "") + signs[digit]
    ways = [seq(one_of(digits), _escaped(key, rest) if rest else EMPTY) for key, digits in by_rest.items()]
    return seq(text(before), alt(*ways))


def _spelled(content: str, style: Spelling) -> Expression:
    """A text, each character of it in either spelling."""
    if style != "mixed":
        return text(json.dumps(content, ensure_ascii=style == "ascii")[1:-1])
    parts: list[Expression] = []
    plain = ""
    for letter in content:
        raw, escaped = json.dumps(letter, ensure_ascii=False)[1:-1], json.dumps(letter)[1:-1]
        if raw == escaped:
            plain += raw
        else:
            parts += [text(plain), alt(Text(raw), Text(escaped))]
            plain = ""
    return seq(*parts, text(plain))


# Whole values.


def literal(value: Any, style: Style = STYLES["spaced"], spelling: Spelling = "mixed") -> Expression:
    """One value, as `json.dumps` may write it in this style; `NOTHING` where it holds half a surrogate pair.

    Members come in their order. Numbers are written in every way that `numbers.equal` knows.

    Raises:
        GrammarError: the value is no JSON, or too deeply nested.
    """
    try:
        return _literal(value, style, spelling)
    except RecursionError:
        raise GrammarError("a constant is nested too deeply", keyword="size") from None


def literals(values: Iterable[Any], style: Style = STYLES["spaced"], spelling: Spelling = "mixed") -> Expression:
    """Any one of these values, as `literal` writes them; thousands of strings cost little. Raises as it does."""
    spelled: set[str] = set()
    others: list[Expression] = []
    for value in values:
        if not isinstance(value, str):
            others.append(literal(value, style, spelling))
        elif _is_text(value):
            spelled.update(_whole(value, spelling))
    try:
        strings = texts(spelled)
    except RecursionError:
        raise GrammarError("constants that begin alike are nested too deeply", keyword="size") from None
    return alt(strings, *[other for other in others if other is not NOTHING])


def _is_text(content: str) -> bool:
    """Whether it holds no half of a surrogate pair."""
    return content.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in content)


def _whole(content: str, spelling: Spelling) -> list[str]:
    """A string as it is written: all of it raw, or all of it in ASCII."""
    if content.isascii() and content.isprintable():
        return [json.dumps(content)]
    return [
        json.dumps(content, ensure_ascii=ascii)
        for ascii in (False, True)
        if spelling in ("mixed", ("raw", "ascii")[ascii])
    ]


def _literal(value: Any, style: Style, spelling: Spelling) -> Expression:
    match value:
        case None:
            return NULL
        case bool():
            return Text("true" if value else "false")
        case int() | float() | Decimal() | Fraction():
            return equal(value)
        case str():
            return alt(*map(Text, dict.fromkeys(_whole(value, spelling)))) if _is_text(value) else NOTHING
        case Mapping():
            members = [
                seq(_literal(str(key), style, spelling), style.colon, _literal(member, style, spelling))
                for key, member in value.items()
            ]
            return enclosed("{", members, "}", style)
        case Sequence():
            return enclosed("[", [_literal(item, style, spelling) for item in value], "]", style)
    raise GrammarError(f"a {type(value).__name__} is no JSON value", keyword="const")


def enclosed(opening: str, parts: Iterable[Expression], closing: str, style: Style) -> Expression:
    """`parts` with commas between them, in brackets or braces."""
    inside: list[Expression] = []
    for part in parts:
        inside += [style.comma, part] if inside else [part]
    spaces = [style.space] if inside else []
    return seq(Text(opening), style.space, *inside, *spaces, Text(closing))


def type_of(value: Any) -> str:
    """The JSON type of a Python value; a number without fraction is an integer, as JSON Schema has it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case Decimal():
            return "integer" if value == value.to_integral_value() else "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


__all__ = [
    "BOOLEAN",
    "INTEGER",
    "NULL",
    "NUMBER",
    "STRING",
    "STRING_CHARACTER",
    "STYLES",
    "Spelling",
    "Style",
    "enclosed",
    "inside_string",
    "literal",
    "literals",
    "string",
    "string_of",
    "type_of",
]
