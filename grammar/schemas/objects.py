"""Sets of objects, closed under intersection and, as far as keys can be told, under difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations

from .checks import refuse
from .language import Language
from .nodes import FALSE, TRUE, Node

MAX_SPLIT = 5
"""Optional properties among which it is told which are there, to say that there is another one."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one schema says of the properties it does not name: by what their names match, or else `rest`."""

    patterns: tuple[tuple[Language, Node], ...]
    rest: Node
    pointer: str = field(default="", compare=False)

    def value(self, name: str) -> Node:
        """What the property `name` is in. Raises GrammarError where readings of a pattern differ on that."""
        node: Node = TRUE
        found = False
        disputed: list[tuple[Language, Node]] = []
        for language, value in self.patterns:
            if language.contains(name):
                node, found = node & value, True
            elif language.may_contain(name):
                disputed.append((language, value))
        if not found:
            node = self.rest
        for language, value in disputed:
            if (node & value if found else value) is not node:
                reason = f"whether the name {name!r} is in {language.name} depends on who reads that"
                refuse(self.pointer, "patternProperties", reason)
        return node


@dataclass(frozen=True, slots=True)
class SeenProperties:
    """What unevaluatedProperties need not look at: these names, names in these languages, or all."""

    names: frozenset[str] = frozenset()
    languages: tuple[Language, ...] = ()
    all: bool = False

    def merge(self, other: SeenProperties) -> SeenProperties:
        """What either of two schemas that both hold has looked at."""
        if self is other or other is UNSEEN_PROPERTIES:
            return self
        return SeenProperties(
            self.names | other.names,
            tuple(dict.fromkeys(self.languages + other.languages)),
            self.all or other.all,
        )


UNSEEN_PROPERTIES = SeenProperties()


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """Objects by the nodes of their properties, by which there must be, and how many.

    Attributes:
        named: what a property is in, if it is there (`FALSE`: it is not), all told, in order of first mention.
        layers: what holds of all other properties; every one of the layers does.
        required: names, in order.
        lists, tells: whether a schema lists properties, and whether one says what others there may be.
    """

    named: dict[str, Node] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()
    required: dict[str, None] = field(default_factory=dict)
    low: int = 0
    high: int | None = None
    lists: bool = False
    tells: bool = False
    seen: SeenProperties = UNSEEN_PROPERTIES

    def beyond(self, name: str) -> Node:
        """What a property that is not in `named` is in."""
        node: Node = TRUE
        for layer in self.layers:
            node = node & layer.value(name)
        return node

    def value(self, name: str) -> Node:
        """What the property `name` is in."""
        return self.named[name] if name in self.named else self.beyond(name)

    def is_closed(self) -> bool:
        """Whether there are no properties but the named ones."""
        return any(layer.rest is FALSE and not layer.patterns for layer in self.layers)

    def key(self) -> object:
        """Equal for shapes that are the same."""
        return tuple(self.named.items()), self.layers, tuple(self.required), self.low, self.high, self.seen

    def meet(self, other: ObjectShape) -> ObjectShape | None:
        """The intersection; None where it is plainly empty."""
        if self is other or other is ANY_OBJECT:
            return self
        if self is ANY_OBJECT:
            return other
        theirs = other.named
        named = {
            name: node & (theirs[name] if name in theirs else other.beyond(name)) for name, node in self.named.items()
        }
        for name, node in theirs.items():
            if name not in named:
                named[name] = self.beyond(name) & node
        high = self.high if other.high is None else other.high if self.high is None else min(self.high, other.high)
        met = ObjectShape(
            named,
            tuple(dict.fromkeys(self.layers + other.layers)) if other.layers else self.layers,
            {**self.required, **other.required},
            max(self.low, other.low),
            high,
            self.lists or other.lists,
            self.tells or other.tells,
            self.seen.merge(other.seen),
        )
        return None if met.is_plainly_empty() else met

    def is_plainly_empty(self) -> bool:
        """Whether it is seen without looking into properties that no object is in the set."""
        if self.high is not None and self.high < max(self.low, len(self.required)):
            return True
        return any(self.value(name) is FALSE for name in self.required)

    def with_value(self, name: str, node: Node) -> ObjectShape:
        """Those that have the property `name`, and it is in `node`."""
        return replace(self, named={**self.named, name: node}, required={**self.required, name: None})

    def without(self, name: str) -> ObjectShape:
        """Those that do not have the property `name`."""
        return replace(self, named={**self.named, name: FALSE})

    def close(self, node: Node) -> ObjectShape:
        """Put every property that no keyword has looked at in `node`."""
        seen = self.seen
        if seen.all:
            return self
        layer = Layer(tuple((language, TRUE) for language in seen.languages), node, node.pointer)
        named = {name: value if name in seen.names else value & layer.value(name) for name, value in self.named.items()}
        for name in seen.names:
            if name not in named:
                named[name] = self.beyond(name)
        return replace(self, named=named, layers=(*self.layers, layer), tells=True, seen=SeenProperties(all=True))

    def minus(self, other: ObjectShape) -> Iterator[ObjectShape | str]:
        """The difference, in parts; a string where a part cannot be expressed, which is the keyword at fault."""
        for name, node in other.named.items():
            left = self.value(name) & ~node
            if left is not FALSE:
                yield self.with_value(name, left)
        for name in dict.fromkeys((*self.named, *self.required)):
            if name not in other.named:
                left = self.value(name) & ~other.beyond(name)
                if left is not FALSE:
                    yield self.with_value(name, left)
        for name in other.required:
            if name not in self.required:
                yield self.without(name)
        if other.low > max(self.low, len(self.required)):
            yield replace(self, high=other.low - 1 if self.high is None else min(self.high, other.low - 1))
        if other.high is not None and (self.high is None or self.high > other.high):
            yield replace(self, low=max(self.low, other.high + 1))
        yield from self._with_another(other)

    def _with_another(self, other: ObjectShape) -> Iterator[ObjectShape | str]:
        """Those with a property that neither names, and that is not as `other` has it."""
        layers = [layer for layer in other.layers if layer not in self.layers and not _says_nothing(layer)]
        if not layers or self.is_closed():
            return
        names = list(dict.fromkeys((*self.named, *other.named)))
        optional = [name for name in names if name not in self.required and self.value(name) is not FALSE]
        if not other.is_closed() or len(optional) > MAX_SPLIT:
            patterned = any(layer.patterns for layer in layers)
            yield "patternProperties" if patterned else "additionalProperties"
            return
        always = len(self.required)
        for count in range(len(optional) + 1):
            for present in combinations(optional, count):
                named = dict(self.named)
                required = dict(self.required)
                for name in optional:
                    if name in present:
                        required[name] = None
                    else:
                        named[name] = FALSE
                yield replace(self, named=named, required=required, low=max(self.low, always + count + 1))


def _says_nothing(layer: Layer) -> bool:
    return layer.rest is TRUE and all(node is TRUE for _, node in layer.patterns)


ANY_OBJECT = ObjectShape()
