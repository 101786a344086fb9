"""Scalars, and values of which nothing is said, as JSON text."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache

from ..digits import ZERO_FRACTION
from ..expression import NOTHING, Atom, Expression, Ref, Rule, Text, alt, optional, repeat, seq, texts
from ..json_text import BOOLEAN, INTEGER, NULL, NUMBER, STRING, Spelling, Style, literals, string, string_of
from ..numbers import equal, number
from .scalars import ANY_INTEGER, ANY_NUMBER, ANY_STRING, ONE, NumberShape, StringShape
from .values import FALSEHOOD, TRUTH

WORDS = {FALSEHOOD: Text("false"), TRUTH: Text("true"), FALSEHOOD | TRUTH: BOOLEAN}
"""false and true, by the bits of a `ValueSet`."""
MANY_VALUES = 1_000
PLAIN_WHOLE = 10**16
"""Whole numbers below this are written without an exponent, as ints and as floats."""


def spell_numbers(shape: NumberShape, plain_integers: bool = False, canonical: bool = False) -> Expression:
    """The numerals of a set of numbers.

    Args:
        shape: the set.
        plain_integers: write whole numbers with no fraction where the set has no others.
        canonical: one numeral for each number.
    """
    if not canonical:
        if shape is ANY_NUMBER:
            return NUMBER
        if shape is ANY_INTEGER and not plain_integers:
            return INTEGER
    if shape.values is not None:
        values = sorted(shape.values)
        if canonical:
            return alt(*(number(low=value, high=value, canonical=True) for value in values))
        return _equal_to_one(values, plain_integers)
    whole = ONE in shape.multiples
    return number(
        integer=whole,
        fractional=ONE in shape.not_multiples,
        low=shape.low,
        low_open=shape.low_open,
        high=shape.high,
        high_open=shape.high_open,
        multiples=tuple(step for step in shape.multiples if step != ONE),
        not_multiples=tuple(step for step in shape.not_multiples if step != ONE),
        excluded=tuple(sorted(shape.excluded)),
        canonical=canonical or (whole and plain_integers),
    )


def spell_strings(shape: StringShape, spelling: Spelling = "mixed") -> Expression:
    """The texts of a set of strings, with their quotes."""
    if shape is ANY_STRING and spelling == "mixed":
        return STRING
    values = shape.listed()
    if values is not None:
        few = len(values) <= MANY_VALUES  # long lists are not kept
        return _listed(values, spelling) if few else _listed.__wrapped__(values, spelling)
    if spelling == "mixed" and not shape.languages and not shape.excluded:
        return string(shape.low, shape.high)
    return _spelled(shape, spelling)


def _equal_to_one(values: list[Fraction], plain_integers: bool) -> Expression:
    """The numerals of any of `values`; thousands of whole numbers cost little."""
    if plain_integers and all(value.denominator == 1 and abs(value) < PLAIN_WHOLE for value in values):
        return texts(str(value) for value in values)
    whole = [value for value in values if value.denominator == 1 and 0 < abs(value) < PLAIN_WHOLE]
    if len(whole) < 16:
        return alt(*map(equal, values))
    plain = frozenset(whole)
    others = [equal(value) for value in values if value not in plain]
    return alt(seq(texts(str(value) for value in whole), ZERO_FRACTION), *others)


@lru_cache(maxsize=1024)
def _listed(values: frozenset[str], spelling: Spelling) -> Expression:
    written = literals(sorted(values), spelling=spelling)
    return written if written is NOTHING else Atom(written)


@lru_cache(maxsize=1024)
def _spelled(shape: StringShape, spelling: Spelling) -> Expression:
    return string_of(shape.content(), spelling)


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value, any array and any object, in one style."""

    value: Expression
    array: Expression
    object: Expression


@cache
def anything(style: Style) -> Anything:
    """Any JSON value: one recursive rule for each style. A key may come twice, as JSON lets it."""
    rule = Rule("value")
    comma, colon, space = style.comma, style.colon, style.space
    value = Ref(rule)
    items = seq(value, repeat(seq(comma, value)))
    member = seq(STRING, colon, value)
    members = seq(member, repeat(seq(comma, member)))
    array = seq(Text("["), space, optional(seq(items, space)), Text("]"))
    mapping = seq(Text("{"), space, optional(seq(members, space)), Text("}"))
    rule.body = alt(NULL, BOOLEAN, NUMBER, STRING, array, mapping)
    return Anything(value, array, mapping)
