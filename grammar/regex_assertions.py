r"""Assertions of a regex - ``^ $ \b``, look-ahead, look-behind - worked into the expression around them.

An assertion stands at a place, and says something of the text before it and of the text after it. The text after is
what the rest of the regex matches: there it becomes an intersection. Of the text before, one character (or that there
is none) is enough for all but wide look-behinds: the rest of the regex is written once for each class of characters
before it that the assertions tell apart, and what stands before is confined to end so.

Within a repeat the rest is not known. There an assertion must be decided by the repeated item itself; else the repeat
is written out for its first and last turns, or refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .expression import (
    ALL_RANGES,
    EMPTY,
    NOTHING,
    Chars,
    Expression,
    Ranges,
    alt,
    lengths,
    repeat,
    seq,
    without,
)
from .regex_ends import (
    ANY_TEXT,
    complement,
    confine,
    end_set,
    first_only,
    fixed,
    intersect,
    is_nullable,
    joined,
    may_begin,
    meeting,
)
from .regex_tree import (
    MIXED,
    Ahead,
    Assertion,
    Behind,
    Case,
    Choice,
    Edge,
    Loop,
    Mixed,
    Node,
    Run,
    ends,
    refusal,
    width,
)

MAX_STEPS = 3_000
MAX_CLASSES = 16
MAX_UNROLL = 8
MAX_SPLITS = 6


def settle(node: Node, source: str, search: bool = False) -> Expression:
    """The texts that `node` matches as a whole, or, if `search`, the texts that hold a match.

    Raises:
        GrammarError: an assertion stands where it cannot be decided; `pointer` is its offset in `source`.
    """
    if not isinstance(node, MIXED):
        return seq(ANY_TEXT, node, ANY_TEXT) if search else node
    try:
        return _Settling(source, node).settle([ANY_TEXT, node, ANY_TEXT] if search else [node])
    except _Undecided as undecided:
        at = undecided.assertion
        reason = f"whether the {at.name} holds cannot be told where it stands"
        raise refusal(source, at.offset, at.name, reason) from None


class _Undecided(Exception):
    """What is known at `assertion` does not decide it."""

    def __init__(self, assertion: Assertion) -> None:
        super().__init__(assertion)
        self.assertion = assertion


START = -1
UNKNOWN = -2


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """A linked list of what is still to be matched. `sensitive`: whether what stands before it matters."""

    node: Node
    rest: _Cell | None
    sensitive: bool


@dataclass(frozen=True, slots=True)
class _End:
    """What follows the list: the end of the text, or (if `is_open`) text of which only this is known.

    It has at least `least` characters, and begins with one of `begins`.
    """

    is_open: bool = False
    least: int = 0
    begins: Ranges = ALL_RANGES


_CLOSED = _End()


class _Settling:
    """One translation. A `context` is what stands before a place: START, a class of characters, or UNKNOWN."""

    def __init__(self, source: str, root: Node) -> None:
        self.source = source
        self.steps = 0
        self.known: dict[tuple[int, _Cell | None, _End], Expression] = {}
        self.sensitivity: dict[Node, bool] = {}
        self.classes: list[Ranges] = [ALL_RANGES]
        self.visit(root)

    def visit(self, node: Node) -> bool:
        """Note which classes of characters `node` tells apart; whether what stands before it matters to it."""
        sensitive = False
        match node:
            case Edge(_, offset, cases):
                sensitive = any(not case.at_start or case.before != ALL_RANGES for case in cases)
                for case in cases:
                    self.split(case.before, offset)
            case Ahead(item) | Loop(item):
                sensitive = self.visit(item)
            case Behind():
                sensitive = True
            case Run(parts) | Choice(parts):
                for part in parts:
                    sensitive |= self.visit(part)
        self.sensitivity[node] = sensitive
        return sensitive

    def split(self, ranges: Ranges, offset: int) -> None:
        halves = (
            half
            for known in self.classes
            for half in (intersect(known, ranges), intersect(known, complement(ranges)))
            if half
        )
        self.classes = list(halves)
        if len(self.classes) > MAX_CLASSES:
            raise refusal(self.source, offset, "size", "the assertions tell too many classes of characters apart")

    def push(self, nodes: Sequence[Node], rest: _Cell | None) -> _Cell | None:
        for node in reversed(nodes):
            sensitive = isinstance(node, MIXED) and self.is_sensitive(node)
            rest = _Cell(node, rest, sensitive or (rest is not None and rest.sensitive))
        return rest

    def is_sensitive(self, node: Mixed) -> bool:
        known = self.sensitivity.get(node)
        return self.visit(node) if known is None else known

    def settle(self, nodes: Sequence[Node]) -> Expression:
        return self.rest(START, self.push(nodes, None), _CLOSED)

    def rest(self, context: int, cell: _Cell | None, end: _End) -> Expression:
        """What `cell` and all after it match, from a place that `context` stands before."""
        key = (context, cell, end)
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = self.written(context, cell, end)
        return known

    def written(self, context: int, cell: _Cell | None, end: _End) -> Expression:
        """The same, written anew."""
        before: list[Expression] = []
        while cell is not None and not isinstance(cell.node, MIXED):
            before.append(cell.node)
            cell = cell.rest
        self.steps += 1 + len(before) // 64
        if self.steps > MAX_STEPS:
            raise refusal(self.source, 0, "size", "working in the assertions takes too many steps")
        if cell is None:
            return seq(*before)
        match cell.node:
            case Run(items):
                return self.rest(context, self.push([*before, *items], cell.rest), end)
            case Choice() if before and before != [ANY_TEXT] and context != UNKNOWN:
                return self.placed(context, before, cell, lambda here: self.rest(here, cell, end))
            case Choice(options):
                rests = (self.push([*before, option], cell.rest) for option in options)
                return alt(*(self.rest(context, rest, end) for rest in rests))
            case Loop():
                return self.looped(context, before, cell.node, cell.rest, end)
            case Behind(item, negative):
                if context != START:
                    raise _Undecided(cell.node)
                seen = meeting(seq(*before), seq(ANY_TEXT, item), negative)
                return self.rest(context, self.push([seen], cell.rest), end)
            case Edge() | Ahead() as assertion:
                if context == UNKNOWN and cell.sensitive and is_nullable(seq(*before)):
                    raise _Undecided(assertion)
                after = cell.rest
                return self.placed(context, before, cell, lambda here: self.asserted(here, assertion, after, end))
        raise TypeError(f"no part of a regex: {cell.node!r}")

    def placed(
        self, context: int, before: list[Expression], cell: _Cell, after: Callable[[int], Expression]
    ) -> Expression:
        """`before`, then `after` (what `cell` matches) for whatever context `before` may leave."""
        if not cell.sensitive:
            return seq(*before, after(UNKNOWN))
        if not before:
            return after(context)
        whole = seq(*before)
        options: list[Expression] = []
        for here in range(START, len(self.classes)):
            if here == START and not (context == START and is_nullable(whole)):
                continue
            rest = after(here)
            if rest is not NOTHING:
                options.append(seq(self.ending(whole, context, here), rest))
        return alt(*options)

    def ending(self, whole: Expression, context: int, here: int) -> Expression:
        """The texts of `whole`, which begins at `context`, that end with `here` before the place after them."""
        return EMPTY if here == START else confine(whole, self.classes[here], context == here, last=True)

    def asserted(self, context: int, assertion: Edge | Ahead, rest: _Cell | None, end: _End) -> Expression:
        """What `rest` matches where `assertion` holds of it."""
        if isinstance(assertion, Edge):
            held = [case for case in assertion.cases if self.admits(case, context)]
            if not held:
                return NOTHING
            tail = self.rest(context, rest, end)
            return alt(*(self.meeting(assertion, tail, case.after, False, case.width, end) for case in held))
        item = assertion.item
        tail = self.rest(context, rest, end)
        wanted = self.rest(context, self.push([item, ANY_TEXT], None), _CLOSED)
        longest = None if isinstance(item, MIXED) else width(item)[1]
        return self.meeting(assertion, tail, wanted, assertion.negative, longest, end)

    def admits(self, case: Case, context: int) -> bool:
        if context == START:
            return case.at_start
        return context == UNKNOWN or bool(intersect(self.classes[context], case.before))

    def meeting(
        self,
        assertion: Assertion,
        tail: Expression,
        wanted: Expression | None,
        negative: bool,
        deciding: int | None,
        end: _End,
    ) -> Expression:
        """The texts of `tail` that, to the end of the whole text, match `wanted` (or, if `negative`, do not).

        `deciding` is how many characters decide that, None where it may take the whole text.
        """
        if wanted is None or tail is NOTHING:
            return tail
        if end.is_open:
            least = lengths(tail)[0]
            longest = lengths(wanted)[1]
            if longest is not None and least + end.least > longest:
                return tail if negative else NOTHING
            if wanted is not NOTHING and (deciding is None or least < deciding):
                decided = _decided(tail, wanted, negative, end) if end.least else None
                if decided is None:
                    raise _Undecided(assertion)
                return decided
        return meeting(tail, wanted, negative)

    # -- repeats ----------------------------------------------------------------------------------------------------

    def looped(self, context: int, before: list[Expression], node: Loop, rest: _Cell | None, end: _End) -> Expression:
        """`before`, then the repeat `node`, then `rest`."""
        item, low, high = node.item, node.low, node.high
        least, most = width(item)
        if most == 0:
            return self.rest(context, self.push([*before, item if low else EMPTY], rest), end)
        try:
            turn = self.rest(UNKNOWN, self.push([item], None), _End(is_open=True))
        except _Undecided as error:
            undecided = error
        else:
            return self.rest(context, self.push([*before, repeat(turn, low, high)], rest), end)
        tempered = None if end.is_open or (rest and rest.sensitive) else self.tempered(node, rest)
        if tempered is not None:
            return seq(*before, tempered)
        options: list[Node] | None = None
        if high is not None and high <= 2:
            options = [Run((item,) * count) for count in range(low, high + 1)]
        elif least > 0:
            try:
                turn = self.rest(self.after(item), self.push([item], None), _End(True, least, ends(item, False)))
                options = [EMPTY] if low == 0 else []
                if low <= 1:
                    options.append(item)
                between = repeat(turn, max(low - 2, 0), None if high is None else high - 2)
                options.append(Run((item, between, item)))
            except _Undecided:
                options = None
        if options is None and high is not None and high <= MAX_UNROLL:
            options = [Run((item,) * count) for count in range(low, high + 1)]
        if options is None:
            raise undecided
        return alt(*(self.rest(context, self.push([*before, option], rest), end) for option in options))

    def after(self, item: Node) -> int:
        """What stands after a turn of `item`, which is not empty: a class of characters, if they all are of it."""
        last = ends(item, True)
        meant = [index for index, known in enumerate(self.classes) if intersect(known, last)]
        return meant[0] if len(meant) == 1 else UNKNOWN

    def tempered(self, node: Loop, rest: _Cell | None) -> Expression | None:
        """``(?:(?!A)C)*`` and what follows it, for C one character; None for anything else.

        No A may begin within the repeated characters. One that ends within them is an ordinary exclusion. One that
        ends in what follows is cut in two, A = BA', and then not both: B at the end, A' at the beginning.
        """
        match node.item:
            case Run((Ahead(item, True), Chars() as one)) if not isinstance(item, MIXED):
                pass
            case _:
                return None
        if is_nullable(item):
            return self.rest(UNKNOWN, rest, _CLOSED) if node.low == 0 else NOTHING
        tail = self.rest(UNKNOWN, rest, _CLOSED)
        plain = without(repeat(one, node.low, node.high), seq(ANY_TEXT, item, ANY_TEXT))
        if tail is EMPTY:
            return plain
        sets = fixed(item)
        if sets is None:
            return None
        cuts = [cut for cut in range(1, len(sets)) if may_begin(tail, sets[cut:])]
        if len(cuts) > MAX_SPLITS:
            return None
        options = [(plain, tail)]
        for cut in cuts:
            ended, begun = seq(ANY_TEXT, joined(sets[:cut])), seq(joined(sets[cut:]), ANY_TEXT)
            options = [
                option
                for left, right in options
                for option in ((without(left, ended), right), (left, meeting(right, begun, True)))
                if option[1] is not NOTHING
            ]
        return alt(*(seq(left, right) for left, right in options))


def _decided(tail: Expression, wanted: Expression, negative: bool, end: _End) -> Expression | None:
    """The same, where `tail` may be empty and `end` tells how the text goes on; None where that is not enough."""
    first = first_only(wanted)
    if first is not None:
        allowed = complement(first[0]) if negative else first[0]
        common = intersect(allowed, end.begins)
        return confine(tail, allowed, bool(common), last=False) if common in ((), end.begins) else None
    if tail is EMPTY and not intersect(end_set(wanted, False), end.begins):
        return EMPTY if negative else NOTHING
    return None
