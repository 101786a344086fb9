"""What may stand between the terminals of a grammar in Lark's syntax: its ignored terminals.

An ignored terminal is taken as long as it goes: after ``-- why`` there is no more comment to come only where the line
ends, so no other terminal begins right there. Which characters prolong an ignored terminal is told from its form; it is
never taken to end where it could go on. Where it ends is thus a matter of the next character, and as terminals are
regular, those that may not begin with it are seen and cut.

Ignored terminals that the same characters prolong are of one *kind*. A kind is *open* if every terminal of the grammar
may stand right behind it: white space mostly is, comments to the end of the line are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    Expression,
    Not,
    Ranges,
    Repeat,
    Seq,
    Text,
    Token,
    alt,
    chars,
    complement,
    intersect,
    merge,
    optional,
    repeat,
    seq,
    without,
)

MAX_KINDS = 6


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is ignored up to a character outside `more`."""

    item: Expression
    more: Ranges


class Gaps:
    """The gaps between the terminals of one grammar.

    Args:
        ignored: the ignored terminals, and of each whether it is taken as short as it goes instead.
        terminals: all that the rules use.

    Attributes:
        between: what may stand before the first and after every terminal.
        tail: what may follow that at the end of the text.
    """

    def __init__(self, ignored: Iterable[tuple[Expression, bool]], terminals: Sequence[Expression]) -> None:
        kinds: dict[Ranges, list[Expression]] = {}
        for item, is_short in ignored:
            for part, more in [(item, ())] if is_short else _parts(item):
                kinds.setdefault(more, []).append(part)
        if len(kinds) > MAX_KINDS:
            raise GrammarError(f"more than {MAX_KINDS} kinds of ignored terminals", keyword="%ignore")
        every = [_Kind(alt(*items), more) for more, items in kinds.items()]
        firsts = merge(pair for terminal in terminals for pair in first(terminal)[0])
        opened = [kind for kind in every if not intersect(firsts, kind.more)]
        rest = [kind for kind in every if kind not in opened]
        beyond = merge(pair for kind in opened for pair in kind.more)
        inner = _runs([*opened, *rest])
        self.between = _unit(optional(alt(*(inner[kind] for kind in opened))))
        self.closed = {
            kind: _unit(run)
            for kind, run in _runs([_Kind(apart(kind.item, beyond), kind.more) for kind in rest]).items()
        }
        self.tail = _unit(optional(alt(*self.closed.values())))

    def after(self, terminal: Expression) -> Expression:
        """`terminal` behind what may only stand before some terminals, and before a gap."""
        options = [terminal]
        for kind, run in self.closed.items():
            if (rest := apart(terminal, kind.more)) is not NOTHING:
                options.append(seq(run, rest))
        return seq(alt(*options), self.between)


def _unit(run: Expression) -> Expression:
    return run if run in (EMPTY, NOTHING) else Atom(run)


def _parts(node: Expression) -> list[tuple[Expression, Ranges]]:
    """The ways an ignored terminal may be, each with the characters that prolong it."""
    match node:
        case Atom(item):
            return _parts(item)
        case Alt(options):
            return [part for option in options for part in _parts(option)]
        case Repeat(item, low, None) if low <= 1:
            single = _single(item)
            return _parts(item) if single is None else [(repeat(Chars(single), 1), single)]
        case Seq((*start, Repeat(item, 0, 1))):
            longer = _parts(seq(*start, item))
            return [*longer, *((part, merge([*more, *first(item)[0]])) for part, more in _parts(seq(*start)))]
        case _:
            return [(node, last(node))]


def _single(node: Expression) -> Ranges | None:
    """The characters of an expression that matches single ones only."""
    match node:
        case Chars(ranges):
            return ranges
        case Text(content) if len(content) == 1:
            return ((ord(content), ord(content)),)
        case Atom(item):
            return _single(item)
        case Alt(options):
            sets = [_single(option) for option in options]
            return None if None in sets else merge(pair for ranges in sets for pair in ranges or ())
        case _:
            return None


def _runs(kinds: Sequence[_Kind]) -> dict[_Kind, Expression]:
    """For each kind, the runs of what is ignored that end with it (Kleene's algorithm)."""
    paths = {(before, kind): apart(kind.item, before.more) for before in kinds for kind in kinds}
    for through in kinds:
        cycle = repeat(paths[through, through])
        paths = {
            (before, kind): alt(path, seq(paths[before, through], cycle, paths[through, kind]))
            for (before, kind), path in paths.items()
        }
    return {kind: alt(kind.item, *(seq(begun.item, paths[begun, kind]) for begun in kinds)) for kind in kinds}


def first(node: Expression) -> tuple[Ranges, bool]:
    """The characters that a text of a regular expression may begin with, or more, and whether it may be empty."""
    match node:
        case Chars(ranges):
            return ranges, False
        case Text(content):
            return ((ord(content[0]), ord(content[0])),), False
        case Seq(items):
            found: list[tuple[int, int]] = []
            for item in items:
                ranges, is_empty = first(item)
                found.extend(ranges)
                if not is_empty:
                    return merge(found), False
            return merge(found), True
        case Alt(options):
            firsts = [first(option) for option in options]
            return merge(pair for ranges, _ in firsts for pair in ranges), any(is_empty for _, is_empty in firsts)
        case Repeat(item, low, _):
            ranges, is_empty = first(item)
            return ranges, is_empty or low == 0
        case Both(items):
            firsts = [first(item) for item in items if not isinstance(item, Not)]
            common = ALL_RANGES
            for ranges, _ in firsts:
                common = intersect(common, ranges)
            return common, all(is_empty for _, is_empty in firsts)
        case Atom(item):
            return first(item)
        case Token():
            return (), False
        case _:
            return ALL_RANGES, True


def last(node: Expression) -> Ranges:
    """The characters that a text of a regular expression may be prolonged by, as far as its form tells."""
    match node:
        case Seq(items):
            found: list[tuple[int, int]] = []
            for item in reversed(items):
                ranges, is_empty = first(item)
                found.extend(last(item))
                if not is_empty:
                    break
                found.extend(ranges)
            return merge(found)
        case Alt(options):
            return merge(pair for option in options for pair in last(option))
        case Repeat(item, low, high):
            ranges, _ = first(item)
            return merge([*last(item), *(ranges if high != low else ())])
        case Both(items):
            return merge(pair for item in items if not isinstance(item, Not) for pair in last(item))
        case Atom(item):
            return last(item)
        case _:
            return ()


def apart(node: Expression, more: Ranges) -> Expression:
    """The texts of a terminal that do not begin with a character of `more`."""
    ranges, is_empty = first(node)
    if not intersect(ranges, more):
        return node
    allowed = complement(more)
    if not is_empty and not intersect(ranges, allowed):
        return NOTHING
    match node:
        case Chars():
            return chars(intersect(ranges, allowed))
        case Alt(options):
            return alt(*(apart(option, more) for option in options))
        case Seq((head, *rest)) if not first(head)[1]:
            return seq(apart(head, more), *rest)
        case Repeat(item, low, high) if low > 0 and not first(item)[1]:
            return seq(apart(item, more), repeat(item, low - 1, None if high is None else high - 1))
        case Atom(item):
            return _unit(apart(item, more))
        case _:
            return without(node, seq(chars(more), repeat(ANY_CHARACTER)))
