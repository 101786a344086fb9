"""From sets of values to expressions over JSON text."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

from ...errors import GrammarError
from ..expression import (
    NOTHING,
    Elements,
    Expression,
    Member,
    Members,
    Option,
    Ref,
    Rule,
    Text,
    alt,
    both,
    seq,
    without,
)
from ..json_text import (
    NULL,
    Style,
    inside_string,
)
from .arrays import ANY_ARRAY, ArrayShape, Contained
from .checks import refuse
from .distinct import distinct_items
from .language import ANY_TEXT, Language
from .nodes import FALSE, TRUE, Node
from .objects import ANY_OBJECT, ObjectShape
from .scalars import NumberShape
from .spelling import WORDS, anything, spell_numbers, spell_strings
from .values import NULL as NULL_BIT
from .values import ValueSet

MAX_LANGUAGES = 8
"""Patterns that may overlap in the names of one object's properties."""
MAX_CONTAINS = 4
MAX_EMITTED = 100_000

ANY_KEY = inside_string(ANY_TEXT)


class Emitter:
    """Writes the sets of one document, each once.

    Args:
        style: the whitespace.
        ordered: whether properties come in the order of the schema, with no others where it lists some.
        plain_integers: whether integers are written without a fraction: 1.0 is none in draft 4, and many readers of
            what is generated take it for none in any.
    """

    def __init__(self, style: Style, ordered: bool, plain_integers: bool) -> None:
        self.style = style
        self.ordered = ordered
        self.plain_integers = plain_integers
        self.comma, self.colon, self.space = style.comma, style.colon, style.space
        self.any = anything(style)
        self.emitted = 0
        self.rules: list[tuple[Node, Rule]] = []
        self._open: set[Node] = set()
        self._empty: set[Node] = set()
        self._written: list[Node] = []

    def node(self, node: Node) -> Expression:
        """The expression of a node; a reference where it is being written."""
        if node is TRUE:
            return self.any.value
        if node is FALSE or node in self._empty:
            return NOTHING
        if node.expression is not None:
            return node.expression
        if node in self._open:
            if node.rule is None:
                node.rule = Rule(node.pointer or "root")
                self.rules.append((node, node.rule))
            return Ref(node.rule)
        self._open.add(node)
        try:
            expression = self.values(node.values(), node.pointer)
        finally:
            self._open.discard(node)
        if node.rule is not None:
            node.rule.body = expression
            expression = Ref(node.rule)
        node.expression = expression
        self._written.append(node)
        return expression

    def again(self, root: Node, empty: list[Node]) -> Expression:
        """The expression of `root` when there is nothing in `empty`: all of it is written anew."""
        self._empty.update(empty)
        self.rules.clear()
        for node in self._written:
            node.expression = node.rule = None
        self._written.clear()
        return self.node(root)

    def values(self, values: ValueSet, pointer: str) -> Expression:
        """The expression of a set. `pointer` is where it is asked for."""
        words, numbers, strings, arrays, objects = values
        options: list[Expression] = []
        if words & NULL_BIT:
            options.append(NULL)
        if words & ~NULL_BIT:
            options.append(WORDS[words & ~NULL_BIT])
        for number_shape in numbers:
            options.append(self.number(number_shape, pointer))
        for string_shape in strings:
            options.append(spell_strings(string_shape))
        for array in arrays:
            options.append(self.array(array, pointer))
        for shape in objects:
            options.append(self.object(shape, pointer))
        if len(options) == 1:
            return options[0]
        return alt(*options)

    def number(self, shape: NumberShape, pointer: str) -> Expression:
        """The numerals of a set of numbers."""
        try:
            return spell_numbers(shape, self.plain_integers)
        except GrammarError as error:
            refuse(pointer, error.keyword or "number", error.message)

    # -- arrays -----------------------------------------------------------------------------------------------------

    def array(self, shape: ArrayShape, pointer: str) -> Expression:
        """The texts of a set of arrays."""
        if shape is ANY_ARRAY:
            return self.any.array
        longest = shape.longest()
        if longest is not None and longest < shape.low:
            return NOTHING
        if shape.unique and (longest is None or longest > 1):
            return distinct_items(self, shape, longest, pointer)
        starts = max((one.start for one in shape.contains), default=0)
        count = max(len(shape.prefix), starts)
        count = count if longest is None else min(count, longest)
        first = tuple(self.options(shape, index, pointer) for index in range(count))
        rest = () if longest is not None and longest <= count else self.options(shape, count, pointer)
        return self.bracketed(first, rest, shape.low, longest, _counters(shape.contains))

    def bracketed(
        self,
        first: tuple[tuple[Option, ...], ...],
        rest: tuple[Option, ...],
        low: int,
        high: int | None,
        counters: tuple[tuple[int, int | None], ...] = (),
        unique: bool = False,
    ) -> Expression:
        """The items in their brackets; positions that nothing can fill end the array."""
        for index, options in enumerate(first):
            if not options:
                first, rest = first[:index], ()
                break
        if not rest:
            high = len(first) if high is None else min(high, len(first))
        if high is not None and high < low:
            return NOTHING
        if high == 0:
            items: Expression = Text("[]") if not self.style.flexible else seq(Text("["), self.space, Text("]"))
            return NOTHING if any(lowest > 0 for lowest, _ in counters) else items
        elements = Elements(first, rest, low, high, counters, unique, self.comma)
        return seq(Text("["), self.space, elements, self.space, Text("]"))

    def options(self, shape: ArrayShape, index: int, pointer: str) -> tuple[Option, ...]:
        """The ways the item at `index` may be, by what it counts for."""
        node = shape.item(index)
        kinds = [one for one in shape.contains if one.start <= index]
        if not kinds:
            value = self.node(node)
            return () if value is NOTHING else (Option(value),)
        if len(shape.contains) > MAX_CONTAINS:
            refuse(pointer, "contains", f"more than {MAX_CONTAINS} at once are not enforced")
        options = []
        for choice in product((True, False), repeat=len(kinds)):
            item = node
            counts = 0
            for one, counted in zip(kinds, choice, strict=True):
                if counted:
                    item = item & one.item
                    counts |= 1 << shape.contains.index(one)
                elif one.high is not None:
                    item = item & ~one.item
            value = self.node(item) if not item.is_empty() else NOTHING
            if value is not NOTHING:
                options.append(Option(value, counts))
        return tuple(options)

    # -- objects ----------------------------------------------------------------------------------------------------

    def object(self, shape: ObjectShape, pointer: str) -> Expression:
        """The texts of a set of objects."""
        if shape is ANY_OBJECT:
            return self.any.object
        self.emitted += 1 + len(shape.named)
        if self.emitted > MAX_EMITTED:
            refuse(pointer, "size", f"more than {MAX_EMITTED} properties in all")
        required = shape.required
        named = shape.named.items()
        beyond = [(name, shape.beyond(name)) for name in required if name not in shape.named]
        members = [
            Member(name, self.node(node), name in required) for name, node in (*named, *beyond) if _is_text(name)
        ]
        if len(members) < len(shape.named) + len(beyond) and not all(map(_is_text, required)):
            return NOTHING
        possible = 0
        for member in members:
            if member.value is not NOTHING:
                possible += 1
            elif member.required:
                return NOTHING
        others = self.others(shape, possible, pointer)
        if not others:
            members = [member for member in members if member.value is not NOTHING]
            if possible < shape.low:
                return NOTHING
        if shape.high is not None and shape.high < max(shape.low, len(required)):
            return NOTHING
        if not members and (not others or shape.high == 0):
            return seq(Text("{"), self.space, Text("}"))
        low = shape.low if shape.low > len(required) else 0  # members are counted only where it matters
        if low > 1 and others and all(key is not ANY_KEY for key, _ in others):
            # Each key must be new, and there may be no more of them: the engine would find out too late.
            refuse(pointer, "minProperties", "above 1 and above what is required, where not every name is allowed")
        high = None if not others and shape.high is not None and shape.high >= possible else shape.high
        inside = Members(tuple(members), others, low, high, self.ordered, self.comma, self.colon)
        return seq(Text("{"), self.space, inside, self.space, Text("}"))

    def others(self, shape: ObjectShape, possible: int, pointer: str) -> tuple[tuple[Expression, Expression], ...]:
        """What other properties there may be: keys that exclude each other, each with what its values are."""
        if shape.high is not None and shape.high <= len(shape.required):
            return ()
        listed_only = self.ordered and shape.lists and not shape.tells and shape.low <= possible
        if not shape.layers:
            return () if listed_only else ((ANY_KEY, self.any.value),)
        languages = tuple(dict.fromkeys(language for layer in shape.layers for language, _ in layer.patterns))
        if len(languages) > MAX_LANGUAGES and not shape.is_closed():
            refuse(pointer, "patternProperties", f"more than {MAX_LANGUAGES} patterns in one object are not enforced")
        if shape.is_closed():
            return ()
        bounds = [_bounds(language, shape) for language in languages]
        found: dict[Node, list[Expression]] = {}
        for choice in product((True, False), repeat=len(languages)):
            if listed_only and not any(choice):
                continue
            matched = {language for language, holds in zip(languages, choice, strict=True) if holds}
            node = _value_of(shape, matched)
            if node is not FALSE:
                inside = tuple(inner for (inner, _), holds in zip(bounds, choice, strict=True) if holds)
                outside = tuple(outer for (_, outer), holds in zip(bounds, choice, strict=True) if not holds)
                found.setdefault(node, []).append(_key(inside, outside))
        pairs = []
        for node, keys in found.items():
            value = self.node(node)
            if value is not NOTHING:
                pairs.append((ANY_KEY if len(keys) == 2 ** len(languages) else alt(*keys), value))
        return tuple(pairs)


