"""Grammars in Lark's syntax, beginning with the rule ``start``, as `Lark(parser="earley", lexer="dynamic_complete")`
has them: without a lexer, a text matches if some reading of its characters does.

Terminals are regular expressions, in the dialect of Python's `re`. Between any two terminals, before the first and
after the last, there may be any number of those under ``%ignore``, each as long as it goes (`gaps`). What only shapes
trees (aliases, ``?``, ``!``, ``_``) and priorities say nothing about the text. ``<name>`` in a rule is a special token.

A terminal with a lazy quantifier matches as little as it can, as its author means it: the texts of which no beginning
matches. Others match every text their regex does, in full.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import GrammarError
from .expression import (
    ANY_CHARACTER,
    Atom,
    Chars,
    Expression,
    Ref,
    Rule,
    Text,
    Token,
    alt,
    optional,
    repeat,
    seq,
    text,
    without,
)
from .gaps import Gaps
from .lark_loader import Definition, Scope, load
from .regex_parser import parse_python
from .rules import settle

if TYPE_CHECKING:
    from lark import Tree

MAX_RULES = 5_000
MAX_TERMINAL = 64 * 1024
MAX_NESTING = 100
MAX_COUNT = 1_000_000_000

_UNESCAPED_END = re.compile(r"""\.\*\?\(\?<!\\\\\)\(\\\\\\\\\)\*\?(?P<quote>["'](?=$|[|)])|)""")
_ESCAPE_OR_SET = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_LAZY = re.compile(r"[*+?}]\?")
_FLAGS = frozenset("imsux")


def parse_lark(source: str) -> Expression:
    """The texts that the rule ``start`` of `source` matches.

    Raises:
        GrammarError: a syntax error, a name that is missing or defined twice, or something refused (``%declare``,
            imports from files, what `parse_python` refuses); the message has line and column where they are known,
            `pointer` is the offset in characters. Or as `settle`.
    """
    try:
        return _Builder(load(source)).build()
    except RecursionError:
        raise GrammarError("the grammar is nested too deeply", keyword="size") from None


class _Builder:
    """Makes rules of definitions, each use of a template a rule of its own."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.terminals = _Terminals(scope)
        self.rules: dict[tuple[Definition, tuple[Expression, ...]], Ref] = {}
        self.pending: list[tuple[Rule, Definition, Mapping[str, Expression]]] = []
        self.uses: dict[Expression, Ref] = {}

    def build(self) -> Expression:
        start = self._rule("start", (), self.scope)
        while self.pending:
            rule, definition, arguments = self.pending.pop()
            rule.body = alt(*(self._read(tree, scope, arguments) for tree, scope in definition.bodies))
        ignored = [
            (self.terminals.expression(source, is_lazy, "%ignore"), is_lazy)
            for source, is_lazy in (self.terminals.source(tree, self.scope) for tree in self.scope.ignored)
        ]
        gaps = Gaps(ignored, list(self.uses))
        for terminal, ref in self.uses.items():
            ref.rule.body = gaps.after(terminal)
        return seq(gaps.between, settle(start.rule, atoms=False), gaps.tail)

    def _read(self, node: Any, scope: Scope, arguments: Mapping[str, Expression]) -> Expression:
        """The expression of a part of a rule. `arguments` are those of the template it stands in, by parameter."""
        kind = getattr(node, "data", None)
        if kind is None:
            if node.name in arguments:
                return arguments[node.name]
            if not node.is_term:
                return self._rule(node.name, (), scope)
            return self._use(self.terminals.named(node.name, scope))
        children = node.children
        match kind:
            case "literal" | "range":
                return self._use(self.terminals.anonymous(node))
            case "template_usage":
                given = tuple(self._read(child, scope, arguments) for child in children[1:])
                return self._rule(children[0].name, given, scope)
            case "expansion":
                return seq(*(self._read(child, scope, arguments) for child in children))
            case "expansions":
                return alt(*(self._read(child, scope, arguments) for child in children))
            case "maybe":
                return optional(self._read(children[0], scope, arguments))
            case "expr":
                return repeat(self._read(children[0], scope, arguments), *_bounds(children, scope))
            case _:  # value, alias
                return self._read(children[0], scope, arguments)

    def _rule(self, name: str, given: tuple[Expression, ...], scope: Scope) -> Ref:
        definition = scope.find(name)
        if definition.is_terminal:
            scope.refuse(name, f"{name} is a terminal by the name of a rule")
        if not definition.bodies:
            scope.refuse(name, f"{name} is only declared: not supported")
        if len(given) != len(definition.parameters):
            scope.refuse(name, f"{name} takes {len(definition.parameters)} arguments, not {len(given)}")
        ref = self.rules.get((definition, given))
        if ref is None:
            if len(self.rules) >= MAX_RULES:
                raise GrammarError(f"the grammar is too large: more than {MAX_RULES} rules", keyword="size")
            ref = self.rules[definition, given] = Ref(Rule(name))
            arguments = dict(zip(definition.parameters, given, strict=True))
            self.pending.append((ref.rule, definition, arguments))
        return ref

    def _use(self, terminal: Expression) -> Ref:
        """A terminal in a rule. What stands around it is known when all terminals are."""
        known = self.uses.get(terminal)
        if known is None:
            known = self.uses[terminal] = Ref(Rule("terminal"))
        return known


class _Terminals:
    """Makes expressions of terminals, by way of one regex for each, as Lark does."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.known: dict[Definition | str, Expression] = {}
        self.sources: dict[Definition, tuple[str, bool]] = {}
        self.open: set[Definition] = set()

    def named(self, name: str, scope: Scope) -> Expression:
        """What a terminal of a name matches."""
        definition = scope.find(name)
        known = self.known.get(definition)
        if known is None:
            if definition.token is not None:
                known = Token(definition.token)
            else:
                known = self.expression(*self._defined(name, scope), name)
            self.known[definition] = known
        return known

    def anonymous(self, node: Tree[Any]) -> Expression:
        """What a string, regex or range that stands in a rule matches."""
        shown = "..".join(map(str, node.children))
        known = self.known.get(shown)
        if known is None:
            known = self.known[shown] = self.expression(*self.source(node, self.scope), shown)
        return known

    def expression(self, source: str, is_lazy: bool, shown: str) -> Expression:
        """What a regex matches; the shortest only if it is lazy. `shown` is how errors call the terminal."""
        literal = re.sub(r"\\(.)", r"\1", source, flags=re.DOTALL)
        if re.escape(literal) == source:
            return text(literal)
        try:
            matched = parse_python(source)
        except GrammarError as error:
            self.scope.refuse(shown, f"terminal {shown[:80]}: {error.message}", error.keyword)
        if is_lazy:
            matched = without(matched, seq(matched, repeat(ANY_CHARACTER, 1)))
        return matched if isinstance(matched, Text | Chars) else Atom(matched)

    def source(self, node: Any, scope: Scope) -> tuple[str, bool]:
        """The regex of a part of a terminal, to be put beside others, and whether it has a lazy quantifier."""
        kind = getattr(node, "data", None)
        if kind is None:
            if not node.is_term:
                scope.refuse(node.name, f"the rule {node.name} cannot stand in a terminal")
            return self._defined(node.name, scope)
        if kind in ("literal", "range"):
            return _range(*map(str, node.children)) if kind == "range" else _literal(str(node.children[0]), scope)
        if kind in ("alias", "template_usage"):
            scope.refuse("->", f"{'an alias' if kind == 'alias' else 'a template'} cannot stand in a terminal")
        inner = [self.source(child, scope) for child in node.children if not isinstance(child, str)]
        sources = [one for one, _ in inner]
        match kind:
            case "expansion":
                joined = "".join(sources)
            case "expansions":
                joined = sources[0] if len(sources) == 1 else f"(?:{'|'.join(sources)})"
            case "maybe":
                joined = f"(?:{sources[0]})?"
            case "expr":
                low, high = _bounds(node.children, scope)
                joined = f"(?:{sources[0]}){{{low},{'' if high is None else high}}}"
            case _:  # value
                joined = sources[0]
        if len(joined) > MAX_TERMINAL:
            raise GrammarError(
                f"the grammar is too large: a terminal of more than {MAX_TERMINAL} characters", keyword="size"
            )
        return _end_unescaped(joined), any(is_lazy for _, is_lazy in inner)

    def _defined(self, name: str, scope: Scope) -> tuple[str, bool]:
        definition = scope.find(name)
        known = self.sources.get(definition)
        if known is None:
            if definition in self.open:
                scope.refuse(name, f"the terminal {name} is recursive; only rules may be")
            if definition.token is not None:
                scope.refuse(name, f"the special token {definition.token} cannot stand in a terminal")
            if not definition.bodies:
                scope.refuse(name, f"{name} is only declared: not supported")
            if len(self.open) >= MAX_NESTING:
                scope.refuse(name, f"terminals lead to each other more than {MAX_NESTING} deep", "size")
            self.open.add(definition)
            parts = [self.source(tree, inner) for tree, inner in definition.bodies]
            self.open.discard(definition)
            joined = "|".join(one for one, _ in parts)
            known = joined if len(parts) == 1 else f"(?:{joined})", any(is_lazy for _, is_lazy in parts)
            self.sources[definition] = known
        return known


def _bounds(children: list[Any], scope: Scope) -> tuple[int, int | None]:
    """The counts of ``item OP``, ``item ~ n`` or ``item ~ n..m``."""
    sign = str(children[1])
    if sign != "~":
        return {"?": (0, 1), "*": (0, None), "+": (1, None)}[sign]
    if any(len(str(number)) > 10 or not 0 <= int(number) <= MAX_COUNT for number in children[2:]):
        scope.refuse("~", f"a count of repeats is at most {MAX_COUNT}")
    low, high = int(children[2]), int(children[-1])
    if low > high:
        scope.refuse("~", f"the repeats ~{low}..{high} are in the wrong order")
    return low, high


@lru_cache(maxsize=1024)
def _unescaped(written: str) -> str:
    """What stands between quotes or slashes, with Lark's escapes taken out; those of a regex remain."""
    from lark.exceptions import LarkError
    from lark.load_grammar import eval_escaping

    try:
        return str(eval_escaping(written))  # type: ignore[no-untyped-call]
    except (LarkError, ValueError, SyntaxError) as error:
        raise GrammarError(f"grammar: the escapes in {written[:80]!r} cannot be read", keyword="escape") from error


def _literal(written: str, scope: Scope) -> tuple[str, bool]:
    """The regex of ``"text"``, ``"text"i`` or ``/regex/flags``, and whether it is lazy."""
    quote = written[0]
    end = written.rindex(quote)
    content, flags = _unescaped(written[1:end]), "".join(sorted(set(written[end + 1 :])))
    if not content:
        scope.refuse(written, f"{written} is empty; an empty alternative is written as nothing")
    if quote == '"':
        source = re.escape(content.replace("\\\\", "\\"))
        return (f"(?i:{source})" if flags else source), False
    if not _FLAGS.issuperset(flags):
        scope.refuse(written, f"the flags of {written[:80]} are not supported")
    source = _end_unescaped(content, dotall="s" in flags)
    is_lazy = _LAZY.search(_ESCAPE_OR_SET.sub("x", source)) is not None
    flags = flags.replace("u", "")
    return (f"(?{flags}:{source})" if flags else source), is_lazy


def _end_unescaped(source: str, dotall: bool = False) -> str:
    r"""`source` with Lark's idiom for "up to a quote that is not escaped", a look behind, written plainly.

    ``.*?(?<!\\)(\\\\)*?`` is any text that ends with an even number of backslashes; before a quote, as it is lazy, one
    that has no such quote in it.
    """

    def plain(match: re.Match[str]) -> str:
        quote = match["quote"][-1:]
        return rf"(?:[^\\{quote}{'' if dotall else chr(10)}]|\\.)*{'' if quote else '?'}{match['quote']}"

    return _UNESCAPED_END.sub(plain, source)


def _range(first: str, last: str) -> tuple[str, bool]:
    ends = [_unescaped(one[1:-1]).replace("\\\\", "\\") for one in (first, last)]
    if any(len(one) != 1 for one in ends) or ends[0] > ends[1]:
        raise GrammarError(f"grammar: {first}..{last} is no range of characters", keyword="range")
    return f"[{re.escape(ends[0])}-{re.escape(ends[1])}]", False
