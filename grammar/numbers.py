"""Sets of JSON numbers as expressions: bounds, multiples and exceptions, exact in decimal.

Numerals in plain notation are complete: any number of zeros after them, whole numbers also as ``1.0`` (with a divisor,
those below 10**16), zero also as ``-0``. Of numerals with an exponent a bounded set has those that `json.dumps` writes.

A numeral is in its set by its exact value, and also by the double that a reader may take it for: an exclusive bound
keeps off the numerals that would round to the bound itself, and none is read as infinity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from ..errors import GrammarError
from .digits import (
    ANY_FRACTION,
    DIGIT,
    DIGITS,
    LEADING,
    MOST_DIGITS,
    POINT,
    ZERO_FRACTION,
    ZEROS,
    above_zero,
    between,
    decimal_places,
    exactly,
    split,
)
from .doubles import SHORT, next_double, rounding_to, told_from_grid, told_multiples
from .expression import (
    EMPTY,
    NOTHING,
    Atom,
    Expression,
    Multiple,
    Repeat,
    Text,
    alt,
    both,
    one_of,
    optional,
    repeat,
    seq,
    texts,
    without,
)
from .scientific import LARGE, SMALL, one_value, scientific

Value = int | float | Decimal | Fraction

MOST_LISTED = 64
"""So many values are written out one by one, where a range alone does not tell them."""
MOST_REMAINDERS = 100_000
"""What divides a number is told from the remainders that its digits have left so far: so many at the most."""
WIDEST_EXPONENT = 400
"""Powers of ten that bounds may reach when they are given as `Decimal`."""

_ZERO = Fraction(0)
_LONG_FROM = Fraction(10**16)
_LONG = seq(LEADING, Repeat(DIGIT, 16, None))
"""Whole numbers so large that a double of them has no fraction."""
_BEYOND = Fraction(10**MOST_DIGITS)
_WHOLE_IN_DOUBLES = 2**53
_PLAIN_FROM = Fraction(1, 10**4)
_PLAIN_TO = Fraction(10**16)
_MINUS = Text("-")
_ONE_SPELLING = seq(alt(Text("0"), seq(LEADING, DIGITS)), optional(seq(POINT, DIGITS, LEADING)))


def exact(value: Value) -> Fraction:
    """The number that is written so: the float 0.1 is one tenth.

    Raises:
        GrammarError: infinite, or not a number, or a `Decimal` far beyond what doubles hold.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise GrammarError(f"{value} is no JSON number", keyword="number")
        return Fraction(repr(value))
    if isinstance(value, Decimal) and not (value.is_finite() and abs(value.adjusted()) <= WIDEST_EXPONENT):
        raise GrammarError(f"the number {value} is beyond what is compared exactly", keyword="number")
    return Fraction(value)


def number(
    *,
    integer: bool = False,
    fractional: bool = False,
    low: Fraction | None = None,
    low_open: bool = False,
    high: Fraction | None = None,
    high_open: bool = False,
    multiples: tuple[Fraction, ...] = (),
    not_multiples: tuple[Fraction, ...] = (),
    excluded: tuple[Fraction, ...] = (),
    canonical: bool = False,
) -> Expression:
    """An `Atom` of the JSON numerals in a set of numbers, or `NOTHING` where the set is plainly empty.

    Args:
        integer: whole numbers only.
        fractional: no whole numbers.
        low, high: bounds, included unless open; None is no bound.
        multiples: each of them (above 0) divides the number.
        not_multiples: none of them (above 0) divides the number.
        excluded: numbers that are not in the set.
        canonical: each number has one numeral, without exponent, needless zeros or ``-0``.

    Raises:
        GrammarError: a bound or divisor whose digits have no end.
    """
    if not (fractional or canonical or multiples or not_multiples or excluded) and low is None and high is None:
        return INTEGER if integer else NUMBER
    return _number(integer, fractional, low, low_open, high, high_open, multiples, not_multiples, excluded, canonical)


