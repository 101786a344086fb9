"""JSON Schema to an expression over JSON text. Every keyword is enforced exactly, or the schema is refused by name.

The text is JSON as `json.dumps` lays it out (nothing is optional about whitespace), and all of it validates. Not every
valid instance can be written: properties come in the order of the schema and no others are added, numbers have a
bounded count of digits, and a value about which the schema says nothing nests to a bounded depth.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import unquote

from ..errors import GrammarError
from .expression import EMPTY, Expression, alt, lengths, optional, seq, text
from .first_formats import FORMATS, UNENFORCED
from .first_json_text import (
    BOOLEAN,
    INTEGER,
    NULL,
    NUMBER,
    STYLES,
    Style,
    any_value,
    array,
    inside_string,
    mapping,
    quoted,
    string,
    type_of,
)
from .limits import check_size
from .regex_parser import parse_ecma

MAX_SOURCE = 64 * 1024
MAX_NESTING = 32
MAX_SCHEMAS = 10_000

Schema = dict[str, Any]

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
ANNOTATIONS = frozenset(
    "$comment $schema contentEncoding contentMediaType contentSchema default deprecated description discriminator "
    "example examples readOnly title writeOnly".split()
)
CONTAINERS = frozenset(("$defs", "definitions"))
KEYWORDS_OF_TYPE = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "object": ("properties", "required", "additionalProperties"),
}
WHOLE = ("$ref", "const", "enum", "anyOf", "oneOf", "allOf")
"""Keywords that decide a schema by themselves; what may stand beside them is said in `_Builder.schema`."""

KNOWN = {*ANNOTATIONS, *CONTAINERS, "type", *WHOLE, *(word for words in KEYWORDS_OF_TYPE.values() for word in words)}


def parse_json_schema(source: str, whitespace: str = "spaced") -> Expression:
    """The texts that are JSON in this style and valid under the schema.

    Raises:
        GrammarError: `source` is no JSON or no schema, or it uses what cannot be enforced; `keyword` and `pointer`
            (a JSON pointer into the schema) say what and where.
    """
    if whitespace not in STYLES:
        raise GrammarError(f"whitespace must be one of {', '.join(STYLES)}, not {whitespace!r}", param="whitespace")
    if len(source) > MAX_SOURCE:
        raise GrammarError(f"JSON Schema of {len(source)} characters: at most {MAX_SOURCE} are taken", keyword="length")
    try:
        root = json.loads(source)
        json.dumps(root, allow_nan=False)  # `loads` takes NaN, and reads 1e999 as infinity
    except (ValueError, RecursionError) as error:
        raise GrammarError(f"the JSON Schema is not JSON: {error}") from error
    try:
        expression = _Builder(root, STYLES[whitespace]).schema(root, "")
    except RecursionError as error:  # a value of `const`, say: schemas themselves are counted
        raise GrammarError("the JSON Schema nests too deeply", keyword="nesting") from error
    check_size(expression)
    return expression


def _refuse(pointer: str, keyword: str, reason: str) -> NoReturn:
    raise GrammarError(f"JSON Schema at {pointer or '/'}: {keyword}: {reason}", pointer=pointer, keyword=keyword)


def _join(pointer: str, *parts: str | int) -> str:
    return pointer + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


class _Builder:
    """One schema document on its way to an expression."""

    def __init__(self, root: object, style: Style) -> None:
        self.root = root
        self.style = style
        self.open: list[str] = []  # the references being followed
        self.known: dict[str, Expression] = {}  # by reference
        self.count = 0
        self.depth = 0

    # -- one schema -------------------------------------------------------------------------------------------------

    def schema(self, schema: object, pointer: str) -> Expression:
        """The values that `schema`, standing at `pointer`, allows. Raises where it allows none."""
        self.count += 1
        if self.count > MAX_SCHEMAS:
            _refuse(pointer, "size", f"more than {MAX_SCHEMAS} schemas in one document")
        if schema is True:
            return any_value(self.style)
        if schema is False:
            _refuse(pointer, "false", "no value is allowed here")
        if not isinstance(schema, dict):
            _refuse(pointer, "schema", f"a schema is an object or a boolean, not {type_of(schema)}")
        self.check_keywords(schema, pointer)
        self.depth += 1
        if self.depth > MAX_NESTING:
            _refuse(pointer, "nesting", f"schemas nest more than {MAX_NESTING} deep")
        try:
            return self.whole(schema, pointer)
        finally:
            self.depth -= 1

    def whole(self, schema: Schema, pointer: str) -> Expression:
        deciding = [keyword for keyword in WHOLE if keyword in schema]
        if deciding in (["const"], ["enum"], ["const", "enum"]):
            return self.values(schema, pointer)
        if not deciding:
            return self.typed(schema, pointer)
        keyword = deciding[0]
        beside = [
            name for name in schema if name not in CONTAINERS and name != keyword and not _is_annotation(name, pointer)
        ]
        if beside:
            _refuse(_join(pointer, keyword), keyword, f"not supported beside {', '.join(sorted(beside))}")
        handlers: dict[str, Callable[[Any, str], Expression]] = {
            "$ref": self.reference,
            "anyOf": self.any_of,
            "oneOf": self.one_of,
            "allOf": self.all_of,
        }
        return handlers[keyword](schema[keyword], _join(pointer, keyword))

    def check_keywords(self, schema: Schema, pointer: str) -> None:
        for keyword in schema:
            if keyword in KNOWN or _is_annotation(keyword, pointer):
                continue
            _refuse(_join(pointer, keyword), keyword, "this keyword is not enforced, so the schema is refused")

    # -- keywords that decide by themselves -------------------------------------------------------------------------

    def values(self, schema: Schema, pointer: str) -> Expression:
        allowed = self.listed_values(schema, pointer)
        others = set(schema) - ANNOTATIONS - CONTAINERS - {"const", "enum", "type"}
        types = self.types(schema, pointer)
        if any(keyword in KEYWORDS_OF_TYPE.get(kind, ()) for keyword in others for kind in map(type_of, allowed)):
            keyword = "const" if "const" in schema else "enum"
            _refuse(_join(pointer, keyword), keyword, f"not supported beside {', '.join(sorted(others))}")
        if types is not None:
            allowed = [value for value in allowed if _is_of(type_of(value), types)]
        if not allowed:
            _refuse(pointer, "enum" if "enum" in schema else "const", "no value is allowed here")
        return alt(*(text(spelled) for spelled in dict.fromkeys(map(self.style.spell, allowed))))

    def listed_values(self, schema: Schema, pointer: str) -> list[Any]:
        if "enum" not in schema:
            return [schema["const"]]
        values = schema["enum"]
        if not isinstance(values, list):
            _refuse(_join(pointer, "enum"), "enum", "must be an array")
        if "const" in schema:
            values = [value for value in values if _same(value, schema["const"])]
        return values

    def reference(self, target: object, pointer: str) -> Expression:
        if not isinstance(target, str) or not (target == "#" or target.startswith("#/")):
            _refuse(pointer, "$ref", f"only references inside the document (#/...) are followed, not {target!r}")
        if target in self.open:
            _refuse(pointer, "$ref", f"{target} refers to itself; recursive schemas are not supported")
        if target not in self.known:
            self.open.append(target)
            self.known[target] = self.schema(self.resolve(target, pointer), target[1:])
            self.open.pop()
        return self.known[target]

    def resolve(self, target: str, pointer: str) -> object:
        place = self.root
        for part in unquote(target).split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            if isinstance(place, dict) and part in place:
                place = place[part]
            elif isinstance(place, list) and part.isdecimal() and int(part) < len(place):
                place = place[int(part)]
            else:
                _refuse(pointer, "$ref", f"{target} leads nowhere")
        return place

    def any_of(self, branches: object, pointer: str) -> Expression:
        options = self.branches(branches, pointer, "anyOf")
        return alt(*(self.schema(branch, _join(pointer, index)) for index, branch in options))

    def one_of(self, branches: object, pointer: str) -> Expression:
        options = self.branches(branches, pointer, "oneOf")
        expressions = [self.schema(branch, _join(pointer, index)) for index, branch in options]
        for position, (index, branch) in enumerate(options):
            for other, earlier in options[:position]:
                if not self.are_disjoint(earlier, branch, pointer):
                    _refuse(pointer, "oneOf", f"branches {other} and {index} are not known to exclude each other")
        return alt(*expressions)

    def all_of(self, branches: object, pointer: str) -> Expression:
        options = self.branches(branches, pointer, "allOf", drop_false=False)
        if len(options) > 1:
            _refuse(pointer, "allOf", "only one branch is supported")
        return self.schema(options[0][1], _join(pointer, 0))

    def branches(self, branches: object, pointer: str, keyword: str, drop_false: bool = True) -> list[tuple[int, Any]]:
        if not isinstance(branches, list) or not branches:
            _refuse(pointer, keyword, "must be a non-empty array")
        options = [(index, branch) for index, branch in enumerate(branches) if not (drop_false and branch is False)]
        if not options:
            _refuse(pointer, keyword, "no value is allowed here")
        return options

    def are_disjoint(self, left: object, right: object, pointer: str) -> bool:
        """Whether no value is valid under both, as far as types, listed values and tagged objects show it.

        Both have been read before: what is malformed in them was refused.
        """
        left, right = self.dereference(left, pointer), self.dereference(right, pointer)
        if not isinstance(left, dict) or not isinstance(right, dict):
            return False
        left_kinds, right_kinds = self.possible_types(left, pointer), self.possible_types(right, pointer)
        if left_kinds is None or right_kinds is None:
            return False
        if not any(_is_of(kind, right_kinds) for kind in left_kinds) and not any(
            _is_of(kind, left_kinds) for kind in right_kinds
        ):
            return True
        if all("enum" in schema or "const" in schema for schema in (left, right)):
            values = self.listed_values(right, pointer)
            return not any(_same(one, other) for one in self.listed_values(left, pointer) for other in values)
        return left_kinds == right_kinds == ["object"] and self.have_different_tags(left, right, pointer)

    def have_different_tags(self, left: Schema, right: Schema, pointer: str) -> bool:
        tags = set(left.get("required") or ()) & set(right.get("required") or ())
        for tag in tags:
            sides = [self.dereference((schema.get("properties") or {}).get(tag), pointer) for schema in (left, right)]
            if all(isinstance(side, dict) and ("const" in side or "enum" in side) for side in sides):
                ones, others = (self.listed_values(side, pointer) for side in sides if isinstance(side, dict))
                if not any(_same(one, other) for one in ones for other in others):
                    return True
        return False

    def dereference(self, schema: object, pointer: str) -> object:
        followed: set[str] = set()
        while isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
            target = schema["$ref"]
            if target in followed or not target.startswith("#"):
                return None
            followed.add(target)
            schema = self.resolve(target, pointer)
        return schema

    def possible_types(self, schema: Schema, pointer: str) -> list[str] | None:
        """The JSON types a value of `schema` can have; None where that is not plain to see."""
        if "enum" in schema or "const" in schema:
            return sorted({type_of(value) for value in self.listed_values(schema, pointer)})
        return self.types(schema, pointer)

    # -- typed values -----------------------------------------------------------------------------------------------

    def types(self, schema: Schema, pointer: str) -> list[str] | None:
        """What `type` lists; None where it is missing."""
        if "type" not in schema:
            return None
        named = schema["type"]
        types = [named] if isinstance(named, str) else named
        if not isinstance(types, list) or not types or any(name not in TYPES for name in types):
            _refuse(_join(pointer, "type"), "type", f"must be one or more of {', '.join(TYPES)}, not {named!r}")
        return types

    def typed(self, schema: Schema, pointer: str) -> Expression:
        types = self.types(schema, pointer)
        if types is None:
            types = [kind for kind, keywords in KEYWORDS_OF_TYPE.items() if any(word in schema for word in keywords)]
        if not types:
            return any_value(self.style)
        if "number" in types:
            types = [kind for kind in types if kind != "integer"]
        makers: dict[str, Callable[[Schema, str], Expression]] = {
            "null": lambda schema, pointer: NULL,
            "boolean": lambda schema, pointer: BOOLEAN,
            "integer": lambda schema, pointer: INTEGER,
            "number": lambda schema, pointer: NUMBER,
            "string": self.string_of,
            "array": self.array_of,
            "object": self.object_of,
        }
        return alt(*(makers[kind](schema, pointer) for kind in dict.fromkeys(types)))

    def string_of(self, schema: Schema, pointer: str) -> Expression:
        low, high = self.bounds(schema, pointer, "minLength", "maxLength")
        content, keyword = self.content(schema, pointer)
        if content is None:
            return string(low, high)
        if content == alt():
            _refuse(_join(pointer, keyword), keyword, "no text can match")
        shortest, longest = lengths(content)
        if shortest < low or (high is not None and (longest is None or longest > high)):
            length = "minLength" if shortest < low else "maxLength"
            _refuse(_join(pointer, length), length, f"not supported beside a {keyword} that does not imply it")
        return quoted(inside_string(content))

    def content(self, schema: Schema, pointer: str) -> tuple[Expression | None, str]:
        """What the keywords other than lengths say of a string's characters, and which keyword says it."""
        form = schema.get("format")
        if form is not None and not isinstance(form, str):
            _refuse(_join(pointer, "format"), "format", "must be a string")
        if form in UNENFORCED:
            _refuse(_join(pointer, "format"), "format", f"the format {form} is not enforced, so the schema is refused")
        pattern = schema.get("pattern")
        if pattern is None:
            return (FORMATS[form](), "format") if form in FORMATS else (None, "")
        if form in FORMATS:
            _refuse(_join(pointer, "pattern"), "pattern", f"not supported beside format {form}")
        if not isinstance(pattern, str):
            _refuse(_join(pointer, "pattern"), "pattern", "must be a string")
        try:
            return parse_ecma(pattern), "pattern"
        except GrammarError as error:
            _refuse(_join(pointer, "pattern"), "pattern", error.message)

    def bounds(self, schema: Schema, pointer: str, lowest: str, highest: str) -> tuple[int, int | None]:
        for keyword in (lowest, highest):
            value = schema.get(keyword, 0)
            if type_of(value) != "integer" or value < 0:
                _refuse(_join(pointer, keyword), keyword, f"must be a whole number from 0, not {value!r}")
        low, high = int(schema.get(lowest, 0)), int(schema[highest]) if highest in schema else None
        if high is not None and low > high:
            _refuse(_join(pointer, lowest), lowest, f"{low} is more than {highest}, {high}: no value is allowed here")
        return low, high

    def array_of(self, schema: Schema, pointer: str) -> Expression:
        if schema.get("uniqueItems", False) is not False:
            _refuse(
                _join(pointer, "uniqueItems"), "uniqueItems", "this keyword is not enforced, so the schema is refused"
            )
        low, high = self.bounds(schema, pointer, "minItems", "maxItems")
        prefix = schema.get("prefixItems", [])
        items = schema.get("items", True)
        if not isinstance(prefix, list):
            _refuse(_join(pointer, "prefixItems"), "prefixItems", "must be an array of schemas")
        if isinstance(items, list):
            _refuse(_join(pointer, "items"), "items", "an array of schemas is not supported; use prefixItems")
        if items is False:
            high = len(prefix) if high is None else min(high, len(prefix))
            if low > high:
                _refuse(
                    _join(pointer, "items"), "items", f"at least {low} items are needed, and no more than {high} can be"
                )
        wanted = prefix if high is None else prefix[:high]
        first = tuple(self.schema(item, _join(pointer, "prefixItems", index)) for index, item in enumerate(wanted))
        if high is not None and high <= len(first):
            return array(EMPTY, low, high, self.style, first)
        return array(self.schema(items, _join(pointer, "items")), low, high, self.style, first)

    def object_of(self, schema: Schema, pointer: str) -> Expression:
        properties, required = self.members(schema, pointer)
        extra = schema.get("additionalProperties", True)
        if not properties:
            if extra is False:
                return text("{}")
            return mapping(self.extra_value(extra, pointer), self.style)
        members = [
            (
                self.style.member(text(self.style.spell(name)), self.schema(value, place)),
                name in required,
            )
            for name, (value, place) in properties.items()
        ]
        return seq(text("{"), self.listed_members(members), text("}"))

    def members(self, schema: Schema, pointer: str) -> tuple[dict[str, tuple[object, str]], set[str]]:
        """Each property's schema with its place, and which are required; required ones that are not described too."""
        described = schema.get("properties", {})
        required = schema.get("required", [])
        if not isinstance(described, dict):
            _refuse(_join(pointer, "properties"), "properties", "must be an object")
        if not isinstance(required, list) or any(not isinstance(name, str) for name in required):
            _refuse(_join(pointer, "required"), "required", "must be an array of strings")
        properties = {name: (value, _join(pointer, "properties", name)) for name, value in described.items()}
        extra = schema.get("additionalProperties", True)
        if not isinstance(extra, dict | bool):
            _refuse(_join(pointer, "additionalProperties"), "additionalProperties", "must be a schema")
        for name in required:
            if name not in properties:
                if extra is False:
                    _refuse(_join(pointer, "required"), "required", f"{name!r} is required, yet not a property")
                properties[name] = (extra, _join(pointer, "additionalProperties"))
        return properties, set(required)

    def extra_value(self, extra: object, pointer: str) -> Expression:
        if extra is True:
            return any_value(self.style, 1)
        return self.schema(extra, _join(pointer, "additionalProperties"))

    def listed_members(self, members: list[tuple[Expression, bool]]) -> Expression:
        """Members in order, those that are not required optional, with commas between the ones that are there."""
        comma = self.style.comma
        anchor = next((index for index, (_, is_required) in enumerate(members) if is_required), None)
        if anchor is not None:
            before = [optional(seq(member, comma)) for member, _ in members[:anchor]]
            return seq(*before, members[anchor][0], self.following_members(members[anchor + 1 :]))
        starts = [
            seq(member, self.following_members(members[index + 1 :])) for index, (member, _) in enumerate(members)
        ]
        return optional(alt(*starts))

    def following_members(self, members: list[tuple[Expression, bool]]) -> Expression:
        comma = self.style.comma
        return seq(
            *(seq(comma, member) if is_required else optional(seq(comma, member)) for member, is_required in members)
        )


def _is_annotation(keyword: str, pointer: str) -> bool:
    """Whether a keyword says nothing of what is valid; a document's own name is such a one at its root only."""
    return keyword in ANNOTATIONS or keyword.startswith("x-") or (keyword in ("$id", "id") and not pointer)


def _is_of(kind: str, types: list[str]) -> bool:
    return kind in types or (kind == "integer" and "number" in types)


def _same(left: Any, right: Any) -> bool:
    """Equality as JSON Schema has it: 1 is 1.0, and not true."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right if isinstance(left, str) else bool(left == right)
