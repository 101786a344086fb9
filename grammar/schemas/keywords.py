"""From a schema to the set of values that are valid under it: what each keyword means."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ...errors import GrammarError
from ..formats import FORMATS, UNENFORCED
from .algebra import Algebra
from .applicators import APPLICATORS, apply
from .arrays import ArrayShape, Contained, SeenItems
from .checks import (
    Schema,
    bound_at,
    counts_at,
    identity,
    is_number,
    join,
    kind_of,
    mapping_at,
    names_in,
    number_at,
    refuse,
)
from .document import Document, Scope
from .language import Language, names_of, of_format, pattern
from .nodes import FALSE, TRUE, Known, Node
from .objects import Layer, ObjectShape, SeenProperties
from .scalars import NumberShape, StringShape
from .values import EVERYTHING, NONE, OF_TYPE, ValueSet, of_word

NUMBER_KEYWORDS = frozenset("minimum maximum exclusiveMinimum exclusiveMaximum multipleOf".split())
STRING_KEYWORDS = frozenset("minLength maxLength pattern format".split())
ARRAY_KEYWORDS = frozenset("items prefixItems additionalItems contains minItems maxItems uniqueItems".split())
OBJECT_KEYWORDS = frozenset(
    "properties patternProperties additionalProperties required minProperties maxProperties propertyNames".split()
)
VALUE_KEYWORDS = frozenset("type enum const".split())
CLOSING = frozenset("unevaluatedProperties unevaluatedItems".split())
KEYWORDS = NUMBER_KEYWORDS | STRING_KEYWORDS | ARRAY_KEYWORDS | OBJECT_KEYWORDS | VALUE_KEYWORDS | APPLICATORS | CLOSING
"""Keywords that say something of their own; minContains, then and the like only go with one of these."""

MAX_SCHEMAS = 50_000


class Place(Node):
    """What is valid under one schema of the document."""

    __slots__ = ("keywords", "reader", "schema", "scope")

    def __init__(
        self, reader: Reader, schema: Schema, keywords: frozenset[str] | set[str], pointer: str, scope: Scope
    ) -> None:
        super().__init__(reader.algebra, pointer)
        self.reader = reader
        self.schema = schema
        self.keywords = keywords
        self.scope = scope

    def work_out(self) -> ValueSet:
        return self.reader.read(self)


class Reader:
    """Reads the schemas of one document, each once.

    Args:
        document: the document.
        algebra: what combines its sets.
        asserts: whether `format` is enforced.

    Attributes:
        known: the keywords that say something; all others are annotations.
    """

    def __init__(self, document: Document, algebra: Algebra, asserts: bool) -> None:
        self.document = document
        self.algebra = algebra
        self.asserts = asserts
        self.known = KEYWORDS
        self._places: dict[object, Node] = {}
        self._of_type: dict[str, Node] = {}
        self._constants: dict[object, Node] = {}

    # -- schemas as nodes -------------------------------------------------------------------------------------------

    def root(self) -> Node:
        """The whole document."""
        return self.node(self.document.root, "", self.document.scope)

    def node(self, schema: Any, pointer: str, scope: Scope) -> Node:
        """What is valid under `schema`, met in `scope`. It is read when it is asked for its values."""
        if isinstance(schema, bool):
            return TRUE if schema else FALSE
        if not isinstance(schema, dict):
            refuse(pointer, "schema", f"a schema is an object or a boolean, not {kind_of(schema)}")
        scope = self.document.enter(schema, scope)
        key: object = id(schema) if scope is self.document.scope else (id(schema), scope)
        node = self._places.get(key)
        if node is None:
            if len(self._places) >= MAX_SCHEMAS:
                refuse(pointer, "size", f"more than {MAX_SCHEMAS} schemas in one document")
            node = self._places[key] = self._make(schema, pointer, scope)
        return node

    def _make(self, schema: Schema, pointer: str, scope: Scope) -> Node:
        keywords = schema.keys() & KEYWORDS
        if not keywords:
            return TRUE
        if scope.resource.draft <= 7 and "$ref" in keywords:
            keywords = {"$ref"}
        if keywords == {"type"}:
            kind = schema["type"]
            if isinstance(kind, str) and kind in OF_TYPE:
                if kind not in self._of_type:
                    self._of_type[kind] = Known(self.algebra, pointer, OF_TYPE[kind])
                return self._of_type[kind]
        if keywords == {"$ref"}:
            return self.target(schema, pointer, scope)
        return Place(self, schema, keywords, pointer, scope)

    def target(self, schema: Schema, pointer: str, scope: Scope) -> Node:
        """The schema that one which only refers, refers to, so that both are the same node."""
        seen: set[int] = set()
        while True:
            if id(schema) in seen:
                refuse(join(pointer, "$ref"), "$ref", "the schema refers to itself for the same value")
            seen.add(id(schema))
            place = join(pointer, "$ref")
            target, pointer, scope = self.document.follow(schema["$ref"], scope, place, "$ref")
            if not isinstance(target, dict):
                return self.node(target, pointer, scope)
            keywords = target.keys() & KEYWORDS
            if keywords != {"$ref"} and not (scope.resource.draft <= 7 and "$ref" in keywords):
                return self.node(target, pointer, scope)
            schema = target

    # -- one schema -------------------------------------------------------------------------------------------------

    def read(self, place: Place) -> ValueSet:
        """What is valid under the schema at `place`."""
        schema, keywords, pointer, scope = place.schema, place.keywords, place.pointer, place.scope
        self.algebra.spend()
        own = EVERYTHING
        if "type" in keywords:
            own = self._types(schema["type"], pointer)
        if "enum" in keywords or "const" in keywords:
            own = self.algebra.meet(own, self._listed(schema, pointer))
        if own.numbers and not NUMBER_KEYWORDS.isdisjoint(keywords):
            own = self._restrict(own, "numbers", self._number(schema, pointer))
        if own.strings and not STRING_KEYWORDS.isdisjoint(keywords):
            own = self._restrict(own, "strings", self._string(schema, pointer))
        if own.arrays and not ARRAY_KEYWORDS.isdisjoint(keywords):
            own = self._restrict(own, "arrays", self._array(schema, pointer, scope))
        if own.objects and not OBJECT_KEYWORDS.isdisjoint(keywords):
            own = self._restrict(own, "objects", self._object(schema, pointer, scope))
        if not APPLICATORS.isdisjoint(keywords):
            own = apply(self, place, own)
        if not CLOSING.isdisjoint(keywords):
            own = self._close(own, schema, pointer, scope)
        return own

    def _restrict(self, values: ValueSet, field: str, shape: Any) -> ValueSet:
        """`values`, those of one type only as far as they are in `shape`; None for what nothing is in."""
        changes: dict[str, Any] = {field: ()}
        if shape is not None:
            met = self.algebra.meet(values, NONE._replace(**{field: (shape,)}))  # type: ignore[arg-type]
            changes[field] = getattr(met, field)
        return values._replace(**changes)

    def _types(self, names: Any, pointer: str) -> ValueSet:
        if isinstance(names, str) and names in OF_TYPE:
            return OF_TYPE[names]
        types = [names] if isinstance(names, str) else names
        if not isinstance(types, list) or not types or any(_unknown(name) for name in types):
            refuse(join(pointer, "type"), "type", f"must be one or more of {', '.join(OF_TYPE)}, not {names!r}")
        if "number" in types:
            types = [name for name in types if name != "integer"]
        return self.algebra.union([OF_TYPE[name] for name in dict.fromkeys(types)])

    def _listed(self, schema: Schema, pointer: str) -> ValueSet:
        sets = []
        if "const" in schema:
            sets.append(self._values([schema["const"]], join(pointer, "const")))
        if "enum" in schema:
            if not isinstance(schema["enum"], list):
                refuse(join(pointer, "enum"), "enum", "must be an array")
            sets.append(self._values(schema["enum"], join(pointer, "enum")))
        return self.algebra.intersection(sets)

    def _values(self, values: list[Any], pointer: str) -> ValueSet:
        """Just these values."""
        words = 0
        numbers: list[Fraction] = []
        strings: list[str] = []
        arrays: list[ArrayShape] = []
        objects: list[ObjectShape] = []
        for value in values:
            if isinstance(value, str):
                strings.append(value)
            elif value is None or isinstance(value, bool):
                words |= of_word(value)
            elif is_number(value):
                numbers.append(Fraction(value))
            elif isinstance(value, list):
                items = tuple(self._constant(item, pointer) for item in value)
                arrays.append(ArrayShape(items, FALSE, len(items), len(items)))
            else:
                named = {name: self._constant(item, pointer) for name, item in value.items()}
                objects.append(ObjectShape(named, (), dict.fromkeys(named), len(named), len(named), True))
        self.algebra.spend(len(values) // 10 + 10 * (len(arrays) + len(objects)))
        return ValueSet(
            words,
            (NumberShape(values=frozenset(numbers)),) if numbers else (),
            (StringShape(values=frozenset(strings)),) if strings else (),
            tuple(dict.fromkeys(arrays)),
            tuple({shape.key(): shape for shape in objects}.values()),
        )

    def _constant(self, value: Any, pointer: str) -> Node:
        key = identity(value)
        if key not in self._constants:
            self._constants[key] = Known(self.algebra, pointer, self._values([value], pointer))
        return self._constants[key]

    # -- types ------------------------------------------------------------------------------------------------------

    def _number(self, schema: Schema, pointer: str) -> NumberShape | None:
        low, low_open = bound_at(schema, pointer, "minimum", "exclusiveMinimum", 1)
        high, high_open = bound_at(schema, pointer, "maximum", "exclusiveMaximum", -1)
        multiples: tuple[Fraction, ...] = ()
        if "multipleOf" in schema:
            step = number_at(schema, pointer, "multipleOf")
            if step <= 0:
                refuse(join(pointer, "multipleOf"), "multipleOf", "must be more than 0")
            multiples = (step,)
        shape = NumberShape(low, low_open, high, high_open, multiples)
        return None if shape.is_empty() else shape

    def _string(self, schema: Schema, pointer: str) -> StringShape | None:
        low, high = counts_at(schema, pointer, "minLength", "maxLength")
        languages: list[Language] = []
        if "pattern" in schema:
            language = self.pattern(schema["pattern"], join(pointer, "pattern"), "pattern")
            languages += [] if language.is_everything else [language]
        name = schema.get("format")
        if self.asserts and isinstance(name, str):
            if name in UNENFORCED:
                refuse(join(pointer, "format"), "format", f"{name!r} is not enforced; formats can be annotations")
            if name in FORMATS:
                languages.append(of_format(name))
        if high is not None and low > high:
            return None
        return StringShape(low, high, tuple(languages))

    @staticmethod
    def pattern(source: Any, pointer: str, keyword: str) -> Language:
        """The strings that `source`, standing at `pointer`, finds a match in."""
        if not isinstance(source, str):
            refuse(pointer, keyword, "must be a string")
        try:
            return pattern(source)
        except GrammarError as error:
            message = f"JSON Schema at {pointer}: {keyword}: {error.message}"
            raise GrammarError(message, pointer=pointer, keyword=keyword) from error

    def _array(self, schema: Schema, pointer: str, scope: Scope) -> ArrayShape | None:
        low, high = counts_at(schema, pointer, "minItems", "maxItems")
        first, rest = "prefixItems", "items"
        if isinstance(schema.get("items"), list):
            first, rest = "items", "additionalItems"
        elif "items" not in schema and "prefixItems" not in schema:
            rest = ""
        prefix: tuple[Node, ...] = ()
        if first in schema:
            prefix = self.branches(schema, first, pointer, scope, may_be_empty=True)
        after = self.node(schema[rest], join(pointer, rest), scope) if rest in schema else TRUE
        if first == "prefixItems" and scope.resource.draft < 2020:
            prefix = tuple(node & after for node in prefix)  # there `items` speaks of all items
        contains = self._contains(schema, pointer, scope) if "contains" in schema else ()
        unique = schema.get("uniqueItems", False)
        if not isinstance(unique, bool):
            refuse(join(pointer, "uniqueItems"), "uniqueItems", "must be a boolean")
        seen = SeenItems()
        if self.document.tracks:
            matching = (contains[0].item,) if contains and scope.resource.draft >= 2020 else ()
            seen = SeenItems(len(prefix), rest in schema, matching)
        contains = tuple(one for one in contains if one.low > 0 or one.high is not None)
        shape = ArrayShape(prefix, after, low, high, (), unique and high not in (0, 1), seen)
        for one in contains:
            shape = shape.with_contained(one)
        longest = shape.longest()
        return None if longest is not None and longest < shape.low else shape

    def _contains(self, schema: Schema, pointer: str, scope: Scope) -> tuple[Contained, ...]:
        low, high = 1, None
        if scope.resource.draft >= 2019:
            low, high = counts_at(schema, pointer, "minContains", "maxContains")
            low = low if "minContains" in schema else 1
        item = self.node(schema["contains"], join(pointer, "contains"), scope)
        return (Contained(item, low, high),)

    def _object(self, schema: Schema, pointer: str, scope: Scope) -> ObjectShape | None:
        low, high = counts_at(schema, pointer, "minProperties", "maxProperties")
        named: dict[str, Node] = {}
        if "properties" in schema:
            properties = mapping_at(schema, pointer, "properties")
            above = pointer + "/properties"
            node = self.node
            named = {name: node(sub, join(above, name), scope) for name, sub in properties.items()}
        patterns: list[tuple[Language, Node]] = []
        if "patternProperties" in schema:
            above = join(pointer, "patternProperties")
            for source, sub in mapping_at(schema, pointer, "patternProperties").items():
                place = join(above, source)
                patterns.append((self.pattern(source, place, "patternProperties"), self.node(sub, place, scope)))
            layer = Layer(tuple(patterns), TRUE, above)
            named = {name: value & layer.value(name) for name, value in named.items()}
        rest: Node = TRUE
        tells = "additionalProperties" in schema
        if tells:
            rest = self.node(schema["additionalProperties"], join(pointer, "additionalProperties"), scope)
        seen = SeenProperties()
        if self.document.tracks:
            seen = SeenProperties(frozenset(named), tuple(language for language, _ in patterns), tells)
        if any(language.is_everything for language, _ in patterns):
            patterns, rest = _spread(patterns)
            tells = True
        layers: tuple[Layer, ...] = ()
        if rest is not TRUE or any(node is not TRUE for _, node in patterns):
            layers = (Layer(tuple(patterns), rest, join(pointer, "patternProperties")),)
        if "propertyNames" in schema:
            names = self._names(schema, pointer, scope)
            if names is not None:
                layers = (*layers, names)
                named = {name: node & names.value(name) for name, node in named.items()}
        required = dict.fromkeys(names_in(schema.get("required", []), join(pointer, "required"), "required"))
        shape = ObjectShape(named, layers, required, low, high, bool(named), tells, seen)
        return None if shape.is_plainly_empty() else shape

    def _names(self, schema: Schema, pointer: str, scope: Scope) -> Layer | None:
        """What propertyNames says of every property."""
        above = join(pointer, "propertyNames")
        strings = self.node(schema["propertyNames"], above, scope).values().strings
        if strings == EVERYTHING.strings:
            return None
        if not strings:
            return Layer((), FALSE, above)
        names = names_of((shape.content() for shape in strings), (shape.content(widest=True) for shape in strings))
        return Layer(((names, TRUE),), FALSE, above)

    # -- schemas of schemas -----------------------------------------------------------------------------------------

    def branches(
        self, schema: Schema, keyword: str, pointer: str, scope: Scope, may_be_empty: bool = False
    ) -> tuple[Node, ...]:
        """The nodes of an array of schemas."""
        given = schema[keyword]
        above = join(pointer, keyword)
        if not isinstance(given, list) or not (given or may_be_empty):
            refuse(above, keyword, "must be a non-empty array")
        return tuple(self.node(sub, join(above, index), scope) for index, sub in enumerate(given))

    def _close(self, own: ValueSet, schema: Schema, pointer: str, scope: Scope) -> ValueSet:
        """`own` without those that hold something no keyword has looked at and unevaluated* does not allow."""
        if "unevaluatedProperties" in schema:
            node = self.node(schema["unevaluatedProperties"], join(pointer, "unevaluatedProperties"), scope)
            objects = (shape.close(node) for shape in own.objects)
            own = own._replace(objects=tuple(shape for shape in objects if not shape.is_plainly_empty()))
        if "unevaluatedItems" in schema:
            node = self.node(schema["unevaluatedItems"], join(pointer, "unevaluatedItems"), scope)
            arrays = (shape.close(node) for shape in own.arrays)
            own = own._replace(arrays=tuple(shape for shape in arrays if not self.algebra.is_shape_empty(shape)))
        return own


def _unknown(name: Any) -> bool:
    return not isinstance(name, str) or name not in OF_TYPE


def _spread(patterns: list[tuple[Language, Node]]) -> tuple[list[tuple[Language, Node]], Node]:
    """The same where one of the patterns matches every name: the others, and what holds of all properties."""
    rest: Node = TRUE
    for language, node in patterns:
        if language.is_everything:
            rest = rest & node
    return [(language, node & rest) for language, node in patterns if not language.is_everything], rest
