"""Tools in OpenAI's form, as the formats use them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import InvalidRequest

Tool = Mapping[str, Any]
Format = dict[str, Any]
"""A format of a structural tag."""


def name_of(tool: Tool) -> str:
    """A tool's name. Raises `InvalidRequest` where it has none."""
    function = tool.get("function")
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str) or not name:
        raise InvalidRequest("a tool needs a 'function' with a 'name'", param="tools")
    return name


def parameters_of(tool: Tool) -> dict[str, Any]:
    """The schema of a tool's arguments, which are always an object.

    A tool without `parameters` takes an object without members, as OpenAI has it; so does one whose schema lists no
    properties (``{"type": "object", "properties": {}}``) and says nothing of others. One that says nothing of
    properties at all takes any.

    Raises:
        InvalidRequest: `parameters` is no schema, or none of an object.
    """
    schema = tool["function"].get("parameters")
    if schema is None:
        return {"type": "object", "additionalProperties": False}
    if not isinstance(schema, Mapping):
        raise InvalidRequest(f"tool {name_of(tool)}: its parameters are no JSON Schema object", param="tools")
    kind = schema.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise InvalidRequest(
            f"tool {name_of(tool)}: its parameters are of type {kind!r}; they must be an object", param="tools"
        )
    made = {**schema, "type": "object"}
    if schema.get("properties") == {} and "patternProperties" not in schema:
        made.setdefault("additionalProperties", False)
    return made


def json_calls(tools: Sequence[Tool], key: str, before: str = "", after: str = "") -> list[Format]:
    """For each tool the tag of a call ``{"name": ..., key: {...}}`` between two markers, as `json.dumps` spaces it."""
    return [
        {
            "type": "tag",
            "begin": f'{before}{{"name": {json.dumps(name_of(tool), ensure_ascii=False)}, "{key}": ',
            "content": {"type": "json_schema", "json_schema": parameters_of(tool)},
            "end": "}" + after,
        }
        for tool in tools
    ]


def text_not_beginning(pattern: str) -> Format:
    """Free text that does not begin with what a regex matches, which would make it a call."""
    return {"type": "regex", "pattern": rf"(?!{pattern})[\s\S]*"}


def calls_only(tags: list[Format], separator: str, parallel: bool) -> Format:
    """One call or, where `parallel`, more."""
    return {
        "type": "tags_with_separator",
        "tags": tags,
        "separator": separator,
        "at_least_one": True,
        "stop_after_first": not parallel,
    }
