"""The characters, escapes and sets of a regex, as both dialects read them."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from typing import NoReturn

from .characters import fold_case
from .expression import ALL_RANGES, Expression, Ranges, chars, complement, merge
from .regex_tree import refusal

MAX_SOURCE = 64 * 1024

IGNORE_CASE, MULTI_LINE, DOT_ALL, VERBOSE, ASCII, UNICODE = 1, 2, 4, 8, 16, 32

DIGITS = frozenset("0123456789")
_OCTAL = frozenset("01234567")
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_ESCAPES = {"a": 0x07, "f": 0x0C, "n": 0x0A, "r": 0x0D, "t": 0x09, "v": 0x0B, "\\": 0x5C}

CharacterOrSet = int | Ranges


class Reader(ABC):
    """A place in a regex, and the characters, escapes and sets read there; the dialects say what is abstract."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.offset = 0
        self.flags = 0
        if len(source) > MAX_SOURCE:
            self.refuse("length", f"a regex of {len(source)} characters is too long: at most {MAX_SOURCE} are taken")

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

    def until(self, sign: str, what: str) -> str:
        start = self.offset
        end = self.source.find(sign, start)
        if end < 0:
            self.refuse("syntax", f"{what} is not ended by {sign}", start)
        self.offset = end + 1
        return self.source[start:end]

    def skip_past(self, sign: str) -> bool:
        """Go past the next `sign` that no backslash stands before, as `re` ends comments; False if there is none."""
        while self.offset < len(self.source):
            character = self.next("a comment")
            if character == sign:
                return True
            if character == "\\":
                self.next("an escape")
        return False

    def while_in(self, characters: frozenset[str], most: int | None = None) -> str:
        start = self.offset
        stop = len(self.source) if most is None else min(len(self.source), start + most)
        while self.offset < stop and self.source[self.offset] in characters:
            self.offset += 1
        return self.source[start : self.offset]

    def refuse(self, keyword: str, reason: str, offset: int | None = None) -> NoReturn:
        raise refusal(self.source, self.offset if offset is None else offset, keyword, reason)

    # -- characters -------------------------------------------------------------------------------------------------

    def one(self, character: str, start: int) -> str | Expression:
        """What stands for one character: itself, or a set."""
        if character == ".":
            return chars(ALL_RANGES if self.flags & DOT_ALL else self.dot())
        if character == "[":
            return self.character_set(start)
        meaning = self.escaped(start, in_set=False) if character == "\\" else ord(character)
        if not isinstance(meaning, int):
            return chars(meaning)
        if self.flags & IGNORE_CASE:
            folded = self.folded(((meaning, meaning),))
            return chars(folded) if folded != ((meaning, meaning),) else chr(meaning)
        return chr(meaning)

    def folded(self, ranges: Ranges) -> Ranges:
        return fold_case(ranges, ascii_only=bool(self.flags & ASCII))

    def character_set(self, start: int) -> Expression:
        negative = self.take("^")
        self.negated(negative)
        points: list[tuple[int, int]] = []
        named: list[tuple[int, int]] = []
        is_first = not self.is_empty_set(start)
        while is_first or self.peek() != "]":
            is_first = False
            low = self.set_item()
            if self.peek() == "-" and self.peek(2) != "-]":
                self.offset += 1
                high = self.set_item()
                if isinstance(low, int) and isinstance(high, int) and low <= high:
                    points.append((low, high))
                    continue
                if not self.has_loose_sets or (isinstance(low, int) and isinstance(high, int)):
                    self.refuse("syntax", "this range of characters has no order", start)
                points.append((0x2D, 0x2D))
                (points if isinstance(high, int) else named).extend(((high, high),) if isinstance(high, int) else high)
            (points if isinstance(low, int) else named).extend(((low, low),) if isinstance(low, int) else low)
        self.offset += 1
        self.negated(negative)
        ranges = merge(points)
        if self.flags & IGNORE_CASE:
            ranges = self.folded(ranges)
        ranges = merge((*ranges, *named)) if named else ranges
        return chars(complement(ranges) if negative else ranges)

    def set_item(self) -> CharacterOrSet:
        start = self.offset
        character = self.next("a character set")
        return self.escaped(start, in_set=True) if character == "\\" else ord(character)

    def escaped(self, start: int, in_set: bool) -> CharacterOrSet:
        """After a backslash: the character, or the set of characters, that it stands for."""
        letter = self.next("an escape")
        if letter in "dDwWsS":
            return self.named_set(letter)
        if letter == "b" and in_set:
            return 0x08
        meaning = self.dialect_escape(letter, start)
        if meaning is not None:
            return meaning
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter in "xuU":
            return self.hexadecimal({"x": 2, "u": 4, "U": 8}[letter], start)
        if letter == "N":
            return self.named_character(start)
        if letter in DIGITS:
            return self.octal(letter, start, in_set)
        if letter.isascii() and letter.isalpha():
            self.refuse("syntax", f"\\{letter} is not an escape", start)
        return ord(letter)

    def hexadecimal(self, count: int, start: int) -> int:
        digits = self.while_in(_HEXADECIMAL, count)
        if len(digits) < count or int(digits, 16) > 0x10FFFF:
            self.refuse("syntax", f"{count} hexadecimal digits of a code point are needed here", start)
        return int(digits, 16)

    def named_character(self, start: int) -> int:
        name = self.until("}", "a character name") if self.take("{") else ""
        try:
            return ord(unicodedata.lookup(name))
        except (KeyError, TypeError):  # TypeError: it names several characters
            self.refuse("syntax", f"\\N{{{name}}} names no character", start)

    def octal(self, digit: str, start: int, in_set: bool) -> int:
        if digit == "0" or in_set:
            digits = (digit + self.while_in(_OCTAL, 2)) if digit in _OCTAL else ""
        else:
            two = self.peek(2)
            digits = digit + two if len(two) == 2 and {digit, *two} <= _OCTAL else ""
            self.offset += 2 if digits else 0
            if not digits:
                self.refuse("backreference", f"\\{digit} is a backreference, which is not regular", start)
        if not digits or int(digits, 8) > 0o377:
            self.refuse("syntax", f"\\{digits or digit} is not an octal escape", start)
        return int(digits, 8)

    # -- what the dialects disagree about ---------------------------------------------------------------------------

    has_loose_sets: bool

    @abstractmethod
    def negated(self, negative: bool) -> None:
        """What is read from here on is negated once more, or once less (if `negative`)."""

    @abstractmethod
    def dot(self) -> Ranges: ...

    @abstractmethod
    def named_set(self, letter: str) -> Ranges: ...

    @abstractmethod
    def dialect_escape(self, letter: str, start: int) -> CharacterOrSet | None: ...

    @abstractmethod
    def is_empty_set(self, start: int) -> bool:
        """Whether a ``]`` that follows at once ends a set."""
