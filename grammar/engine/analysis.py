"""What must be known of recursive expressions before they are loaded: which rules there are, and what can be empty.

All of it takes time in proportion to the distinct parts of the expression, however often they are shared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from ...errors import GrammarError
from ..expression import (
    Alt,
    Atom,
    Both,
    Chars,
    Elements,
    Expression,
    Members,
    Multiple,
    Not,
    Ref,
    Repeat,
    Rule,
    Seq,
    Text,
    Token,
)

Part = Expression | Rule
_LEAVES = (Chars, Text, Token, Multiple)


@dataclass(frozen=True, slots=True)
class Analysis:
    """The rules an expression refers to, in order of first mention, and those of them that match the empty text."""

    rules: tuple[Rule, ...]
    nullable: frozenset[Rule]


def analyse(expression: Expression) -> Analysis:
    """Find the rules of an expression. Raises GrammarError where one is left-recursive."""
    parts = _collect(expression)
    rules = tuple(part for part in parts if isinstance(part, Rule))
    if not rules:
        return Analysis((), frozenset())
    nullable = _nullable(parts)
    _refuse_left_recursion(rules, nullable)
    return Analysis(rules, frozenset(rule for rule in rules if rule in nullable))


def _collect(expression: Expression) -> Collection[Part]:
    """The rules, and the expressions outside units that are no leaves, each once, in order of first mention."""
    parts: dict[Part, None] = {}
    stack: list[Part] = [expression]
    while stack:
        part = stack.pop()
        if part not in parts:
            parts[part] = None
            stack.extend(reversed([inner for inner in _inner(part) if not isinstance(inner, _LEAVES)]))
    return parts


def _inner(part: Part) -> Iterable[Part]:
    """The parts directly inside a part; there are no rules inside a unit or an intersection."""
    match part:
        case Seq(items) | Alt(items):
            return items
        case Repeat(item):
            return (item,)
        case Ref(rule):
            return (rule,)
        case Rule():
            return () if part.body is None else (part.body,)
        case Members():
            return [*(member.value for member in part.named), *(value for _, value in part.others)]
        case Elements():
            return [option.value for position in (*part.first, part.rest) for option in position]
        case _:
            return ()


def _nullable(parts: Collection[Part]) -> set[Part]:
    """Those of `parts` that match the empty text.

    Each part waits for a number of others; where one turns out to be nullable, those that wait for it are told.
    """
    regular = _Regular()
    awaited: dict[Part, int] = {}
    waiting: dict[Part, list[Part]] = {}
    found: list[Part] = []
    for part in parts:
        others: Iterable[Part] = ()
        match part:
            case Seq(items):
                others, awaited[part] = items, len(items)
            case Alt() | Ref() | Rule():
                others, awaited[part] = _inner(part), 1
            case Repeat(item, low):
                others, awaited[part] = (item,), min(low, 1)
            case Members():
                awaited[part] = part.low > 0 or any(member.required for member in part.named)
            case Elements():
                awaited[part] = part.low > 0 or any(low > 0 for low, _ in part.counters)
            case _:
                awaited[part] = not regular.is_nullable(part)
        if awaited[part] == 0:
            found.append(part)
        for other in others:
            waiting.setdefault(other, []).append(part)
    nullable: set[Part] = set()
    while found:
        part = found.pop()
        nullable.add(part)
        for user in waiting.get(part, ()):
            awaited[user] -= 1
            if awaited[user] == 0:
                found.append(user)
    return nullable


class _Regular:
    """Whether regular expressions match the empty text; each is looked at once."""

    def __init__(self) -> None:
        self._known: dict[Expression, bool] = {}

    def is_nullable(self, expression: Expression) -> bool:
        known = self._known.get(expression)
        if known is None:
            known = self._known[expression] = self._judge(expression)
        return known

    def _judge(self, expression: Expression) -> bool:
        match expression:
            case Seq(items) | Both(items):
                return all(map(self.is_nullable, items))
            case Alt(options):
                return any(map(self.is_nullable, options))
            case Repeat(item, low):
                return low == 0 or self.is_nullable(item)
            case Atom(item):
                return self.is_nullable(item)
            case Not(item):
                return not self.is_nullable(item)
            case _:
                return False


def _refuse_left_recursion(rules: tuple[Rule, ...], nullable: set[Part]) -> None:
    """Refuse a rule that is entered again before anything is read: depth first, each part once."""
    done: set[Part] = set()
    for rule in rules:
        path: dict[Part, Iterator[Part]] = {} if rule in done else {rule: _first(rule, nullable)}
        while path:
            part = next(reversed(path))
            following = next(path[part], None)
            if following is None:
                del path[part]
                done.add(part)
            elif following in path:
                around = list(path)
                name = next(one.name for one in around[around.index(following) :] if isinstance(one, Rule))
                raise GrammarError(
                    f"rule {name} is left-recursive: it comes to itself before anything is read",
                    keyword="left_recursion",
                )
            elif following not in done:
                path[following] = _first(following, nullable)


def _first(part: Part, nullable: set[Part]) -> Iterator[Part]:
    """The parts of a part that may be entered before anything is read."""
    match part:
        case Seq(items):
            for item in items:
                yield item
                if item not in nullable:
                    return
        case Elements():
            for option in part.first[0] if part.first else part.rest:
                yield option.value
        case Members():
            return  # a quote comes first
        case _:
            yield from _inner(part)