@lru_cache(maxsize=1024)
def _number(
    integer: bool,
    fractional: bool,
    low: Fraction | None,
    low_open: bool,
    high: Fraction | None,
    high_open: bool,
    multiples: tuple[Fraction, ...],
    not_multiples: tuple[Fraction, ...],
    excluded: tuple[Fraction, ...],
    canonical: bool,
) -> Expression:
    step = _least_common(multiples, integer)
    integer = integer or (step is not None and step.denominator == 1)
    if integer and fractional:
        return NOTHING
    numbers = _Numbers(integer, fractional, step, not_multiples, frozenset(excluded), canonical)
    span = _Span(low, low_open, high, high_open)
    if integer:
        span = span.whole()
    if span.is_empty():
        return NOTHING
    values = numbers.listed(span)
    if values is not None:
        return Atom(_numerals(values, canonical)) if values else NOTHING
    above, below = numbers.unsigned(span.upper(), 1), numbers.unsigned(span.negated().upper(), -1)
    if low is None and high is None and not excluded and not canonical:
        return Atom(seq(optional(_MINUS), above))
    result = alt(above, seq(_MINUS, below))
    return result if result is NOTHING else Atom(result)


@lru_cache(maxsize=1024)
def _equal(value: Fraction) -> Expression:
    size = abs(value)
    numerals = alt(exactly(size, EMPTY if size >= _BEYOND else ZERO_FRACTION), one_value(size) if size else NOTHING)
    return seq(optional(_MINUS) if not value else _MINUS if value < 0 else EMPTY, numerals)


def equal(value: Value) -> Expression:
    """Every numeral, as in `number`, of exactly this number. Raises GrammarError as `exact` does."""
    return _equal(exact(value))


