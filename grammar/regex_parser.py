"""Regexes to expressions, in two dialects: Python's `re` (for ``regex=``) and ECMA-262 (for JSON Schema's ``pattern``).

What has no plain meaning as a set of texts, or not the one the dialect gives it, is refused by name and offset:
look-around, back references, word boundaries, anchors in the middle, inline flags. Groups only group; lazy quantifiers
match the same texts as greedy ones. Characters are code points, as in `re` and in ECMA's ``u`` mode.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NoReturn

from ..errors import GrammarError
from .characters import ECMA_DOT, PYTHON_DOT, ecma_set, python_set
from .expression import (
    ALL_RANGES,
    EMPTY,
    MAX_CHARACTER,
    Alt,
    Chars,
    Expression,
    Ranges,
    Repeat,
    Seq,
    alt,
    chars,
    complement,
    merge,
    repeat,
    seq,
)

MAX_SOURCE = 64 * 1024
MAX_NESTING = 64
MAX_COUNT = 10_000

_CONTROL_ESCAPES = {"f": 0x0C, "n": 0x0A, "r": 0x0D, "t": 0x09, "v": 0x0B}


def parse_python(source: str) -> Expression:
    """The texts that `re.fullmatch(source, text)` matches.

    Raises:
        GrammarError: a syntax error, or something refused (see the module); `keyword` names it, `pointer` is its
            offset in characters.
    """
    return _settle(_PythonParser(source).parse(), EMPTY, source)


def parse_ecma(source: str) -> Expression:
    """The texts in which `source` finds a match anywhere, as JSON Schema reads ``pattern``. Raises as above."""
    return _settle(_EcmaParser(source).parse(), repeat(chars(ALL_RANGES)), source)


@dataclass(frozen=True, slots=True)
class _Anchor(Chars):
    """A ``^`` or ``$`` until `_settle` has seen where it stands."""

    is_start: bool
    offset: int


def _settle(node: Expression, filler: Expression, source: str) -> Expression:
    """Take out the anchors; where an end has none, put `filler` there. Refuse an anchor anywhere else."""

    def ends(node: Expression, left: bool, right: bool) -> Expression:
        if isinstance(node, Alt):
            return alt(*(ends(option, left, right) for option in node.options))
        items: list[Expression] = list(node.items) if isinstance(node, Seq) else [node]
        if len(items) == 1 and isinstance(items[0], Alt):
            return ends(items[0], left, right)
        before: Expression = EMPTY
        after: Expression = EMPTY
        if left:
            before = take(items, 0)
        if right:
            after = take(items, -1)
        for item in items:
            refuse_anchors(item)
        return seq(before, *items, after)

    def take(items: list[Expression], edge: int) -> Expression:
        anchored = False
        while items and isinstance(items[edge], _Anchor) and items[edge].is_start == (edge == 0):  # type: ignore[union-attr]
            items.pop(edge)
            anchored = True
        if anchored:
            return EMPTY
        if items and isinstance(items[edge], Alt) and _find_anchor(items[edge]) is not None:
            return ends(items.pop(edge), edge == 0, edge == -1)
        return filler

    def refuse_anchors(item: Expression) -> None:
        anchor = _find_anchor(item)
        if anchor is not None:
            sign = "^" if anchor.is_start else "$"
            _refuse(source, anchor.offset, "anchor", f"the anchor {sign} stands where it is not an end of the text")

    return ends(node, True, True)


def _find_anchor(node: Expression) -> _Anchor | None:
    match node:
        case _Anchor():
            return node
        case Chars():
            return None
        case Seq(parts) | Alt(parts):
            return next((found for part in parts if (found := _find_anchor(part)) is not None), None)
        case Repeat(item, _, _):
            return _find_anchor(item)


def _refuse(source: str, offset: int, keyword: str, reason: str) -> NoReturn:
    shown = source if len(source) <= 80 else source[:77] + "..."
    raise GrammarError(f"regex {shown!r}, offset {offset}: {reason}", keyword=keyword, pointer=str(offset))


class _Parser(ABC):
    """A recursive-descent parser; the dialects differ in escapes, sets, groups and braces."""

    dot: Ranges

    def __init__(self, source: str) -> None:
        if len(source) > MAX_SOURCE:
            raise GrammarError(f"regex of {len(source)} characters: at most {MAX_SOURCE} are taken", keyword="length")
        self.source = source
        self.offset = 0
        self.depth = 0
        self.names: set[str] = set()

    # -- reading ----------------------------------------------------------------------------------------------------

    def peek(self, length: int = 1) -> str:
        return self.source[self.offset : self.offset + length]

    def take(self, wanted: str) -> bool:
        if self.source.startswith(wanted, self.offset):
            self.offset += len(wanted)
            return True
        return False

    def next(self, what: str) -> str:
        if self.offset >= len(self.source):
            self.refuse("syntax", f"the regex ends inside {what}")
        self.offset += 1
        return self.source[self.offset - 1]

    def digits(self) -> str:
        start = self.offset
        while self.peek() in tuple("0123456789"):
            self.offset += 1
        return self.source[start : self.offset]

    def hexadecimal(self, count: int) -> int:
        start = self.offset
        digits = self.peek(count)
        if len(digits) < count or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
            self.refuse("syntax", f"{count} hexadecimal digits are needed here", start)
        self.offset += count
        return int(digits, 16)

    def refuse(self, keyword: str, reason: str, offset: int | None = None) -> NoReturn:
        _refuse(self.source, self.offset if offset is None else offset, keyword, reason)

    # -- structure --------------------------------------------------------------------------------------------------

    def parse(self) -> Expression:
        expression = self.alternatives()
        if self.offset < len(self.source):
            self.refuse("syntax", "unbalanced )")
        return expression

    def alternatives(self) -> Expression:
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.refuse("nesting", f"groups nest more than {MAX_NESTING} deep")
        options = [self.sequence()]
        while self.take("|"):
            options.append(self.sequence())
        self.depth -= 1
        return alt(*options)

    def sequence(self) -> Expression:
        items = []
        while self.offset < len(self.source) and self.peek() not in "|)":
            start = self.offset
            items.append(self.quantified(self.atom(), start))
        return seq(*items)

    def quantified(self, item: Expression, start: int) -> Expression:
        bounds = self.quantifier()
        if bounds is None:
            return item
        if isinstance(item, _Anchor):
            self.refuse("anchor", "an anchor cannot be repeated", start)
        low, high = bounds
        if low > MAX_COUNT or (high is not None and high > MAX_COUNT):
            self.refuse("repeat", f"a repeat counts past {MAX_COUNT}", start)
        if high is not None and low > high:
            self.refuse("repeat", f"a repeat from {low} to {high} is empty", start)
        if self.take("+"):
            self.refuse("possessive quantifier", "possessive quantifiers are not supported", self.offset - 1)
        self.take("?")  # lazy: the same texts
        start = self.offset
        if self.quantifier() is not None:
            self.refuse("syntax", "a quantifier follows a quantifier", start)
        return repeat(item, low, high)

    def quantifier(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.take(sign):
                return bounds
        return self.braces() if self.peek() == "{" else None

    def braces(self) -> tuple[int, int | None] | None:
        """The counts of ``{..}``; None, and nothing read, where it is not a quantifier."""
        start = self.offset
        self.offset += 1
        low = self.digits()
        comma = self.take(",")
        high = self.digits() if comma else low
        if not self.take("}") or not self.are_counts(low, comma, high):
            self.offset = start
            return None
        if max(len(low), len(high)) > 9:
            self.refuse("repeat", f"a repeat counts past {MAX_COUNT}", start)
        return int(low or 0), int(high) if high else None

    @abstractmethod
    def are_counts(self, low: str, comma: bool, high: str) -> bool: ...

    def atom(self) -> Expression:
        start = self.offset
        character = self.next("the regex")
        if character == ".":
            return chars(self.dot)
        if character in "^$":
            return _Anchor((), character == "^", start)
        if character == "(":
            return self.group(start)
        if character == "[":
            return self.character_set(start)
        if character == "\\":
            return self.escape(start)
        if character in "*+?":
            self.refuse("syntax", f"nothing stands before {character} to repeat", start)
        if character == "{":
            self.lone_brace(start)
        return self.literal(character, start)

    def literal(self, character: str, start: int) -> Expression:
        if character == "\0":
            self.refuse("NUL", "the character NUL is not supported", start)
        return chars([(ord(character), ord(character))])

    @abstractmethod
    def lone_brace(self, start: int) -> None: ...

    def group(self, start: int) -> Expression:
        if self.take("?"):
            self.group_kind(start)
        inner = self.alternatives()
        if not self.take(")"):
            self.refuse("syntax", "this ( is not closed", start)
        return inner

    def group_kind(self, start: int) -> None:
        """After ``(?``: read on to the group's content, or refuse."""
        if self.take(":"):
            return
        for sign, name in (("=", "lookahead"), ("!", "lookahead"), ("<=", "lookbehind"), ("<!", "lookbehind")):
            if self.peek(2).startswith(sign):
                self.refuse(name, f"{name} is not supported", start)
        if self.take(self.name_sign):
            end = self.source.find(">", self.offset)
            if end < 0 or not self.source[self.offset : end].isidentifier():
                self.refuse("syntax", "a group name is not an identifier", start)
            name = self.source[self.offset : end]
            if name in self.names:
                self.refuse("syntax", f"a second group is named {name}", start)
            self.names.add(name)
            self.offset = end + 1
            return
        self.other_group(start)

    name_sign: str

    def other_group(self, start: int) -> NoReturn:
        if self.peek() in "aiLmsux-" and self.peek():
            self.refuse("inline flag", "inline flags are not supported", start)
        self.refuse("group", f"groups that begin (?{self.peek()} are not supported", start)

    # -- characters -------------------------------------------------------------------------------------------------

    def character_set(self, start: int) -> Expression:
        negated = self.take("^")
        ranges: list[tuple[int, int]] = []
        if self.bracket_may_lead and self.take("]"):
            ranges.extend(self.set_range(ord("]")))
        while not self.take("]"):
            ranges.extend(self.set_range(self.set_item()))
        merged = merge(ranges)
        return chars(complement(merged) if negated else merged)

    bracket_may_lead: bool

    def set_item(self) -> int | Ranges:
        start = self.offset
        character = self.next("a character set")
        return self.escaped(start, in_set=True) if character == "\\" else ord(character)

    def set_range(self, low: int | Ranges) -> Ranges:
        """`low`, or the range it begins if a ``-`` follows."""
        if self.peek() != "-" or self.peek(2) == "-]":
            return ((low, low),) if isinstance(low, int) else low
        start = self.offset
        self.offset += 1
        high = self.set_item()
        if not isinstance(low, int) or not isinstance(high, int) or low > high:
            self.refuse("syntax", "this range of characters has no order", start)
        return ((low, high),)

    def escape(self, start: int) -> Expression:
        meaning = self.anchor_escape(start) or self.escaped(start, in_set=False)
        if isinstance(meaning, _Anchor):
            return meaning
        return self.literal(chr(meaning), start) if isinstance(meaning, int) else chars(meaning)

    def anchor_escape(self, start: int) -> _Anchor | None:
        return None

    def escaped(self, start: int, in_set: bool) -> int | Ranges:
        """After a backslash: the character, or the set of characters, that it stands for."""
        letter = self.next("an escape")
        if letter in "dDwWsS":
            return self.named_set(letter)
        if letter in _CONTROL_ESCAPES:
            return _CONTROL_ESCAPES[letter]
        if letter == "x":
            return self.hexadecimal(2)
        if letter == "b" and in_set:
            return 0x08
        if letter in "bB" and not in_set:
            self.refuse("word boundary", f"the word boundary \\{letter} is not supported", start)
        if letter == "0" and self.peek() not in tuple("0123456789"):
            return 0
        if letter in "0123456789":
            keyword = "backreference" if letter != "0" and not in_set else "octal escape"
            self.refuse(keyword, f"\\{letter} is a {keyword}, which is not supported", start)
        meaning = self.dialect_escape(letter, start)
        if meaning is not None:
            return meaning
        if letter.isascii() and letter.isalpha():
            self.refuse("syntax", f"\\{letter} is not an escape", start)
        return ord(letter)

    @abstractmethod
    def named_set(self, letter: str) -> Ranges: ...

    @abstractmethod
    def dialect_escape(self, letter: str, start: int) -> int | None: ...


class _PythonParser(_Parser):
    dot = PYTHON_DOT
    name_sign = "P<"
    bracket_may_lead = True

    def are_counts(self, low: str, comma: bool, high: str) -> bool:
        return comma or bool(low)

    def lone_brace(self, start: int) -> None:
        """A literal brace, unless it is a quantifier with nothing before it."""
        self.offset = start
        if self.braces() is not None:
            self.refuse("syntax", "nothing stands before { to repeat", start)
        self.offset = start + 1

    def other_group(self, start: int) -> NoReturn:
        named = {">": "atomic group", "P=": "backreference", "(": "conditional group", "#": "comment"}
        for sign, name in named.items():
            if self.peek(2).startswith(sign):
                self.refuse(name, f"a {name} is not supported", start)
        super().other_group(start)

    def anchor_escape(self, start: int) -> _Anchor | None:
        if self.peek() in ("A", "Z"):
            return _Anchor((), self.next("an escape") == "A", start)
        return None

    def named_set(self, letter: str) -> Ranges:
        return python_set(letter)

    def dialect_escape(self, letter: str, start: int) -> int | None:
        if letter == "a":
            return 0x07
        if letter == "u":
            return self.hexadecimal(4)
        if letter == "U":
            point = self.hexadecimal(8)
            if point > MAX_CHARACTER:
                self.refuse("syntax", "this is past the last code point", start)
            return point
        if letter == "N":
            self.refuse("named character", "\\N{...} is not supported", start)
        return None


class _EcmaParser(_Parser):
    dot = ECMA_DOT
    name_sign = "<"
    bracket_may_lead = False

    def are_counts(self, low: str, comma: bool, high: str) -> bool:
        return bool(low)

    def lone_brace(self, start: int) -> None:
        self.refuse("syntax", "a { that is not a quantifier must be written \\{", start)

    def named_set(self, letter: str) -> Ranges:
        return ecma_set(letter)

    def dialect_escape(self, letter: str, start: int) -> int | None:
        if letter == "u":
            return self.code_point(start)
        if letter in "pP":
            self.refuse("unicode property", f"\\{letter}{{...}} is not supported", start)
        if letter == "k":
            self.refuse("backreference", "\\k<...> is a backreference, which is not supported", start)
        if letter == "c":
            self.refuse("control escape", "\\c is not supported", start)
        return None

    def code_point(self, start: int) -> int:
        if self.take("{"):
            end = self.source.find("}", self.offset)
            digits = self.source[self.offset : end] if end > 0 else ""
            if not 0 < len(digits) <= 6 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
                self.refuse("syntax", "\\u{...} needs one to six hexadecimal digits", start)
            self.offset = end + 1
            point = int(digits, 16)
            if point > MAX_CHARACTER:
                self.refuse("syntax", "this is past the last code point", start)
            return point
        point = self.hexadecimal(4)
        if 0xD800 <= point <= 0xDBFF and self.take("\\u"):
            low = self.hexadecimal(4)
            if not 0xDC00 <= low <= 0xDFFF:
                self.refuse("syntax", "this is half of a surrogate pair", start)
            return 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
        return point
