"""A schema document: read from its source, with its dialect, its resources by URI and its references."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, NamedTuple, NoReturn
from urllib.parse import unquote, urldefrag, urljoin

from ...errors import GrammarError
from .checks import Schema, join, refuse

MAX_SOURCE = 8 * 1024 * 1024
MAX_DIGITS = 1_000
MAX_EXPONENT = 400
MAX_SCOPE = 16

DIALECTS = {
    "http://json-schema.org/draft-04/schema": 4,
    "http://json-schema.org/draft-05/schema": 4,
    "http://json-schema.org/draft-06/schema": 6,
    "http://json-schema.org/draft-07/schema": 7,
    "http://json-schema.org/draft/2019-09/schema": 2019,
    "http://json-schema.org/draft/2020-12/schema": 2020,
    "http://json-schema.org/schema": 2020,
    "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0": 4,
}
"""Draft by metaschema: as http, without www and an empty fragment. A hyper-schema only adds annotations."""

NEWEST = 2020
VALUES = frozenset(("const", "default", "enum", "example", "examples"))
"""Keywords under which values stand, not schemas."""
RECURSIVE = "$recursiveAnchor"


def load(source: str) -> Any:
    """The JSON value in `source`; numbers that are no integers are fractions, exactly as written."""
    if len(source) > MAX_SOURCE:
        raise GrammarError(f"JSON Schema of {len(source)} characters: at most {MAX_SOURCE} are taken", keyword="length")
    try:
        return json.loads(source, parse_float=_exact, parse_constant=_no_number)
    except RecursionError as error:
        raise GrammarError("the JSON Schema nests too deeply", keyword="nesting") from error
    except ValueError as error:
        if isinstance(error, GrammarError):
            raise
        raise GrammarError(f"the JSON Schema is not JSON: {error}") from error


def _exact(numeral: str) -> Fraction:
    try:
        value = Decimal(numeral)
    except InvalidOperation as error:
        raise GrammarError(f"JSON Schema: the number {numeral[:40]} is out of range", keyword="size") from error
    if len(numeral) > MAX_DIGITS or (value and abs(value.adjusted()) > MAX_EXPONENT):
        raise GrammarError(f"JSON Schema: the number {numeral[:40]} is out of range", keyword="size")
    return Fraction(value)


def _no_number(word: str) -> NoReturn:
    raise GrammarError(f"the JSON Schema is not JSON: {word} is no number")


@dataclass(eq=False, slots=True)
class Resource:
    """A schema with a URI of its own.

    Attributes:
        anchors: schemas by the name of their `$anchor` or `$dynamicAnchor`, each with its pointer.
        dynamic: the names in `anchors` that are dynamic.
    """

    uri: str
    schema: Any
    pointer: str
    draft: int
    anchors: dict[str, tuple[Any, str]] = field(default_factory=dict)
    dynamic: set[str] = field(default_factory=set)


class Scope(NamedTuple):
    """Where a schema is met: the resource it is in, and those with dynamic anchors that led there, outermost first."""

    resource: Resource
    dynamic: tuple[Resource, ...] = ()


class Document:
    """The whole of one schema document.

    Attributes:
        root: the schema.
        scope: where its evaluation begins.
        tracks: whether a keyword asks what other keywords have looked at.
    """

    def __init__(self, source: str) -> None:
        self.root = load(source)
        self.tracks = '"unevaluated' in source
        draft = self._draft(self.root, NEWEST, "")
        self.stated = isinstance(self.root, dict) and "$schema" in self.root
        main = Resource(_identifier(self.root, draft), self.root, "", draft)
        self._resources = {main.uri: main, "": main}
        self._by_schema: dict[int, Resource] = {id(self.root): main}
        if any(f'"{word}"' in source for word in ("$id", "id", "$anchor", "$dynamicAnchor", RECURSIVE)):
            self._index(main)
        self.scope = Scope(main, (main,) if main.dynamic else ())

    # -- resources --------------------------------------------------------------------------------------------------

    def enter(self, schema: Any, scope: Scope) -> Scope:
        """The scope inside `schema`, which was met in `scope`."""
        resource = self._by_schema.get(id(schema))
        return scope if resource is None else _extend(scope, resource)

    def _index(self, main: Resource) -> None:
        """Note every resource and anchor of the document."""
        waiting: list[tuple[Any, str, Resource]] = [(main.schema, "", main)]
        while waiting:
            place, pointer, resource = waiting.pop()
            if isinstance(place, list):
                waiting += [(item, join(pointer, index), resource) for index, item in enumerate(place)]
                continue
            if not isinstance(place, dict):
                continue
            if place is not main.schema:
                resource = self._own(place, pointer, resource)
            _note_anchors(place, pointer, resource)
            for name, child in place.items():
                if name not in VALUES and isinstance(child, dict | list):
                    waiting.append((child, join(pointer, name), resource))

    def _own(self, schema: Schema, pointer: str, outer: Resource) -> Resource:
        """The resource that `schema` is, or the one it stands in."""
        draft = self._draft(schema, outer.draft, pointer)
        identifier = _identifier(schema, draft)
        if not identifier:
            return outer
        resource = Resource(urldefrag(_resolved(outer.uri, identifier, pointer))[0], schema, pointer, draft)
        self._resources.setdefault(resource.uri, resource)
        self._by_schema[id(schema)] = resource
        return resource

    def _draft(self, schema: Any, outer: int, pointer: str) -> int:
        stated = schema.get("$schema") if isinstance(schema, dict) else None
        if stated is None or stated == "":
            return outer
        plain = ""
        if isinstance(stated, str):
            plain = stated.rstrip("#/").replace("hyper-schema", "schema")
            plain = plain.replace("https://", "http://", 1).replace("http://www.", "http://", 1)
        if plain not in DIALECTS and not pointer:  # further down it may be a property of that name
            refuse("/$schema", "$schema", f"{stated!r} is unknown, and so is what keywords mean by it")
        return DIALECTS.get(plain, outer)

    # -- references -------------------------------------------------------------------------------------------------

    def follow(self, reference: Any, scope: Scope, pointer: str, keyword: str) -> tuple[Any, str, Scope]:
        """What `reference`, standing in `scope`, refers to: the schema, its pointer and its scope."""
        if not isinstance(reference, str):
            refuse(pointer, keyword, "must be a string")
        uri, fragment = urldefrag(reference)
        resource = scope.resource
        if uri:
            address = _resolved(resource.uri, uri, pointer)
            target = self._resources.get(address)
            if target is None:
                refuse(pointer, keyword, f"{reference!r} is not in this document, and nothing is fetched")
            resource = target
        scope = _extend(scope, resource)
        fragment = unquote(fragment)
        if not fragment:
            return resource.schema, resource.pointer, self.enter(resource.schema, scope)
        if fragment.startswith("/"):
            return self._walk(resource, fragment, scope, pointer, keyword)
        if fragment not in resource.anchors:
            refuse(pointer, keyword, f"{reference!r} leads nowhere")
        schema, place = resource.anchors[fragment]
        return schema, place, scope

    def follow_dynamic(self, reference: Any, scope: Scope, pointer: str) -> tuple[Any, str, Scope]:
        """The same for `$dynamicRef`: the outermost schema of that dynamic anchor."""
        schema, place, inner = self.follow(reference, scope, pointer, "$dynamicRef")
        name = unquote(urldefrag(reference)[1])
        if name in inner.resource.dynamic and inner.resource.anchors[name][0] is schema:
            return self._outermost(name, inner)
        return schema, place, inner

    def follow_recursive(self, reference: Any, scope: Scope, pointer: str) -> tuple[Any, str, Scope]:
        """The same for `$recursiveRef` of 2019-09."""
        schema, place, inner = self.follow(reference, scope, pointer, "$recursiveRef")
        return self._outermost(RECURSIVE, inner) if RECURSIVE in inner.resource.dynamic else (schema, place, inner)

    @staticmethod
    def _outermost(name: str, scope: Scope) -> tuple[Any, str, Scope]:
        for resource in scope.dynamic:
            if name in resource.dynamic:
                schema, place = resource.anchors[name]
                return schema, place, _extend(scope, resource)
        raise AssertionError("the last resource of the scope has the anchor")

    def _walk(
        self, resource: Resource, fragment: str, scope: Scope, pointer: str, keyword: str
    ) -> tuple[Any, str, Scope]:
        place = resource.schema
        for part in fragment.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            if isinstance(place, dict) and part in place:
                place = place[part]
            elif isinstance(place, list) and part.isascii() and part.isdecimal() and int(part) < len(place):
                place = place[int(part)]
            else:
                refuse(pointer, keyword, f"#{fragment} leads nowhere")
            scope = self.enter(place, scope)
        return place, resource.pointer + fragment, scope


def _extend(scope: Scope, resource: Resource) -> Scope:
    """`scope`, seen from inside `resource`."""
    if scope.resource is resource:
        return scope
    dynamic = scope.dynamic
    if resource.dynamic and resource not in dynamic:
        if len(dynamic) >= MAX_SCOPE:
            raise GrammarError("JSON Schema: too many resources with dynamic anchors", keyword="$dynamicRef")
        dynamic = (*dynamic, resource)
    return Scope(resource, dynamic)


def _note_anchors(schema: Schema, pointer: str, resource: Resource) -> None:
    for word in ("$anchor", "$dynamicAnchor"):
        name = schema.get(word)
        if isinstance(name, str):
            resource.anchors[name] = (schema, pointer)
            if word == "$dynamicAnchor":
                resource.dynamic.add(name)
    if schema.get(RECURSIVE) is True:
        resource.anchors[RECURSIVE] = (schema, pointer)
        resource.dynamic.add(RECURSIVE)
    name = schema.get("id" if resource.draft <= 4 else "$id")
    if isinstance(name, str) and name.startswith("#") and len(name) > 1:
        resource.anchors[name[1:]] = (schema, pointer)


def _identifier(schema: Any, draft: int) -> str:
    """The URI that `schema` says it has; empty where it says none."""
    if not isinstance(schema, dict):
        return ""
    if draft <= 7 and "$ref" in schema:
        return ""
    name = schema.get("$id")
    if not isinstance(name, str) and draft <= 4:
        name = schema.get("id")
    return urldefrag(name)[0] if isinstance(name, str) else ""


def _resolved(base: str, reference: str, pointer: str) -> str:
    try:
        return urljoin(base, reference)
    except ValueError as error:
        raise GrammarError(
            f"JSON Schema at {pointer or '/'}: $ref: {error}", pointer=pointer, keyword="$ref"
        ) from error
