"""`weft grammar`: what a constraint enforces, its size, which tokens may come first, and some texts it allows."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..grammar.describe import Description
    from ..grammar.protocol import Grammar
    from ..grammar.vocabulary import Vocabulary
    from ..request import Constraint

SHOWN_TOKENS = 12
MAX_SHOWN = 200


class Kind(StrEnum):
    """The languages, under their option's names."""

    JSON_SCHEMA = "json-schema"
    REGEX = "regex"
    GRAMMAR = "grammar"
    CHOICES = "choices"
    STRUCTURAL_TAG = "structural-tag"


_SUFFIXES = {
    ".lark": Kind.GRAMMAR,
    ".gbnf": Kind.GRAMMAR,
    ".ebnf": Kind.GRAMMAR,
    ".re": Kind.REGEX,
    ".regex": Kind.REGEX,
}


def grammar(
    source: Annotated[str, typer.Argument(help="A JSON Schema, a regex, ...; or a file that holds it; - is stdin.")],
    json_schema: Annotated[bool, typer.Option("--json-schema", help="It is a JSON Schema.")] = False,
    regex: Annotated[bool, typer.Option("--regex", help="It is a regex in Python's syntax.")] = False,
    is_grammar: Annotated[bool, typer.Option("--grammar", help="It is a grammar: Lark's syntax, or EBNF.")] = False,
    choices: Annotated[bool, typer.Option("--choices", help="It is a JSON list of texts, or one text a line.")] = False,
    structural_tag: Annotated[bool, typer.Option("--structural-tag", help="It is a structural tag.")] = False,
    property_order: Annotated[str, typer.Option(help="Of a JSON Schema: schema or any.")] = "schema",
    whitespace: Annotated[str, typer.Option(help="Of a JSON Schema: spaced, compact or flexible.")] = "spaced",
    formats: Annotated[str, typer.Option(help="Of a JSON Schema: assert or annotate.")] = "assert",
    tokenizer: Annotated[
        Path | None, typer.Option(help="tokenizer.json, tekken.json or its folder; the built-in model's.")
    ] = None,
    samples: Annotated[int, typer.Option(min=0, max=100, help="How many random texts to print.")] = 5,
    seed: Annotated[int, typer.Option(help="Seeds the random texts.")] = 0,
) -> None:
    """Show what a JSON Schema, regex, grammar, list of choices or structural tag enforces."""
    from ..errors import InvalidRequest
    from ..grammar import Vocabulary
    from ..grammar.compiler import compile, parse
    from ..grammar.describe import describe
    from ..grammar.warm_up import warm_up

    flags = (json_schema, regex, is_grammar, choices, structural_tag)
    named = [kind for kind, wanted in zip(Kind, flags, strict=True) if wanted]
    if len(named) > 1:
        raise InvalidRequest(f"--{named[0]} and --{named[1]} do not go together", param=named[1])
    content, suffix = _read(source)
    kind = named[0] if named else _SUFFIXES.get(suffix) or _guess(content)
    options = {"property_order": property_order, "whitespace": whitespace, "formats": formats}
    constraint = _constraint(kind, content, options)
    expression = parse(constraint)
    _print_description(kind, describe(constraint, expression))
    vocabulary = Vocabulary.from_file(_tokenizer_file(tokenizer))
    warm_up(vocabulary)  # it says so, on stderr, where this takes long
    _print_first_mask(compile(constraint, vocabulary=vocabulary), vocabulary)
    if samples:
        _print_samples(constraint, vocabulary, samples, random.Random(seed))


def _read(source: str) -> tuple[str, str]:
    """(content, suffix of its file's name) of an argument that is a file's name, ``-`` or the content itself."""
    from ..errors import InvalidRequest

    if source == "-":
        return sys.stdin.read(), ""
    try:
        path = Path(source)
        if path.is_file():
            return path.read_text(encoding="utf-8"), path.suffix
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise InvalidRequest(f"{source} is not UTF-8 text: {error}", param="source") from error
        return source, ""  # no name that a file could have
    return source, ""


