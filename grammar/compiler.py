"""Constraint to grammar: reads the source in its language, then hands the expression to the grammar engine."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..errors import GrammarError, UnknownOption
from ..request import Constraint, ConstraintKind
from . import constraints
from .constraints import SchemaLike
from .engine.limits import LIMITS, Limits
from .expression import Expression, texts
from .protocol import Grammar
from .vocabulary import Vocabulary

BACKENDS = ("weft", "outlines-core")
SUPPORTED = frozenset(ConstraintKind)
"""The kinds of constraint that can be compiled."""

MAX_SOURCE = 8 * 1024 * 1024


def compile(  # the name callers expect, as in re.compile
    constraint: Constraint | None = None,
    /,
    *,
    vocabulary: Vocabulary,
    json_schema: SchemaLike | None = None,
    regex: str | None = None,
    choices: Sequence[str] | None = None,
    grammar: str | None = None,
    structural_tag: str | None = None,
    property_order: str = "schema",
    whitespace: str = "spaced",
    formats: str = "assert",
    backend: str = "weft",
    limits: Limits = LIMITS,
) -> Grammar:
    """Compile exactly one constraint, given whole or by one of the keywords.

    Args:
        constraint: a constraint as requests carry it.
        vocabulary: the tokens the masks are over.
        json_schema, regex, choices, grammar, structural_tag: see `weft.grammar.constraints`.
        property_order, whitespace, formats: how `json_schema` is read, and the schemas inside `structural_tag`.
        backend: which grammar engine: our own, or ``"outlines-core"``, which knows fewer constraints.
        limits: bounds on the work of one constraint, counted.

    Raises:
        GrammarError: the constraint is malformed, asks for what cannot be enforced, is too large, or no text meets it.
        UnknownOption: an unknown backend or option.
    """
    if backend not in BACKENDS:
        raise UnknownOption(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}", param="backend")
    options = {"property_order": property_order, "whitespace": whitespace, "formats": formats}
    given = [
        made
        for made in (
            constraint,
            None if json_schema is None else constraints.json_schema(json_schema, **options),
            None if regex is None else constraints.regex(regex),
            None if choices is None else constraints.choices(choices),
            None if grammar is None else constraints.grammar(grammar),
            None if structural_tag is None else constraints.structural_tag(structural_tag, **options),
        )
        if made is not None
    ]
    if len(given) != 1:
        raise GrammarError(f"exactly one constraint is needed, not {len(given)}", param="constraint")
    expression = parse(given[0])
    if backend == "outlines-core":
        from .outlines import compile_expression as compile_outlines

        return compile_outlines(expression, vocabulary)
    from .engine.matcher import compile_expression

    return compile_expression(expression, vocabulary, limits)


def load(program: bytes, vocabulary: Vocabulary) -> Grammar:
    """The grammar of a constraint that another process has read (`Program.encode`). Raises GrammarError."""
    from .engine.matcher import compile_expression
    from .engine.program import Program

    return compile_expression(Program.decode(program), vocabulary)


def parse(constraint: Constraint) -> Expression:
    """The texts that meet `constraint`. Raises as `compile` does."""
    if len(constraint.source) > MAX_SOURCE:
        raise GrammarError(
            f"a constraint of {len(constraint.source)} characters: at most {MAX_SOURCE} are taken", keyword="length"
        )
    options = dict(constraint.options)
    takes_options = constraint.kind in (ConstraintKind.JSON_SCHEMA, ConstraintKind.STRUCTURAL_TAG)
    for name in options:
        if not takes_options or name not in constraints.SCHEMA_OPTIONS:
            raise UnknownOption(f"a {constraint.kind} constraint has no option {name!r}", param=name)
    match constraint.kind:
        case ConstraintKind.JSON_SCHEMA:
            from .schemas import parse_json_schema

            return parse_json_schema(constraint.source, **options)
        case ConstraintKind.REGEX:
            from .regex_parser import parse_python

            return parse_python(constraint.source)
        case ConstraintKind.CHOICES:
            return _parse_choices(constraint.source)
        case ConstraintKind.GRAMMAR:
            from .grammar_parser import parse_grammar

            return parse_grammar(constraint.source)
        case ConstraintKind.STRUCTURAL_TAG:
            from .structural_tags import parse_structural_tag

            return parse_structural_tag(constraint.source, parse, constraint.options)


def _parse_choices(source: str) -> Expression:
    try:
        options = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise GrammarError(f"choices must be a JSON list of strings: {error}", param="choices") from error
    if not isinstance(options, list):
        raise GrammarError("choices must be a JSON list of strings", param="choices")
    constraints.choices(options)  # the same checks as where they are made
    for index, option in enumerate(options):
        if any("\ud800" <= character <= "\udfff" for character in option):
            raise GrammarError(f"choices[{index}] holds half a surrogate pair", param="choices")
    try:
        return texts(options)
    except RecursionError as error:
        raise GrammarError("too many choices begin with one another", keyword="nesting") from error
