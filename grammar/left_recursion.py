"""Left recursion, direct and indirect, rewritten into what a matcher that reads from the left can follow.

The rules of one group begin with each other: each is ``A = B T(B, A) | ... | O(A)``, where the T are what follows a
leading rule of the group, and O(A) the texts of A that begin with none. Whatever a text of A is, it begins with some
O(K), and from there grows, step by step, into an A:

    A = O(K) G(K, A) | ...        G(K, A) = T(K, M) G(M, A) | ...        and G(A, A) may end.

So every T and O is kept as it is, and the group becomes recursive on the right. A rule alone in its group is shorter:
``A = O(A) T(A, A)*``. A unit cycle (``A = A``) adds no text and falls away.

What stands before a leading rule and may be empty is split into "not empty" and "empty". That can bring new left
recursion to light, so it goes in rounds; a grammar for which they do not suffice is refused.
"""

from __future__ import annotations

from ..errors import GrammarError
from .expression import EMPTY, NOTHING, Alt, Atom, Expression, Ref, Repeat, Rule, Seq, alt, repeat, seq, without
from .rule_graph import Fuel, body, components, fixpoint, is_nullable, parts, uses

MAX_ROUNDS = 8
"""Of random grammars full of empty texts, one in forty needs more than three, and one in a thousand more than six."""


def straighten(start: Rule, fuel: Fuel) -> None:
    """Rewrite the bodies of the rules `start` leads to until none begins with itself.

    Raises:
        GrammarError: left recursion remains; the message names a rule.
    """
    for _ in range(MAX_ROUNDS):
        nullable = fixpoint(components(start, lambda rule: uses(rule, fuel)), is_nullable, fuel)
        groups = _left_recursive(start, nullable, fuel)
        if not groups:
            return
        for group in groups:
            _Group(group, nullable, fuel).rewrite()
    name = groups[0][0].name
    raise GrammarError(
        f"the rule {name} is left-recursive through what may be empty; write it so that it does not begin with itself",
        keyword=name,
    )


def _left_recursive(start: Rule, nullable: set[Rule], fuel: Fuel) -> list[list[Rule]]:
    """The groups of rules that begin with each other."""
    first: dict[Rule, dict[Rule, None]] = {}
    for group in components(start, lambda rule: uses(rule, fuel)):
        for rule in group:
            first[rule] = _leading(body(rule), nullable)
            fuel.burn(1 + len(first[rule]))
    found: list[list[Rule]] = []
    done: set[Rule] = set()
    for rule in first:
        if rule not in done:
            groups = components(rule, lambda rule: [target for target in first[rule] if target not in done])
            found.extend(group for group in groups if len(group) > 1 or group[0] in first[group[0]])
            done.update(*groups)
    return found


def _leading(node: Expression, nullable: set[Rule]) -> dict[Rule, None]:
    """The rules that a text of `node` may begin with."""
    if isinstance(node, Ref):
        return {node.rule: None}
    found: dict[Rule, None] = {}
    for part in parts(node):
        found.update(_leading(part, nullable))
        if isinstance(node, Seq) and not is_nullable(part, nullable):
            break
    return found


_Split = tuple[dict[Rule, Expression], Expression]


