"""JSON's own spelling, as the first schema parser needs it: goes with `schema_parser`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from .expression import (
    MAX_CHARACTER,
    NOTHING,
    Alt,
    Both,
    Chars,
    Expression,
    Not,
    Repeat,
    Seq,
    Text,
    alt,
    both,
    chars,
    intersect,
    one_of,
    optional,
    repeat,
    seq,
    text,
)

_PLAIN = ((0x20, 0x21), (0x23, 0x5B), (0x5D, MAX_CHARACTER))
_ESCAPED = (*range(0x01, 0x20), 0x22, 0x5C)
ANY_DEPTH = 2
"""How deep arrays and objects nest inside a value whose schema says nothing."""


@dataclass(frozen=True, slots=True)
class Style:
    """The whitespace between tokens of JSON; there is no other."""

    item_separator: str = ", "
    key_separator: str = ": "

    @property
    def comma(self) -> Expression:
        return text(self.item_separator)

    def spell(self, value: object) -> str:
        """`value` as `json.dumps` writes it in this style with ``ensure_ascii=False``."""
        separators = (self.item_separator, self.key_separator)
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=separators)

    def member(self, key: Expression, value: Expression) -> Expression:
        return seq(key, text(self.key_separator), value)


STYLES = {"spaced": Style(), "compact": Style(",", ":")}


@cache
def string_character() -> Expression:
    """One character inside a string, in any spelling JSON has for it."""
    hexadecimal = one_of("0123456789abcdefABCDEF")
    unit = alt(
        seq(one_of("0123456789abcefABCEF"), repeat(hexadecimal, 3, 3)),
        seq(one_of("dD"), one_of("01234567"), repeat(hexadecimal, 2, 2)),
    )
    pair = seq(
        one_of("dD"),
        one_of("89abAB"),
        repeat(hexadecimal, 2, 2),
        text("\\u"),
        one_of("dD"),
        one_of("cdefCDEF"),
        repeat(hexadecimal, 2, 2),
    )
    escape = alt(one_of('"\\/bfnrt'), seq(text("u"), alt(unit, pair)))
    return alt(chars(_PLAIN), seq(text("\\"), escape))


def string(low: int = 0, high: int | None = None) -> Expression:
    """Any string of `low` to `high` characters (code points)."""
    return quoted(repeat(string_character(), low, high))


def quoted(content: Expression) -> Expression:
    return seq(text('"'), content, text('"'))


def inside_string(node: Expression) -> Expression:
    """The texts of `node`, each as `json.dumps(..., ensure_ascii=False)` writes it between quotes."""
    match node:
        case Text(content):
            return text(json.dumps(content, ensure_ascii=False)[1:-1])
        case Chars(ranges):
            escaped = [text(json.dumps(chr(point))[1:-1]) for point in _ESCAPED if intersect(ranges, ((point, point),))]
            return alt(chars(intersect(ranges, _PLAIN)), *escaped)
        case Seq(items):
            return seq(*map(inside_string, items))
        case Alt(options):
            return alt(*map(inside_string, options))
        case Repeat(item, low, high):
            return repeat(inside_string(item), low, high)
        case Both(items):
            return both(*map(inside_string, items))
        case Not(item):
            return Not(inside_string(item))
        case _:
            raise TypeError(f"{type(node).__name__} is not regular")


_DIGIT = chars([(0x30, 0x39)])
_MAGNITUDE = seq(chars([(0x31, 0x39)]), repeat(_DIGIT, 0, 14))
_EXPONENT = alt(repeat(_DIGIT, 1, 2), seq(text("1"), repeat(_DIGIT, 2, 2)), seq(text("2"), one_of("012345678"), _DIGIT))

INTEGER = alt(text("0"), seq(optional(text("-")), _MAGNITUDE))
"""An integer of up to 15 digits, which every reader of JSON holds exactly."""

NUMBER = seq(
    optional(text("-")),
    alt(text("0"), _MAGNITUDE),
    optional(seq(text("."), repeat(_DIGIT, 1, 20))),
    optional(seq(one_of("eE"), optional(one_of("+-")), _EXPONENT)),
)
"""A number that a double holds without overflow."""

BOOLEAN = alt(text("true"), text("false"))
NULL = text("null")


def array(
    items: Expression, low: int, high: int | None, style: Style, first: tuple[Expression, ...] = ()
) -> Expression:
    """An array of `low` to `high` items: `first` one by one, then any number of `items`."""
    if not first:
        if high == 0:
            return text("[]") if low == 0 else NOTHING
        first = (items,)
    following = repeat(
        seq(style.comma, items), max(low - len(first), 0), None if high is None else max(high - len(first), 0)
    )
    for index in reversed(range(len(first))):
        if high is not None and index >= high:
            following = Seq(())
            continue
        following = seq(*((style.comma,) if index else ()), first[index], following)
        if index >= low:
            following = optional(following)
    return seq(text("["), following, text("]"))


def mapping(value: Expression, style: Style) -> Expression:
    """An object with any keys, each with such a value."""
    member = style.member(string(), value)
    return seq(text("{"), optional(seq(member, repeat(seq(style.comma, member)))), text("}"))


def any_value(style: Style, depth: int = ANY_DEPTH) -> Expression:
    """Any value whose arrays and objects nest up to `depth` deep."""
    scalars = alt(string(), NUMBER, BOOLEAN, NULL)
    if depth == 0:
        return scalars
    inner = any_value(style, depth - 1)
    return alt(scalars, array(inner, 0, None, style), mapping(inner, style))


def type_of(value: Any) -> str:
    """The JSON type of a Python value; an integral float is an integer, as JSON Schema has it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"
