"""Keywords that apply other schemas to the same value, and what each leaves of a set of values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .checks import join, names_in, refuse
from .nodes import TRUE, Node
from .objects import ObjectShape
from .one_of import exactly_one
from .values import NONE, ValueSet

if TYPE_CHECKING:
    from .keywords import Place, Reader

DEPENDENCIES = ("dependencies", "dependentRequired", "dependentSchemas")


def apply(reader: Reader, place: Place, values: ValueSet) -> ValueSet:
    """What the applicators of the schema at `place` leave of `values`."""
    for keyword, handler in HANDLERS.items():
        if keyword in place.keywords:
            values = handler(reader, place, keyword, values)
    return values


def _reference(reader: Reader, place: Place, keyword: str, values: ValueSet) -> ValueSet:
    follow = {
        "$ref": lambda target, scope, pointer: reader.document.follow(target, scope, pointer, "$ref"),
        "$dynamicRef": reader.document.follow_dynamic,
        "$recursiveRef": reader.document.follow_recursive,
    }[keyword]
    schema, pointer, scope = follow(place.schema[keyword], place.scope, join(place.pointer, keyword))
    return _in_order(reader, place, keyword, values, reader.node(schema, pointer, scope).values())


def _all_of(reader: Reader, place: Place, keyword: str, values: ValueSet) -> ValueSet:
    branches = reader.branches(place.schema, keyword, place.pointer, place.scope)
    said = reader.algebra.intersection([branch.values() for branch in branches])
    return _in_order(reader, place, keyword, values, said)


def _in_order(reader: Reader, place: Place, keyword: str, values: ValueSet, said: ValueSet) -> ValueSet:
    """Both; where the keyword stands before `properties`, the properties it names come first."""
    if "properties" in place.keywords:
        order = list(place.schema)
        if order.index(keyword) < order.index("properties"):
            return reader.algebra.meet(said, values)
    return reader.algebra.meet(values, said)


def _any_of(reader: Reader, place: Place, keyword: str, values: ValueSet) -> ValueSet:
    branches = reader.branches(place.schema, keyword, place.pointer, place.scope)
    sets = [reader.algebra.meet(values, branch.values()) for branch in branches]
    if not reader.document.tracks:
        return reader.algebra.union(sets)
    found = NONE  # who is in several branches has been looked at by all of them
    for one in sets:
        found = reader.algebra.union([found, one, reader.algebra.meet(found, one)])
    return found


def _one_of(reader: Reader, place: Place, keyword: str, values: ValueSet) -> ValueSet:
    branches = reader.branches(place.schema, keyword, place.pointer, place.scope)
    sets = [reader.algebra.meet(values, branch.values()) for branch in branches]
    return exactly_one(reader.algebra, sets, [branch.pointer for branch in branches])


def _not(reader: Reader, place: Place, keyword: str, values: ValueSet) -> ValueSet:
    pointer = join(place.pointer, keyword)
    schema = place.schema[keyword]
    if isinstance(schema, dict) and schema.keys() & reader.known == {"not"} and not reader.document.tracks:
        inner = reader.node(schema["not"], join(pointer, "not"), place.scope)
        return reader.algebra.meet(values, inner.values())
    node = reader.node(schema, pointer, place.scope)
    return reader.algebra.difference(values, node.values(), pointer)


def _if(reader: Reader, place: Place, keyword: str, values: ValueSet) -> ValueSet:
    schema, algebra = place.schema, reader.algebra
    alone = "then" not in schema and "else" not in schema
    if alone and not reader.document.tracks:
        return values
    pointer = join(place.pointer, keyword)
    condition = reader.node(schema[keyword], pointer, place.scope).values()
    met = algebra.meet(values, condition)
    if alone:  # all is valid; what meets the condition has been looked at by it
        return algebra.union([met, values])
    unmet = algebra.difference(values, condition, pointer)
    return algebra.union(
        [
            algebra.meet(met, _branch(reader, place, "then").values()),
            algebra.meet(unmet, _branch(reader, place, "else").values()),
        ]
    )


def _branch(reader: Reader, place: Place, keyword: str) -> Node:
    if keyword not in place.schema:
        return TRUE
    return reader.node(place.schema[keyword], join(place.pointer, keyword), place.scope)


def _dependencies(reader: Reader, place: Place, keyword: str, values: ValueSet) -> ValueSet:
    pointer = join(place.pointer, keyword)
    dependents = place.schema[keyword]
    if not isinstance(dependents, dict):
        refuse(pointer, keyword, "must be an object")
    for name, said in dependents.items():
        if not values.objects:
            break
        objects = _dependency(reader, place, keyword, name, said, values.objects)
        values = values._replace(objects=reader.algebra.distinct(list(objects)))
    return values


def _dependency(
    reader: Reader, place: Place, keyword: str, name: str, said: object, objects: tuple[ObjectShape, ...]
) -> tuple[ObjectShape, ...]:
    """Those of `objects` that either lack the property `name` or are as `said`."""
    pointer = join(place.pointer, keyword, name)
    if isinstance(said, list) and keyword != "dependentSchemas":
        names = dict.fromkeys(names_in(said, pointer, keyword))
        then = NONE._replace(objects=(ObjectShape(required=names),))
    elif isinstance(said, str) and keyword == "dependencies":  # draft 3
        then = NONE._replace(objects=(ObjectShape(required={said: None}),))
    elif keyword == "dependentRequired":
        refuse(pointer, keyword, "must be an array of property names")
    else:
        then = reader.node(said, pointer, place.scope).values()
    kept: list[ObjectShape] = []
    for shape in objects:
        node = shape.value(name)
        present = NONE._replace(objects=(shape.with_value(name, node),))
        absent = shape.without(name)
        kept += reader.algebra.meet(present, then).objects
        if not absent.is_plainly_empty():
            kept.append(absent)
    return tuple(kept)


Handler = Callable[["Reader", "Place", str, ValueSet], ValueSet]
HANDLERS: dict[str, Handler] = {
    "$ref": _reference,
    "$dynamicRef": _reference,
    "$recursiveRef": _reference,
    "allOf": _all_of,
    "anyOf": _any_of,
    **dict.fromkeys(DEPENDENCIES, _dependencies),
    "if": _if,
    "not": _not,
    "oneOf": _one_of,
}
"""By keyword, in the order in which they are applied: what may have to be subtracted comes last."""

APPLICATORS = frozenset(HANDLERS)
