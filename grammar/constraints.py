"""Makers of constraints: from what a caller holds (a schema, a pydantic model, a regex, choices) to plain text.

They check only what can be told without compiling; `compile` refuses the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import GrammarError
from ..request import Constraint, ConstraintKind

WHITESPACES = ("spaced", "compact")


def json_schema(schema: Mapping[str, Any] | bool | str | type, *, whitespace: str = "spaced") -> Constraint:
    """Text that is JSON and valid under `schema`.

    Args:
        schema: a JSON Schema as a mapping, a boolean or JSON text; or a pydantic model (or any class that has
            `model_json_schema`).
        whitespace: ``"spaced"`` is what `json.dumps` writes (``", "`` and ``": "``); ``"compact"`` has none.

    Raises:
        GrammarError: `schema` is none of these, or `whitespace` is unknown.
    """
    if whitespace not in WHITESPACES:
        raise GrammarError(
            f"whitespace must be one of {', '.join(WHITESPACES)}, not {whitespace!r}", param="whitespace"
        )
    options = () if whitespace == "spaced" else (("whitespace", whitespace),)
    return Constraint(ConstraintKind.JSON_SCHEMA, _schema_text(schema), options)


def _schema_text(schema: object) -> str:
    if isinstance(schema, str):
        return schema
    describe = getattr(schema, "model_json_schema", None)
    if describe is not None:
        schema = describe()
    if not isinstance(schema, Mapping | bool):
        raise GrammarError(
            f"json_schema must be a mapping, JSON text or a pydantic model, not {type(schema).__name__}",
            param="json_schema",
        )
    try:
        return json.dumps(schema, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise GrammarError(f"json_schema cannot be written as JSON: {error}", param="json_schema") from error


def regex(source: str) -> Constraint:
    """Text that `source`, in the dialect of Python's `re`, matches from end to end."""
    if not isinstance(source, str):
        raise GrammarError(f"regex must be text, not {type(source).__name__}", param="regex")
    return Constraint(ConstraintKind.REGEX, source)


def choices(options: Sequence[str]) -> Constraint:
    """Exactly one of `options`. Raises GrammarError where there are none, or one is empty or not text."""
    if isinstance(options, str) or not options:
        raise GrammarError("choices must be a non-empty list of strings", param="choices")
    for index, option in enumerate(options):
        if not isinstance(option, str) or not option:
            raise GrammarError(f"choices[{index}] must be non-empty text, not {option!r}", param="choices")
    return Constraint(ConstraintKind.CHOICES, json.dumps(list(options), ensure_ascii=False))
