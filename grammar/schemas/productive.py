"""Which recursive rules have no finite text, because each text would hold another of the same rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from ..expression import Alt, Elements, Expression, Members, Ref, Repeat, Rule, Seq

Owner = TypeVar("Owner")


def barren(rules: Iterable[tuple[Owner, Rule]], root: Expression) -> list[Owner]:
    """The owners of those of `rules` that match no text, whatever the regular parts of them match."""
    waiting = list(rules)
    known = {rule for _, rule in waiting}
    fruitful: set[Rule] = set()
    while waiting:
        found = [
            (owner, rule) for owner, rule in waiting if rule.body is not None and _has_text(rule.body, known - fruitful)
        ]
        if not found:
            break
        fruitful.update(rule for _, rule in found)
        waiting = [pair for pair in waiting if pair[1] not in fruitful]
    return [owner for owner, _ in waiting]


def _has_text(root: Expression, unknown: set[Rule]) -> bool:
    """Whether a text matches, if the rules in `unknown` match none and all others match some."""
    known: dict[int, bool] = {}

    def visit(node: Expression) -> bool:
        answer = known.get(id(node))
        if answer is None:
            answer = known[id(node)] = look(node)
        return answer

    def look(node: Expression) -> bool:
        match node:
            case Ref(rule):
                return rule not in unknown
            case Seq(items):
                return all(map(visit, items))
            case Alt(options):
                return any(map(visit, options))
            case Repeat(item, low, _):
                return low == 0 or visit(item)
            case Members(named, others, low):
                if not all(visit(member.value) for member in named if member.required):
                    return False
                possible = sum(visit(member.value) for member in named) if low else 0
                return possible >= low or any(visit(value) for _, value in others)
            case Elements(first, rest, low, _, counters):
                ways = [option for options in (*first, rest) for option in options]
                for index, (least, _) in enumerate(counters):
                    if least and not any(option.counts >> index & 1 and visit(option.value) for option in ways):
                        return False
                return all(
                    any(visit(option.value) for option in (first[index] if index < len(first) else rest))
                    for index in range(min(low, len(first) + 1))
                )
            case _:
                return True

    return visit(root)
