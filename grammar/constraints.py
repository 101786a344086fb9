"""Makers of constraints: from what a caller holds (a schema, a type, a regex, choices) to plain text.

They check only what can be told without compiling; `compile` refuses the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import GrammarError
from ..request import Constraint, ConstraintKind
from .python_types import schema_of

SCHEMA_OPTIONS: dict[str, tuple[str, ...]] = {
    "property_order": ("schema", "any"),
    "whitespace": ("spaced", "compact", "flexible"),
    "formats": ("assert", "annotate"),
}
"""What a JSON Schema can be read with, in `Constraint.options`: each option's values, the default first."""

SchemaLike = Mapping[str, Any] | bool | str | type | Callable[..., Any]
"""A JSON Schema as a mapping, a boolean or JSON text; or what `schema_of` makes one of."""


def json_schema(
    schema: SchemaLike, *, property_order: str = "schema", whitespace: str = "spaced", formats: str = "assert"
) -> Constraint:
    """Text that is JSON and valid under `schema`.

    Args:
        schema: a JSON Schema as a mapping, a boolean or JSON text; or a pydantic model, dataclass, TypedDict, enum or
            annotation such as ``list[int]``; or a function, for an object of its arguments.
        property_order: ``"schema"`` writes properties in the order of the schema, and no others where it lists some and
            does not mention others; ``"any"`` takes them in any order, and others wherever the schema allows them.
        whitespace: ``"spaced"`` is what `json.dumps` writes (``", "`` and ``": "``); ``"compact"`` has none;
            ``"flexible"`` allows a bounded amount between any two parts.
        formats: ``"assert"`` enforces the formats of the standard; ``"annotate"`` reads them as comments.

    Raises:
        GrammarError: `schema` is none of these, or an option has an unknown value.
    """
    given = {"property_order": property_order, "whitespace": whitespace, "formats": formats}
    return Constraint(ConstraintKind.JSON_SCHEMA, _schema_text(schema), schema_options(given))


def schema_options(given: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Options as a constraint carries them, defaults left out. Raises GrammarError for an unknown name or value."""
    options = []
    for name, value in sorted(given.items()):
        values = SCHEMA_OPTIONS.get(name)
        if values is None:
            raise GrammarError(f"there is no option {name!r}; there are {', '.join(SCHEMA_OPTIONS)}", param=name)
        if not isinstance(value, str) or value not in values:
            raise GrammarError(f"{name} must be one of {', '.join(values)}, not {value!r}", param=name)
        if value != values[0]:
            options.append((name, value))
    return tuple(options)


def _schema_text(schema: object) -> str:
    if isinstance(schema, str):
        return schema
    described = schema if isinstance(schema, Mapping | bool) else schema_of(schema)
    return _json_text(described, "json_schema")


def _json_text(value: object, param: str) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise GrammarError(f"{param} cannot be written as JSON: {error}", param=param) from error


def regex(source: str) -> Constraint:
    """Text that `source`, in the dialect of Python's `re`, matches from end to end."""
    return Constraint(ConstraintKind.REGEX, _source(source, "regex"))


def grammar(source: str) -> Constraint:
    """Text that a grammar produces from its rule ``start`` (Lark's syntax) or ``root`` (EBNF as llama.cpp has it)."""
    return Constraint(ConstraintKind.GRAMMAR, _source(source, "grammar"))


def structural_tag(tag: Mapping[str, Any] | str, **options: str) -> Constraint:
    """Free text with markers that open parts which must match something, as tool calls; see `structural_tags.py`.

    Args:
        tag: the tag as a mapping or JSON text.
        options: `property_order`, `whitespace` and `formats` of the JSON Schemas in it, as in `json_schema`.

    Raises:
        GrammarError: `tag` is neither, or an option is unknown.
    """
    if not isinstance(tag, str | Mapping):
        raise GrammarError(
            f"structural_tag must be a mapping or JSON text, not {type(tag).__name__}", param="structural_tag"
        )
    source = tag if isinstance(tag, str) else _json_text(tag, "structural_tag")
    return Constraint(ConstraintKind.STRUCTURAL_TAG, source, schema_options(options))


def choices(options: Sequence[str]) -> Constraint:
    """Exactly one of `options`. Raises GrammarError where there are none, or one is empty or not text."""
    if isinstance(options, str) or not options:
        raise GrammarError("choices must be a non-empty list of strings", param="choices")
    for index, option in enumerate(options):
        if not isinstance(option, str) or not option:
            raise GrammarError(f"choices[{index}] must be non-empty text, not {option!r}", param="choices")
    return Constraint(ConstraintKind.CHOICES, json.dumps(list(options), ensure_ascii=False))


def literal(content: str) -> Constraint:
    """Exactly `content`."""
    return choices([content])


def _source(source: object, param: str) -> str:
    if not isinstance(source, str):
        raise GrammarError(f"{param} must be text, not {type(source).__name__}", param=param)
    return source
