r"""EBNF as llama.cpp (GBNF) and XGrammar have it: ``name ::= ...``, beginning with the rule ``root``.

A body is made of strings (``"..."``), classes of characters (``[a-z]``, ``[^\n]``), ``.`` (any character), rule names,
special tokens (``<think>``), groups, ``|``, and the repeats ``* + ? {m} {m,} {m,n}``. A rule ends where the next
``name ::=`` begins, so alternatives may go over several lines. Comments begin with ``#``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from ..errors import GrammarError
from .expression import (
    ANY_CHARACTER,
    Expression,
    Ref,
    Rule,
    Token,
    alt,
    chars,
    complement,
    merge,
    repeat,
    seq,
    text,
)
from .rules import settle

MAX_SOURCE = 512 * 1024
MAX_NESTING = 100
MAX_COUNT = 1_000_000_000

_LEXEMES = re.compile(
    r"""
    (?P<blank> \s+ | \#[^\n]* )
  | (?P<name> [A-Za-z0-9_][A-Za-z0-9_-]* )
  | (?P<define> ::= )
  | (?P<string> "(?: [^"\\] | \\. )*" )
  | (?P<set> \[ (?: [^\]\\] | \\. )* \] )
  | (?P<token> !?<[^<>\s]+> )
  | (?P<count> \{ \s* \d* \s* ,? \s* \d* \s* \} )
  | (?P<lookahead> \( \s* = )
  | (?P<any> \. )
  | (?P<group> \( )
  | (?P<sign> [|)*+?] )
""",
    re.VERBOSE | re.DOTALL,
)
_COUNT = re.compile(r"\{\s*(\d+)\s*(?:(,)\s*(\d*)\s*)?\}")
_CHARACTER = re.compile(
    r"\\x[0-9A-Fa-f]{2} | \\u[0-9A-Fa-f]{4} | \\U[0-9A-Fa-f]{8} | \\u\{[0-9A-Fa-f]{1,6}\} | \\. | [^\\]",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_UNCLOSED = {'"': "a string", "[": "a class of characters", "{": "a count of repeats", "<": "a special token"}


def parse_ebnf(source: str) -> Expression:
    """The texts that the rule ``root`` of `source` matches.

    Raises:
        GrammarError: a syntax error, a rule that is missing or defined twice, or something refused (lookahead, tokens
            by number); the message has line and column, `pointer` is the offset in characters. Or as `settle`.
    """
    try:
        return settle(_Parser(source).parse(), atoms=True)
    except RecursionError:
        raise GrammarError("the grammar is nested too deeply", keyword="size") from None


def refuse(source: str, offset: int, reason: str, keyword: str) -> NoReturn:
    """Raise a GrammarError for the place `offset` of a grammar, by line and column, both from 1."""
    line = source.count("\n", 0, offset) + 1
    column = offset - source.rfind("\n", 0, offset)
    raise GrammarError(f"grammar, line {line}, column {column}: {reason}", keyword=keyword, pointer=str(offset))


@dataclass(frozen=True, slots=True)
class _Lexeme:
    kind: str
    content: str
    offset: int


class _Parser:
    """A recursive-descent parser over the lexemes of one grammar."""

    def __init__(self, source: str) -> None:
        if len(source) > MAX_SOURCE:
            raise GrammarError(f"grammar of {len(source)} characters: at most {MAX_SOURCE} are taken", keyword="length")
        self.source = source
        self.lexemes = [*self.read(), _Lexeme("end", "", len(source))]
        self.place = 0
        self.depth = 0
        self.references: dict[str, Ref] = {}
        self.first_use: dict[str, int] = {}
        self.readers: dict[str, Callable[[_Lexeme], Expression]] = {
            "name": self.reference,
            "string": self.string,
            "set": self.character_set,
            "any": self.any_character,
            "group": self.group,
            "token": self.token,
            "lookahead": self.lookahead,
        }

    def read(self) -> Iterator[_Lexeme]:
        offset = 0
        while offset < len(self.source):
            match = _LEXEMES.match(self.source, offset)
            if match is None:
                sign = self.source[offset]
                unclosed = _UNCLOSED.get(sign)
                reason = f"{unclosed} that has no end or is malformed" if unclosed else f"{sign!r} means nothing here"
                refuse(self.source, offset, reason, sign)
            if match.lastgroup != "blank":
                yield _Lexeme(str(match.lastgroup), match.group(), offset)
            offset = match.end()

    def parse(self) -> Rule:
        while self.next.kind != "end":
            name = self.next
            if not self.at_rule():
                self.refuse("expected a rule (name ::= ...)")
            self.place += 2
            rule = self.reference(name).rule
            if rule.body is not None:
                refuse(self.source, name.offset, f"the rule {rule.name} is defined twice", rule.name)
            rule.body = self.alternatives()
            if self.next.content == ")":
                self.refuse("a group that was never opened ends")
        for used, ref in self.references.items():
            if ref.rule.body is None:
                refuse(self.source, self.first_use[used], f"the rule {used} is used but not defined", used)
        root = self.references.get("root")
        if root is None:
            raise GrammarError("grammar: there is no rule root", keyword="root")
        return root.rule

    # -- reading ----------------------------------------------------------------------------------------------------

    @property
    def next(self) -> _Lexeme:
        return self.lexemes[self.place]

    def at_rule(self) -> bool:
        return self.next.kind == "name" and self.lexemes[self.place + 1].kind == "define"

    def take(self, sign: str) -> bool:
        if self.next.content == sign:
            self.place += 1
            return True
        return False

    def refuse(self, reason: str) -> NoReturn:
        shown = self.next.content or "the end"
        refuse(self.source, self.next.offset, f"{reason}, not {shown[:40]}", self.next.kind)

    def reference(self, name: _Lexeme) -> Ref:
        ref = self.references.get(name.content)
        if ref is None:
            ref = self.references[name.content] = Ref(Rule(name.content))
            self.first_use[name.content] = name.offset
        return ref

    # -- syntax -----------------------------------------------------------------------------------------------------

    def alternatives(self) -> Expression:
        options = [self.sequence()]
        while self.take("|"):
            options.append(self.sequence())
        return alt(*options)

    def sequence(self) -> Expression:
        items: list[Expression] = []
        while self.next.kind != "end" and self.next.content not in ("|", ")") and not self.at_rule():
            items.append(self.repeated())
        return seq(*items)

    def repeated(self) -> Expression:
        item = self.item()
        while True:
            if self.take("*"):
                item = repeat(item)
            elif self.take("+"):
                item = repeat(item, 1)
            elif self.take("?"):
                item = repeat(item, 0, 1)
            elif self.next.kind == "count":
                item = self.counted(item)
            else:
                return item

    def counted(self, item: Expression) -> Expression:
        match = _COUNT.fullmatch(self.next.content)
        if match is None:
            self.refuse("expected {m}, {m,} or {m,n}")
        digits = [number for number in (match[1], match[3]) if number]
        if any(len(number) > 10 or int(number) > MAX_COUNT for number in digits):
            self.refuse(f"expected a count of at most {MAX_COUNT}")
        low = int(match[1])
        high = low if match[2] is None else int(match[3]) if match[3] else None
        if high is not None and low > high:
            self.refuse("expected a count whose bounds are in order")
        self.place += 1
        return repeat(item, low, high)

    def item(self) -> Expression:
        lexeme = self.next
        read = self.readers.get(lexeme.kind)
        if read is None:
            self.refuse("expected a string, a class of characters, a rule or a group")
        self.place += 1
        return read(lexeme)

    def string(self, lexeme: _Lexeme) -> Expression:
        return text("".join(content for content, _, _ in self.characters(lexeme)))

    def any_character(self, _: _Lexeme) -> Expression:
        return ANY_CHARACTER

    def lookahead(self, lexeme: _Lexeme) -> Expression:
        refuse(self.source, lexeme.offset, "lookahead, (= ...), is not supported", "lookahead")

    def group(self, opening: _Lexeme) -> Expression:
        self.depth += 1
        if self.depth > MAX_NESTING:
            refuse(self.source, opening.offset, f"groups are nested more than {MAX_NESTING} deep", "size")
        inside = self.alternatives()
        if not self.take(")"):
            self.refuse("expected the end of a group")
        self.depth -= 1
        return inside

    def token(self, lexeme: _Lexeme) -> Expression:
        if lexeme.content.startswith(("!", "<[")):
            refuse(
                self.source,
                lexeme.offset,
                f"{lexeme.content}: special tokens are taken by name, not by number or as what is not meant",
                "token",
            )
        return Token(lexeme.content)

    def characters(self, lexeme: _Lexeme) -> Iterator[tuple[str, bool, int]]:
        """What stands inside quotes or brackets: each character, whether it was escaped, and its offset."""
        start = lexeme.offset + 1
        end = lexeme.offset + len(lexeme.content) - 1
        while start < end:
            match = _CHARACTER.match(self.source, start, end)
            if match is None:
                refuse(self.source, start, "an escape that has no end", "escape")
            written = match.group()
            yield self.character(written, start), written[0] == "\\", start
            start = match.end()

    def character(self, written: str, offset: int) -> str:
        if written[0] != "\\":
            return written
        letter = written[1]
        if len(written) > 2:
            code = int(written[2:].strip("{}"), 16)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                refuse(self.source, offset, f"{written} is no character", "escape")
            return chr(code)
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter.isalnum():
            refuse(self.source, offset, f"the escape {written} is not known", "escape")
        return letter

    def character_set(self, lexeme: _Lexeme) -> Expression:
        written = list(self.characters(lexeme))
        negated = bool(written) and written[0][:2] == ("^", False)
        if negated:
            del written[0]
        if not written:
            refuse(self.source, lexeme.offset, "a class of characters with none in it", "class")
        ranges = []
        place = 0
        while place < len(written):
            first, _, offset = written[place]
            is_range = place + 2 < len(written) and written[place + 1][:2] == ("-", False)
            last = written[place + 2][0] if is_range else first
            if last < first:
                refuse(self.source, offset, f"the range {first}-{last} is in the wrong order", "class")
            ranges.append((ord(first), ord(last)))
            place += 3 if is_range else 1
        return chars(complement(merge(ranges)) if negated else ranges)
