"""Tools: Python functions described for a model, and the calls to them read out of what it generated."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

from ..errors import InvalidRequest
from .pieces import CallArguments, CallOpened
from .tool_formats import FORMATS


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call a model asked for.

    Attributes:
        name: the tool.
        arguments: its arguments as JSON text, spelled as `json.dumps` does.
    """

    name: str
    arguments: str

    @property
    def values(self) -> dict[str, Any]:
        """The arguments as Python values."""
        values: dict[str, Any] = json.loads(self.arguments)
        return values


# -- describing functions ---------------------------------------------------------------------------------------------


def tool_schema(function: Callable[..., Any]) -> dict[str, Any]:
    """A tool in OpenAI's form: name, description and parameters, out of the signature and the docstring.

    The docstring's first paragraph is the description; what its ``Args:`` section says of a parameter becomes that
    parameter's. Every parameter needs a type hint that pydantic can describe as JSON Schema.

    Raises:
        InvalidRequest: a parameter has no hint, one that JSON cannot express, or is ``*args`` or ``**kwargs``; two
            types have one name; the function tells nothing of its parameters.
    """
    name = getattr(function, "__name__", type(function).__name__)
    summary, described = _read_docstring(inspect.getdoc(function) or "")
    try:
        hints = get_type_hints(function, include_extras=True)
        signature = inspect.signature(function)
    except (NameError, TypeError, ValueError) as error:
        raise InvalidRequest(f"tool {name}: its signature cannot be read: {error}", param="tools") from error
    properties: dict[str, Any] = {}
    required: list[str] = []
    definitions: dict[str, Any] = {}
    for parameter in signature.parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InvalidRequest(f"tool {name}: parameter {parameter.name} cannot be passed by name", param="tools")
        if parameter.name not in hints:
            raise InvalidRequest(f"tool {name}: parameter {parameter.name} has no type hint", param="tools")
        schema = _hint_schema(hints[parameter.name], f"tool {name}: parameter {parameter.name}")
        for title, definition in schema.pop("$defs", {}).items():
            if definitions.setdefault(title, definition) != definition:
                raise InvalidRequest(f"tool {name}: two types of its parameters are named {title}", param="tools")
        if parameter.name in described:
            schema = {**schema, "description": described[parameter.name]}
        properties[parameter.name] = schema
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    parameters: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    if definitions:
        parameters["$defs"] = definitions
    return {"type": "function", "function": {"name": name, "description": summary, "parameters": parameters}}


def _hint_schema(hint: Any, place: str) -> dict[str, Any]:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        return dict(TypeAdapter(hint).json_schema())
    except PydanticUserError as error:
        raise InvalidRequest(
            f"{place} has a type JSON Schema cannot express: {error.message}", param="tools"
        ) from error


_ARGUMENT = re.compile(r"(\w+)(?:\s*\([^)]*\))?:\s*(.*)")


def _read_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """The first paragraph as one line, and the parameters' descriptions out of a section headed ``Args:``."""
    paragraph = docstring.split("\n\n", 1)[0]
    summary = "" if paragraph.lstrip().startswith("Args:") else " ".join(paragraph.split())
    described: dict[str, str] = {}
    _, header, section = docstring.partition("Args:\n")
    lines = section.splitlines() if header else []
    margin = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
    current = ""
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if not line.strip() or indent < margin:
            break
        match = _ARGUMENT.fullmatch(line.strip()) if indent == margin else None
        if match is not None:
            current = match[1]
            described[current] = match[2]
        elif current:
            described[current] = f"{described[current]} {line.strip()}".strip()
    return summary, described


# -- reading calls ----------------------------------------------------------------------------------------------------


def parse_tool_calls(text: str, format: str = "hermes") -> tuple[str, tuple[ToolCall, ...]]:
    """Split generated text into content and tool calls.

    Args:
        text: what the model generated.
        format: how this model writes calls, a name in `tool_formats.FORMATS`.

    Returns:
        The text outside the calls, and the calls in order. What only looks like a call (broken JSON, no name) stays
        in the content as it was written.

    Raises:
        InvalidRequest: an unknown format.
    """
    known = FORMATS.get(format)
    if known is None:
        raise InvalidRequest(f"unknown tool call format {format!r}; known are {', '.join(FORMATS)}", param="format")
    reader = known.reader(whole=True)
    content: list[str] = []
    calls: list[ToolCall] = []
    name = ""
    for piece in (*reader.push(text), *reader.end()):
        match piece:
            case CallOpened():
                name = piece.name
            case CallArguments():  # one piece a call, for whole ones
                calls.append(ToolCall(name, piece.text))
            case _:
                content.append(piece.text)
    return "".join(content).strip() if calls else text, tuple(calls)
