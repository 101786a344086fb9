"""A store: the expressions, transitions and masks of all grammars over one vocabulary.

Everything is shared and only ever added to; a store that has grown too large is left to the texts that are in the midst
of it, and new grammars begin another.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import GrammarError
from ..expression import Expression
from ..protocol import MaskBits
from ..vocabulary import Vocabulary
from . import clamp, heads, walk
from .derive import step
from .layout import (
    COUNTED,
    DEAD,
    EMPTY,
    FLAGS,
    FUEL,
    HAS_TOKEN,
    K_LITERAL,
    K_REPEAT,
    K_SEQ,
    KIND,
    MARKED,
    N_FRAMES,
    N_META,
    N_NODES,
    N_POOL,
    N_RESULTS,
    NOTHING,
    NULLABLE,
    QUOTE,
    REGULAR,
    ROW,
    SPELLED_CHARACTER,
    STRING_CHARACTER,
    WIDTH,
    A,
    B,
    C,
    E,
    OutOfFuel,
    Tables,
    TablesFull,
)
from .limits import LIMITS, SWITCHES, Limits, Switches
from .loading import load
from .nodes import nullable, rehash
from .program import Program, write
from .tokens import Tokens, tokens_of
from .trie import Trie, build_trie

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Head:
    """What is known of a unit: the tokens that stay within, and those that go on past its end."""

    bits: NDArray[np.uint32]
    exits: Trie | None


_STACK = 1 << 17
_keys = itertools.count(1)


class Store:
    """Expressions and their masks over one vocabulary. Thread-safe; the work itself runs without Python's lock.

    Args:
        vocabulary: the tokens.
        limits: bounds.
        switches: parts to leave out.
    """

    def __init__(self, vocabulary: Vocabulary, limits: Limits = LIMITS, switches: Switches = SWITCHES) -> None:
        self.key = next(_keys)
        self.vocabulary = vocabulary
        self.limits = limits
        self.switches = switches
        self.tokens: Tokens = tokens_of(vocabulary)
        self.lock = threading.RLock()
        self.tables = Tables(
            np.zeros((1 << 15, WIDTH), np.int32),
            np.zeros(1 << 17, np.int32),
            np.zeros(1 << 17, np.int32),
            np.zeros((1 << 15, 256), np.int32),
            np.zeros(N_META, np.int64),
            np.zeros(_STACK, np.int64),
            np.zeros(_STACK, np.int64),
        )
        nodes = self.tables.nodes
        nodes[NOTHING, FLAGS] = REGULAR | DEAD
        nodes[EMPTY, KIND] = EMPTY
        nodes[EMPTY, FLAGS] = REGULAR | NULLABLE
        nodes[:2, ROW] = -1
        self.tables.meta[N_NODES] = 2
        self.tables.meta[STRING_CHARACTER] = self.tables.meta[SPELLED_CHARACTER] = -1
        self._rules = 0
        self._granted = 0
        self._symbols: dict[str, int] = {}
        self._symbol_tokens: list[int] = []
        self._atoms: dict[Expression, int] = {}
        self._heads: dict[tuple[int, str], _Head] = {}
        self._masks: dict[int, MaskBits] = {}
        self._load_characters()

    # -- calls into compiled code ------------------------------------------------------------------------------------

    def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Run a compiled function over the tables, enlarging them as needed.

        Raises:
            GrammarError: the work is more than is granted.
        """
        with self.lock:
            self._grant(self.limits.mask_steps)
            return self._call(function, *arguments)

    def _grant(self, steps: int) -> None:
        self._granted = self.tables.meta[FUEL] = steps

    def _call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        while True:
            try:
                self.tables.meta[N_FRAMES] = self.tables.meta[N_RESULTS] = 0
                return function(self.tables, *arguments)
            except TablesFull:
                self._forget_marks()
                self._enlarge()
            except OutOfFuel:
                self._forget_marks()
                raise GrammarError(
                    f"the constraint is too large: {self._granted} units of work do not suffice for one step of it",
                    keyword="steps",
                ) from None

    def _forget_marks(self) -> None:
        """A search was interrupted: what it had marked, it has not seen."""
        self.tables.nodes[: self.size, FLAGS] &= ~MARKED

    def _enlarge(self) -> None:
        nodes, slots, pool, rows, meta, *stacks = self.tables
        if meta[N_NODES] * 4 >= nodes.shape[0] * 3 or 2 * meta[N_NODES] >= slots.shape[0]:
            used = nodes.shape[0]
            if used > 8 * self.limits.nodes:
                raise GrammarError(f"the constraint is too large: more than {used} expressions", keyword="size")
            nodes = np.concatenate((nodes, np.zeros_like(nodes)))
            grown = np.zeros(slots.shape[0] * 2, np.int32)
            self.tables = Tables(nodes, grown, pool, rows, meta, *stacks)
            rehash(self.tables)
        else:
            if pool.shape[0] > 64 * self.limits.nodes:
                raise GrammarError("the constraint is too large: its lists are", keyword="size")
            pool = np.concatenate((pool, np.zeros_like(pool)))
            self.tables = Tables(nodes, slots, pool, rows, meta, *stacks)

    @property
    def size(self) -> int:
        """How many expressions there are."""
        return int(self.tables.meta[N_NODES])

    @property
    def weight(self) -> int:
        """How much is in it: expressions, and what their lists hold, in the size of expressions."""
        return self.size + int(self.tables.meta[N_POOL]) // WIDTH

    @property
    def is_full(self) -> bool:
        """Whether new constraints should begin another store."""
        return self.weight > self.limits.nodes

    # -- loading -----------------------------------------------------------------------------------------------------

    def _load_characters(self) -> None:
        from ..expression import ANY_CHARACTER
        from ..json_text import STRING_CHARACTER as character
        from ..json_text import inside_string

        self.tables.meta[STRING_CHARACTER] = self.load(write(character))
        self.tables.meta[SPELLED_CHARACTER] = self.load(write(inside_string(ANY_CHARACTER)))

    def add(self, expression: Expression) -> int:
        """The state at the start of an expression. Raises GrammarError where it cannot be loaded."""
        return self.load(write(expression, self._atoms))

    def load(self, program: Program) -> int:
        """The state at the start of a program: NOTHING where no text matches it. Raises GrammarError."""
        with self.lock:
            text = np.frombuffer(program.text + b"\0", dtype=np.uint8)
            symbols = np.zeros((len(program.tokens) + 1, 3), np.int64)
            extra = bytearray(program.text)
            for number, name in enumerate(program.tokens):
                symbols[number] = (self._symbol(name), len(extra), len(name.encode()))
                extra += name.encode()
            if program.tokens:
                text = np.frombuffer(bytes(extra), dtype=np.uint8)
            rules = len(program.nullable)
            dead = np.zeros(rules + 1, np.bool_)
            nullable_rules = np.array([*program.nullable, False], dtype=np.bool_)
            made = np.zeros(program.count, np.int32)
            self._grant(self.limits.compile_steps)
            while True:
                first = self._rules
                self._rules += rules  # for good, whatever comes of it: a number stands for one rule only
                arguments = (program.code, text, self.tokens.spellable, first, dead, nullable_rules, symbols, made)
                empty = int(self._call(load, *arguments))
                if empty < 0:
                    break
                dead[empty] = True  # known only now to match nothing: what refers to it is made anew
            if len(self._atoms) > 10_000:
                self._atoms.clear()
            for atom, number in program.atoms:
                self._atoms[atom] = int(made[number])
            return int(made[program.count - 1])

    def _symbol(self, name: str) -> int:
        """The symbol of a special token; -1 where the vocabulary has none of that name."""
        token = self.vocabulary.special.get(name)
        if token is None:
            return -1
        symbol = self._symbols.get(name)
        if symbol is None:
            symbol = self._symbols[name] = 256 + len(self._symbol_tokens)
            self._symbol_tokens.append(token)
        return symbol

    # -- moving ------------------------------------------------------------------------------------------------------

    def advance(self, state: int, token: int) -> int:
        """The state after `token`; NOTHING where it is not allowed."""
        content = self.tokens.content(token)
        if content is None:
            for symbol, special in enumerate(self._symbol_tokens, 256):
                if special == token:
                    return int(self.call(step, state, symbol))
            return NOTHING
        return int(self.call(walk.advance, state, content))

    def advance_bytes(self, state: int, content: bytes) -> int:
        """The state after `content`; NOTHING where it is not allowed."""
        return int(self.call(walk.advance, state, np.frombuffer(content, dtype=np.uint8)))

    def is_accepting(self, state: int) -> bool:
        """Whether a text may end in `state`."""
        return bool(self.tables.nodes[state, FLAGS] & 1)

    def forced(self, state: int, most: int) -> bytes:
        """The bytes that must come next."""
        return self.call(walk.forced_bytes, state, most, len(self._symbol_tokens)).tobytes()

    def begins_longer(self, content: bytes, after: int) -> bool:
        """Whether some token begins with `content`, and the rest of it is allowed in the state `after`."""
        return bool(self.call(walk.goes_on, self.tokens.trie, np.frombuffer(content, dtype=np.uint8), after))

    # -- masks -------------------------------------------------------------------------------------------------------

    def mask(self, state: int) -> MaskBits:
        """The tokens allowed in `state`, as int32 words. Read-only."""
        bits = self._masks.get(state)
        if bits is None:
            with self.lock:
                bits = self._find_mask(state).view(np.int32)
                bits.flags.writeable = False
                if self.switches.masks:
                    if len(self._masks) >= self.limits.masks:
                        for old in list(itertools.islice(self._masks, len(self._masks) // 8 + 1)):
                            del self._masks[old]
                    self._masks[state] = bits
        return bits

    def _find_mask(self, state: int) -> NDArray[np.uint32]:
        self._grant(self.limits.mask_steps)
        bits = np.zeros(self.tokens.words, np.uint32)
        if self.switches.heads:
            found = self._call(walk.parts, state).tolist()
            for part, role in zip(found[::2], found[1::2], strict=True):
                if role == walk.ATOM:
                    self._atom_mask(part, bits)
                elif role == walk.KEY:
                    bits |= self._key_mask(part)
                elif role == walk.CAPTURE:
                    self._capture_mask(part, bits)
                else:
                    self._call(walk.walk, self.tokens.trie, part, bits)
        else:
            self._call(walk.walk, self.tokens.trie, state, bits)
        if self.tables.nodes[state, FLAGS] & HAS_TOKEN:
            for symbol, token in enumerate(self._symbol_tokens, 256):
                if self._call(step, state, symbol) != NOTHING:
                    walk.set_bit(bits, token)
        if self.is_accepting(state):
            for token in self.vocabulary.eos_ids:
                walk.set_bit(bits, token)
        return bits

    def _atom_mask(self, part: int, bits: NDArray[np.uint32]) -> None:
        nodes = self.tables.nodes
        inner, rest = int(nodes[part, 1]), int(nodes[part, 2])
        for head in self._heads_of(inner, bits):
            np.bitwise_or(bits, head.bits, out=bits)
            if head.exits is not None and rest != EMPTY:
                self._call(walk.walk, head.exits, rest, bits)

    def _heads_of(self, inner: int, bits: NDArray[np.uint32]) -> Iterator[_Head]:
        """The heads that together are a unit's. `bits` gets what they leave out: where it counts string characters, the
        tokens of such alone."""
        tokens = self.tokens
        if self.switches.slices:
            low, high, rest = self._call(heads.counted_string, inner)
            if high != -2:
                longest = tokens.longest_special
                np.bitwise_or(bits, tokens.plain(high), out=bits)
                low, high = min(low, longest), -1 if high < 0 or high >= longest else high
                inner = int(self._call(heads.recounted, low, high, rest))
                yield self._kept((inner, "counted"), lambda: self._make_head(inner, tokens.trie, tokens.plain_bytes))
                return
            if self.tables.nodes[inner, FLAGS] & COUNTED:
                clamped = int(self._call(clamp.clamped, inner))
                if clamped != inner:
                    yield self._kept((clamped, "short"), lambda: self._make_head(clamped, tokens.short))
                    yield self._kept((inner, "long"), lambda: self._make_head(inner, tokens.long))
                    return
        yield self._kept((inner, "all"), lambda: self._make_head(inner, tokens.trie))

    def _kept(self, key: tuple[int, str], make: Callable[[], _Head]) -> _Head:
        """The head of a unit over some of the tokens, remembered."""
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= self.limits.heads:
                for old in list(itertools.islice(self._heads, len(self._heads) // 8 + 1)):
                    del self._heads[old]
            head = self._heads[key] = make()
        return head

    def _make_head(self, inner: int, trie: Trie, counted: NDArray[np.uint64] | None = None) -> _Head:
        """Walk the tokens of `trie`. With `counted`, those of such bytes alone are known apart and left out."""
        tokens = self.tokens
        is_long = trie is tokens.long
        bits = np.zeros(tokens.words, np.uint32)
        loop = np.zeros(4, np.uint64)
        if counted is not None:
            loop[:] = counted
        elif self.switches.slices and not is_long and self._call(heads.loop_bytes, inner, loop) >= 64:
            np.bitwise_or(bits, tokens.made_of(loop), out=bits)
            if trie is tokens.short:
                np.bitwise_and(bits, tokens.are_short, out=bits)
        else:
            loop[:] = 0
        exits = np.empty(4096, np.int32)
        found, _ = self._call(heads.head_walk, trie, inner, loop, counted is not None, is_long, bits, exits)
        if found > len(exits):
            exits = np.empty(found, np.int32)
            found, _ = self._call(heads.head_walk, trie, inner, loop, counted is not None, is_long, bits, exits)
        if not found:
            return _Head(bits, None)
        known = bits if counted is None else bits | tokens.plain(-1)
        pairs = np.empty((4096, 2), np.int32)
        count = heads.exit_tokens(trie, exits, found, known, pairs)
        if count > len(pairs):
            pairs = np.empty((count, 2), np.int32)
            heads.exit_tokens(trie, exits, found, known, pairs)
        suffixes = []
        for place, depth in pairs[:count].tolist():
            token = int(trie.order[place])
            content = self.vocabulary.tokens[token]
            if content is not None:
                suffixes.append((content[depth:], token))
        return _Head(bits, build_trie(suffixes) if suffixes else None)

    def _key_mask(self, part: int) -> NDArray[np.uint32]:
        tokens = self.tokens
        bits = np.zeros(tokens.words, np.uint32)
        for option in self._call(walk.key_options, part).tolist():
            for inner, role in zip(*[iter(self._call(walk.parts, option).tolist())] * 2, strict=True):
                if role == walk.ATOM:
                    self._atom_mask(inner, bits)
                else:
                    self._call(walk.walk, tokens.trie, inner, bits)
        if self._call(walk.captures, part):
            bits &= ~tokens.contains[QUOTE]
            self._call(walk.correct_names, tokens.trie, part, bits)
            self._call(walk.walk, tokens.quotes, part, bits)
        else:
            self._call(walk.correct_names, tokens.trie, part, bits)
        return bits

    def _capture_mask(self, part: int, bits: NDArray[np.uint32]) -> None:
        tokens = self.tokens
        inner = int(self._call(walk.capture_head, part))
        loop = np.zeros(4, np.uint64)
        is_free = not nullable(self.tables, inner) and self._call(heads.loop_bytes, inner, loop) >= 64
        if not is_free or (self._may_become_seen(part) and not self._has_more_ends(part, inner)):
            self._call(walk.walk, tokens.trie, part, bits)
            return
        within = np.zeros(tokens.words, np.uint32)
        for head in self._heads_of(inner, within):
            within |= head.bits
        bits |= within & ~tokens.contains[QUOTE]
        self._call(walk.walk, tokens.quotes, part, bits)

    def _has_more_ends(self, part: int, inner: int) -> bool:
        """Whether an item, wherever a token leaves it, can be ended in more ways than there are items seen.

        It can where it ends with a run of one of many characters and a quote, unless the run may be full: an item seen
        that is as long as the run may be could be the only end left.
        """
        nodes, pool = self.tables.nodes, self.tables.pool
        before = NOTHING
        while nodes[inner, KIND] == K_SEQ:
            before, inner = int(nodes[inner, A]), int(nodes[inner, B])
        if nodes[before, KIND] != K_REPEAT or nodes[inner, KIND] != K_LITERAL or nodes[inner, B] - nodes[inner, A] != 1:
            return False
        capture = int(nodes[part, A]) if nodes[part, KIND] == K_SEQ else part
        seen = int(nodes[nodes[capture, C], E])
        texts = pool[nodes[seen, A] : nodes[seen, A] + nodes[seen, B]]
        high = int(nodes[before, C])
        return len(texts) < 64 and (high < 0 or int(max(nodes[text, B] for text in texts)) < high)

    def _may_become_seen(self, part: int) -> bool:
        """Whether some item seen begins with the text of a capture so far: then what may follow depends on it."""
        nodes, pool = self.tables.nodes, self.tables.pool
        capture = int(nodes[part, A]) if nodes[part, KIND] == K_SEQ else part
        seen = int(nodes[nodes[capture, C], E])
        if seen <= 0:
            return False
        texts = [int(text) for text in pool[nodes[seen, A] : nodes[seen, A] + nodes[seen, B]]]
        start, length = int(nodes[nodes[capture, B], A]), int(nodes[nodes[capture, B], B])
        so_far = pool[start : start + length]
        return any(
            nodes[text, B] >= length and np.array_equal(pool[nodes[text, A] : nodes[text, A] + length], so_far)
            for text in texts
        )

    # -- what is in it -----------------------------------------------------------------------------------------------

    def memory(self) -> int:
        """Bytes held by tables and masks."""
        kept = sum(head.bits.nbytes for head in list(self._heads.values()))
        return sum(table.nbytes for table in self.tables) + kept + len(self._masks) * self.tokens.words * 4
