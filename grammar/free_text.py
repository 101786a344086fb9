"""Free text that goes on to the first of some markers.

Markers are taken as a parser of the finished text takes them, at their first occurrence: free text holds none of them.
It holds no special tokens either, for those match no text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..errors import GrammarError
from .expression import (
    ANY_CHARACTER,
    NOTHING,
    Atom,
    Expression,
    Not,
    Token,
    alt,
    both,
    repeat,
    seq,
    text,
    texts,
)

MAX_MARKER = 1000

_SPECIAL = re.compile(r"<[^<>\s]+>|\[/?[A-Z][A-Z0-9_]*\]")
_ANY = repeat(ANY_CHARACTER)


@dataclass(frozen=True, slots=True)
class Marker:
    """A text that ends free text.

    Its parts that look like a special token's name (``<tool_call>``, ``[TOOL_CALLS]``), or all of it where `is_token`,
    are that token in a vocabulary that has it, and text in another.

    Raises:
        GrammarError: it is too long, or holds half a surrogate pair.
    """

    content: str
    is_token: bool = False

    def __post_init__(self) -> None:
        if len(self.content) > MAX_MARKER:
            raise GrammarError(
                f"a marker of {len(self.content)} characters: at most {MAX_MARKER} are taken", keyword="length"
            )
        if text(self.content) is NOTHING:
            raise GrammarError(f"the marker {self.content!r} holds half a surrogate pair", keyword="marker")

    @property
    def expression(self) -> Expression:
        """The marker itself."""
        return _spelled(self.content, self.is_token)

    @property
    def has_tokens(self) -> bool:
        """Whether a part of it may be a special token."""
        return self.is_token or _SPECIAL.search(self.content) is not None


@lru_cache(maxsize=1024)
def _spelled(content: str, is_token: bool) -> Expression:
    if is_token:
        return Token(content)
    items: list[Expression] = []
    end = 0
    for found in _SPECIAL.finditer(content):
        items += [text(content[end : found.start()]), Token(found[0])]
        end = found.end()
    return seq(*items, text(content[end:]))


@dataclass(frozen=True, slots=True)
class Stop:
    """A marker, and what must follow it."""

    marker: Marker
    rest: Expression


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows something: `whole`; where that begins with known markers, `stops` is the same taken apart."""

    whole: Expression
    stops: tuple[Stop, ...] = ()


def following(marker: Marker, rest: Expression) -> Tail:
    """A marker and what follows it; of an empty marker, only that."""
    if not marker.content:
        return Tail(rest)
    return Tail(seq(marker.expression, rest), (Stop(marker, rest),))


def free_text(tail: Tail, excludes: Sequence[str] = (), most: int | None = None) -> Expression:
    """Free text of at most `most` characters without any of `excludes`, and its tail."""
    if not tail.stops:
        return seq(_free((), tuple(excludes), most), tail.whole)
    return _to_stops(tail.stops, tail.stops, tuple(excludes), most)


def tagged_text(
    tags: Sequence[Stop], tail: Tail, excludes: Sequence[str] = (), *, at_least_one: bool = False, once: bool = False
) -> Tail:
    """Free text, broken by tags whenever their markers occur, and its tail.

    `at_least_one` of them must come; after the first no free text follows where they may come only `once`.
    """
    stops = (*tags, *tail.stops)
    excluded = tuple(excludes)
    tag = _to_stops(tags, stops, excluded, None)
    if tail.stops:
        last = _to_stops(tail.stops, stops, excluded, None)
    else:
        last = seq(_free(tuple(stop.marker for stop in stops), excluded, None), tail.whole)
    if not once:
        return Tail(seq(repeat(tag, int(at_least_one)), last))
    tagged = seq(tag, tail.whole)
    return Tail(tagged if at_least_one else alt(tagged, last))


def _to_stops(taken: Sequence[Stop], stops: Sequence[Stop], excludes: tuple[str, ...], most: int | None) -> Expression:
    """Free text up to the first of all `stops`, which is one of `taken`, and what follows that."""
    markers = tuple(stop.marker for stop in stops)
    return alt(*(seq(_to_marker(stop.marker, markers, excludes, most), stop.rest) for stop in taken))


@lru_cache(maxsize=256)  # the same objects again: the engine knows them
def _to_marker(marker: Marker, markers: tuple[Marker, ...], excludes: tuple[str, ...], most: int | None) -> Expression:
    """Free text, and `marker` where it is the first of `markers`."""
    if marker.has_tokens:
        for other in markers:
            if _overlap(marker.content, other.content) or _overlap(other.content, marker.content):
                raise GrammarError(
                    f"the markers {marker.content!r} and {other.content!r} overlap: either may come first",
                    keyword="marker",
                )
        return seq(_free(markers, excludes, most), marker.expression)
    contents = texts(each.content for each in markers)
    forbidden = [Not(seq(_ANY, contents, ANY_CHARACTER, _ANY))]
    if excludes:
        forbidden.append(Not(seq(_ANY, texts(excludes), _ANY)))
    before = _ANY if most is None else repeat(ANY_CHARACTER, 0, most)
    return Atom(both(seq(before, text(marker.content)), *forbidden))


@lru_cache(maxsize=256)
def _free(markers: tuple[Marker, ...], excludes: tuple[str, ...], most: int | None) -> Expression:
    """Free text that holds none of the markers and exclusions."""
    before = _ANY if most is None else repeat(ANY_CHARACTER, 0, most)
    held = [*(marker.content for marker in markers), *excludes]
    return Atom(both(before, Not(seq(_ANY, texts(held), _ANY))) if held else before)


def _overlap(left: str, right: str) -> bool:
    """Whether an occurrence of `left` that is not one of `right` may run into, or lie within, one of `right`."""
    if left == right:
        return any(left.endswith(right[:length]) for length in range(1, len(right)))
    return left in right or any(left.endswith(right[:length]) for length in range(1, min(len(left), len(right))))
