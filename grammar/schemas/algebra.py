"""Union, intersection and difference of sets of values, within a bound on the work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from ...errors import GrammarError
from .arrays import ANY_ARRAY, ArrayShape
from .nodes import FALSE, All, Inexpressible, Negation, Node
from .nodes import Any as AnyOf
from .objects import ANY_OBJECT, ObjectShape
from .scalars import ANY_NUMBER, ANY_STRING, NumberShape, StringShape
from .values import EVERYTHING, ValueSet

MAX_WORK = 150_000
MAX_SHAPES = 2_000
MAX_DEPTH = 12

Shape = TypeVar("Shape", NumberShape, StringShape, ArrayShape, ObjectShape)
WHOLE = (ANY_NUMBER, ANY_STRING, ANY_ARRAY, ANY_OBJECT)


class Algebra:
    """The sets of one schema document: makes each node once, and counts the work done.

    Every method raises GrammarError with keyword "size" past `MAX_WORK` shapes made or compared in all.
    """

    def __init__(self) -> None:
        self.work = 0
        self.depth = 0
        self._combined: dict[object, Node] = {}
        self._negations: dict[Node, Node] = {}

    def spend(self, amount: int = 1) -> None:
        """Count work."""
        self.work += amount
        if self.work > MAX_WORK:
            raise GrammarError("JSON Schema: merging its parts takes too many steps", keyword="size")

    # -- nodes ------------------------------------------------------------------------------------------------------

    def all_of(self, left: Node, right: Node) -> Node:
        """What is in both."""
        parts: dict[Node, None] = {}
        for node in (left, right):
            parts.update(dict.fromkeys(node.parts if isinstance(node, All) else (node,)))
        for part in parts:
            if part is FALSE or (isinstance(part, Negation) and part.item in parts):
                return FALSE
        if len(parts) == 1:
            return next(iter(parts))
        key = frozenset(parts)
        if key not in self._combined:
            self.spend(len(parts))
            self._combined[key] = All(self, tuple(parts))
        return self._combined[key]

    def any_of(self, left: Node, right: Node) -> Node:
        """What is in one of both."""
        parts: dict[Node, None] = {}
        for node in (left, right):
            parts.update(dict.fromkeys(node.parts if isinstance(node, AnyOf) else (node,)))
        key = ("any", frozenset(parts))
        if key not in self._combined:
            self.spend(len(parts))
            self._combined[key] = AnyOf(self, tuple(parts))
        return self._combined[key]

    def negation(self, node: Node) -> Node:
        """What is not in `node`."""
        if isinstance(node, Negation):
            return node.item
        if node not in self._negations:
            self._negations[node] = Negation(self, node)
        return self._negations[node]

    # -- sets -------------------------------------------------------------------------------------------------------

    def intersection(self, sets: Sequence[ValueSet]) -> ValueSet:
        """What is in all of `sets`; everything where there are none."""
        met = EVERYTHING
        for one in sets:
            met = self.meet(met, one)
        return met

    def meet(self, left: ValueSet, right: ValueSet) -> ValueSet:
        """What is in both."""
        if left is EVERYTHING or left is right:
            return right
        if right is EVERYTHING:
            return left
        return ValueSet(
            left.words & right.words,
            self._products(left.numbers, right.numbers),
            self._products(left.strings, right.strings),
            self._products(left.arrays, right.arrays),
            self._products(left.objects, right.objects),
        )

    def union(self, sets: Iterable[ValueSet]) -> ValueSet:
        """What is in any of `sets`."""
        given = list(sets)
        if len(given) == 1:
            return given[0]
        if any(one is EVERYTHING for one in given) and not any(map(_has_seen, given)):
            return EVERYTHING
        words = 0
        for one in given:
            words |= one.words
        numbers, strings, arrays, objects = (
            self.distinct([shape for shapes in of_type for shape in shapes])
            for of_type in zip(*(one.shapes() for one in given), strict=True)
        )
        return ValueSet(words, _listed(numbers), _listed(strings), arrays, objects)

    def difference(self, left: ValueSet, right: ValueSet, pointer: str) -> ValueSet:
        """What is in `left` and not in `right`. Raises GrammarError, at `pointer`, where that cannot be expressed."""
        return ValueSet(
            left.words & ~right.words,
            self.without(left.numbers, right.numbers, pointer),
            self.without(left.strings, right.strings, pointer),
            self.without(left.arrays, right.arrays, pointer),
            self.without(left.objects, right.objects, pointer),
        )

    def is_empty(self, values: ValueSet) -> bool:
        """Whether the set is known to have nothing in it."""
        if values.words or values.numbers or values.strings:
            return False
        return all(map(self.is_shape_empty, values.arrays)) and all(map(self.is_shape_empty, values.objects))

    def is_shape_empty(self, shape: Any) -> bool:
        """Whether the shape is known to have nothing in it."""
        if self.depth > MAX_DEPTH or not isinstance(shape, ArrayShape | ObjectShape):
            return False
        self.depth += 1
        try:
            if isinstance(shape, ArrayShape):
                longest = shape.longest()
                if longest is not None and longest < shape.low:
                    return True
                return any(shape.item(index).is_empty() for index in range(min(shape.low, len(shape.prefix) + 1)))
            return shape.is_plainly_empty() or any(shape.value(name).is_empty() for name in shape.required)
        finally:
            self.depth -= 1

    # -- shapes of one type -----------------------------------------------------------------------------------------

    def _products(self, left: tuple[Shape, ...], right: tuple[Shape, ...]) -> tuple[Shape, ...]:
        if not left or not right:
            return ()
        if len(left) == 1 and len(right) == 1:
            met = left[0].meet(right[0])
            return () if met is None else (met,)
        if left == right:
            return left
        self.spend(len(left) * len(right) * _weight(left[0], right[0]))
        met_all = [met for one in left for other in right if (met := one.meet(other)) is not None]
        return self.distinct([shape for shape in met_all if not self.is_shape_empty(shape)])

    def distinct(self, shapes: list[Shape]) -> tuple[Shape, ...]:
        """Each of `shapes` once. Raises GrammarError where there are more than `MAX_SHAPES`."""
        if len(shapes) < 2:
            return tuple(shapes)
        self.spend(len(shapes))
        for whole in WHOLE:
            if whole in shapes and not any(_seen(shape) for shape in shapes):
                return (whole,)
        kept = {shape.key() if isinstance(shape, ObjectShape) else shape: shape for shape in shapes}
        if len(kept) > MAX_SHAPES:
            raise GrammarError(f"JSON Schema: merging its parts gives more than {MAX_SHAPES} cases", keyword="size")
        return tuple(kept.values())

    def without(self, left: tuple[Shape, ...], right: tuple[Shape, ...], pointer: str) -> tuple[Shape, ...]:
        """What is in `left`, shapes of one type, and not in `right`. Raises as `difference` does."""
        if not left or not right or left == right:
            return () if left == right else left
        pieces = list(left)
        for other in right:
            pieces = [piece for one in pieces for piece in self._minus(one, other, pointer)]
        return self.distinct(pieces)

    def _minus(self, one: Shape, other: Shape, pointer: str) -> list[Shape]:
        if one is other or other in WHOLE:
            return []
        self.spend(_weight(one, other))
        common = one.meet(other)
        if common is None or self.is_shape_empty(common):
            return [one]
        if isinstance(one, NumberShape | StringShape):
            parts = [one.meet(part) for part in other.complement()]
            kept = [part for part in parts if part is not None]
            if isinstance(other, StringShape) and not all(map(_has_complement, kept)):
                raise _inexpressible("format", pointer)
            return kept
        pieces: list[Shape] = []
        for piece in one.minus(other):
            self.spend(_weight(one, other))
            if isinstance(piece, str):
                raise _inexpressible(piece, pointer)
            if not self.is_shape_empty(piece):
                pieces.append(piece)
        return pieces


def _inexpressible(keyword: str, pointer: str) -> Inexpressible:
    return Inexpressible(
        f"JSON Schema at {pointer or '/'}: {keyword}: what does not meet it cannot be enforced exactly, as the not, "
        "oneOf or if around it asks",
        pointer=pointer,
        keyword=keyword,
    )


def _has_complement(shape: Any) -> bool:
    """Whether no string is left out because it may be in some format that nothing is known to be outside of."""
    return all(language.has_complement() for language in shape.excluded)


def _listed(shapes: Any) -> Any:
    """The same shapes, with all listed values in one."""
    if len(shapes) < 2:
        return shapes
    listed = [shape for shape in shapes if _is_listed(shape)]
    if len(listed) < 2:
        return shapes
    every = frozenset().union(*(shape.values for shape in listed))
    return (*(shape for shape in shapes if not _is_listed(shape)), type(listed[0])(values=every))


def _is_listed(shape: NumberShape | StringShape) -> bool:
    return shape.values is not None and (isinstance(shape, NumberShape) or shape.is_settled)


def _weight(one: Any, other: Any) -> int:
    """About how much work it is to combine two shapes."""
    if isinstance(one, ObjectShape):
        return 2 + (len(one.named) + len(other.named)) // 4
    if isinstance(one, ArrayShape):
        return 2 + (len(one.prefix) + len(other.prefix)) // 4
    return 1


def _seen(shape: Any) -> bool:
    return isinstance(shape, ArrayShape | ObjectShape) and shape.seen != type(shape)().seen


def _has_seen(values: ValueSet) -> bool:
    return any(map(_seen, values.arrays)) or any(map(_seen, values.objects))