def _is_text(name: str) -> bool:
    """Whether it holds no half of a surrogate pair: no UTF-8 text has such a property."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def _value_of(shape: ObjectShape, matched: set[Language]) -> Node:
    """What a property is in whose name no keyword names and that is in just these languages."""
    value: Node = TRUE
    for layer in shape.layers:
        found = [node for language, node in layer.patterns if language in matched]
        for node in found or [layer.rest]:
            value = value & node
    return value


def _bounds(language: Language, shape: ObjectShape) -> tuple[Expression, Expression]:
    """What is taken to be in `language`, and what is not to be outside of it.

    A disputed name is where the least may follow it. Where it cannot be said where that is, it is left out.
    """
    used = [(node, layer.rest) for layer in shape.layers for one, node in layer.patterns if one is language]
    if all(rest is TRUE for _, rest in used):
        return language.widest, language.widest
    if all(node is TRUE for node, _ in used):
        return language.expression, language.expression
    return language.expression, language.widest


@lru_cache(maxsize=4096)
def _key(inside: tuple[Expression, ...], outside: tuple[Expression, ...]) -> Expression:
    """Keys that match all of `inside` and nothing of `outside`."""
    return inside_string(without(both(*inside) if inside else ANY_TEXT, *outside))


def _counters(contains: tuple[Contained, ...]) -> tuple[tuple[int, int | None], ...]:
    return tuple((one.low, one.high) for one in contains)
