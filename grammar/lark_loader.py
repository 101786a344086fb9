"""Lark's grammar files, read by the `lark` library: the definitions of a grammar and of what it imports, by name.

Only the library's parser of its own syntax is used; what the definitions mean is `lark_syntax`'s business. Before it
is let loose on a text, that is looked over here, in one pass: strings and regexes have ends, brackets are not nested
too deeply, blank stretches are short (on these its regexes could run for hours), and special tokens, ``<name>``, which
Lark does not know, get names it does.

Imports come from the library's own grammars (`common`, `python`, ...), never from files.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import GrammarError

if TYPE_CHECKING:
    from lark import Tree

MAX_SOURCE = 64 * 1024
MAX_NESTING = 100
MAX_BLANK = 2_000

_LEXEMES = re.compile(
    r"""
    (?P<comment> //[^\n]* | \#[^\n]* )
  | (?P<string> "(?: [^"\\\n] | \\[^\n] )*"i? )
  | (?P<regex> /(?!/)(?: [^/\\] | \\. )*/[a-z]* )
  | (?P<token> <[^<>\s]+> )
  | (?P<name> %?[A-Za-z0-9_]+ )
  | (?P<blank> \s+ )
  | (?P<open> [(\[{] )
  | (?P<close> [)\]}] )
  | (?P<sign> [^"/] )
""",
    re.VERBOSE | re.DOTALL,
)
_PLACE = re.compile(r",? at line (\d+),? col(?:umn)? (\d+)")

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class Definition:
    """A rule or a terminal.

    Attributes:
        name: as the grammar calls it.
        is_terminal: terminals are upper case.
        bodies: its ``expansions``, each with the definitions that names in it mean; none where it is only declared.
        parameters: of a template.
        token: the special token it stands for.
    """

    name: str
    is_terminal: bool
    bodies: list[tuple[Tree[Any], Scope]]
    parameters: tuple[str, ...] = ()
    token: str | None = None


@dataclass(eq=False)
class Scope:
    """The definitions of one grammar, with those it imports.

    Attributes:
        source: its text.
        definitions: by name.
        ignored: the ``expansions`` after each ``%ignore``.
        places: where a name, string or regex first stands in `source`.
    """

    source: str
    definitions: dict[str, Definition] = field(default_factory=dict)
    ignored: list[Tree[Any]] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def find(self, name: str) -> Definition:
        """The definition of `name`. Raises GrammarError."""
        found = self.definitions.get(name)
        if found is None:
            self.refuse(name, f"{name} is used but not defined")
        return found

    def refuse(self, name: str, reason: str, keyword: str | None = None) -> NoReturn:
        """Raise a GrammarError that names the line and column at which `name` first stands, where it does."""
        refuse(self.source, self.places.get(name), reason, keyword or name)


def refuse(source: str, offset: int | None, reason: str, keyword: str) -> NoReturn:
    """Raise a GrammarError for the place `offset` of a grammar, by line and column, both from 1."""
    if offset is None:
        raise GrammarError(f"grammar: {reason}", keyword=keyword)
    line = source.count("\n", 0, offset) + 1
    column = offset - source.rfind("\n", 0, offset)
    raise GrammarError(f"grammar, line {line}, column {column}: {reason}", keyword=keyword, pointer=str(offset))


def load(source: str) -> Scope:
    """The definitions of a grammar in Lark's syntax. Raises GrammarError with line and column."""
    if len(source) > MAX_SOURCE:
        raise GrammarError(f"grammar of {len(source)} characters: at most {MAX_SOURCE} are taken", keyword="length")
    scope = Scope(source)
    statements = _parse(_look_over(scope), source)
    _define_all(statements, scope, {})
    prioritised = [name for statement in statements if (name := _with_priority(statement))]
    if prioritised:
        logger.warning("grammar: priorities are ignored, every reading counts: %s", ", ".join(prioritised))
    return scope


def _look_over(scope: Scope) -> str:
    """The text as Lark's parser may have it; notes where names stand, and defines special tokens."""
    source = scope.source
    prefix = "_TOKEN"
    while prefix in source:
        prefix += "_X"
    tokens: dict[str, str] = {}
    pieces: list[str] = []
    depth = offset = 0
    while offset < len(source):
        match = _LEXEMES.match(source, offset)
        if match is None:
            what = "a string" if source[offset] == '"' else "a regex"
            refuse(source, offset, f"{what} that has no end", source[offset])
        piece = match.group()
        match match.lastgroup:
            case "token":
                if piece.startswith("<["):
                    refuse(source, offset, f"{piece}: special tokens are taken by name, not by number", "token")
                piece = tokens.setdefault(piece, f" {prefix}{len(tokens)} ")
            case "name" | "string" | "regex":
                scope.places.setdefault(piece, offset)
            case "blank" if len(piece) > MAX_BLANK:
                refuse(source, offset, f"more than {MAX_BLANK} blank characters", "length")
            case "open":
                depth += 1
                if depth > MAX_NESTING:
                    refuse(source, offset, f"brackets are nested more than {MAX_NESTING} deep", "size")
            case "close":
                depth -= 1
        pieces.append(piece)
        offset = match.end()
    for token, name in tokens.items():
        scope.definitions[name.strip()] = Definition(name.strip(), True, [], token=token)
    return "".join(pieces)


def _parse(text: str, shown: str) -> list[Tree[Any]]:
    """The statements of a grammar. `shown` is the text that errors point into."""
    try:
        from lark.exceptions import LarkError, UnexpectedInput, UnexpectedToken
        from lark.load_grammar import _parse_grammar
    except ImportError as error:
        raise GrammarError(
            "grammars in Lark's syntax need the package lark, which is not installed", code="missing_dependency"
        ) from error
    try:
        return list(_parse_grammar(text, "the grammar").children)  # type: ignore[no-untyped-call]
    except (LarkError, TypeError) as error:  # TypeError: the library at times trips over wording its own error
        reason = str(error).strip().split("\n", 1)[0]
        cause: UnexpectedInput | None = None
        link: BaseException | None = error
        while link is not None:  # the first of the errors is the one about the grammar
            cause = link if isinstance(link, UnexpectedInput) else cause
            link = link.__context__
        if cause is None:
            refuse(shown, None, reason, "syntax")
        if isinstance(cause, UnexpectedToken) and (cause is error or not isinstance(error, LarkError)):
            reason = f"unexpected {str(cause.token).strip()[:40] or 'end of the line'}"
        lines = shown.split("\n")[: max(cause.line - 1, 0)]
        offset = min(sum(len(one) + 1 for one in lines) + max(cause.column - 1, 0), len(shown))
        refuse(shown, offset, _PLACE.sub("", reason).removesuffix(" in the grammar: "), "syntax")


# -- statements -------------------------------------------------------------------------------------------------------


def _define_all(statements: list[Tree[Any]], scope: Scope, libraries: dict[str, Scope]) -> None:
    """Take in what the statements of one grammar define, imports first. `libraries` are those imported so far."""
    for statement in statements:
        if statement.data == "import":
            _import(statement, scope, libraries)
    for statement in statements:
        _define(statement, scope)


def _define(statement: Tree[Any], scope: Scope) -> None:
    match statement.data:
        case "rule" | "term":
            _add(_definition(statement, scope), scope)
        case "override":
            new = _definition(statement.children[0], scope)
            old = scope.find(new.name)
            if old.is_terminal:  # what is imported with it keeps the old one, as in Lark
                scope.definitions[new.name] = new
            else:
                old.bodies, old.parameters = new.bodies, new.parameters
        case "extend":
            new = _definition(statement.children[0], scope)
            old = scope.find(new.name)
            if not old.bodies or old.parameters != new.parameters:
                scope.refuse(new.name, f"%extend {new.name} does not fit what it extends")
            old.bodies = [*old.bodies, *new.bodies]
        case "ignore":
            scope.ignored.append(statement.children[0])
        case "declare":
            symbols: list[Any] = statement.children
            for symbol in symbols:
                _add(Definition(symbol.name, symbol.is_term, []), scope)


def _add(definition: Definition, scope: Scope, alias: str | None = None) -> None:
    name = alias or definition.name
    if name in scope.definitions:
        scope.refuse(name, f"{name} is defined twice")
    scope.definitions[name] = definition


def _definition(statement: Tree[Any], scope: Scope) -> Definition:
    if statement.data == "term":
        return Definition(str(statement.children[0]), True, [(statement.children[-1], scope)])
    _, name, parameters, _, tree = statement.children
    return Definition(str(name), False, [(tree, scope)], tuple(map(str, parameters.children if parameters else ())))


def _with_priority(statement: Tree[Any]) -> str | None:
    """The name of what this statement defines with a priority."""
    if statement.data == "rule" and statement.children[3].children:
        return str(statement.children[1])
    return str(statement.children[0]) if statement.data == "term" and len(statement.children) == 3 else None


def _import(statement: Tree[Any], scope: Scope, libraries: dict[str, Scope]) -> None:
    """``%import common.NAME``, ``%import common.NAME -> OTHER`` or ``%import common (NAME, NAME)``."""
    path, *more = statement.children
    names = [str(part) for part in path.children]
    if path.data != "import_lib":
        refuse(scope.source, scope.places.get("%import"), "%import from files is not supported", "%import")
    if more and hasattr(more[0], "children"):
        wanted = {str(name): str(name) for name in more[0].children}
    else:
        name = names.pop()
        wanted = {name: str(more[0]) if more else name}
    library = ".".join(names)
    if library not in libraries:
        found = _library(library)
        if found is None:
            refuse(scope.source, scope.places.get("%import"), f"there is no {library!r} to import from", "%import")
        libraries[library] = Scope("")
        _define_all(found, libraries[library], libraries)
    for name, alias in wanted.items():
        definition = libraries[library].definitions.get(name)
        if definition is None:
            scope.refuse(name, f"{library} has no {name} to import")
        _add(definition, scope, alias)


@lru_cache(maxsize=16)
def _library(name: str) -> list[Tree[Any]] | None:
    """The statements of a grammar that comes with the `lark` library; None if there is no such."""
    file = resources.files("lark") / "grammars" / f"{name}.lark"
    if not name.isidentifier() or not file.is_file():
        return None
    text = file.read_text(encoding="utf-8")
    return _parse(text, text)
