"""What a constraint enforces, and how: for people, and for `weft grammar`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..request import Constraint, ConstraintKind
from .constraints import SCHEMA_OPTIONS
from .expression import (
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

_PARTS: dict[type, str] = {
    Members: "objects",
    Elements: "arrays",
    Atom: "shared units",
    Both: "intersections",
    Not: "exclusions",
    Multiple: "multiples",
    Repeat: "repeats",
    Rule: "recursive rules",
    Token: "special tokens",
}
_HOLDERS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_SINGLE = (
    "items",
    "additionalItems",
    "additionalProperties",
    "propertyNames",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "unevaluatedItems",
    "unevaluatedProperties",
)
_REFERENCES = frozenset(("$ref", "$dynamicRef", "$recursiveRef", "$defs", "definitions", "$id", "$anchor"))


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of a constraint without a vocabulary.

    Attributes:
        kind, length: its language, and its source's characters.
        options: what a JSON Schema is read with, defaults included; empty for other kinds.
        enforced: how often each keyword of a JSON Schema that is enforced occurs.
        comments: the same of those that enforce nothing.
        nodes: how many expressions it came to.
        parts: how many of them are of each kind worth naming.
    """

    kind: ConstraintKind
    length: int
    options: dict[str, str]
    enforced: dict[str, int]
    comments: dict[str, int]
    nodes: int
    parts: dict[str, int]


def describe(constraint: Constraint, expression: Expression) -> Description:
    """Describe a constraint that was read as `expression`."""
    options: dict[str, str] = {}
    enforced: Counter[str] = Counter()
    comments: Counter[str] = Counter()
    if constraint.kind is ConstraintKind.JSON_SCHEMA:
        options = {name: values[0] for name, values in SCHEMA_OPTIONS.items()} | dict(constraint.options)
        _count_keywords(json.loads(constraint.source), options["formats"] == "assert", enforced, comments)
    parts: Counter[str] = Counter()
    nodes = 0
    for node in _nodes(expression):
        nodes += 1
        name = _PARTS.get(type(node))
        if name is not None:
            parts[name] += 1
    return Description(
        constraint.kind,
        len(constraint.source),
        options,
        dict(enforced.most_common()),
        dict(comments.most_common()),
        nodes,
        dict(parts.most_common()),
    )


def _count_keywords(root: Any, asserts: bool, enforced: Counter[str], comments: Counter[str]) -> None:
    from .formats import FORMATS
    from .schemas.keywords import KEYWORDS

    known = KEYWORDS | _REFERENCES
    pending = [root]
    while pending:
        schema = pending.pop()
        if not isinstance(schema, dict):
            continue
        for keyword, value in schema.items():
            if keyword == "format":
                is_asserted = asserts and isinstance(value, str) and value in FORMATS
                (enforced if is_asserted else comments)[f"format: {value}"] += 1
            else:
                (enforced if keyword in known else comments)[keyword] += 1
            if keyword in _HOLDERS and isinstance(value, dict):
                pending += value.values()
            elif keyword in _LISTS and isinstance(value, list):
                pending += value
            elif keyword in _SINGLE:
                pending.append(value)


def _nodes(expression: Expression) -> Iterator[Expression | Rule]:
    """Every node once, however often it is used."""
    seen: set[int] = set()
    pending: list[Expression | Rule] = [expression]
    while pending:
        node = pending.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            pending += _inside(node)


def _inside(node: Expression | Rule) -> list[Expression | Rule]:
    match node:
        case Seq(items) | Alt(items) | Both(items):
            return [*items]
        case Repeat(item) | Not(item) | Atom(item):
            return [item]
        case Ref(rule):
            return [rule]
        case Rule():
            return [node.body] if node.body is not None else []
        case Members():
            pairs = [part for pair in node.others for part in pair]
            return [*(member.value for member in node.named), *pairs, node.comma, node.colon]
        case Elements():
            options = [option for position in (*node.first, node.rest) for option in position]
            return [*(option.value for option in options), node.comma]
        case Chars() | Text() | Multiple() | Token():
            return []
