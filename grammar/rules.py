"""Rules that refer to each other, made into one expression: what Lark and EBNF grammars share.

A front end makes a `Rule` for each name, with a body in which `Ref` stands for every use of a rule, and hands over the
first. `settle` takes out rules without finite text, rewrites left recursion, and writes out every rule that needs no
name: references stay where a rule is recursive, or would grow the expression too much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..errors import GrammarError
from .expression import (
    EMPTY,
    NOTHING,
    Alt,
    Atom,
    Chars,
    Expression,
    Ref,
    Repeat,
    Rule,
    Seq,
    Text,
    Token,
)
from .left_recursion import straighten
from .rule_graph import Fuel, body, components, fixpoint, parts, rewrite, uses

INLINE_WEIGHT = 32
ATOM_WEIGHT = 4_096
MAX_INLINED = 500_000
MAX_DEPTH = 40
"""How heavy a rule may be to be written out at each use, how heavy a regular one in an `Atom`, how much is written out
in all, and how deeply. Past these bounds references stay."""


def settle(start: Rule, *, atoms: bool) -> Expression:
    """What `start` matches; the bodies of its rules are changed in place.

    Args:
        start: the first rule; every rule it leads to has a body.
        atoms: put an `Atom` around each regular rule that a rule which is not regular uses; for grammars that have no
            terminals of their own.

    Raises:
        GrammarError: no text is finite, left recursion stands behind what may be empty, or the grammar is too large.
    """
    try:
        fuel = Fuel()
        _prune(start, fuel)
        straighten(start, fuel)
        _prune(start, fuel)
        return _Writer(atoms, fuel).write(start)
    except RecursionError:
        raise GrammarError("the grammar is nested too deeply", keyword="size") from None


def _is_finite(node: Expression, finite: set[Rule]) -> bool:
    """Whether some finite text matches, as far as references tell."""
    match node:
        case Seq(items):
            return all(_is_finite(item, finite) for item in items)
        case Alt(options):
            return any(_is_finite(option, finite) for option in options)
        case Repeat(item, low, _):
            return low == 0 or _is_finite(item, finite)
        case Ref(rule):
            return rule in finite
        case _:
            return True


def _prune(start: Rule, fuel: Fuel) -> None:
    """Take out what has no finite text: where it stands, nothing matches."""
    groups = components(start, lambda rule: uses(rule, fuel))
    reached = [rule for group in groups for rule in group]
    fuel.count_rules(len(reached))
    finite = fixpoint(groups, _is_finite, fuel)
    if start not in finite:
        raise GrammarError(f"no text matches the rule {start.name}: it never comes to an end", keyword=start.name)
    if len(finite) < len(reached):
        for rule in reached:
            rule.body = rewrite(body(rule), lambda ref: ref if ref.rule in finite else NOTHING, {})


@dataclass(frozen=True, slots=True)
class _Size:
    """Nodes with shared parts counted at each use, levels, and whether it is regular."""

    weight: int
    depth: int
    regular: bool


_LEAF = _Size(1, 1, True)
_IRREGULAR = _Size(1, 1, False)


def _measure(node: Expression, done: dict[int, _Size]) -> _Size:
    if isinstance(node, Ref | Token):
        return _IRREGULAR
    inner = parts(node)
    if not inner:
        return _LEAF
    known = done.get(id(node))
    if known is None:
        sizes = [_measure(part, done) for part in inner]
        known = done[id(node)] = _Size(
            1 + sum(size.weight for size in sizes),
            1 + max(size.depth for size in sizes),
            all(size.regular for size in sizes),
        )
    return known


class _Writer:
    """Writes rules into the places that use them."""

    def __init__(self, atoms: bool, fuel: Fuel) -> None:
        self.atoms = atoms
        self.fuel = fuel
        self.budget = MAX_INLINED
        self.plain: dict[Rule, Expression] = {}  # rules that may be written out
        self.sizes: dict[Rule, _Size] = {}  # theirs
        self.units: dict[Rule, Expression] = {}  # regular rules, as an Atom

    def write(self, start: Rule) -> Expression:
        used: dict[Rule, dict[Rule, int]] = {}

        def follow(rule: Rule) -> dict[Rule, int]:
            used[rule] = uses(rule, self.fuel)
            return used[rule]

        groups = components(start, follow)
        counts: dict[Rule, int] = {}
        for targets in used.values():
            for rule, count in targets.items():
                counts[rule] = counts.get(rule, 0) + count
        for group in groups:
            is_recursive = len(group) > 1 or group[0] in used[group[0]]
            for rule in group:
                self._settle(rule, used[rule], None if is_recursive else counts.get(rule, 0))
        return self._refer(Ref(start))

    def _settle(self, rule: Rule, used: dict[Rule, int], count: int | None) -> None:
        """Write the body of `rule`, and note whether it may be written out itself; `count` is None if recursive."""
        regular = count is not None and self.atoms and self._is_regular(rule, used)
        written = rewrite(body(rule), self._write_out if regular else self._refer, {})
        size = _measure(written, {})
        self.fuel.burn(size.weight)
        rule.body = written
        if count is None or size.depth > MAX_DEPTH:
            return
        if count <= 1 or size.weight <= INLINE_WEIGHT or regular:
            self.plain[rule] = written
            self.sizes[rule] = size if regular else replace(size, regular=False)

    def _is_regular(self, rule: Rule, used: dict[Rule, int]) -> bool:
        """Whether the whole of `rule` may be one `Atom`: regular, and not too heavy."""
        sizes = [self.sizes.get(target, _IRREGULAR) for target in used]
        own = _measure(body(rule), {})
        weight = own.weight + sum(
            self.sizes[target].weight * count for target, count in used.items() if target in self.sizes
        )
        has_tokens = any(isinstance(node, Token) for node in _nodes(body(rule)))
        return all(size.regular for size in sizes) and not has_tokens and weight <= ATOM_WEIGHT

    def _write_out(self, ref: Ref) -> Expression:
        return self.plain[ref.rule]

    def _refer(self, ref: Ref) -> Expression:
        """What stands for a use of a rule in one that is not regular."""
        rule = ref.rule
        known = self.units.get(rule)
        if known is not None:
            return known
        if rule not in self.plain:
            return ref
        plain, size = self.plain[rule], self.sizes[rule]
        if self.atoms and size.regular:
            unit = plain if isinstance(plain, Text | Chars) or plain in (EMPTY, NOTHING) else Atom(plain)
            self.units[rule] = unit
            return unit
        if self.budget < size.weight:
            return ref
        self.budget -= size.weight
        return plain


def _nodes(node: Expression) -> Iterator[Expression]:
    seen: set[int] = set()
    pending = [node]
    while pending:
        node = pending.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            pending.extend(parts(node))
