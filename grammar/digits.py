"""Decimal numerals between two bounds, as expressions whose size grows with the digits of the bounds and no faster.

A numeral here is unsigned and has no exponent: digits without a needless zero in front, then perhaps a point and at
least one digit, of which any number may be zeros at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from ..errors import GrammarError
from .expression import (
    NOTHING,
    Chars,
    Expression,
    Repeat,
    Seq,
    Text,
    alt,
    both,
    optional,
    repeat,
    seq,
    text,
)

DIGIT = Chars(((0x30, 0x39),))
LEADING = Chars(((0x31, 0x39),))
DIGITS = Repeat(DIGIT, 0, None)
POINT = Text(".")

ANY_FRACTION = Repeat(Seq((POINT, Repeat(DIGIT, 1, None))), 0, 1)
ZERO_FRACTION = Repeat(Seq((POINT, Repeat(Text("0"), 1, None))), 0, 1)
ZEROS = Repeat(Text("0"), 0, None)

MOST_DIGITS = 308
"""Digits before the point: with more, a reader that holds numbers as doubles may see infinity."""
MOST_ZEROS = 299
"""Zeros after the point, where the number must not be zero: with some more, such a reader would see zero."""

_POSITIVE_FRACTION = Seq((POINT, Repeat(Text("0"), 0, MOST_ZEROS), LEADING, DIGITS))
_CHUNK = 16
_CLASSES = {(first, last): Chars(((0x30 + first, 0x30 + last),)) for first in range(10) for last in range(first, 10)}
_RESTS: dict[int, Expression] = {count: repeat(DIGIT, count, count) for count in range(MOST_DIGITS + 1)}


def between(low: Fraction, high: Fraction | None, fraction: Expression = ANY_FRACTION) -> Expression:
    """Numerals from `low` (at least 0) to `high`, both included; None is no bound.

    Args:
        fraction: what may stand after the digits of a whole number: `ANY_FRACTION`, or, for whole numbers only (the
            bounds are whole then), `ZERO_FRACTION` or `EMPTY`.

    Raises:
        GrammarError: a bound that has no end as a decimal.
    """
    if high is not None and low > high:
        return NOTHING
    low_whole, low_part = split(low)
    if high is None:
        most = max(MOST_DIGITS, len(low_whole))
        longer = seq(LEADING, repeat(DIGIT, len(low_whole), most - 1), fraction) if most > len(low_whole) else NOTHING
        return alt(_least(low_whole, low_part, fraction), longer)
    high_whole, high_part = split(high)
    if len(low_whole) < len(high_whole):
        inner: Expression = NOTHING
        if len(high_whole) - len(low_whole) > 1:
            inner = seq(LEADING, repeat(DIGIT, len(low_whole), len(high_whole) - 2), fraction)
        return alt(_least(low_whole, low_part, fraction), inner, _most(high_whole, high_part, fraction, is_first=True))
    if low_whole == high_whole:
        return seq(text(low_whole), _fraction_between(low_part, high_part, fraction))
    same = _agreeing(low_whole, high_whole)
    rest = len(low_whole) - same - 1
    middle: Expression = NOTHING
    if int(low_whole[same]) + 1 <= int(high_whole[same]) - 1:
        middle = seq(_CLASSES[int(low_whole[same]) + 1, int(high_whole[same]) - 1], _rest(rest), fraction)
    return seq(
        text(low_whole[:same]),
        alt(
            seq(text(low_whole[same]), _least(low_whole[same + 1 :], low_part, fraction)),
            middle,
            seq(text(high_whole[same]), _most(high_whole[same + 1 :], high_part, fraction, is_first=False)),
        ),
    )


def above_zero(high: Fraction | None) -> Expression:
    """Numerals above 0 and up to `high`, that no reader takes for zero."""
    positive = alt(seq(LEADING, repeat(DIGIT, 0, MOST_DIGITS - 1), ANY_FRACTION), seq(Text("0"), _POSITIVE_FRACTION))
    return positive if high is None else both(between(Fraction(0), high), positive)


def same_length(low: Fraction) -> Expression:
    """Numerals of at least `low` with as many digits before the point as it has."""
    return _least(*split(low), ANY_FRACTION)


def exactly(value: Fraction, fraction: Expression = ZERO_FRACTION) -> Expression:
    """The numerals of one value, at least 0; `fraction` is what may follow a whole number."""
    whole, part = split(value)
    return seq(Text(f"{whole}.{part}"), ZEROS) if part else seq(Text(whole), fraction)


def split(value: Fraction) -> tuple[str, str]:
    """The digits before and after the point of a value of at least 0; none after it for a whole number.

    Raises:
        GrammarError: the digits have no end.
    """
    places = decimal_places(value)
    digits = str(value.numerator * 10**places // value.denominator).rjust(places + 1, "0")
    return digits[: len(digits) - places], digits[len(digits) - places :]


def decimal_places(value: Fraction) -> int:
    """How many digits the value needs after the point. Raises GrammarError where they have no end."""
    twos = fives = 0
    rest = value.denominator
    while rest % 2 == 0:
        rest //= 2
        twos += 1
    while rest % 5 == 0:
        rest //= 5
        fives += 1
    if rest != 1:
        raise GrammarError(f"{value} has no end as a decimal number", keyword="number")
    return max(twos, fives)


def _least(digits: str, part: str, fraction: Expression) -> Expression:
    """As many digits as `digits` has, and a fraction, that are together at least `digits.part`."""
    end = fraction
    if part:
        end = seq(POINT, _compare(part, True, lambda _: DIGITS, DIGITS))
    return _compare(digits, True, lambda rest: seq(_rest(rest), fraction), end)


def _most(digits: str, part: str, fraction: Expression, *, is_first: bool) -> Expression:
    """As many digits as `digits` has, and a fraction, that are at most `digits.part`; `is_first`: no zero in front."""
    end = _fraction_between("", part, fraction)
    zero_in_front = not is_first or len(digits) == 1
    return _compare(digits, False, lambda rest: seq(_rest(rest), fraction), end, first=0 if zero_in_front else 1)


def _fraction_between(low: str, high: str, fraction: Expression) -> Expression:
    """What may follow the whole digits when its value must be from ``0.low`` to ``0.high``."""
    if not low and not high:
        return fraction if fraction is not ANY_FRACTION else ZERO_FRACTION
    if not low:
        return optional(seq(POINT, _part_most(high)))
    if high.startswith(low):
        return seq(POINT, text(low), optional(_part_most(high[len(low) :])) if high != low else ZEROS)
    same = _agreeing(low, high)
    first, last = int(low[same]), int(high[same])
    return seq(
        POINT,
        text(low[:same]),
        alt(
            seq(text(low[same]), _compare(low[same + 1 :], True, lambda _: DIGITS, DIGITS)),
            seq(_CLASSES[first + 1, last - 1], DIGITS) if first + 1 <= last - 1 else NOTHING,
            seq(text(high[same]), optional(_part_most(high[same + 1 :]))),
        ),
    )


def _part_most(digits: str) -> Expression:
    """At least one digit after the point, that are at most ``0.digits``."""
    if not digits:
        return Repeat(Text("0"), 1, None)
    return _compare(digits, False, lambda _: DIGITS, ZEROS, may_stop=True)


def _compare(
    digits: str,
    upward: bool,
    follow: Callable[[int], Expression],
    end: Expression,
    *,
    first: int = 0,
    may_stop: bool = False,
) -> Expression:
    """Digits that are greater than `digits` (`upward`) or smaller, or just these.

    Args:
        follow: after the digit that makes the difference, given how many of `digits` are left.
        end: what follows `digits` themselves.
        first: the least first digit.
        may_stop: a beginning of `digits`, not empty, will do as well.
    """
    result = end
    for start in reversed(range(0, len(digits), _CHUNK)):
        chunk = digits[start : start + _CHUNK]
        ways: list[Expression] = []
        for offset, letter in enumerate(chunk):
            place = start + offset
            digit = int(letter)
            least, most = (digit + 1, 9) if upward else (first if place == 0 else 0, digit - 1)
            way: Expression = NOTHING
            if least <= most:
                way = seq(_CLASSES[least, most], follow(len(digits) - place - 1))
            if may_stop and place > 0:
                way = optional(way)
            if way is not NOTHING:
                ways.append(seq(text(chunk[:offset]), way))
        result = alt(*ways, seq(Text(chunk), result))
    return result


def _rest(count: int) -> Expression:
    return _RESTS.get(count) or repeat(DIGIT, count, count)


def _agreeing(left: str, right: str) -> int:
    """How many characters the two begin with in common."""
    same = 0
    while same < min(len(left), len(right)) and left[same] == right[same]:
        same += 1
    return same
