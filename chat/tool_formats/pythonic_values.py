"""Parameters of a tool as keyword arguments of a Python call: each one's name and the texts of its values.

A value is spelled in JSON, which Python reads alike but for three words: these are written ``True``, ``False`` and
``None`` where they are the whole value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidRequest
from .tools import Format, Tool, name_of, parameters_of

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAKEN_APART = frozenset({"type", "properties", "required", "additionalProperties", "$defs", "definitions"})
ANNOTATIONS = frozenset(
    {"title", "description", "$schema", "$comment", "default", "examples", "deprecated", "readOnly", "writeOnly"}
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name, the format of its values, and whether it must be given."""

    name: str
    values: Format
    required: bool


def parameters_in(tool: Tool) -> list[Parameter]:
    """The parameters of a tool, those that must be given first.

    Others than those listed are never passed, also where the schema would allow them.

    Raises:
        InvalidRequest: the schema says something that can only be checked on the arguments together (its keyword is
            named), or a parameter has a name that Python does not take.
    """
    schema = parameters_of(tool)
    properties, required = schema.get("properties", {}), schema.get("required", [])
    for keyword in schema:
        if keyword not in _TAKEN_APART and keyword not in ANNOTATIONS:
            _refuse(tool, f"{keyword!r} in its parameters says something of them together")
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        _refuse(tool, "'properties' must be an object, and 'required' a list")
    for name in required:
        if name not in properties:
            _refuse(tool, f"'required' names {name!r}, which 'properties' does not")
    for name in properties:
        if _NAME.fullmatch(name) is None:
            _refuse(tool, f"'properties' names {name!r}, which is no name in Python")
    shared: dict[str, Any] = {key: schema[key] for key in ("$defs", "definitions", "$schema") if key in schema}
    ordered = sorted(properties, key=lambda name: name not in required)
    return [Parameter(name, _values(properties[name], shared), name in required) for name in ordered]


def _refuse(tool: Tool, why: str) -> None:
    raise InvalidRequest(f"tool {name_of(tool)}: this model calls tools as Python functions, and {why}", param="tools")


def _values(schema: Any, shared: Mapping[str, Any]) -> Format:
    """The values that are valid under a parameter's schema. `shared` holds what it may refer to."""
    words: dict[str, None] = {}
    others: list[Any] = []
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        word, parts = _word(each), _parts(each)
        if word is not None:
            words[word] = None
        elif parts:
            waiting += reversed(parts)
        else:
            others.append(each)
    formats: list[Format] = []
    if others:
        rest = {"anyOf": others} if words else schema
        formats.append({"type": "json_schema", "json_schema": _on_its_own(rest, shared)})
    if words:
        formats.append({"type": "choices", "choices": list(words)})
    return formats[0] if len(formats) == 1 else {"type": "or", "elements": formats}


def _on_its_own(schema: Any, shared: Mapping[str, Any]) -> Any:
    """A schema with what it needs of `shared`: its draft, and definitions where it may refer to any."""
    if not isinstance(schema, Mapping):
        return schema
    source = json.dumps(schema)
    refers = any(f'"{keyword}"' in source for keyword in ("$ref", "$dynamicRef", "$recursiveRef"))
    return {**schema, **{key: value for key, value in shared.items() if refers or key == "$schema"}}


def _said(schema: Any) -> dict[str, Any]:
    """What a schema says, without annotations."""
    return {key: schema[key] for key in schema if key not in ANNOTATIONS} if isinstance(schema, Mapping) else {}


def _word(schema: Any) -> str | None:
    """``True``, ``False`` or ``None`` where a schema takes nothing but that value."""
    said = _said(schema)
    if said == {"type": "null"}:
        return "None"
    if said.keys() == {"const"} and _is_word(said["const"]):
        return str(said["const"])
    return None


def _is_word(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _parts(schema: Any) -> list[Any]:
    """Schemas of which a value must match one, of a schema that says so; else none."""
    said = _said(schema)
    kind, options, values = said.get("type"), said.get("anyOf"), said.get("enum")
    if said.keys() == {"anyOf"} and isinstance(options, list):
        return options
    if said.keys() == {"enum"} and isinstance(values, list):
        words = [{"const": value} for value in values if _is_word(value)]
        others = [value for value in values if not _is_word(value)]
        return [{"enum": others}, *words] if words and others else words
    if said == {"type": "boolean"}:
        return [{"const": True}, {"const": False}]
    if isinstance(kind, list) and len(kind) > 1:
        return [{**said, "type": each} for each in kind]
    return []
