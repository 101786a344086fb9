"""A regex as it is read: expressions, and among them the assertions that are yet to be worked in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import GrammarError
from .expression import EMPTY, Expression, Ranges, alt, lengths, merge, repeat, seq
from .regex_ends import end_set


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One way an assertion may hold: the character `before` (or the start of the text), and the text `after`.

    `after` is a whole expression for the rest of the text, decided by its first `width` characters; None says nothing.
    """

    before: Ranges
    at_start: bool
    after: Expression | None = None
    width: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """An assertion that one character before it and the text after it decide."""

    name: str
    offset: int
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ahead:
    """A look-ahead."""

    item: Node
    negative: bool
    offset: int
    name = "lookahead"


@dataclass(frozen=True, slots=True, eq=False)
class Behind:
    """A look-behind that may see more than one character."""

    item: Expression
    negative: bool
    offset: int
    name = "lookbehind"


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One after the other, with assertions among them."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One of several, with assertions among them."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """A repeat of something with assertions."""

    item: Node
    low: int
    high: int | None


Assertion = Edge | Ahead | Behind
Mixed = Edge | Ahead | Behind | Run | Choice | Loop
Node = Expression | Mixed
MIXED = (Edge, Ahead, Behind, Run, Choice, Loop)


def run(items: Sequence[Node]) -> Node:
    """`items`, one after the other."""
    if any(isinstance(item, MIXED) for item in items):
        return items[0] if len(items) == 1 else Run(tuple(items))
    return seq(*items)  # type: ignore[arg-type]


def choice(options: Sequence[Node]) -> Node:
    """Any one of `options`."""
    if any(isinstance(option, MIXED) for option in options):
        return options[0] if len(options) == 1 else Choice(tuple(options))
    return alt(*options)  # type: ignore[arg-type]


def loop(item: Node, low: int, high: int | None) -> Node:
    """`item`, from `low` to `high` times."""
    if not isinstance(item, MIXED):
        return repeat(item, low, high)
    if high == 0:
        return EMPTY
    return item if (low, high) == (1, 1) else Loop(item, low, high)


def width(node: Node) -> tuple[int, int | None]:
    """The fewest and the most characters of a match; assertions have none."""
    match node:
        case Edge() | Ahead() | Behind():
            return 0, 0
        case Run(items):
            bounds = [width(item) for item in items]
            highs = [high for _, high in bounds if high is not None]
            return sum(low for low, _ in bounds), sum(highs) if len(highs) == len(bounds) else None
        case Choice(options):
            bounds = [width(option) for option in options]
            highs = [high for _, high in bounds if high is not None]
            return min(low for low, _ in bounds), max(highs) if len(highs) == len(bounds) else None
        case Loop(item, low, high):
            shortest, longest = width(item)
            if longest == 0:
                return 0, 0
            return shortest * low, None if high is None or longest is None else longest * high
        case _:
            return lengths(node)


def ends(node: Node, last: bool) -> Ranges:
    """`end_set`, of what has assertions."""
    match node:
        case Edge() | Ahead() | Behind():
            return ()
        case Loop(item):
            return ends(item, last)
        case Choice(options):
            return merge(pair for option in options for pair in ends(option, last))
        case Run(items):
            found: list[tuple[int, int]] = []
            for item in reversed(items) if last else items:
                found.extend(ends(item, last))
                if width(item)[0] > 0:
                    break
            return merge(found)
        case _:
            return end_set(node, last)


def refusal(source: str, offset: int, keyword: str, reason: str) -> GrammarError:
    """The error for something refused at `offset`."""
    shown = source if len(source) <= 80 else source[:77] + "..."
    return GrammarError(f"regex {shown!r}, offset {offset}: {reason}", keyword=keyword, pointer=str(offset))
