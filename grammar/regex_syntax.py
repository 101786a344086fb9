"""The syntax that both regex dialects share, which is that of Python's `re`: read by recursive descent.

The result is an expression where there are no assertions, and a tree with them (`regex_tree`) where there are.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from .expression import EMPTY, NOTHING, complement, lengths, text
from .regex_characters import ASCII, DIGITS, DOT_ALL, IGNORE_CASE, MULTI_LINE, UNICODE, VERBOSE, Reader
from .regex_ends import end_set
from .regex_tree import MIXED, Ahead, Behind, Case, Edge, Node, choice, loop, run

MAX_NESTING = 100
MAX_COUNT = 1_000_000_000
MAX_ASSERTIONS = 100

FLAGS = {"i": IGNORE_CASE, "m": MULTI_LINE, "s": DOT_ALL, "x": VERBOSE, "a": ASCII, "u": UNICODE}
_REFUSED_GROUPS = {"P=": "backreference", "(": "conditional group"}


class Parser(Reader):
    """Reads the structure of one regex."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.depth = 0
        self.assertions = 0
        self.names: set[str] = set()

    # -- structure --------------------------------------------------------------------------------------------------

    def parse(self) -> Node:
        node = self.alternatives(outermost=True)
        if self.offset < len(self.source):
            self.refuse("syntax", "unbalanced )")
        return node

    def alternatives(self, outermost: bool = False) -> Node:
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.refuse("nesting", f"groups nest more than {MAX_NESTING} deep")
        options = [self.sequence(outermost)]
        while self.take("|"):
            options.append(self.sequence(False))
        self.depth -= 1
        return choice(options)

    def sequence(self, may_set_flags: bool) -> Node:
        items: list[str | Node] = []
        last = ""  # what the last of them is: "item", "anchor" or "repeat"
        while self.offset < len(self.source) and self.source[self.offset] not in "|)":
            start = self.offset
            character = self.next("the regex")
            if self.flags & VERBOSE and (character in " \t\n\r\v\f#"):
                if character == "#" and not self.skip_past("\n"):
                    self.offset = len(self.source)
            elif character in "*+?" or (character == "{" and self.is_count()):
                low, high = self.counts(character, start)
                if last in ("", "anchor"):
                    self.refuse("syntax", "there is nothing to repeat", start)
                if last == "repeat":
                    self.refuse("syntax", "a quantifier follows a quantifier", start)
                items[-1] = self.repeated(_node(items[-1]), low, high, start)
                last = "repeat"
            elif character == "(":
                group = self.group(start, may_set_flags and not items)
                if group is not None:
                    items.append(group)
                    last = "item"
            elif character in "^$" or (character == "\\" and self.peek() in self.anchor_escapes):
                name = character if character in "^$" else self.next("an escape")
                self.count_assertion(start)
                items.append(Edge(self.anchor_escapes.get(name, "anchor"), start, self.edge(name)))
                last = "anchor"
            else:
                items.append(self.one(character, start))
                last = "item"
        return run(_joined(items))

    def count_assertion(self, start: int) -> None:
        self.assertions += 1
        if self.assertions > MAX_ASSERTIONS:
            self.refuse("size", f"more than {MAX_ASSERTIONS} assertions are not taken", start)

    def is_count(self) -> bool:
        """Whether what follows a ``{`` makes it a quantifier; a literal otherwise."""
        start = self.offset
        low = self.while_in(DIGITS)
        comma = self.take(",")
        self.while_in(DIGITS)
        counts = self.take("}") and (comma or bool(low))
        self.offset = start
        return counts

    def counts(self, sign: str, start: int) -> tuple[int, int | None]:
        if sign != "{":
            return (1 if sign == "+" else 0), (1 if sign == "?" else None)
        low, comma, high = self.until("}", "a count").partition(",")
        if max(len(low), len(high)) > 12:
            self.refuse("repeat", f"a repeat counts past {MAX_COUNT}", start)
        least = int(low or 0)
        most = int(high) if high else None if comma else least
        if max(least, most or 0) > MAX_COUNT:
            self.refuse("repeat", f"a repeat counts past {MAX_COUNT}", start)
        if most is not None and least > most:
            self.refuse("repeat", f"a repeat from {least} to {most} is empty", start)
        return least, most

    def repeated(self, item: Node, low: int, high: int | None, start: int) -> Node:
        if self.take("?") or not self.take("+"):
            return loop(item, low, high)  # lazy: the same texts
        if not self.has_possessive:
            self.refuse("possessive quantifier", "possessive quantifiers are not of this dialect", start)
        if isinstance(item, MIXED) or lengths(item)[0] != lengths(item)[1]:
            self.refuse("possessive quantifier", "what is repeated possessively may have several lengths", start)
        if low == high or item is NOTHING or item is EMPTY:
            return loop(item, low, high)
        self.count_assertion(start)
        ended = Ahead(item, True, start)  # it went on as long as it could
        if high is None:
            return run([loop(item, low, None), ended])
        return choice([loop(item, high, high), run([loop(item, low, high - 1), ended])])

    # -- groups -----------------------------------------------------------------------------------------------------

    def group(self, start: int, may_set_flags: bool) -> Node | None:
        """A group, past its ``(``; None for what stands for nothing: a comment, or flags."""
        if not self.take("?"):
            return self.inside(start)
        for sign, name in _REFUSED_GROUPS.items():
            if self.peek(len(sign)) == sign:
                self.refuse(name, f"a {name} is not regular, and not supported", start)
        if self.take(":"):
            return self.inside(start)
        if self.take("#"):
            if not self.skip_past(")"):
                self.refuse("syntax", "a comment is not ended by )", start)
            return None
        for sign in ("=", "!", "<=", "<!"):
            if self.take(sign):
                return self.look(start, sign)
        if self.take(">"):
            return self.atomic(start)
        if self.group_name():
            return self.inside(start)
        if self.peek() not in (*FLAGS, "L", "-"):
            self.refuse("syntax", f"no group begins (?{self.peek()}", start)
        return self.flagged(start, may_set_flags)

    def inside(self, start: int) -> Node:
        """The content of a group and its ``)``."""
        flags = self.flags
        inner = self.alternatives()
        self.flags = flags
        if not self.take(")"):
            self.refuse("syntax", "this ( is not closed", start)
        return inner

    def group_name(self) -> bool:
        """Read a name, if one follows."""
        if not any(self.take(sign) for sign in self.name_signs):
            return False
        start = self.offset
        name = self.until(">", "a group name")
        if not name.isidentifier():
            self.refuse("syntax", "a group name is not an identifier", start)
        if name in self.names:
            self.refuse("syntax", f"a second group is named {name}", start)
        self.names.add(name)
        return True

    def atomic(self, start: int) -> Node:
        inner = self.inside(start)
        if isinstance(inner, MIXED) or lengths(inner)[0] != lengths(inner)[1]:
            self.refuse("atomic group", "what an atomic group holds may have several lengths", start)
        return inner  # of one length, it has nothing to give back

    def look(self, start: int, sign: str) -> Node:
        self.count_assertion(start)
        negative = sign[-1] == "!"
        self.negated(negative)
        inner = self.inside(start)
        self.negated(negative)
        if sign[0] != "<":
            if inner is NOTHING or inner is EMPTY:
                return EMPTY if (inner is EMPTY) != negative else NOTHING
            return Ahead(inner, negative, start)
        if isinstance(inner, MIXED):
            self.refuse("lookbehind", "a lookbehind with assertions in it is not supported", start)
        least, most = lengths(inner)
        if least != most and not self.has_wide_lookbehind:
            self.refuse("syntax", "a lookbehind needs a fixed width", start)
        if least == most == 0:
            return EMPTY if (inner is EMPTY) != negative else NOTHING
        if least == most == 1:
            before = end_set(inner, True)
            case = Case(complement(before), True) if negative else Case(before, False)
            return Edge("lookbehind", start, (case,))
        return Behind(inner, negative, start)

    def flagged(self, start: int, may_set_flags: bool) -> Node | None:
        """Flags for the whole regex (None), or for a group."""
        added = self.flag_letters(start)
        kinds = added & (ASCII | UNICODE)
        if kinds == ASCII | UNICODE:
            self.refuse("syntax", "the flags a and u exclude each other", start)
        if self.take(")"):
            if not may_set_flags:
                self.refuse("syntax", "flags for the whole regex must begin it", start)
            if kinds | (self.flags & (ASCII | UNICODE)) == ASCII | UNICODE:
                self.refuse("syntax", "the flags a and u exclude each other", start)
            self.flags |= added
            return None
        removed = 0
        if self.take("-"):
            removed = self.flag_letters(start)
            if not removed or removed & (ASCII | UNICODE):
                self.refuse("syntax", "after - a flag is needed, and neither a nor u", start)
        if not self.take(":"):
            self.refuse("syntax", f"{self.peek()!r} is no flag", self.offset)
        if added & removed:
            self.refuse("syntax", "a flag is turned on and off", start)
        flags = self.flags
        kept = flags & ~(ASCII | UNICODE) if kinds else flags
        self.flags = (kept | added) & ~removed
        inner = self.inside(start)
        self.flags = flags
        return inner

    def flag_letters(self, start: int) -> int:
        flags = 0
        while self.peek() in (*FLAGS, "L"):
            letter = self.next("flags")
            if letter == "L":
                self.refuse("syntax", "the flag L is for bytes only", start)
            flags |= FLAGS[letter]
        return flags

    # -- what the dialects disagree about ---------------------------------------------------------------------------

    has_possessive: bool
    has_wide_lookbehind: bool
    name_signs: Sequence[str]
    anchor_escapes: ClassVar = {"A": "anchor", "Z": "anchor", "b": "word boundary", "B": "word boundary"}

    @abstractmethod
    def edge(self, name: str) -> tuple[Case, ...]:
        r"""What ``^``, ``$``, or ``A``, ``Z``, ``b``, ``B`` after a backslash, asserts."""


def _node(item: str | Node) -> Node:
    return text(item) if isinstance(item, str) else item


def _joined(items: list[str | Node]) -> list[Node]:
    """`items` with the literal characters that stand together made one text."""
    joined: list[Node] = []
    letters: list[str] = []
    for item in items:
        if isinstance(item, str):
            letters.append(item)
            continue
        if letters:
            joined.append(text("".join(letters)))
            letters = []
        joined.append(item)
    if letters:
        joined.append(text("".join(letters)))
    return joined
