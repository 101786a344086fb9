"""Grammars and matchers of the engine: a place in a text is one number, the state of its store."""

from __future__ import annotations

import logging
import threading
from weakref import WeakSet, WeakValueDictionary

from ...errors import GrammarError
from ..expression import Expression
from ..protocol import Forced, MaskBits
from ..vocabulary import Vocabulary
from .layout import EMPTY, NOTHING
from .limits import LIMITS, SWITCHES, Limits, Switches
from .program import Program, write
from .store import Store

MAX_FORCED = 4096
FINISHED = -1
"""The row after end-of-sequence: no token is allowed."""
_STATES = 40
"""Bits of a row that are a state; those above them say of which store."""

log = logging.getLogger(__name__)
_told: WeakSet[Vocabulary] = WeakSet()


_lock = threading.Lock()
_living: WeakValueDictionary[int, Store] = WeakValueDictionary()


def store_of(vocabulary: Vocabulary, limits: Limits = LIMITS, switches: Switches = SWITCHES) -> Store:
    """The store that new grammars over `vocabulary` share, or a new one where it has grown too large."""
    with _lock:
        store = vocabulary.kept.get((limits, switches))
        if store is None or store.is_full:
            store = vocabulary.kept[limits, switches] = Store(vocabulary, limits, switches)
            _living[store.key] = store
        return store


def compile_expression(
    constraint: Expression | Program, vocabulary: Vocabulary, limits: Limits = LIMITS, switches: Switches = SWITCHES
) -> EngineGrammar:
    """The grammar of an expression, or of its program.

    Raises:
        GrammarError: no text matches it, it is too large, or it is left-recursive.
    """
    store = store_of(vocabulary, limits, switches)
    start = store.load(constraint) if isinstance(constraint, Program) else store.add(constraint)
    if start == NOTHING:
        raise GrammarError("no text can meet this constraint", keyword="empty")
    return EngineGrammar(store, start, constraint)


class EngineGrammar:
    """A constraint over one vocabulary. Immutable but for what it has looked up; shared by requests.

    Attributes:
        store: where its states live.
        start: the state before anything is read.
    """

    def __init__(self, store: Store, start: int, constraint: Expression | Program) -> None:
        self.store = store
        self.start = start
        self.weight = store.weight  # of the store, once this was in it
        self._constraint = constraint

    @property
    def key(self) -> int:
        """The engine's: its rows name masks by themselves, also those of matchers that went on in another store."""
        return 0

    @property
    def vocabulary(self) -> Vocabulary:
        return self.store.vocabulary

    def matcher(self) -> EngineMatcher:
        """A new matcher at the start."""
        return EngineMatcher(self)

    def mask(self, row: int) -> MaskBits:
        """The bits of a row. Read-only. Raises GrammarError where finding them takes more work than is granted."""
        if row < 0:
            return self.store.mask(NOTHING)
        key = row >> _STATES
        store = self.store if key == self.store.key else _living.get(key)
        if store is None:
            raise ValueError(f"row {row} is none that a living matcher gave")
        return store.mask(row & ((1 << _STATES) - 1))

    def restart(self) -> EngineGrammar:
        """The same grammar in the store that new ones go to."""
        program = self._constraint if isinstance(self._constraint, Program) else write(self._constraint)
        return compile_expression(program, self.vocabulary, self.store.limits, self.store.switches)


class EngineMatcher:
    """One text's place in a grammar. Not thread-safe; a fork costs a copy of the states it has been in."""

    __slots__ = ("_ended", "_history", "_state", "_store", "_tokens", "grammar")

    def __init__(self, grammar: EngineGrammar) -> None:
        self.grammar = grammar
        self._store = grammar.store
        self._state = grammar.start
        self._history: list[int] = []
        self._tokens: list[int] = []
        self._ended = False

    def mask_row(self) -> int:
        """The row of the tokens allowed now, for the grammar's `mask`."""
        return FINISHED if self._ended else self._store.key << _STATES | self._state

    def advance(self, token_id: int) -> bool:
        """Consume a token; False, and unchanged, where it is not allowed.

        Raises:
            GrammarError: it takes more work than is granted.
        """
        if self._ended:
            return False
        store = self._store
        if token_id in store.vocabulary.eos_ids:
            if not store.is_accepting(self._state):
                return False
            self._remember(token_id)
            self._ended = True
            return True
        following = store.advance(self._state, token_id)
        if following == NOTHING:
            return False
        self._remember(token_id)
        self._state = following
        if store.weight - self.grammar.weight > 2 * store.limits.nodes:
            self._move()
        return True

    def _remember(self, token: int) -> None:
        self._history.append(self._state)
        self._tokens.append(token)

    def is_accepting(self) -> bool:
        """Whether the text so far is complete. End-of-sequence is allowed exactly then, and once."""
        return self._ended or self._store.is_accepting(self._state)

    def is_finished(self) -> bool:
        """Whether end-of-sequence was consumed, or nothing but it can follow."""
        return self._ended or self._state == EMPTY

    def forced(self) -> Forced:
        """What must come next; does not advance."""
        store = self._store
        if self._ended:
            return Forced()
        data = store.forced(self._state, MAX_FORCED)
        return Forced(data, self._spell(data)) if data else Forced()

    def _spell(self, data: bytes) -> tuple[int, ...]:
        """The tokens of forced bytes as the tokenizer writes them, up to where the last could turn out longer."""
        store = self._store
        vocabulary = store.vocabulary
        if vocabulary.encode is None:
            if vocabulary not in _told:
                _told.add(vocabulary)
                log.info("forced text is sampled token by token: the vocabulary comes without its tokenizer")
            return ()
        after = store.advance_bytes(self._state, data)
        tokens: list[int] = []
        offset = 0
        for token in vocabulary.encode(data.decode("utf-8", errors="ignore")):
            spelled = vocabulary.tokens[token]
            if spelled is None or not data.startswith(spelled, offset):
                break  # a special token, or a tokenizer that writes more than the text
            if store.begins_longer(data[offset:], after):
                break
            tokens.append(token)
            offset += len(spelled)
        return tuple(tokens)

    def rollback(self, count: int) -> None:
        """Take back the last `count` advances. Raises ValueError where there were fewer."""
        if not 0 <= count <= len(self._history):
            raise ValueError(f"cannot take back {count} of {len(self._history)} tokens")
        if count:
            self._state = self._history[-count]
            del self._history[-count:], self._tokens[-count:]
            self._ended = False

    def fork(self) -> EngineMatcher:
        """An independent matcher at the same place."""
        copy = EngineMatcher(self.grammar)
        copy._store, copy._state, copy._ended = self._store, self._state, self._ended
        copy._history, copy._tokens = self._history.copy(), self._tokens.copy()
        return copy

    def reset(self) -> None:
        """Back to the start."""
        self.rollback(len(self._history))

    def _move(self) -> None:
        """Go on in a new store: this one has grown too large since the grammar was put into it."""
        grammar = self.grammar.restart()
        store = grammar.store
        history = [grammar.start]
        for token in self._tokens:
            history.append(store.advance(history[-1], token))
        self.grammar, self._store = grammar, store
        self._state = history.pop()
        self._history = history
