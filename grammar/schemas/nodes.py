"""Nodes: sets of values by name, worked out when they are asked for, so that schemas may refer to themselves.

`x & y`, `x | y` and `~x` make nodes without looking at what is in them, and make each only once; the sets themselves
come from `node.values()`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from ...errors import GrammarError

if TYPE_CHECKING:
    from ..expression import Expression, Rule
    from .algebra import Algebra
    from .values import ValueSet


class Unfinished(GrammarError):
    """A set was asked for while it was being worked out."""


class Inexpressible(GrammarError):
    """A set that no shapes describe exactly."""


class Node(ABC):
    """A set of JSON values. Compared by identity.

    Attributes:
        pointer: JSON pointer of the (first) schema it stems from.
        expression, rule: what `emit` has written for it.
    """

    __slots__ = ("_busy", "_empty", "_values", "algebra", "expression", "pointer", "rule")

    def __init__(self, algebra: Algebra, pointer: str) -> None:
        self.algebra = algebra
        self.pointer = pointer
        self._values: ValueSet | None = None
        self._busy = False
        self._empty: bool | None = None
        self.expression: Expression | None = None
        self.rule: Rule | None = None

    @abstractmethod
    def work_out(self) -> ValueSet:
        """The set, computed."""

    def values(self) -> ValueSet:
        """The set. Raises GrammarError where it is defined by nothing but itself, or cannot be expressed."""
        if self._values is None:
            if self._busy:
                raise Unfinished(
                    f"JSON Schema at {self.pointer or '/'}: $ref: the schema refers to itself for the same value",
                    pointer=self.pointer,
                    keyword="$ref",
                )
            self._busy = True
            try:
                self._values = self.work_out()
            finally:
                self._busy = False
        return self._values

    def is_open(self) -> bool:
        """Whether the set is being worked out."""
        return self._busy

    def is_empty(self) -> bool:
        """Whether the set is known to have nothing in it; where it depends on itself, that is not known."""
        if self._empty is None:
            if self._busy:
                return False
            try:
                values = self.values()
            except (Unfinished, Inexpressible):
                return False
            self._busy = True
            try:
                self._empty = self.algebra.is_empty(values)
            finally:
                self._busy = False
        return self._empty

    def __and__(self, other: Node) -> Node:
        if self is other or other is TRUE:
            return self
        return FALSE if other is FALSE else self.algebra.all_of(self, other)

    def __or__(self, other: Node) -> Node:
        if self is other or other is FALSE:
            return self
        return TRUE if other is TRUE else self.algebra.any_of(self, other)

    def __invert__(self) -> Node:
        return self.algebra.negation(self)


class Known(Node):
    """A set that is given."""

    __slots__ = ()

    def __init__(self, algebra: Algebra, pointer: str, values: ValueSet) -> None:
        super().__init__(algebra, pointer)
        self._values = values

    def work_out(self) -> ValueSet:
        return self.values()


class Constant(Node):
    """`TRUE`, which every value is in, and `FALSE`, which none is. `values.py` gives them their sets."""

    __slots__ = ("is_true",)

    def __init__(self, is_true: bool) -> None:
        self.pointer = ""
        self.is_true = is_true
        self._empty = not is_true
        self._busy = False

    def give(self, values: ValueSet) -> None:
        """Say once what the set is."""
        self._values = values

    def work_out(self) -> ValueSet:
        return self.values()

    def __and__(self, other: Node) -> Node:
        return other if self.is_true else self

    def __or__(self, other: Node) -> Node:
        return self if self.is_true else other

    def __invert__(self) -> Node:
        return FALSE if self.is_true else TRUE


TRUE = Constant(True)
FALSE = Constant(False)


class All(Node):
    """What is in every one of `parts`."""

    __slots__ = ("parts",)

    def __init__(self, algebra: Algebra, parts: tuple[Node, ...]) -> None:
        super().__init__(algebra, parts[0].pointer)
        self.parts = parts

    def work_out(self) -> ValueSet:
        plain = [part for part in self.parts if not isinstance(part, Negation)]
        values = self.algebra.intersection([part.values() for part in plain])
        for part in self.parts:
            if isinstance(part, Negation):
                values = self.algebra.difference(values, part.item.values(), part.pointer)
        return values


class Any(Node):
    """What is in one of `parts`."""

    __slots__ = ("parts",)

    def __init__(self, algebra: Algebra, parts: tuple[Node, ...]) -> None:
        super().__init__(algebra, parts[0].pointer)
        self.parts = parts

    def work_out(self) -> ValueSet:
        return self.algebra.union([part.values() for part in self.parts])


class Negation(Node):
    """What is not in `item`."""

    __slots__ = ("item",)

    def __init__(self, algebra: Algebra, item: Node) -> None:
        super().__init__(algebra, item.pointer)
        self.item = item

    def work_out(self) -> ValueSet:
        return self.algebra.difference(TRUE.values(), self.item.values(), self.pointer)
