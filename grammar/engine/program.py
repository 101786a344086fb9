"""An expression written down as numbers, so that one compiled call loads it, or another process can make it.

A program is a list of instructions, each of which makes one node out of earlier ones. Characters become UTF-8 bytes
here, and an object's names a trie of the ways JSON spells them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...errors import GrammarError
from ..expression import (
    Alt,
    Atom,
    Both,
    Chars,
    Elements,
    Expression,
    Members,
    Multiple,
    Not,
    Ranges,
    Ref,
    Repeat,
    Rule,
    Seq,
    Text,
    Token,
)

OP_BYTES, OP_LITERAL, OP_SEQ, OP_ALT, OP_REPEAT, OP_BOTH, OP_NOT, OP_MULTIPLE = range(8)
OP_ATOM, OP_REF, OP_DEFINE, OP_TOKEN, OP_OBJECT, OP_ARRAY, OP_NODE = range(8, 15)

MAX_INSTRUCTIONS = 2_000_000
MAX_MODULUS = 2**31 - 1
_WIDE_COUNT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Program:
    """What `loading.load` reads.

    Attributes:
        code: int32, instructions one after another; the last makes the whole.
        text: the bytes of all literals.
        count: instructions that make a node.
        rules: how many rules there are; `nullable[r]` says whether rule r matches the empty text.
        tokens: names of special tokens, by number.
        atoms: units that the loader may remember, with the instruction that makes each. Not part of the encoding.
    """

    code: NDArray[np.int32]
    text: bytes
    count: int
    nullable: tuple[bool, ...]
    tokens: tuple[str, ...]
    atoms: tuple[tuple[Expression, int], ...] = ()

    def encode(self) -> bytes:
        """As bytes, for another process of this machine."""
        head = json.dumps(
            {"code": len(self.code), "count": self.count, "nullable": self.nullable, "tokens": self.tokens}
        ).encode()
        return len(head).to_bytes(4, "little") + head + self.code.tobytes() + self.text

    @classmethod
    def decode(cls, data: bytes) -> Program:
        """What `encode` wrote. Raises GrammarError where that is not what `data` is."""
        try:
            size = int.from_bytes(data[:4], "little")
            head = json.loads(data[4 : 4 + size])
            end = 4 + size + 4 * head["code"]
            code = np.frombuffer(data[4 + size : end], dtype=np.int32)
            nullable = tuple(map(bool, head["nullable"]))
            return cls(code, data[end:], head["count"], nullable, tuple(head["tokens"]))
        except (ValueError, KeyError, TypeError) as error:
            raise GrammarError(f"this is no grammar program: {error}") from error


def write(expression: Expression, known: dict[Expression, int] | None = None) -> Program:
    """The program of an expression.

    Args:
        expression: what to write down.
        known: units that are nodes of the store already.

    Raises:
        GrammarError: it nests too deeply, is too large, or is left-recursive.
    """
    from .analysis import analyse

    try:
        analysis = analyse(expression)
        writer = _Writer(known or {}, analysis.rules)
        writer.finish(expression)
    except RecursionError as error:
        raise GrammarError("the constraint nests too deeply", keyword="nesting") from error
    nullable = tuple(rule in analysis.nullable for rule in analysis.rules)
    code = np.array(writer.code, dtype=np.int32)
    return Program(code, bytes(writer.text), writer.count, nullable, tuple(writer.tokens), tuple(writer.atoms))


class _Writer:
    def __init__(self, known: dict[Expression, int], rules: tuple[Rule, ...]) -> None:
        self.code: list[int] = []
        self.text = bytearray()
        self.count = 0
        self.tokens: dict[str, int] = {}
        self.atoms: list[tuple[Expression, int]] = []
        self.known = known
        self.rules = {rule: number for number, rule in enumerate(rules)}
        self.made: dict[tuple[Expression, bool], int] = {}
        self.levels: dict[object, int] = {}

    def emit(self, *words: int) -> int:
        """One more instruction; the number of the node it makes."""
        self.code.extend(words)
        self.count += 1
        if self.count > MAX_INSTRUCTIONS:
            raise GrammarError(f"the constraint is too large: more than {MAX_INSTRUCTIONS} parts", keyword="size")
        return self.count - 1

    def finish(self, expression: Expression) -> None:
        for rule, number in self.rules.items():
            body = self.node(rule.body, False) if rule.body is not None else self.emit(OP_ALT, 0)
            self.emit(OP_DEFINE, number, body)
        whole = self.node(expression, False)
        self.emit(OP_ALT, 1, whole)  # the last one made is the whole

    def node(self, expression: Expression, inside: bool) -> int:
        """The number of the node for `expression`; `inside` a unit, units are no news."""
        key = (expression, inside)
        number = self.made.get(key)
        if number is None:
            number = self.made[key] = self.make(expression, inside)
        return number

    def make(self, expression: Expression, inside: bool) -> int:
        match expression:
            case Text(content):
                return self.literal(content.encode())
            case Chars(ranges):
                return self.level(utf8_levels(ranges))
            case Seq(items):
                numbers = [self.node(item, inside) for item in items]
                return self.emit(OP_SEQ, len(numbers), *numbers)
            case Alt(options):
                numbers = [self.node(option, inside) for option in options]
                return self.emit(OP_ALT, len(numbers), *numbers)
            case Repeat(item, low, high):
                number = self.node(item, inside)
                return self.emit(
                    OP_REPEAT, number, min(low, _WIDE_COUNT), -1 if high is None else min(high, _WIDE_COUNT)
                )
            case Atom(item):
                if inside:
                    return self.node(item, True)
                return self.atom(expression, item)
            case Both() | Not() | Multiple():
                return self.regular(expression) if inside else self.atom(expression, expression)
            case Ref(rule):
                return self.emit(OP_REF, self.rules[rule])
            case Token(name):
                return self.emit(OP_TOKEN, self.tokens.setdefault(name, len(self.tokens)))
            case Members():
                return self.members(expression)
            case Elements():
                return self.elements(expression)

    def atom(self, whole: Expression, item: Expression) -> int:
        known = self.known.get(whole)
        if known is not None:
            return self.emit(OP_NODE, known)
        inner = self.regular(item) if isinstance(item, Both | Not | Multiple) else self.node(item, True)
        number = self.emit(OP_ATOM, inner)
        self.atoms.append((whole, number))
        return number

    def regular(self, expression: Expression) -> int:
        match expression:
            case Both(items):
                numbers = [self.node(item, True) for item in items]
                return self.emit(OP_BOTH, len(numbers), *numbers)
            case Not(item):
                return self.emit(OP_NOT, self.node(item, True))
            case Multiple(modulus, places):
                if not 1 <= modulus <= MAX_MODULUS or places > 10_000:
                    raise GrammarError(f"multiples of {modulus}: at most {MAX_MODULUS} can be told", keyword="size")
                return self.emit(OP_MULTIPLE, modulus, places)
            case _:
                raise TypeError(f"{type(expression).__name__} has no place here")

    def literal(self, content: bytes) -> int:
        start = len(self.text)
        self.text += content
        return self.emit(OP_LITERAL, start, len(content))

    def level(self, level: Level) -> int:
        """One level of UTF-8: the bytes that may come, each with the level that follows it."""
        number = self.levels.get(level)
        if number is None:
            options = []
            for leads, following in level:
                words = [(leads >> (32 * k)) & 0xFFFFFFFF for k in range(8)]
                lead = self.emit(OP_BYTES, *(word - (1 << 32) if word >> 31 else word for word in words))
                options.append(lead if following is None else self.emit(OP_SEQ, 2, lead, self.level(following)))
            number = options[0] if len(options) == 1 else self.emit(OP_ALT, len(options), *options)
            self.levels[level] = number
        return number

    def members(self, members: Members) -> int:
        comma, colon = self.node(members.comma, False), self.node(members.colon, False)
        values = [self.node(member.value, False) for member in members.named]
        others = [(self.atom_of_key(key), self.node(value, False)) for key, value in members.others]
        names = _names(tuple(member.name for member in members.named))
        high = -1 if members.high is None else min(members.high, _WIDE_COUNT)
        words = [len(values), int(members.ordered), min(members.low, _WIDE_COUNT), high, comma, colon, len(others)]
        for member, value in zip(members.named, values, strict=True):
            words += (value, int(member.required))
        for key, value in others:
            words += (key, value)
        return self.emit(OP_OBJECT, len(words) + 1 + len(names), *words, len(names), *names)

    def atom_of_key(self, key: Expression) -> int:
        """The rest of a key, its closing quote included, as a unit."""
        from ..expression import seq

        closed = _CLOSED.get(key)
        if closed is None:
            if len(_CLOSED) > 4096:
                _CLOSED.clear()
            closed = _CLOSED[key] = Atom(seq(key, Text('"')))
        return self.node(closed, False)

    def elements(self, elements: Elements) -> int:
        comma = self.node(elements.comma, False)
        positions = [*elements.first, elements.rest]
        options = [[(self.node(option.value, False), option.counts) for option in position] for position in positions]
        high = -1 if elements.high is None else min(elements.high, _WIDE_COUNT)
        words = [len(elements.first), min(elements.low, _WIDE_COUNT), high, comma, int(elements.unique)]
        words.append(len(elements.counters))
        for low, top in elements.counters:
            words += (min(low, _WIDE_COUNT), -1 if top is None else min(top, _WIDE_COUNT))
        for position in options:
            words.append(len(position))
            for value, counts in position:
                words += (value, counts)
        return self.emit(OP_ARRAY, len(words), *words)


_CLOSED: dict[Expression, Atom] = {}


# -- UTF-8 -----------------------------------------------------------------------------------------------------------

Level = tuple[tuple[int, "Level | None"], ...]
"""Pairs of a set of bytes (bit b of an integer) and the level after them, None after the last byte."""

_CONTINUATION: Level = (((1 << 0xC0) - (1 << 0x80), None),)
_ANY_TAIL: tuple[Level | None, ...] = (
    None,
    _CONTINUATION,
    ((_CONTINUATION[0][0], _CONTINUATION),),
    ((_CONTINUATION[0][0], ((_CONTINUATION[0][0], _CONTINUATION),)),),
)


@lru_cache(maxsize=4096)
def utf8_levels(ranges: Ranges) -> Level:
    """The UTF-8 encodings of a set of characters."""
    leads: dict[Level | None, int] = {}
    for low, high, size in ((0, 0x7F, 1), (0x80, 0x7FF, 2), (0x800, 0xFFFF, 3), (0x10000, 0x10FFFF, 4)):
        inside = [(max(first, low), min(last, high)) for first, last in ranges if first <= high and last >= low]
        if inside:
            prefix = (0, 0, 0xC0, 0xE0, 0xF0)[size]
            for lead, following in _split(inside, size - 1):
                byte = prefix | lead
                leads[following] = leads.get(following, 0) | 1 << byte
    return tuple((bits, following) for following, bits in leads.items())


def _split(ranges: list[tuple[int, int]], tail: int) -> list[tuple[int, Level | None]]:
    """By the bits above the last `tail` bytes: those bits, and the level after them."""
    shift = 6 * tail
    if tail == 0:
        return [(value, None) for first, last in ranges for value in range(first, last + 1)]
    by_lead: dict[int, list[tuple[int, int]]] = {}
    for first, last in ranges:
        for lead in range(first >> shift, (last >> shift) + 1):
            start, end = lead << shift, ((lead + 1) << shift) - 1
            by_lead.setdefault(lead, []).append((max(first, start) - start, min(last, end) - start))
    return [(lead, _tail(tuple(parts), tail)) for lead, parts in by_lead.items()]


@lru_cache(maxsize=16384)
def _tail(parts: Ranges, tail: int) -> Level | None:
    if parts == ((0, (1 << 6 * tail) - 1),):
        return _ANY_TAIL[tail]
    leads: dict[Level | None, int] = {}
    for lead, following in _split(list(parts), tail - 1):
        leads[following] = leads.get(following, 0) | 1 << (0x80 | lead)
    return tuple((bits, following) for following, bits in leads.items())


# -- names -----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _names(names: tuple[str, ...]) -> tuple[int, ...]:
    """The trie of names, as words: per place, the property it ends (-1), how many are below it, its edges, and both.

    A character that JSON spells in two ways has two paths, which meet again behind it. Names end with their quote.
    """
    edges: list[dict[int, int]] = [{}]
    ends: list[int] = [-1]
    below: list[list[int]] = [[]]
    after: dict[tuple[int, str], int] = {}

    def place() -> int:
        edges.append({})
        ends.append(-1)
        below.append([])
        return len(edges) - 1

    for number, name in enumerate(names):
        at = 0
        below[0].append(number)
        for character in name:
            reached = after.get((at, character))
            fresh = reached is None
            if reached is None:
                reached = after[at, character] = place()
            for spelling in _spellings(character):
                walk = at
                for byte in spelling[:-1]:
                    following = edges[walk].get(byte)
                    if following is None:
                        following = edges[walk][byte] = place()
                    if not below[following] or below[following][-1] != number:
                        below[following].append(number)
                    walk = following
                if fresh:
                    edges[walk][spelling[-1]] = reached
            below[reached].append(number)
            at = reached
        end = place()
        ends[end] = number
        edges[at][0x22] = end
    words: list[int] = [len(edges)]
    for index in range(len(edges)):
        words += (ends[index], len(edges[index]), len(below[index]))
        words += below[index]
        for byte, child in edges[index].items():
            words += (byte, child)
    return tuple(words)


@lru_cache(maxsize=4096)
def _spellings(character: str) -> tuple[bytes, ...]:
    """The ways `json.dumps` writes a character inside a string: raw where it may, escaped where it must or can."""
    raw = json.dumps(character, ensure_ascii=False)[1:-1]
    escaped = json.dumps(character)[1:-1]
    return (raw.encode(),) if raw == escaped else (raw.encode(), escaped.encode())
