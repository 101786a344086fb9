"""Sets of numbers and of strings, closed under intersection and complement."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, lcm

from ...errors import GrammarError
from ..expression import ANY_CHARACTER, Expression, both, repeat, without
from .language import Language, of_values

ONE = Fraction(1)
MAX_LISTED = 1_000_000


@dataclass(frozen=True, slots=True)
class NumberShape:
    """Numbers within bounds (`*_open`: the bound itself is out), by what they are multiples of, or listed.

    Integers are the multiples of one. Where `values` lists the numbers, nothing else is said.
    """

    low: Fraction | None = None
    low_open: bool = False
    high: Fraction | None = None
    high_open: bool = False
    multiples: tuple[Fraction, ...] = ()
    not_multiples: tuple[Fraction, ...] = ()
    excluded: frozenset[Fraction] = frozenset()
    values: frozenset[Fraction] | None = None

    def contains(self, value: Fraction) -> bool:
        """Whether this number is in the set."""
        if self.values is not None:
            return value in self.values
        return (
            (self.low is None or value > self.low or (value == self.low and not self.low_open))
            and (self.high is None or value < self.high or (value == self.high and not self.high_open))
            and all((value / step).denominator == 1 for step in self.multiples)
            and all((value / step).denominator != 1 for step in self.not_multiples)
            and value not in self.excluded
        )

    def meet(self, other: NumberShape) -> NumberShape | None:
        """The intersection; None where it is plainly empty."""
        if self is ANY_NUMBER or self is other:
            return other
        if other is ANY_NUMBER:
            return self
        if self.values is None and other.values is not None:
            return other.meet(self)
        if self.values is not None:
            kept = frozenset(value for value in self.values if other.contains(value))
            return NumberShape(values=kept) if kept else None
        low, low_open = _tighter(self.low, self.low_open, other.low, other.low_open, 1)
        high, high_open = _tighter(self.high, self.high_open, other.high, other.high_open, -1)
        met = NumberShape(
            low,
            low_open,
            high,
            high_open,
            tuple(dict.fromkeys(self.multiples + other.multiples)),
            tuple(dict.fromkeys(self.not_multiples + other.not_multiples)),
            self.excluded | other.excluded,
        )
        return None if met.is_empty() else met

    def is_empty(self) -> bool:
        """Whether no number is in the set: exact for bounds with steps, otherwise as far as it is plain."""
        if self.values is not None:
            return not self.values
        if any((step / other).denominator == 1 for step in self.multiples for other in self.not_multiples):
            return True
        if self.low is None or self.high is None:
            return False
        if self.low > self.high or (self.low == self.high and (self.low_open or self.high_open)):
            return True
        if self.low == self.high:
            return not self.contains(self.low)
        if not self.multiples:
            return False
        step = _common(self.multiples)
        first, last = ceil(self.low / step), floor(self.high / step)
        first += self.low_open and first * step == self.low
        last -= self.high_open and last * step == self.high
        if last - first < 64:
            return not any(self.contains(count * step) for count in range(first, last + 1))
        return False

    def complement(self) -> list[NumberShape]:
        """All other numbers."""
        if self.values is not None:
            return [NumberShape(excluded=self.values)]
        others = [NumberShape(not_multiples=(step,)) for step in self.multiples]
        others += [NumberShape(multiples=(step,)) for step in self.not_multiples]
        if self.low is not None:
            others.append(NumberShape(high=self.low, high_open=not self.low_open))
        if self.high is not None:
            others.append(NumberShape(low=self.high, low_open=not self.high_open))
        if self.excluded:
            others.append(NumberShape(values=self.excluded))
        return others


def _tighter(
    left: Fraction | None, left_open: bool, right: Fraction | None, right_open: bool, sign: int
) -> tuple[Fraction | None, bool]:
    if left is None or right is None:
        return (right, right_open) if left is None else (left, left_open)
    if left == right:
        return left, left_open or right_open
    return (left, left_open) if (left - right) * sign > 0 else (right, right_open)


def _common(steps: tuple[Fraction, ...]) -> Fraction:
    """The least positive number that is a multiple of all of `steps`."""
    bottom = lcm(*(step.denominator for step in steps))
    return Fraction(lcm(*(int(step * bottom) for step in steps)), bottom)


ANY_NUMBER = NumberShape()
ANY_INTEGER = NumberShape(multiples=(ONE,))


@dataclass(frozen=True, slots=True)
class StringShape:
    """Strings by length in characters, by the languages they are in and not in, or listed.

    Where `values` lists the strings, something else is said only if languages dispute one of them; then the set has
    those that all is true of.
    """

    low: int = 0
    high: int | None = None
    languages: tuple[Language, ...] = ()
    excluded: tuple[Language, ...] = ()
    values: frozenset[str] | None = None

    def contains(self, value: str) -> bool:
        """Whether this string is surely in the set."""
        return (
            (self.values is None or value in self.values)
            and self.low <= len(value)
            and (self.high is None or len(value) <= self.high)
            and all(language.contains(value) for language in self.languages)
            and not any(language.may_contain(value) for language in self.excluded)
        )

    def may_contain(self, value: str) -> bool:
        """Whether this string is in the set or disputed."""
        return (
            (self.values is None or value in self.values)
            and self.low <= len(value)
            and (self.high is None or len(value) <= self.high)
            and all(language.may_contain(value) for language in self.languages)
            and not any(language.contains(value) for language in self.excluded)
        )

    @property
    def is_settled(self) -> bool:
        """Whether no language disputes a listed value."""
        return not (self.languages or self.excluded)

    def meet(self, other: StringShape) -> StringShape | None:
        """The intersection; None where it is plainly empty."""
        if self is ANY_STRING or self is other:
            return other
        if other is ANY_STRING:
            return self
        high = self.high if other.high is None else other.high if self.high is None else min(self.high, other.high)
        values = self.values if other.values is None else other.values
        if self.values is not None and other.values is not None:
            values = self.values & other.values
        met = StringShape(
            max(self.low, other.low),
            high,
            tuple(dict.fromkeys(self.languages + other.languages)),
            tuple(dict.fromkeys(self.excluded + other.excluded)),
            values,
        )
        if met.is_empty():
            return None
        return met if values is None else met._settle(values)

    def _settle(self, values: frozenset[str]) -> StringShape | None:
        """The same with only those of `values` that may be in the set."""
        if not self.is_settled and sum(map(len, values)) > MAX_LISTED:
            raise GrammarError("too many listed strings stand beside a pattern", keyword="size")
        sure = frozenset(filter(self.contains, values))
        disputed = frozenset() if self.is_settled else frozenset(filter(self.may_contain, values - sure))
        if disputed:
            return StringShape(languages=self.languages, excluded=self.excluded, values=sure | disputed)
        return StringShape(values=sure) if sure else None

    def is_empty(self) -> bool:
        """Whether it is plain that no string is in the set."""
        if self.values is not None and not self.values:
            return True
        return (self.high is not None and self.low > self.high) or any(one in self.excluded for one in self.languages)

    def complement(self) -> list[StringShape]:
        """All other strings."""
        others = [StringShape(excluded=(language,)) for language in self.languages]
        others += [StringShape(languages=(language,)) for language in self.excluded]
        if self.values is not None:
            others.append(StringShape(excluded=(of_values(self.values),)))
        if self.low > 0:
            others.append(StringShape(high=self.low - 1))
        if self.high is not None:
            others.append(StringShape(low=self.high + 1))
        return others

    def listed(self) -> frozenset[str] | None:
        """The strings of the set, where they are listed: those that are surely in it."""
        if self.values is None or self.is_settled:
            return self.values
        return frozenset(filter(self.contains, self.values))

    def content(self, widest: bool = False) -> Expression:
        """The strings that are surely in the set, or (`widest`) that may be, as JSON does not yet spell them."""
        if self.values is not None:
            kept = self.values if widest else self.listed()
            return of_values(kept or frozenset()).expression
        inside = [language.widest if widest else language.expression for language in self.languages]
        outside = [language.expression if widest else language.widest for language in self.excluded]
        if self.low > 0 or self.high is not None or not inside:
            inside.append(repeat(ANY_CHARACTER, self.low, self.high))
        return without(both(*inside), *outside)


ANY_STRING = StringShape()
