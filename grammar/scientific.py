"""Numerals with an exponent, as `json.dumps` writes them for doubles: 1e-07, 1.5e+20.

One digit that is not zero, perhaps a fraction, and an exponent of at most -5 or at least 16; unsigned. A numeral of
decade X lies from 10**X to 10**(X+1), so between two bounds whole decades are free and only the outer two are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from .digits import (
    ANY_FRACTION,
    DIGIT,
    LEADING,
    POINT,
    ZERO_FRACTION,
    ZEROS,
    between,
    decimal_places,
    exactly,
    same_length,
)
from .expression import EMPTY, NOTHING, Expression, Repeat, Seq, Text, alt, both, one_of, optional, seq

GREATEST = Fraction("1.7e308")
"""A little less than the greatest double; numbers between them may only be named, not be in a range."""
LEAST = Fraction("5e-324")
"""The least double above 0."""
SMALL = (-324, -5)
LARGE = (16, 308)
"""First and last exponent of numbers so small, and so large, that `json.dumps` writes an exponent."""
PLACES = 16
"""Digits after the point in the longest mantissa that `json.dumps` writes."""

_OVERFLOW = Fraction("1.7976931348623157e308")
_E = one_of("eE")
_MANTISSA = Seq((LEADING, ANY_FRACTION))


def scientific(
    low: Fraction, high: Fraction | None, step: Fraction | None, zones: tuple[tuple[int, int], ...]
) -> Expression:
    """Numerals from `low` (at least 0) to `high`, both included, whose exponents are in `zones`.

    Args:
        step: they are multiples of it; None is any number.
    """
    greatest = GREATEST if step is None else _power(LARGE[1])
    high = greatest if high is None else min(high, greatest)
    low = max(low, LEAST)
    if low > high:
        return NOTHING
    bottom, top = decade(low), decade(high)
    least = None if step is None else _coarsest(step)
    ways = []
    for first, last in zones:
        first, last = max(first, bottom), min(last, top)
        free_first, free_last = first, last
        if least is not None:
            first, free_first = max(first, least), max(first, least + PLACES)
        if free_first == bottom and low > _power(bottom):
            free_first += 1
        if free_last == top:
            free_last -= 1
        if free_first <= free_last:
            ways.append(seq(_MANTISSA if least is None else _short(PLACES), _E, exponent(free_first, free_last)))
        for place in _outside(first, last, free_first, free_last):
            places = None if least is None else min(place - least, PLACES)
            ways.append(seq(_mantissa(place, low, high, places), _E, exponent(place, place)))
    return alt(*ways)


def one_value(value: Fraction) -> Expression:
    """The numerals of one value above 0; `NOTHING` where none has such an exponent."""
    place = decade(value)
    if not (SMALL[0] <= place <= SMALL[1] or LARGE[0] <= place <= LARGE[1]) or value > _OVERFLOW:
        return NOTHING
    return seq(exactly(value / _power(place)), _E, exponent(place, place))


def decade(value: Fraction) -> int:
    """The exponent of the greatest power of ten that is not above a value above 0."""
    place = len(str(value.numerator)) - len(str(value.denominator))
    return place - 1 if _power(place) > value else place


@lru_cache(maxsize=1024)
def exponent(first: int, last: int) -> Expression:
    """What follows the ``e`` for the exponents from `first` to `last`, of one sign; two digits will do for one."""
    if last < 0:
        return seq(Text("-"), _digits(-last, -first))
    return seq(optional(Text("+")), _digits(first, last))


def _digits(first: int, last: int) -> Expression:
    padded = seq(optional(Text("0")), between(Fraction(first), Fraction(min(last, 9)), EMPTY))
    return alt(padded, between(Fraction(max(first, 10)), Fraction(last), EMPTY))


def _outside(first: int, last: int, free_first: int, free_last: int) -> Iterator[int]:
    """From `first` to `last`, what is not from `free_first` to `free_last`."""
    if free_first > free_last:
        yield from range(first, last + 1)
    else:
        yield from range(first, free_first)
        yield from range(free_last + 1, last + 1)


def _mantissa(place: int, low: Fraction, high: Fraction, places: int | None) -> Expression:
    """What times 10**place is from `low` to `high`, with at most so many digits after the point before zeros."""
    least, most = max(low / _power(place), Fraction(1)), high / _power(place)
    if least == most:
        return NOTHING if places is not None and decimal_places(least) > places else exactly(least)
    allowed: Expression = _MANTISSA
    if most < 10:
        allowed = between(least, most)
    elif least > 1:
        allowed = same_length(least)
    return allowed if places is None else both(allowed, _short(places))


@lru_cache(maxsize=32)
def _short(places: int) -> Expression:
    """A digit that is not zero, and a fraction of at most so many digits before zeros."""
    return seq(LEADING, optional(seq(POINT, Repeat(DIGIT, 1, places), ZEROS)) if places else ZERO_FRACTION)


def _coarsest(step: Fraction) -> int | None:
    """The least exponent whose power of ten is a multiple of `step`; beyond all exponents where none is."""
    powers = []
    rest = step.numerator
    for prime in (2, 5):
        power = 0
        while rest % prime == 0:
            rest //= prime
            power += 1
        bottom = step.denominator
        while bottom % prime == 0:
            bottom //= prime
            power -= 1
        powers.append(power)
    return max(powers) if rest == 1 else LARGE[1] + 1


def _power(place: int) -> Fraction:
    return Fraction(10**place) if place >= 0 else Fraction(1, 10**-place)