def _guess(content: str) -> Kind:
    """The language of a source that nobody named."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        if content.lstrip()[:1] == "{":  # more likely a schema with a slip than a regex: its error says more
            return Kind.JSON_SCHEMA
        return Kind.GRAMMAR if "::=" in content or "\nstart:" in f"\n{content}" else Kind.REGEX
    if isinstance(value, list):
        return Kind.CHOICES
    if isinstance(value, dict):
        is_tag = value.get("type") == "structural_tag" or {"structures", "triggers"} <= value.keys()
        return Kind.STRUCTURAL_TAG if is_tag or "reasoning_end" in value else Kind.JSON_SCHEMA
    return Kind.JSON_SCHEMA if isinstance(value, bool) else Kind.REGEX


def _constraint(kind: Kind, content: str, options: Mapping[str, str]) -> Constraint:
    from ..grammar import constraints

    match kind:
        case Kind.JSON_SCHEMA:
            return constraints.json_schema(content, **options)
        case Kind.STRUCTURAL_TAG:
            return constraints.structural_tag(content, **options)
        case Kind.REGEX:
            return constraints.regex(content.removesuffix("\n"))
        case Kind.GRAMMAR:
            return constraints.grammar(content)
        case Kind.CHOICES:
            try:
                listed = json.loads(content)
            except ValueError:
                listed = [line for line in content.splitlines() if line]
            return constraints.choices(listed)


def _tokenizer_file(given: Path | None) -> Path:
    if given is None:
        given = Path(__file__).resolve().parent.parent / "seedling" / "model"
    if not given.is_dir():
        return given
    names = ("tokenizer.json", "tekken.json")
    return next((given / name for name in names if (given / name).is_file()), given / names[0])


def _print_description(kind: Kind, description: Description) -> None:
    options = ", ".join(f"{name} {value}" for name, value in description.options.items())
    typer.echo(f"{kind}, {description.length} characters" + (f" ({options})" if options else ""))
    if description.enforced:
        typer.echo(f"enforced exactly: {_counted(description.enforced)}")
    if description.comments:
        typer.echo(f"taken for comments: {_counted(description.comments)}")
    parts = f", of them {_counted(description.parts)}" if description.parts else ""
    typer.echo(f"size: {description.nodes} expressions{parts}")


def _print_first_mask(compiled: Grammar, vocabulary: Vocabulary) -> None:
    """How many tokens may come first, and some of them, spread over the vocabulary."""
    matcher = compiled.matcher()
    bits = matcher.grammar.mask(matcher.mask_row())
    allowed = [token for token in range(vocabulary.size) if bits[token // 32] >> (token % 32) & 1]
    names = {token: name for name, token in vocabulary.special.items()}
    names |= dict.fromkeys(vocabulary.eos_ids, "end of the text")
    step = max(1, len(allowed) // SHOWN_TOKENS)
    shown = ", ".join(
        f"[{names[token]}]" if token in names else json.dumps(_text(vocabulary, token), ensure_ascii=False)
        for token in allowed[::step][:SHOWN_TOKENS]
    )
    typer.echo(f"first mask: {len(allowed)} of {vocabulary.size} tokens: {shown}")
    forced = matcher.forced().data.decode("utf-8", errors="replace")
    if forced:
        typer.echo(f"forced first: {json.dumps(_shortened(forced), ensure_ascii=False)}")


def _print_samples(constraint: Constraint, vocabulary: Vocabulary, count: int, rng: random.Random) -> None:
    from ..grammar.compiler import compile
    from ..grammar.samples import byte_vocabulary, random_text

    letters = byte_vocabulary(vocabulary.special)
    compiled = compile(constraint, vocabulary=letters)
    typer.echo("random texts:")
    for _ in range(count):
        drawn = random_text(compiled, letters, rng)
        typer.echo("  (no end found)" if drawn is None else f"  {_visible(drawn)}")


def _text(vocabulary: Vocabulary, token: int) -> str:
    return (vocabulary.tokens[token] or b"").decode("utf-8", errors="replace")


def _visible(text: str) -> str:
    """The text on one line: what cannot be printed is escaped."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(name if count == 1 else f"{name} ×{count}" for name, count in counts.items())