@dataclass(frozen=True, slots=True)
class _Span:
    """The numbers between two bounds, which may be left out (None) or not be included (open)."""

    low: Fraction | None
    low_open: bool
    high: Fraction | None
    high_open: bool

    def is_empty(self) -> bool:
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def whole(self) -> _Span:
        """The same whole numbers, with whole bounds that are included."""
        low, high = self.low, self.high
        if low is not None:
            low = Fraction(math.floor(low) + 1 if self.low_open else math.ceil(low))
        if high is not None:
            high = Fraction(math.ceil(high) - 1 if self.high_open else math.floor(high))
        return _Span(low, False, high, False)

    def negated(self) -> _Span:
        low, high = (None if bound is None else -bound for bound in (self.high, self.low))
        return _Span(low, self.high_open, high, self.low_open)

    def upper(self) -> _Span:
        """The part that is not below zero."""
        if self.low is None or self.low < 0:
            return _Span(_ZERO, False, self.high, self.high_open)
        return self

    def closed(self) -> _Span | None:
        """The same to readers that hold doubles, with bounds that are included, but for 0; None where nothing is left.

        Only the numerals that would round to an open bound are lost. `self` is not below zero.
        """
        low, high = self.low, self.high
        if low is not None and low > 0 and self.low_open:
            low = next_double(low, math.inf)
            if low is None:
                return None
        if high is not None and self.high_open:
            high = next_double(high, 0.0) or _ZERO
        span = _Span(low, self.low_open and low == 0, high, False)
        return None if span.is_empty() else span

    def holds(self, value: Fraction) -> bool:
        above = self.low is None or self.low < value or (self.low == value and not self.low_open)
        return above and (self.high is None or value < self.high or (value == self.high and not self.high_open))

    def factors(self, step: Fraction) -> tuple[int, int] | None:
        """The first and last k for which k * step is inside; None where there is no end of them."""
        if self.low is None or self.high is None:
            return None
        inside = _Span(self.low / step, self.low_open, self.high / step, self.high_open).whole()
        return int(inside.low or 0), int(inside.high or 0)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What makes a number belong to a set, besides its bounds."""

    integer: bool
    fractional: bool
    step: Fraction | None
    not_multiples: tuple[Fraction, ...]
    excluded: frozenset[Fraction]
    canonical: bool

    def listed(self, span: _Span) -> list[Fraction] | None:
        """All of them, where a range alone does not tell them and they are few; None where that is not so."""
        values = self._candidates(span)
        if values is None or not (self.canonical or all(_is_plain(abs(value)) for value in values)):
            return None
        return [value for value in values if value not in self.excluded and self._takes(value)]

    def _candidates(self, span: _Span) -> list[Fraction] | None:
        """What the bounds and the step leave, where it is a single number or they are a few multiples."""
        step = self.step
        if span.low is not None and span.low == span.high:
            return [span.low] if step is None or (span.low / step).denominator == 1 else []
        if step is None and self.integer and (self.excluded or self.not_multiples):
            step = Fraction(1)
        factors = None if step is None else span.factors(step)
        if step is None or factors is None or factors[1] - factors[0] >= MOST_LISTED:
            return None
        return [factor * step for factor in range(factors[0], factors[1] + 1)]

    def _takes(self, value: Fraction) -> bool:
        if self.fractional and value.denominator == 1:
            return False
        return not any((value / divisor).denominator == 1 for divisor in self.not_multiples)

    def unsigned(self, span: _Span, sign: int) -> Expression:
        """The numerals, without their sign, of the numbers of this sign whose size is in `span`."""
        if self.canonical and sign < 0 and span.low == 0:
            span = _Span(_ZERO, True, span.high, span.high_open)
            span = span.whole() if self.integer else span
        if span.is_empty():
            return NOTHING
        sizes = [abs(value) for value in self.excluded if not value or (value > 0) == (sign > 0)]
        if span.low == 0 and _ZERO in sizes:
            span = _Span(_ZERO, True, span.high, span.high_open)
            span = span.whole() if self.integer else span
            if span.is_empty():
                return NOTHING
        sizes = [size for size in sizes if size and span.holds(size)]
        closed = span if self.integer else span.closed()
        plain = NOTHING if closed is None else self._plain(span, closed)
        plain = self._filtered(plain)
        plain = without(plain, *(rounding_to(size, ()) for size in sizes))
        if self.canonical or self.not_multiples or closed is None or closed.low is None:
            return plain
        zones = (SMALL,) if self.fractional else (SMALL, LARGE)
        floating = scientific(
            closed.low, closed.high, Fraction(1) if self.integer and not self.step else self.step, zones
        )
        return alt(plain, without(floating, *(rounding_to(size, zones) for size in sizes)))

    def _plain(self, span: _Span, closed: _Span) -> Expression:
        """The numerals without exponent; `closed` is what doubles tell from the bounds of `span`."""
        low, high = closed.low or _ZERO, closed.high
        fraction = ANY_FRACTION if not self.integer else EMPTY if self.canonical else ZERO_FRACTION
        if low >= _BEYOND:
            return between(low, high, EMPTY) if self.integer else NOTHING
        high = None if high is not None and high >= _BEYOND else high
        if high is None and low < _LONG_FROM and (self.step or self.not_multiples):
            # Digits that are counted multiply the remainders to be told apart; the last of them need no count.
            return alt(self._numerals(span, low, _LONG_FROM, fraction), _LONG)
        numerals = self._numerals(span, low, high, fraction)
        if self.integer or max(low, high or _ZERO) < _WHOLE_IN_DOUBLES or not (span.low_open or span.high_open):
            return numerals
        exact = span.whole()  # readers compare whole numbers exactly, however large
        top = None if exact.high is not None and exact.high >= _BEYOND else exact.high
        return alt(numerals, between(exact.low or _ZERO, top, EMPTY))

    def _numerals(self, span: _Span, low: Fraction, high: Fraction | None, fraction: Expression) -> Expression:
        return above_zero(high) if span.low == 0 and span.low_open else between(low, high, fraction)

    def _filtered(self, numerals: Expression) -> Expression:
        """Those of the unsigned numerals that have the step, the divisors and the form asked for."""
        if numerals is NOTHING:
            return NOTHING
        needed = [numerals]
        if self.step is not None and not (self.integer and self.step == 1):
            needed.append(_multiple(self.step))
            if self.step.numerator > 1:
                needed.append(told_multiples(decimal_places(self.step)))
        if self.fractional:
            needed.append(told_from_grid(0, False))
        for step in self.not_multiples:
            needed.append(told_from_grid(decimal_places(step), not self.fractional))
        if self.canonical and not self.integer:
            needed += [_ONE_SPELLING, SHORT]
        return without(both(*needed), *map(_multiple, self.not_multiples))


def _least_common(multiples: tuple[Fraction, ...], integer: bool) -> Fraction | None:
    """The least number that all of them divide, and 1 too for integers; None for no condition."""
    if not multiples:
        return None
    numerator, denominator = (1, 1) if integer else (multiples[0].numerator, multiples[0].denominator)
    for one in multiples:
        numerator, denominator = (
            math.lcm(numerator * one.denominator, one.numerator * denominator),
            denominator * one.denominator,
        )
    return Fraction(numerator, denominator)


@lru_cache(maxsize=256)
def _multiple(step: Fraction) -> Expression:
    """Unsigned numerals of the multiples of `step`; the zeros that end whole ones need no remainders."""
    places = decimal_places(step)
    modulus = int(step * 10**places)
    zeros = 0
    while not places and modulus % 10 == 0:
        modulus, zeros = modulus // 10, zeros + 1
    if modulus > MOST_REMAINDERS:
        reason = f"the digits of what is no multiple may leave more than {MOST_REMAINDERS} remainders"
        raise GrammarError(reason, keyword="multipleOf")
    if not zeros:
        return Multiple(modulus, places)
    digits = Repeat(DIGIT, 1, None)
    before = digits if modulus == 1 else both(digits, Multiple(modulus, 0))
    return seq(alt(seq(before, repeat(Text("0"), zeros, zeros)), Repeat(Text("0"), 1, None)), ZERO_FRACTION)


def _is_plain(size: Fraction) -> bool:
    """Whether `json.dumps` writes a double of this size without exponent."""
    return not size or _PLAIN_FROM <= size < _PLAIN_TO


def _numerals(values: list[Fraction], canonical: bool) -> Expression:
    """The numerals of a few values, without exponent."""
    wholes = {value for value in values if value.denominator == 1}
    signed = [_sign(value) + str(abs(value.numerator)) for value in wholes]
    decimals = [_sign(value) + ".".join(split(abs(value))) for value in values if value not in wholes]
    if canonical:
        return texts([*signed, *decimals])
    if _ZERO in wholes:
        signed.append("-0")
    return alt(
        seq(texts(signed), ZERO_FRACTION) if signed else NOTHING,
        seq(texts(decimals), ZEROS) if decimals else NOTHING,
    )


def _sign(value: Fraction) -> str:
    return "-" if value < 0 else ""


def _any_number() -> Expression:
    """Any number that a double holds without overflow; the exponent, where there is one, may be any."""
    whole = alt(Text("0"), seq(LEADING, repeat(DIGIT, 0, MOST_DIGITS - 1)))
    short = alt(Text("0"), seq(LEADING, repeat(DIGIT, 0, 18)))
    small = seq(one_of("eE"), Text("-"), Repeat(DIGIT, 1, 3))
    large = seq(one_of("eE"), optional(Text("+")), repeat(Text("0"), 0, 2), between(_ZERO, Fraction(288), EMPTY))
    unsigned = alt(
        seq(whole, ANY_FRACTION, optional(small)),
        seq(short, ANY_FRACTION, large),
        scientific(_ZERO, None, None, (LARGE,)),
    )
    return Atom(seq(optional(_MINUS), unsigned))


NUMBER = _any_number()
"""Any number that a double holds without overflow."""
INTEGER = _number(True, False, None, False, None, False, (), (), (), False)
"""Any whole number, also as 1.0 or 1e+16."""
