"""What must be known of recursive expressions before they are loaded: which rules there are, and what can be empty."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Analysis:
    """The rules an expression refers to, in order of first mention, and those of them that match the empty text."""

    rules: tuple[Rule, ...]
    nullable: frozenset[Rule]


def analyse(expression: Expression) -> Analysis:
    """Find the rules of an expression. Raises GrammarError where one is left-recursive."""
    rules: dict[Rule, None] = {}
    _collect(expression, rules, set())
    pending = list(rules)
    while pending:
        rule = pending.pop()
        before = len(rules)
        if rule.body is not None:
            _collect(rule.body, rules, set())
        pending.extend(list(rules)[before:])
    nullable: set[Rule] = set()
    changed = bool(rules)
    while changed:
        changed = False
        for rule in rules:
            if rule not in nullable and rule.body is not None and _is_nullable(rule.body, nullable):
                nullable.add(rule)
                changed = True
    _refuse_left_recursion(tuple(rules), nullable)
    return Analysis(tuple(rules), frozenset(nullable))


def _collect(expression: Expression, rules: dict[Rule, None], seen: set[int]) -> None:
    if id(expression) in seen:
        return
    match expression:
        case Ref(rule):
            rules.setdefault(rule)
        case Seq(items) | Alt(items):
            seen.add(id(expression))
            for item in items:
                _collect(item, rules, seen)
        case Repeat(item):
            _collect(item, rules, seen)
        case Members():
            seen.add(id(expression))
            for member in expression.named:
                _collect(member.value, rules, seen)
            for _, value in expression.others:
                _collect(value, rules, seen)
        case Elements():
            seen.add(id(expression))
            for position in (*expression.first, expression.rest):
                for option in position:
                    _collect(option.value, rules, seen)
        case _:
            pass


def _is_nullable(expression: Expression, nullable: set[Rule]) -> bool:
    match expression:
        case Seq(items) | Both(items):
            return all(_is_nullable(item, nullable) for item in items)
        case Alt(options):
            return any(_is_nullable(option, nullable) for option in options)
        case Repeat(item, low):
            return low == 0 or _is_nullable(item, nullable)
        case Atom(item):
            return _is_nullable(item, nullable)
        case Not(item):
            return not _is_nullable(item, nullable)
        case Ref(rule):
            return rule in nullable
        case Members():
            return expression.low == 0 and not any(member.required for member in expression.named)
        case Elements():
            return expression.low == 0 and not any(low for low, _ in expression.counters)
        case Chars() | Text() | Token() | Multiple():
            return False


def _first_rules(expression: Expression, nullable: set[Rule], found: dict[Rule, None]) -> None:
    """Rules that may be entered before anything is read."""
    match expression:
        case Ref(rule):
            found.setdefault(rule)
        case Seq(items):
            for item in items:
                _first_rules(item, nullable, found)
                if not _is_nullable(item, nullable):
                    break
        case Alt(options):
            for option in options:
                _first_rules(option, nullable, found)
        case Repeat(item):
            _first_rules(item, nullable, found)
        case Elements():
            for option in expression.first[0] if expression.first else expression.rest:
                _first_rules(option.value, nullable, found)
        case _:
            pass


def _refuse_left_recursion(rules: tuple[Rule, ...], nullable: set[Rule]) -> None:
    edges: dict[Rule, tuple[Rule, ...]] = {}
    for rule in rules:
        found: dict[Rule, None] = {}
        if rule.body is not None:
            _first_rules(rule.body, nullable, found)
        edges[rule] = tuple(found)
    done: set[Rule] = set()
    for start in rules:
        path: dict[Rule, None] = {}
        stack: list[tuple[Rule, int]] = [(start, 0)]
        while stack:
            rule, position = stack.pop()
            if position == 0:
                if rule in done:
                    continue
                path[rule] = None
            if position < len(edges[rule]):
                stack.append((rule, position + 1))
                following = edges[rule][position]
                if following in path:
                    raise GrammarError(
                        f"rule {following.name} is left-recursive: it comes to itself before anything is read",
                        keyword="left_recursion",
                    )
                stack.append((following, 0))
            else:
                path.pop(rule, None)
                done.add(rule)
