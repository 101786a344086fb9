"""One training or evaluation example, whatever its task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Example:
    """A conversation to learn from, with what an evaluation needs beside it.

    task: "extraction", "choice", "tools", "answer" or "copy".
    messages: OpenAI chat messages; the last is the assistant's. Earlier assistant turns may hold "tool_calls"
        (OpenAI form, arguments as a JSON string), "tool" messages their results.
    tools: OpenAI tools, {"type": "function", "function": {"name", "description", "parameters"}}.
    schema, record: extraction only: the JSON Schema that stands in the prompt, and the right record, its keys in
        the schema's order.
    choices: choice only: the options; the assistant's content is exactly one of them.
    """

    task: str
    messages: tuple[dict[str, Any], ...]
    tools: tuple[dict[str, Any], ...] = ()
    schema: dict[str, Any] | None = None
    record: dict[str, Any] | None = None
    choices: tuple[str, ...] = ()
