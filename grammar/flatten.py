"""Expressions without objects, arrays, references and intersections, for engines that know regexes only.

What is left is `Chars`, `Text`, `Seq`, `Alt` and `Repeat`, and matches exactly the same texts. What these cannot say,
or only at a size that nobody would want, is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from ..errors import GrammarError
from .expression import (
    ALL_RANGES,
    ANY_CHARACTER,
    EMPTY,
    NOTHING,
    Alt,
    Atom,
    Both,
    Chars,
    Elements,
    Expression,
    Member,
    Members,
    Multiple,
    Not,
    Option,
    Ranges,
    Ref,
    Repeat,
    Rule,
    Seq,
    Text,
    Token,
    alt,
    chars,
    complement,
    intersect,
    optional,
    repeat,
    seq,
    text,
)
from .json_text import inside_string

_QUOTE = Text('"')


def flatten(expression: Expression) -> Expression:
    """The same texts, said by `Chars`, `Text`, `Seq`, `Alt` and `Repeat` alone; what is shared stays shared.

    Raises:
        GrammarError: it cannot be said so, or is nested too deeply.
    """
    try:
        return _Flattener().flat(expression)
    except RecursionError as error:
        raise GrammarError("the constraint nests too deeply", keyword="nesting") from error


def _refuse(what: str, keyword: str) -> NoReturn:
    raise GrammarError(f"outlines-core cannot {what}; weft's own grammar engine can", keyword=keyword)


class _Flattener:
    """Flattens the parts of one expression, each once."""

    def __init__(self) -> None:
        self._known: dict[Expression, Expression] = {}
        self._open: set[Rule] = set()

    def flat(self, node: Expression) -> Expression:
        known = self._known.get(node)
        if known is None:
            known = self._known[node] = self._flat(node)
        return known

    def _flat(self, node: Expression) -> Expression:
        match node:
            case Chars() | Text():
                return node
            case Seq(items):
                return seq(*map(self.flat, items))
            case Alt(options):
                return alt(*map(self.flat, options))
            case Repeat(item, low, high):
                return repeat(self.flat(item), low, high)
            case Atom(item):
                return self.flat(item)
            case Both():
                return self.intersection(node)
            case Ref(rule):
                return self.rule(rule)
            case Members():
                return self.members(node)
            case Elements():
                return self.elements(node)
            case Token(name):
                _refuse(f"name the special token {name}", "token")
            case Multiple():
                _refuse("count multiples of a number", "multipleOf")
            case Not():
                _refuse("leave texts out", "intersection")

    def rule(self, rule: Rule) -> Expression:
        """What the rule matches, in its place."""
        if rule in self._open:
            _refuse(f"follow recursion: {rule.name} refers to itself", "recursion")
        if rule.body is None:
            raise GrammarError(f"rule {rule.name} says nothing", keyword="recursion")
        self._open.add(rule)
        body = self.flat(rule.body)
        self._open.discard(rule)
        return body

    # -- intersections ----------------------------------------------------------------------------------------------

    def intersection(self, node: Both) -> Expression:
        """Sets of characters, with others taken out, or repeated between bounds; no other intersections."""
        sides = [item for item in node.items if not _is_any_text(item)] or [node.items[0]]
        if len(sides) == 1 and not isinstance(sides[0], Not):
            return self.flat(sides[0])
        sets = [self.character_set(item) for item in sides]
        if None not in sets:
            return chars(_common(sets))
        repeats = [self.repeated_set(item) for item in sides]
        highs = [one.high for one in repeats if one.high is not None]
        return repeat(
            chars(_common(self.character_set(one.item) for one in repeats)),
            max(one.low for one in repeats),
            min(highs, default=None),
        )

    def character_set(self, item: Expression) -> Ranges | None:
        """The characters of a side that is a set of them, or all but a set of them; None for another side."""
        side = self.flat(item.item if isinstance(item, Not) else item)
        if not isinstance(side, Chars):
            return None
        return complement(side.ranges) if isinstance(item, Not) else side.ranges

    def repeated_set(self, item: Expression) -> Repeat:
        side = None if isinstance(item, Not) else self.flat(item)
        if not isinstance(side, Repeat) or not isinstance(side.item, Chars):
            _refuse("intersect languages", "intersection")
        return side

    # -- objects ----------------------------------------------------------------------------------------------------

    def members(self, node: Members) -> Expression:
        """The members of an object in their order, or any number of members of which none is named."""
        colon, comma = self.flat(node.colon), self.flat(node.comma)
        if node.others:
            return self.unnamed(node, colon, comma)
        if any(member.required and member.value is NOTHING for member in node.named):
            return NOTHING
        possible = [member for member in node.named if member.value is not NOTHING]
        required = sum(member.required for member in possible)
        if len(possible) > 1 and not node.ordered:
            _refuse('take properties in any order: ask for property_order="schema"', "property_order")
        if node.high is not None and node.high < len(possible):
            _refuse("count properties", "maxProperties")
        if node.low > max(required, 1) and node.low < len(possible):
            _refuse("count properties", "minProperties")
        if node.low > len(possible):
            return NOTHING
        all_required = node.low == len(possible)
        written = [(self.member(member, colon), member.required or all_required) for member in possible]
        listed = _listed(written, comma)
        return listed if node.low or required else optional(listed)

    def member(self, member: Member, colon: Expression) -> Expression:
        return seq(_QUOTE, self.flat(inside_string(text(member.name))), _QUOTE, colon, self.flat(member.value))

    def unnamed(self, node: Members, colon: Expression, comma: Expression) -> Expression:
        """Members with any keys of some languages; from the second on, nothing says that keys must differ."""
        if node.named:
            _refuse("take the names of properties out of other keys", "additionalProperties")
        if node.low > 1:
            _refuse("count different keys", "minProperties")
        member = alt(
            *(seq(_QUOTE, self.flat(key), _QUOTE, colon, self.flat(value)) for key, value in node.others),
        )
        return _separated(member, comma, node.low, node.high)

    # -- arrays -----------------------------------------------------------------------------------------------------

    def elements(self, node: Elements) -> Expression:
        """The items of an array, the last of them first."""
        if any(bounds != (0, None) for bounds in node.counters):
            _refuse("count items of a kind", "contains")
        if node.unique and node.high != 1:
            _refuse("tell items apart", "uniqueItems")
        comma = self.flat(node.comma)
        count = len(node.first) if node.high is None else min(len(node.first), node.high)
        rest_high = None if node.high is None else node.high - count
        if not count:
            return _separated(self.options(node.rest), comma, node.low, rest_high)
        items = repeat(seq(comma, self.options(node.rest)), max(node.low - count, 0), rest_high)
        for index in range(count - 1, -1, -1):
            items = seq(comma if index else EMPTY, self.options(node.first[index]), items)
            if index >= node.low:
                items = optional(items)
        return items

    def options(self, options: tuple[Option, ...]) -> Expression:
        return alt(*(self.flat(option.value) for option in options))


def _common(sets: Iterable[Ranges | None]) -> Ranges:
    ranges = ALL_RANGES
    for one in sets:
        ranges = intersect(ranges, one or ())
    return ranges


def _is_any_text(node: Expression) -> bool:
    return isinstance(node, Repeat) and node.item is ANY_CHARACTER and (node.low, node.high) == (0, None)


def _separated(item: Expression, comma: Expression, low: int, high: int | None) -> Expression:
    """From `low` to `high` items with commas between them."""
    if high == 0:
        return NOTHING if low else EMPTY
    items = seq(item, repeat(seq(comma, item), max(low - 1, 0), None if high is None else high - 1))
    return items if low else optional(items)


Written = list[tuple[Expression, bool]]
"""Members as they are written, and whether each is required."""


def _listed(members: Written, comma: Expression) -> Expression:
    """At least one of the members, in order, and all that are required, with commas between those that are there."""
    if not members:
        return NOTHING
    anchor = next((index for index, (_, is_required) in enumerate(members) if is_required), None)
    if anchor is not None:
        before = [optional(seq(member, comma)) for member, _ in members[:anchor]]
        return seq(*before, members[anchor][0], _following(members[anchor + 1 :], comma))
    if len(members) == 1:
        return members[0][0]
    half = len(members) // 2  # so that n members are written log n times, not n
    left, right = members[:half], members[half:]
    return alt(seq(_listed(left, comma), _following(right, comma)), _listed(right, comma))


def _following(members: Written, comma: Expression) -> Expression:
    """The members that come after another one."""
    return seq(
        *(seq(comma, member) if is_required else optional(seq(comma, member)) for member, is_required in members)
    )