class _Group:
    """One group of rules that begin with each other."""

    def __init__(self, rules: list[Rule], nullable: set[Rule], fuel: Fuel) -> None:
        self.rules = rules
        self.members = set(rules)
        self.nullable = nullable
        self.fuel = fuel
        self.twins: dict[Rule, Rule] = {}

    def rewrite(self) -> None:
        """Set new bodies."""
        tails: dict[Rule, list[tuple[Rule, Expression]]] = {rule: [] for rule in self.rules}
        others: dict[Rule, Expression] = {}
        for rule in self.rules:
            after, others[rule] = self.split(body(rule))
            for leading, tail in after.items():
                tails[leading].append((rule, tail))
        if len(self.rules) == 1:
            (rule,) = self.rules
            rule.body = seq(others[rule], repeat(alt(*(self.strip(tail) for _, tail in tails[rule]))))
            return
        free = {rule: self._reach(rule, tails) for rule in self.rules}
        steps = {
            rule: [(grown, self.strip(tail)) for through in free[rule] for grown, tail in tails[through]]
            for rule in self.rules
        }
        self.fuel.burn(len(self.rules) * (len(self.rules) + sum(map(len, steps.values()))))
        for target in self.rules:
            growth = {rule: Rule(f"{rule.name} in {target.name}") for rule in self.rules}
            for rule, ways in steps.items():
                ending = [EMPTY] if target in free[rule] else []
                growth[rule].body = alt(*ending, *(seq(tail, Ref(growth[grown])) for grown, tail in ways))
                if ending:
                    self.nullable.add(growth[rule])
            target.body = alt(*(seq(others[rule], Ref(growth[rule])) for rule in self.rules))

    def _reach(self, rule: Rule, tails: dict[Rule, list[tuple[Rule, Expression]]]) -> dict[Rule, None]:
        """The rules that `rule` is also a whole text of: those it grows into by nothing."""
        reached = {rule: None}
        pending = [rule]
        while pending:
            for grown, tail in tails[pending.pop()]:
                if grown not in reached and is_nullable(tail, self.nullable):
                    reached[grown] = None
                    pending.append(grown)
        return reached

    def leads_here(self, node: Expression) -> bool:
        return not self.members.isdisjoint(_leading(node, self.nullable))

    def split(self, node: Expression) -> _Split:
        """`node` as those texts that begin with a rule of the group, by rule and what follows, and the other texts."""
        self.fuel.burn(1 + len(parts(node)))
        if not self.leads_here(node):
            return {}, node
        match node:
            case Ref(rule):
                return {rule: EMPTY}, NOTHING
            case Alt(options):
                return self._join([self.split(option) for option in options])
            case Repeat(item, low, high):
                if is_nullable(item, self.nullable):
                    item, low = self.strip(item), 0
                more = repeat(item, max(low - 1, 0), None if high is None else high - 1)
                once = self.split(seq(item, more))
                return self._join([once, ({}, EMPTY)]) if low == 0 else once
            case Seq(items):
                rest = seq(*items[1:])
                after, others = self.split(items[0])
                ways: list[_Split] = [({rule: seq(tail, rest) for rule, tail in after.items()}, NOTHING)]
                if is_nullable(others, self.nullable) and self.leads_here(rest):
                    ways += [({}, seq(self.strip(others), rest)), self.split(rest)]
                else:
                    ways.append(({}, seq(others, rest)))
                return self._join(ways)
            case _:
                raise TypeError(f"{type(node).__name__} leads nowhere")

    def _join(self, ways: list[_Split]) -> _Split:
        tails: dict[Rule, list[Expression]] = {}
        for after, _ in ways:
            for rule, tail in after.items():
                tails.setdefault(rule, []).append(tail)
        return {rule: alt(*several) for rule, several in tails.items()}, alt(*(others for _, others in ways))

    def strip(self, node: Expression) -> Expression:
        """The texts of `node` that are not empty."""
        self.fuel.burn(1 + len(parts(node)))
        if not is_nullable(node, self.nullable):
            return node
        match node:
            case Ref(rule):
                return Ref(self._twin(rule))
            case Alt(options):
                return alt(*map(self.strip, options))
            case Seq(items):
                self.fuel.burn(len(items) ** 2)
                return alt(*(seq(self.strip(item), *items[place + 1 :]) for place, item in enumerate(items)))
            case Repeat(item, low, high):
                if is_nullable(item, self.nullable):
                    item, low = self.strip(item), 0
                return seq(item, repeat(item, max(low - 1, 0), None if high is None else high - 1))
            case Atom(item):
                return Atom(without(item, EMPTY))
            case _:
                return without(node, EMPTY)

    def _twin(self, rule: Rule) -> Rule:
        """A rule for the texts of `rule` that are not empty."""
        twin = self.twins.get(rule)
        if twin is None:
            twin = self.twins[rule] = Rule(f"{rule.name}, not empty")
            twin.body = self.strip(body(rule))
        return twin
