"""What an expression may begin and end with, and what is left of it where that is confined."""

from __future__ import annotations

from functools import lru_cache

from . import expression
from .expression import (
    ALL_RANGES,
    ANY_CHARACTER,
    EMPTY,
    NOTHING,
    Alt,
    Atom,
    Both,
    Chars,
    Expression,
    Not,
    Ranges,
    Repeat,
    Seq,
    Text,
    alt,
    both,
    chars,
    merge,
    repeat,
    seq,
    text,
    without,
)

ANY_TEXT = Repeat(ANY_CHARACTER, 0, None)

_MOST_OPTIONS = 64

complement = lru_cache(maxsize=1024)(expression.complement)
"""`expression.complement`, remembered: the sets of word characters have hundreds of ranges."""
intersect = lru_cache(maxsize=1024)(expression.intersect)
"""`expression.intersect`, remembered."""


@lru_cache(maxsize=4096)
def is_nullable(node: Expression) -> bool:
    """Whether a regular expression takes the empty text."""
    match node:
        case Chars() | Text():
            return False
        case Seq(items) | Both(items):
            return all(map(is_nullable, items))
        case Alt(options):
            return any(map(is_nullable, options))
        case Repeat(item, low, _):
            return low == 0 or is_nullable(item)
        case Atom(item):
            return is_nullable(item)
        case Not(item):
            return not is_nullable(item)
        case _:
            return False


@lru_cache(maxsize=4096)
def end_set(node: Expression, last: bool) -> Ranges:
    """The characters that a text of `node` may begin with (or end with, if `last`), or more than those."""
    match node:
        case Chars(ranges):
            return ranges
        case Text(content):
            point = ord(content[-1 if last else 0])
            return ((point, point),)
        case Seq(items):
            found: list[Ranges] = []
            for item in reversed(items) if last else items:
                found.append(end_set(item, last))
                if not is_nullable(item):
                    break
            return _union(found)
        case Alt(options):
            return _union([end_set(option, last) for option in options])
        case Repeat(item) | Atom(item):
            return end_set(item, last)
        case Both(items):
            common = ALL_RANGES
            for item in items:
                if not isinstance(item, Not):
                    common = intersect(common, end_set(item, last))
            return common
        case _:
            return ALL_RANGES


def _union(sets: list[Ranges]) -> Ranges:
    distinct = list(dict.fromkeys(sets))
    return distinct[0] if len(distinct) == 1 else merge(pair for ranges in distinct for pair in ranges)


def confine(node: Expression, allowed: Ranges, or_empty: bool, last: bool) -> Expression:
    """The texts of `node` that begin (or end, if `last`) with one of `allowed`, and the empty one if `or_empty`."""
    ends = end_set(node, last)
    left = intersect(ends, allowed)
    nullable = is_nullable(node)
    if left == ends and (or_empty or not nullable):
        return node
    if not left:
        return EMPTY if nullable and or_empty else NOTHING
    found = _confined(node, allowed, or_empty, last)
    if found is None:
        edge = seq(ANY_TEXT, chars(allowed)) if last else seq(chars(allowed), ANY_TEXT)
        found = both(node, alt(EMPTY, edge) if or_empty else edge)
    return found


def _confined(node: Expression, allowed: Ranges, or_empty: bool, last: bool) -> Expression | None:
    """The same, written without an intersection; None where that would be large."""
    match node:
        case Chars(ranges):
            return chars(intersect(ranges, allowed))
        case Alt(options) if len(options) <= _MOST_OPTIONS:
            return alt(*(confine(option, allowed, or_empty, last) for option in options))
        case Repeat(item, low, high) if not is_nullable(item):
            once = confine(item, allowed, False, last)
            rest = repeat(item, max(low - 1, 0), None if high is None else high - 1)
            found = seq(rest, once) if last else seq(once, rest)
            return alt(EMPTY, found) if low == 0 and or_empty else found
        case Seq(items):
            outer, others = (items[-1], items[:-1]) if last else (items[0], items[1:])
            rest = seq(*others)
            if not is_nullable(outer):
                once = confine(outer, allowed, False, last)
                return seq(rest, once) if last else seq(once, rest)
            if isinstance(outer, Repeat):
                once = confine(outer, allowed, False, last)
                without = confine(rest, allowed, or_empty, last)
                return alt(seq(rest, once) if last else seq(once, rest), without)
    return None


def head(node: Expression, length: int) -> list[Ranges]:
    """The sets that the first characters of every text of `node` are in, as far as they are plain to see."""
    sets: list[Ranges] = []
    for item in node.items if isinstance(node, Seq) else (node,):
        if isinstance(item, Text):
            sets.extend(((ord(character), ord(character)),) for character in item.content[:length])
        elif isinstance(item, Chars):
            sets.append(item.ranges)
        else:
            break
        if len(sets) >= length:
            break
    return sets[:length]


def fixed(node: Expression) -> list[Ranges] | None:
    """The set of each character, where `node` is only one character after another; else None."""
    items = node.items if isinstance(node, Seq) else (node,)
    if not all(isinstance(item, (Chars, Text)) for item in items):
        return None
    return head(node, sum(len(item.content) if isinstance(item, Text) else 1 for item in items))


def joined(sets: list[Ranges]) -> Expression:
    """One character out of each of `sets`."""
    items: list[Expression] = []
    run = ""
    for ranges in sets:
        if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
            run += chr(ranges[0][0])
            continue
        items += [text(run), chars(ranges)]
        run = ""
    return seq(*items, text(run))


def meeting(tail: Expression, wanted: Expression, negative: bool) -> Expression:
    """``both(tail, wanted)``, or ``without(tail, wanted)``, as simply as it can be said."""
    if wanted is NOTHING:
        return tail if negative else NOTHING
    if wanted is ANY_TEXT:
        return NOTHING if negative else tail
    if wanted is EMPTY and not negative:
        return EMPTY if is_nullable(tail) else NOTHING
    if tail is EMPTY:
        return NOTHING if is_nullable(wanted) == negative else EMPTY
    if tail is ANY_TEXT and not negative:
        return wanted
    if not intersect(end_set(tail, False), end_set(wanted, False)):
        if negative:
            return tail if not (is_nullable(tail) and is_nullable(wanted)) else without(tail, wanted)
        return EMPTY if is_nullable(tail) and is_nullable(wanted) else NOTHING
    first = first_only(wanted)
    if first is not None:
        ranges, or_empty = first
        return confine(tail, complement(ranges) if negative else ranges, or_empty != negative, last=False)
    return without(tail, wanted) if negative else both(tail, wanted)


def first_only(wanted: Expression) -> tuple[Ranges, bool] | None:
    """(characters, or_empty), if `wanted` says only what a text begins with, and whether it may be empty."""
    if _is_any_after(wanted):
        return head(wanted, 1)[0], False
    if isinstance(wanted, Alt) and len(wanted.options) == 2:
        empty, begun = wanted.options
        if empty is EMPTY and _is_any_after(begun):
            return head(begun, 1)[0], True
    return None


def _is_any_after(node: Expression) -> bool:
    """Whether `node` is one character, then any text."""
    if not isinstance(node, Seq) or len(node.items) != 2:
        return False
    one, others = node.items
    return others is ANY_TEXT and (isinstance(one, Chars) or (isinstance(one, Text) and len(one.content) == 1))


def may_begin(tail: Expression, sets: list[Ranges]) -> bool:
    """Whether a text of `tail` may begin with characters out of `sets`, as far as is plain to see."""
    return all(intersect(known, ranges) for known, ranges in zip(head(tail, len(sets)), sets, strict=False))
