"""Constraint to grammar: reads the source in its language, then hands the expression to the grammar engine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import GrammarError, UnknownOption
from ..request import Constraint, ConstraintKind
from . import constraints
from .expression import Expression, alt, text
from .outlines import compile_expression
from .protocol import Grammar
from .regex_parser import MAX_SOURCE, parse_python
from .schema_parser import parse_json_schema
from .vocabulary import Vocabulary

BACKENDS = ("outlines-core",)
SUPPORTED = frozenset((ConstraintKind.JSON_SCHEMA, ConstraintKind.REGEX, ConstraintKind.CHOICES))
"""The kinds of constraint that can be compiled."""


def compile(  # the name callers expect, as in re.compile
    constraint: Constraint | None = None,
    /,
    *,
    vocabulary: Vocabulary,
    json_schema: Mapping[str, Any] | bool | str | type | None = None,
    regex: str | None = None,
    choices: Sequence[str] | None = None,
    grammar: str | None = None,
    structural_tag: str | None = None,
    whitespace: str = "spaced",
    backend: str = "outlines-core",
) -> Grammar:
    """Compile exactly one constraint, given whole or by one of the keywords.

    Args:
        constraint: a constraint as requests carry it.
        vocabulary: the tokens the masks are over.
        json_schema, regex, choices: see `weft.grammar.constraints`.
        grammar, structural_tag: refused: no backend here compiles them.
        whitespace: for `json_schema`.
        backend: which grammar engine; ``"outlines-core"``.

    Raises:
        GrammarError: the constraint is malformed, asks for what cannot be enforced, is too large, or no text meets it.
        UnknownOption: an unknown backend or option.
    """
    if backend not in BACKENDS:
        raise UnknownOption(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}", param="backend")
    given = [
        made
        for made in (
            constraint,
            None if json_schema is None else constraints.json_schema(json_schema, whitespace=whitespace),
            None if regex is None else constraints.regex(regex),
            None if choices is None else constraints.choices(choices),
            None if grammar is None else Constraint(ConstraintKind.GRAMMAR, grammar),
            None if structural_tag is None else Constraint(ConstraintKind.STRUCTURAL_TAG, structural_tag),
        )
        if made is not None
    ]
    if len(given) != 1:
        raise GrammarError(f"exactly one constraint is needed, not {len(given)}", param="constraint")
    return compile_expression(parse(given[0]), vocabulary)


def parse(constraint: Constraint) -> Expression:
    """The texts that meet `constraint`. Raises as `compile` does."""
    options = dict(constraint.options)
    whitespace = options.pop("whitespace", "spaced")
    if options or (whitespace != "spaced" and constraint.kind is not ConstraintKind.JSON_SCHEMA):
        name = next(iter(options), "whitespace")
        raise UnknownOption(f"a {constraint.kind} constraint has no option {name!r}", param=name)
    match constraint.kind:
        case ConstraintKind.JSON_SCHEMA:
            return parse_json_schema(constraint.source, whitespace)
        case ConstraintKind.REGEX:
            return parse_python(constraint.source)
        case ConstraintKind.CHOICES:
            return _parse_choices(constraint.source)
        case _:
            raise GrammarError(
                f"constraints of kind {constraint.kind} are not supported; {', '.join(sorted(SUPPORTED))} are",
                keyword=str(constraint.kind),
            )


def _parse_choices(source: str) -> Expression:
    if len(source) > MAX_SOURCE:
        raise GrammarError(f"choices of {len(source)} characters: at most {MAX_SOURCE} are taken", keyword="length")
    try:
        options = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise GrammarError(f"choices must be a JSON list of strings: {error}", param="choices") from error
    if not isinstance(options, list):
        raise GrammarError("choices must be a JSON list of strings", param="choices")
    constraints.choices(options)  # the same checks as where they are made
    for index, option in enumerate(options):
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in option):
            raise GrammarError(f"choices[{index}] holds NUL or half a surrogate pair", param="choices")
    return alt(*(text(option) for option in dict.fromkeys(options)))
