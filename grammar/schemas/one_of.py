"""What is in exactly one of several sets: all pairs are compared, but for those that are plainly apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from .algebra import Algebra
from .nodes import Node
from .objects import ObjectShape
from .scalars import StringShape
from .values import ValueSet

MANY = 8
"""So many objects are told apart by a tag, where they have one."""

Shapes = tuple[Any, ...]
"""Shapes of one type."""


def exactly_one(algebra: Algebra, sets: Sequence[ValueSet], pointers: Sequence[str]) -> ValueSet:
    """What is in exactly one of `sets`, which stem from the schemas at `pointers`. Raises as `Algebra.difference`."""
    once = twice = 0
    for one in sets:
        twice |= once & one.words
        once |= one.words
    fields: list[Any] = []
    for of_type in zip(*(one.shapes() for one in sets), strict=True):
        listed = _listed_once(of_type)
        fields.append(_in_one(algebra, of_type, pointers) if listed is None else listed)
    return ValueSet(once & ~twice, *fields)


def _listed_once(sets: Sequence[Shapes]) -> Shapes | None:
    """The listed values that are in exactly one of `sets` of scalars; None where not all of them list values."""
    shapes = [shape for one in sets for shape in one]
    if len(shapes) < 2 or any(getattr(shape, "values", None) is None for shape in shapes):
        return None
    if any(isinstance(shape, StringShape) and not shape.is_settled for shape in shapes):
        return None
    counts = Counter(value for one in sets for value in frozenset().union(*(shape.values for shape in one)))
    kept = frozenset(value for value, count in counts.items() if count == 1)
    return (type(shapes[0])(values=kept),) if kept else ()


def _in_one(algebra: Algebra, sets: Sequence[Shapes], pointers: Sequence[str]) -> Shapes:
    """What is in the shapes of exactly one of `sets`."""
    tag = _tag([shape for shapes in sets for shape in shapes])
    by_value: dict[str, set[int]] = {}
    if tag is not None:
        for index, shapes in enumerate(sets):
            for value in _all_tags(shapes, tag):
                by_value.setdefault(value, set()).add(index)
    alone: list[Any] = []
    for index, shapes in enumerate(sets):
        others: Iterable[int] = range(len(sets))
        if tag is not None:
            others = sorted({other for value in _all_tags(shapes, tag) for other in by_value[value]})
        for other in others:
            if other != index and shapes:
                shapes = algebra.without(shapes, sets[other], pointers[other])
        alone += shapes
    return algebra.distinct(alone)


def _tag(shapes: Sequence[Any]) -> str | None:
    """A property that all of these objects have, and in each of them one of some listed strings."""
    if len(shapes) < MANY or not isinstance(shapes[0], ObjectShape):
        return None
    for name in shapes[0].required:
        if all(_tags(shape, name) is not None for shape in shapes):
            return name
    return None


def _all_tags(shapes: Iterable[ObjectShape], name: str) -> set[str]:
    return {value for shape in shapes for value in _tags(shape, name) or ()}


def _tags(shape: ObjectShape, name: str) -> frozenset[str] | None:
    """The strings that the property `name`, which there must be, is one of; None where it may be something else."""
    node: Node | None = shape.named.get(name)
    if node is None or name not in shape.required or node.is_open():
        return None
    values = node.values()
    if values.words or values.numbers or values.arrays or values.objects or len(values.strings) != 1:
        return None
    return values.strings[0].values
