"""Rules as a graph: who uses whom, which groups are recursive, which rules match the empty text.

Bodies are made of Seq, Alt, Repeat, Ref and Token over regular expressions; everything else is taken whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ..errors import GrammarError
from .expression import Alt, Atom, Both, Expression, Not, Ref, Repeat, Rule, Seq, alt, repeat, seq

MAX_STEPS = 5_000_000
MAX_RULES = 20_000
"""Counted bounds for one grammar: nodes looked at, and rules. Past them it is refused."""


class Fuel:
    """Counts the nodes looked at; raises GrammarError past `MAX_STEPS`, or past `MAX_RULES` rules."""

    def __init__(self) -> None:
        self.steps = 0

    def burn(self, count: int) -> None:
        self.steps += count
        if self.steps > MAX_STEPS:
            raise GrammarError(
                f"the grammar is too large: putting its rules in order takes more than {MAX_STEPS} steps",
                keyword="size",
            )

    def count_rules(self, count: int) -> None:
        if count > MAX_RULES:
            raise GrammarError(f"the grammar is too large: more than {MAX_RULES} rules", keyword="size")


def parts(node: Expression) -> Sequence[Expression]:
    """What `node` is made of, as far as references may stand in it."""
    match node:
        case Seq(items) | Alt(items):
            return items
        case Repeat(item, _, _):
            return (item,)
        case _:
            return ()


def body(rule: Rule) -> Expression:
    """The body of a rule, which is there."""
    if rule.body is None:
        raise GrammarError(f"the rule {rule.name} is used but not defined", keyword=rule.name)
    return rule.body


def uses(rule: Rule, fuel: Fuel) -> dict[Rule, int]:
    """The rules that `rule` refers to, and at how many places; shared places count once."""
    found: dict[Rule, int] = {}
    seen: set[int] = set()
    pending = [body(rule)]
    while pending:
        node = pending.pop()
        if isinstance(node, Ref):
            found[node.rule] = found.get(node.rule, 0) + 1
        elif id(node) not in seen:
            seen.add(id(node))
            pending.extend(reversed(parts(node)))
    fuel.burn(len(seen))
    return found


def components(start: Rule, follow: Callable[[Rule], Iterable[Rule]]) -> list[list[Rule]]:
    """The rules reached from `start`, in strongly connected groups, each after the groups it leads to (Tarjan)."""
    groups: list[list[Rule]] = []
    order: dict[Rule, int] = {}
    low: dict[Rule, int] = {}
    stack: list[Rule] = []
    on_stack: set[Rule] = set()
    path: list[tuple[Rule, Iterator[Rule]]] = []

    def enter(rule: Rule) -> None:
        order[rule] = low[rule] = len(order)
        stack.append(rule)
        on_stack.add(rule)
        path.append((rule, iter(follow(rule))))

    enter(start)
    while path:
        rule, following = path[-1]
        for target in following:
            if target not in order:
                enter(target)
                break
            if target in on_stack:
                low[rule] = min(low[rule], order[target])
        else:
            path.pop()
            if path:
                low[path[-1][0]] = min(low[path[-1][0]], low[rule])
            if low[rule] == order[rule]:
                cut = stack.index(rule) if stack[-1] is not rule else len(stack) - 1
                groups.append(stack[cut:])
                del stack[cut:]
                on_stack.difference_update(groups[-1])
    return groups


def fixpoint(groups: Sequence[Sequence[Rule]], judge: Callable[[Expression, set[Rule]], bool], fuel: Fuel) -> set[Rule]:
    """The rules for whose bodies `judge` holds, given those for which it is known to hold; `groups` as `components`."""
    known: set[Rule] = set()
    for group in groups:
        weights = {rule: 1 + len(parts(body(rule))) for rule in group}
        changed = True
        while changed:
            changed = False
            for rule in group:
                if rule not in known:
                    fuel.burn(weights[rule])
                    if judge(body(rule), known):
                        known.add(rule)
                        changed = True
    return known


def is_nullable(node: Expression, nullable: set[Rule]) -> bool:
    """Whether `node` matches the empty text, where the rules that do are known."""
    match node:
        case Seq(items) | Both(items):
            return all(is_nullable(item, nullable) for item in items)
        case Alt(options):
            return any(is_nullable(option, nullable) for option in options)
        case Repeat(item, low, _):
            return low == 0 or is_nullable(item, nullable)
        case Atom(item):
            return is_nullable(item, nullable)
        case Not(item):
            return not is_nullable(item, nullable)
        case Ref(rule):
            return rule in nullable
        case _:
            return False


def rewrite(node: Expression, replace: Callable[[Ref], Expression], done: dict[int, Expression]) -> Expression:
    """`node` with every reference replaced; parts that are shared stay shared (`done`, by identity)."""
    known = done.get(id(node))
    if known is not None:
        return known
    result = node
    match node:
        case Ref():
            result = replace(node)
        case Seq(items):
            result = seq(*(rewrite(item, replace, done) for item in items))
        case Alt(options):
            result = alt(*(rewrite(option, replace, done) for option in options))
        case Repeat(item, low, high):
            result = repeat(rewrite(item, replace, done), low, high)
    done[id(node)] = result
    return result
