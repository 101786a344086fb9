"""A Jinja sandbox in which a template can neither reach out nor run on: work and text are counted and bounded.

A chat template is a program that comes with somebody's weights. Jinja's immutable sandbox keeps it from touching
Python; here every turn of a loop and every macro call is counted too, operations by the size of what they work on, and
no text may grow past a bound. The counting is compiled into the template, so that it holds whatever the template does.
What is not bounded is the memory that one operation takes before its outcome can be measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any, NoReturn, cast

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_WORK = 200_000
"""Turns of loops and calls of macros in one rendering, with what operations on long values count as."""
CHARACTERS_A_TURN = 1000
ITEMS_A_TURN = 10
"""How much text, or how long a list, costs an operation as much as a turn of a loop."""
MAX_TEXT = 4_000_000
"""Characters of any text a template makes."""
MAX_NUMBER = 1_000_000
"""The largest number a template may hand to a filter or function (a width, a count)."""

work_left: ContextVar[list[int]] = ContextVar("work_left")
"""What is left of `MAX_WORK`, as a list of one, so that all of one rendering shares it."""


class LimitExceeded(jinja2.TemplateRuntimeError):
    """The template did too much, or made too long a text."""


def _spend(amount: int = 1) -> None:
    left = work_left.get()
    left[0] -= amount
    if left[0] < 0:
        raise LimitExceeded(f"the template does more than {MAX_WORK} loop turns and macro calls, or as much")


def _charge(*values: Any) -> None:
    """Count an operation on `values` by their size."""
    cost = 0
    for value in values:
        if isinstance(value, str):
            cost += len(value) // CHARACTERS_A_TURN
        elif isinstance(value, list | tuple | dict | range):
            cost += len(value) // ITEMS_A_TURN
    if cost:
        _spend(cost)


def _counted(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        _spend()
        yield item


def _counted_call() -> str:
    _spend()
    return ""


def _bounded(value: Any) -> Any:
    """`value`, unless it is a text (or list) that is too long. Counted."""
    _charge(value)
    if isinstance(value, str | list | tuple) and len(value) > MAX_TEXT:
        raise LimitExceeded(f"the template makes a text of more than {MAX_TEXT} characters")
    return value


def _check_arguments(arguments: Iterable[Any]) -> None:
    for argument in arguments:
        if isinstance(argument, int) and abs(argument) > MAX_NUMBER:
            raise LimitExceeded(f"the template uses {argument} as an argument; at most {MAX_NUMBER} is allowed")


def _check_replacement(content: Any, arguments: tuple[Any, ...]) -> None:
    if len(arguments) >= 2 and all(isinstance(part, str) for part in (content, *arguments[:2])):
        old, new = arguments[:2]
        if len(content) + content.count(old) * len(new) > MAX_TEXT:
            raise LimitExceeded(f"the template makes a text of more than {MAX_TEXT} characters")


def _check_format(form: Any) -> None:
    if isinstance(form, str) and re.search(r"\*|\d{6}", form):
        raise LimitExceeded("the template formats text to a width that is computed, or of a million or more")


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment chat templates are written for (block trimming, `tojson`, `raise_exception` ...), bounded."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationBlocks, loopcontrols])
        self.filters["tojson"] = _to_json
        for name, function in list(self.filters.items()):
            self.filters[name] = _guarded(name, function)
        self.filters["_counted"] = _counted
        self.filters["_bounded"] = _bounded
        self.globals["_counted_call"] = _counted_call
        del self.globals["lipsum"]  # makes as much text as it is told to
        self.globals["raise_exception"] = _raise_exception
        self.globals["strftime_now"] = _strftime_now

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return _Instrument().visit(super()._parse(source, name, filename))  # type: ignore[no-any-return]

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "*":
            for content, count in ((left, right), (right, left)):
                if (
                    isinstance(content, str | list | tuple)
                    and isinstance(count, int)
                    and len(content) * count > MAX_TEXT
                ):
                    raise LimitExceeded(f"the template makes a text of more than {MAX_TEXT} characters")
        if operator == "**":
            _check_arguments((left, right))
            if isinstance(right, int) and right > 64:
                raise LimitExceeded(f"the template raises to the power of {right}; at most 64 is allowed")
        if operator == "%":
            _check_format(left)
        _charge(left, right)
        return _bounded(super().call_binop(context, operator, left, right))

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        _check_arguments((*args, *kwargs.values()))
        method = getattr(__obj, "__wrapped__", __obj)  # the sandbox wraps str.format
        owner, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
        if name == "replace":
            _check_replacement(owner, args)
        if name in ("format", "format_map"):
            _check_format(owner)
        _charge(owner, *args, *kwargs.values())
        return _bounded(super().call(__context, __obj, *args, **kwargs))


class _Instrument(jinja2.visitor.NodeTransformer):
    """Compiles the counting into a template's syntax tree."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = _filtered(node.iter, "_counted")
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Macro:
        self.generic_visit(node)
        node.body.insert(0, _count_one(node.lineno))
        return node

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.CallBlock:
        self.generic_visit(node)
        node.body.insert(0, _count_one(node.lineno))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:
        self.generic_visit(node)
        return _filtered(node, "_bounded")


def _filtered(expression: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(cast(nodes.Expr, expression), name, [], [], None, None, lineno=expression.lineno)


def _count_one(line: int) -> nodes.ExprStmt:
    call = nodes.Call(nodes.Name("_counted_call", "load", lineno=line), [], [], None, None, lineno=line)
    return nodes.ExprStmt(call, lineno=line)


class _GenerationBlocks(Extension):
    """``{% generation %}``, with which some templates mark what the model wrote: its content, unchanged."""

    tags = {"generation"}  # noqa: RUF012 - jinja's own declaration

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that takes no huge numbers and gives no huge text. Jinja's pass-context marks are kept."""
    passes_first = getattr(function, "jinja_pass_arg", None) is not None

    def guarded(*arguments: Any, **options: Any) -> Any:
        value, *rest = arguments[1:] if passes_first else arguments
        _check_arguments((*rest, *options.values()))
        _charge(value, *rest, *options.values())
        if name == "replace":
            _check_replacement(value, tuple(rest))
        if name == "format":
            _check_format(value)
        if name == "join":
            value = list(value)
            _charge(value)
            separator = rest[0] if rest else options.get("d", "")
            if sum(len(str(part)) for part in value) + len(value) * len(str(separator)) > MAX_TEXT:
                raise LimitExceeded(f"the template makes a text of more than {MAX_TEXT} characters")
        head = arguments[:1] if passes_first else ()
        return _bounded(function(*head, value, *rest, **options))

    if passes_first:
        guarded.jinja_pass_arg = function.jinja_pass_arg  # type: ignore[attr-defined]
    return guarded


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """`json.dumps`, without the escapes for HTML that Jinja's own filter makes."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)


def plain(value: Any) -> Any:
    """A copy made only of dicts, lists, text, numbers, booleans and None: nothing a template could reach out by.

    Raises:
        TypeError: `value` holds anything else.
    """
    match value:
        case None | bool():
            return value
        case str():
            return str(value)
        case int():
            return int(value)
        case float():
            return float(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    raise TypeError(f"a value of type {type(value).__name__} cannot be shown to a chat template")
