"""What readers that hold numbers as doubles make of a numeral: what such a reader might confuse is kept apart.

Whole numbers without point are read exactly, however large; all else may be rounded. Any two numbers of up to
`MOST_TOLD` digits are different doubles.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache, lru_cache

from .digits import ANY_FRACTION, DIGIT, DIGITS, POINT, ZEROS, between, exactly
from .expression import NOTHING, Expression, Repeat, Text, alt, both, one_of, repeat, seq, without
from .scientific import one_value, scientific

MOST_TOLD = 15
_SOME_DIGITS = Repeat(DIGIT, 1, None)
_WITH_POINT = seq(_SOME_DIGITS, POINT, DIGITS)
SHORT = alt(_SOME_DIGITS, both(_WITH_POINT, repeat(one_of("0123456789."), 1, MOST_TOLD + 1)))
"""Unsigned plain numerals no two of which are different numbers and yet the same double."""


def next_double(value: Fraction, toward: float) -> Fraction | None:
    """As `json.dumps` writes it, the next double from `value`, above 0, in a direction; None where there is none."""
    try:
        found = math.nextafter(float(value), toward)
    except OverflowError:
        found = math.inf
    if math.isinf(found):
        return None if toward else value
    return Fraction(repr(found))


@lru_cache(maxsize=1024)
def rounding_to(size: Fraction, zones: tuple[tuple[int, int], ...]) -> Expression:
    """All unsigned numerals that may be read as `size`, above 0: plain ones, and those with exponents in `zones`."""
    low, high = next_double(size, 0.0), next_double(size, math.inf)
    if low is None or high is None:
        return alt(exactly(size), one_value(size))
    plain = both(_WITH_POINT, between(low, high, ANY_FRACTION))
    floating = scientific(low, high, None, zones) if zones else NOTHING
    edges = [exactly(low), exactly(high), one_value(high), one_value(low) if low else NOTHING]
    return alt(exactly(size), one_value(size), without(plain, *edges[:2]), without(floating, *edges[2:]))


@cache
def told_from_grid(places: int, on_grid: bool) -> Expression:
    """Unsigned plain numerals that are read as no other multiple of 10**-places, or (`on_grid`) as themselves if one.

    Lost are those with a fraction so close to a multiple that there are some fifteen digits between.
    """
    options: list[Expression] = [_SOME_DIGITS] if on_grid else []
    for whole in range(1, MOST_TOLD - places + 1):
        left = MOST_TOLD - places - whole
        head = seq(Repeat(DIGIT, whole, whole), POINT)
        if on_grid:
            options.append(seq(head, repeat(DIGIT, 0, places), ZEROS))
        if left:
            near = (seq(repeat(Text(digit), left, left), DIGITS) for digit in "09")
            options.append(seq(head, repeat(DIGIT, places, places), without(_SOME_DIGITS, ZEROS, *near)))
    return alt(*options)


@cache
def told_multiples(places: int) -> Expression:
    """Unsigned plain numerals with up to so many digits after the point that are read as what they say."""
    return alt(_SOME_DIGITS, seq(Repeat(DIGIT, 1, max(MOST_TOLD - places, 1)), POINT, DIGITS))
