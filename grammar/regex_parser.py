r"""Regexes to expressions, in two dialects: Python's `re`, for ``regex=``, and ECMA-262, for JSON Schema's ``pattern``.

Groups only group, and lazy quantifiers match the same texts as greedy ones. Anchors, word boundaries and look-around
are worked into the expression (`regex_assertions`); what is not regular - back-references, conditionals - or cannot be
decided where it stands is refused by name and offset. Characters are code points, as in `re` and in ECMA's ``u`` mode.

A ``pattern`` is judged by ECMA-262 on paper and by `re.search` in many validators. Where they read it differently, a
text must satisfy both readings; what only one of them can read is read so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

from .characters import (
    ECMA_DOT,
    NEWLINE,
    PYTHON_DOT,
    ascii_set,
    common_set,
    ecma_set,
    either_set,
    python_set,
    unicode_property,
)
from .expression import ALL_RANGES, EMPTY, Expression, Ranges, Text, alt, chars, complement, intersect, merge, seq
from .regex_assertions import settle
from .regex_characters import ASCII, MAX_SOURCE, MULTI_LINE, CharacterOrSet
from .regex_ends import ANY_TEXT
from .regex_syntax import MAX_NESTING, Parser
from .regex_tree import Case, refusal

__all__ = ["MAX_NESTING", "MAX_SOURCE", "parse_ecma", "parse_python"]


@lru_cache(maxsize=512)
def parse_python(source: str) -> Expression:
    """The texts that `re.fullmatch(source, text)` matches.

    Raises:
        GrammarError: a syntax error, or something refused (see the module); `keyword` names it, `pointer` is its
            offset in characters.
    """
    try:
        return settle(PythonParser(source).parse(), source)
    except RecursionError:
        raise refusal(source, 0, "nesting", "it nests too deeply") from None


@lru_cache(maxsize=2048)
def parse_ecma(source: str, *, widest: bool = False) -> Expression:
    """The texts in which `source` finds a match anywhere, as JSON Schema reads ``pattern``. Raises as above.

    Args:
        widest: take what either reading takes, instead of what both take: for use in a `Not`.
    """
    try:
        return settle(EcmaParser(source, widest).parse(), source, search=True)
    except RecursionError:
        raise refusal(source, 0, "nesting", "it nests too deeply") from None


_START = (Case((), True),)
_END = (Case(ALL_RANGES, True, EMPTY, 1),)
_END_OR_LAST_LINE = (Case(ALL_RANGES, True, alt(EMPTY, Text("\n")), 2),)
_LINE_START = (Case(NEWLINE, True),)
_LINE_END = (Case(ALL_RANGES, True, alt(EMPTY, seq(chars(NEWLINE), ANY_TEXT)), 1),)


class PythonParser(Parser):
    """The syntax and the sets of `re`, for texts."""

    has_possessive = True
    has_wide_lookbehind = False
    has_loose_sets = False
    name_signs: Sequence[str] = ("P<",)

    def negated(self, negative: bool) -> None:
        pass

    def dot(self) -> Ranges:
        return PYTHON_DOT

    def named_set(self, letter: str) -> Ranges:
        return ascii_set(letter) if self.flags & ASCII else python_set(letter)

    def edge(self, name: str) -> tuple[Case, ...]:
        if name in "^A":
            return _LINE_START if name == "^" and self.flags & MULTI_LINE else _START
        if name == "$":
            return _LINE_END if self.flags & MULTI_LINE else _END_OR_LAST_LINE
        if name == "Z":
            return _END
        return _boundary(name == "b", bool(self.flags & ASCII))

    def dialect_escape(self, letter: str, start: int) -> CharacterOrSet | None:
        return None

    def is_empty_set(self, start: int) -> bool:
        return False


class EcmaParser(PythonParser):
    """What ECMA-262 adds and means otherwise. `is_wide`: what is read here is to take what either dialect takes."""

    has_possessive = False
    has_wide_lookbehind = True
    has_loose_sets = True
    name_signs = ("P<", "<")

    def __init__(self, source: str, widest: bool) -> None:
        super().__init__(source)
        self.is_wide = widest

    def negated(self, negative: bool) -> None:
        self.is_wide ^= negative

    def dot(self) -> Ranges:
        return PYTHON_DOT if self.is_wide else ECMA_DOT

    def named_set(self, letter: str) -> Ranges:
        if self.flags & ASCII:
            return ascii_set(letter)
        return either_set(letter) if self.is_wide else common_set(letter)

    def edge(self, name: str) -> tuple[Case, ...]:
        if name == "$" and not self.flags & MULTI_LINE:
            return _END_OR_LAST_LINE if self.is_wide else _END
        if name in "bB" and not self.flags & ASCII:
            return _common_boundary(name == "b", self.is_wide)
        return super().edge(name)

    def dialect_escape(self, letter: str, start: int) -> CharacterOrSet | None:
        if letter in "pP":
            name = self.until("}", "a property") if self.take("{") else ""
            ranges = unicode_property(name)
            if ranges is None:
                self.refuse("unicode property", f"\\{letter}{{{name}}} is not a general category", start)
            return complement(ranges) if letter == "P" else ranges
        if letter == "k":
            self.refuse("backreference", "\\k<...> is a backreference, which is not regular", start)
        if letter == "c":
            control = self.next("a control escape")
            if not (control.isascii() and control.isalpha()):
                self.refuse("syntax", "\\c needs a letter", start)
            return ord(control) % 32
        if letter == "u":
            return self.code_point(start)
        return None

    def code_point(self, start: int) -> int:
        if self.take("{"):
            digits = self.until("}", "a code point").lstrip("0") or "0"
            if len(digits) > 6 or not digits.isalnum() or not digits.isascii():
                self.refuse("syntax", "\\u{...} needs the hexadecimal digits of a code point", start)
            try:
                point = int(digits, 16)
            except ValueError:
                point = -1
            if not 0 <= point <= 0x10FFFF:
                self.refuse("syntax", "\\u{...} needs the hexadecimal digits of a code point", start)
            return point
        point = self.hexadecimal(4, start)
        if 0xD800 <= point <= 0xDBFF and self.peek(2) == "\\u":
            after = self.offset
            self.offset += 2
            low = self.hexadecimal(4, start)
            if 0xDC00 <= low <= 0xDFFF:
                return 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
            self.offset = after
        return point

    def is_empty_set(self, start: int) -> bool:
        """ECMA ends a set at once; `re` takes the ``]`` for its first character, if another one ends it."""
        if self.peek() != "]":
            return False
        if "]" in self.source[self.offset + 1 :]:
            self.refuse("character set", "a ] that begins a set ends it in ECMA-262 only; write \\]", start)
        return True


def _then(ranges: Ranges, or_end: bool = False) -> Expression:
    """A text that begins with one of `ranges`."""
    begun = seq(chars(ranges), ANY_TEXT)
    return alt(EMPTY, begun) if or_end else begun


@cache
def _boundary(is_boundary: bool, ascii_only: bool) -> tuple[Case, ...]:
    r"""``\b`` or ``\B`` of `re`. Neither of them holds in the empty text."""
    word = ascii_set("w") if ascii_only else python_set("w")
    other = complement(word)
    if is_boundary:
        return Case(word, False, _then(other, True), 1), Case(other, True, _then(word), 1)
    return (
        Case(word, False, _then(word), 1),
        Case(other, False, _then(other, True), 1),
        Case((), True, _then(other), 1),
    )


@cache
def _common_boundary(is_boundary: bool, is_wide: bool) -> tuple[Case, ...]:
    r"""``\b`` or ``\B`` where both dialects see one, or (if `is_wide`) where either does.

    They disagree on the word characters that are not ASCII, here `odd`.
    """
    word, other = ecma_set("w"), complement(python_set("w"))
    odd = intersect(complement(word), python_set("w"))
    if is_boundary != is_wide:
        if is_boundary:
            return Case(word, False, _then(other, True), 1), Case(other, True, _then(word), 1)
        return (
            Case(word, False, _then(merge((*word, *odd))), 1),
            Case(odd, False),
            Case(other, True, _then(merge((*odd, *other)), True), 1),
        )
    if is_boundary:
        return (
            Case(word, False, _then(merge((*odd, *other)), True), 1),
            Case(odd, False, _then(merge((*word, *other)), True), 1),
            Case(other, True, _then(merge((*word, *odd))), 1),
        )
    return (
        Case(word, False, _then(word), 1),
        Case(odd, False, _then(odd), 1),
        Case(other, False, _then(other, True), 1),
        Case((), True, _then(other), 1),
    )
