"""`outlines-core` as a grammar engine: expression → regex in its dialect → index of tokens by state.

Not what weft uses unless it is asked for (``backend="outlines-core"``): it knows regular constraints only, writes the
whole automaton out beforehand, and refuses the rest by name (`flatten.py`, `outlines_limits.py`). It is here to compare
with, and to hold our own engine to.

Version 0.2 of it has habits that would lose texts or time without end. Writing the expression E as ``\\x00(E)\\x00``,
between marks that no text holds, avoids all of them:

- Its automaton stops at the first match its alternatives prefer, so that ``a|ab`` would never give "ab"; and its index
  drops tokens that lead from a complete text to an incomplete one, so that ``(ab)*`` would never give "ab" twice.
  With the mark at the end nothing is complete before the mark: a text may end where the mark may follow.
- It also builds the automaton of a search that may start anywhere, whose size is exponential for common JSON. With the
  mark at the start, a search can only start where another has just ended.

So NUL, which is the mark, is in none of the texts: where a set of characters has it, it is left out.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakKeyDictionary, WeakSet

import numpy as np

from ..errors import GrammarError
from .expression import MAX_CHARACTER, NOTHING, Alt, Chars, Expression, Ranges, Repeat, Seq, Text, intersect
from .flatten import flatten
from .outlines_limits import check_automaton, check_size
from .protocol import Forced, MaskBits
from .vocabulary import Vocabulary

if TYPE_CHECKING:
    import outlines_core

MASK_BYTES = 16 * 1024 * 1024
MAX_FORCED = 4096
FINISHED_ROW = -1
"""The row key after end-of-sequence: no token is allowed."""

_WITHOUT_NUL: Ranges = ((1, MAX_CHARACTER),)  # NUL marks both ends

log = logging.getLogger(__name__)
_keys = itertools.count(1)


def compile_expression(expression: Expression, vocabulary: Vocabulary) -> OutlinesGrammar:
    """Compile for one vocabulary.

    Raises:
        GrammarError: no text can match, it is no regular constraint, the automaton is too large, or the vocabulary
            cannot spell what it needs.
    """
    try:
        pattern = _pattern(expression, vocabulary)
    except RecursionError as error:
        raise GrammarError("the constraint nests too deeply", keyword="nesting") from error
    core = _outlines_core()
    try:
        index = core.Index(pattern, _core_vocabulary(vocabulary))
    except ValueError as error:
        reason = str(error) if len(str(error)) < 400 else str(error)[:400] + "..."
        raise GrammarError(f"outlines-core cannot compile this constraint: {reason}") from error
    grammar = OutlinesGrammar(index, vocabulary)
    grammar.check_live()
    return grammar


def _outlines_core() -> Any:
    try:
        import outlines_core
    except ImportError as error:
        raise GrammarError(
            "constraints need the package outlines-core, which is not installed", code="missing_dependency"
        ) from error
    return outlines_core


def _core_vocabulary(vocabulary: Vocabulary) -> outlines_core.Vocabulary:
    """The same tokens, without those that hold NUL, and with the end mark as id `size`; made once a vocabulary."""
    with _core_lock:
        made = _core_vocabularies.get(vocabulary)
        if made is None:
            ids = {token: ids for token, ids in vocabulary.ids_by_bytes.items() if b"\0" not in token}
            ids[b"\0"] = [vocabulary.size]
            made = _core_vocabularies[vocabulary] = _outlines_core().Vocabulary(vocabulary.size + 1, ids)
        return made


_core_lock = threading.Lock()
_core_vocabularies: WeakKeyDictionary[Vocabulary, Any] = WeakKeyDictionary()
_told_no_forced_text: WeakSet[Vocabulary] = WeakSet()


def _pattern(expression: Expression, vocabulary: Vocabulary) -> str:
    """The regex between its marks, once it is known not to be too large."""
    flat = flatten(expression)
    if flat is NOTHING:
        raise GrammarError("no text can meet this constraint", keyword="empty")
    check_size(flat)
    check_automaton(flat, vocabulary.size)
    return f"\\x00{_group(flat)}\\x00"


def _write(node: Expression) -> str:
    """The expression in the dialect of Rust's regex crate."""
    match node:
        case Chars(ranges):
            return _write_set(intersect(ranges, _WITHOUT_NUL) or _refuse_nul())
        case Text(content):
            if "\0" in content:
                _refuse_nul()
            return "".join(_write_point(ord(character)) for character in content)
        case Seq(items):
            return "".join(_group(item) if isinstance(item, Alt) else _write(item) for item in items)
        case Alt(options):
            return "|".join(map(_write, options))
        case Repeat(item, low, high):
            bounds = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high))
            if bounds is None:
                bounds = f"{{{low}}}" if low == high else f"{{{low},{'' if high is None else high}}}"
            return (_write(item) if isinstance(item, Chars) else _group(item)) + bounds
        case _:
            raise GrammarError(f"outlines-core cannot compile this constraint: it has no {type(node).__name__}")


def _refuse_nul() -> NoReturn:
    raise GrammarError("outlines-core cannot match NUL, which marks the ends of its texts", keyword="NUL")


def _group(node: Expression) -> str:
    return f"(?:{_write(node)})"


def _write_set(ranges: Ranges) -> str:
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _write_point(ranges[0][0])
    return (
        "["
        + "".join(
            _write_point(first) if first == last else f"{_write_point(first)}-{_write_point(last)}"
            for first, last in ranges
        )
        + "]"
    )


def _write_point(point: int) -> str:
    character = chr(point)
    return character if character.isascii() and character.isalnum() else f"\\x{{{point:X}}}"


class OutlinesGrammar:
    """A compiled constraint over one vocabulary. Immutable but for its memory of masks; safe to share by threads."""

    def __init__(self, index: outlines_core.Index, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._index = index
        self._key = next(_keys)
        self.start: int = index.get_next_state(index.get_initial_state(), vocabulary.size)
        self._masks: OrderedDict[int, MaskBits] = OrderedDict()
        self._forced: OrderedDict[int, Forced] = OrderedDict()
        self._last: dict[int, bool] = {}
        self._lock = threading.Lock()
        self._mask_words = (vocabulary.size + 31) // 32

    @property
    def key(self) -> int:
        """Unique among the grammars of this process."""
        return self._key

    def matcher(self) -> OutlinesMatcher:
        """A new matcher at the start."""
        return OutlinesMatcher(self)

    def mask(self, row: int) -> MaskBits:
        """The bits of a row key that one of this grammar's matchers gave. Read-only."""
        with self._lock:
            mask = self._masks.get(row)
            if mask is not None:
                self._masks.move_to_end(row)
                return mask
        mask = self._make_mask(row)
        with self._lock:
            self._masks[row] = mask
            if len(self._masks) * mask.nbytes > MASK_BYTES:
                self._masks.popitem(last=False)
        return mask

    def _make_mask(self, row: int) -> MaskBits:
        allowed = np.zeros(self._mask_words * 32, dtype=np.bool_)
        if row != FINISHED_ROW:
            allowed[self.allowed(row)] = True
            if self.is_accepting(row):
                allowed[list(self.vocabulary.eos_ids)] = True
        bits = np.packbits(allowed, bitorder="little").view("<i4").astype(np.int32)
        bits.flags.writeable = False
        return bits

    # -- states, for the matcher ------------------------------------------------------------------------------------

    def allowed(self, state: int) -> list[int]:
        """Ids of the tokens with text that may follow."""
        size = self.vocabulary.size
        return [token for token in self._index.get_allowed_tokens(state) or () if token < size]

    def next_state(self, state: int, token: int) -> int | None:
        """Where a token with text leads; None where it is not allowed."""
        if token >= self.vocabulary.size:
            return None
        following: int | None = self._index.get_next_state(state, token)
        return following

    def is_accepting(self, state: int) -> bool:
        """Whether the text may end here."""
        return self._index.get_next_state(state, self.vocabulary.size) is not None

    def is_last(self, state: int) -> bool:
        """Whether the text must end here."""
        known = self._last.get(state)
        if known is None:
            known = self._last[state] = self.is_accepting(state) and not self.allowed(state)
        return known

    def check_live(self) -> None:
        """Raise GrammarError if some state cannot reach the end with this vocabulary's tokens.

        With a token for every byte none can: each character of the expression can then be spelled.
        """
        if not self.vocabulary.missing_bytes:
            return
        transitions: dict[int, dict[int, int]] = self._index.get_transitions()
        sources: dict[int, set[int]] = {}
        for state, followers in transitions.items():
            for token, follower in followers.items():
                if token < self.vocabulary.size:
                    sources.setdefault(follower, set()).add(state)
        live = {state for state in transitions if self.is_accepting(state)}
        pending = list(live)
        while pending:
            for source in sources.get(pending.pop(), ()):
                if source not in live:
                    live.add(source)
                    pending.append(source)
        if not live.issuperset(sources.keys() | {self.start}):
            missing = ", ".join(f"0x{byte:02x}" for byte in self.vocabulary.missing_bytes[:8])
            raise GrammarError(
                f"this vocabulary cannot spell every text the constraint begins: it has no token for bytes {missing}",
                keyword="vocabulary",
            )

    def forced(self, state: int) -> Forced:
        """What must come next, and the tokens for it."""
        with self._lock:
            known = self._forced.get(state)
        if known is None:
            known = self._make_forced(state)
            with self._lock:
                self._forced[state] = known
                if len(self._forced) > MAX_FORCED:
                    self._forced.popitem(last=False)
        return known

    def _make_forced(self, start: int) -> Forced:
        if self.vocabulary.missing_bytes:
            if self.vocabulary not in _told_no_forced_text:
                _told_no_forced_text.add(self.vocabulary)
                log.info("no forced text: the vocabulary has no token for some single bytes")
            return Forced()
        data = bytearray()
        states = [start]
        while len(data) < MAX_FORCED and (byte := self._only_byte(states[-1])) is not None:
            following = self.next_state(states[-1], self.vocabulary.ids_by_bytes[bytes([byte])][0])
            if following is None:
                raise GrammarError("outlines-core allows a token but not its first byte", code="engine_error")
            data.append(byte)
            states.append(following)
        return Forced(bytes(data), self._forced_tokens(bytes(data), states))

    def _only_byte(self, state: int) -> int | None:
        """The byte that every way on begins with; None if there are several, or the text may end here."""
        if self.is_accepting(state):
            return None
        firsts = {self._token(token)[0] for token in self.allowed(state)}
        return firsts.pop() if len(firsts) == 1 else None

    def _forced_tokens(self, data: bytes, states: list[int]) -> tuple[int, ...]:
        """The tokenizer's tokens for `data`, up to where its end might be the beginning of a longer token.

        `states[i]` is the state after i bytes. A boundary is the last kept one if, from it, a token is allowed
        that is longer than all that is left of `data`.
        """
        if self.vocabulary.encode is None or not data:
            return ()
        tokens: list[int] = []
        offset = 0
        for token in self.vocabulary.encode(data.decode("utf-8", errors="ignore")):
            left = len(data) - offset
            spelled = self.vocabulary.tokens[token]
            if spelled is None or not data.startswith(spelled, offset):
                break  # an added token, or a tokenizer that writes more than the text
            if any(len(self._token(other)) > left for other in self.allowed(states[offset])):
                break
            tokens.append(token)
            offset += len(spelled)
        return tuple(tokens)

    def _token(self, token: int) -> bytes:
        return self.vocabulary.tokens[token] or b""


class OutlinesMatcher:
    """One request's place in a grammar: the states it went through. Not thread-safe; cheap to fork."""

    def __init__(self, grammar: OutlinesGrammar, states: list[int] | None = None) -> None:
        self._grammar = grammar
        self._states = states if states is not None else [grammar.start]

    @property
    def grammar(self) -> OutlinesGrammar:
        """The grammar that rows are of."""
        return self._grammar

    def mask_row(self) -> int:
        """The key of the current mask."""
        return self._states[-1]

    def advance(self, token_id: int) -> bool:
        """Consume a token. False, and unchanged, where the token is not allowed here."""
        state = self._states[-1]
        if state == FINISHED_ROW:
            return False
        if token_id in self._grammar.vocabulary.eos_ids:
            if not self._grammar.is_accepting(state):
                return False
            self._states.append(FINISHED_ROW)
            return True
        following = self._grammar.next_state(state, token_id) if token_id >= 0 else None
        if following is None:
            return False
        self._states.append(following)
        return True

    def is_accepting(self) -> bool:
        """Whether the text so far is complete. End-of-sequence is allowed exactly then (and only once)."""
        state = self._states[-1]
        return state == FINISHED_ROW or self._grammar.is_accepting(state)

    def is_finished(self) -> bool:
        """Whether end-of-sequence was consumed, or nothing but it can follow."""
        state = self._states[-1]
        return state == FINISHED_ROW or self._grammar.is_last(state)

    def forced(self) -> Forced:
        """What must come next; does not advance."""
        state = self._states[-1]
        return Forced() if state == FINISHED_ROW else self._grammar.forced(state)

    def rollback(self, count: int) -> None:
        """Take back the last `count` advances. Raises ValueError if there were fewer."""
        if not 0 <= count < len(self._states):
            raise ValueError(f"cannot take back {count} of {len(self._states) - 1} advances")
        del self._states[len(self._states) - count :]

    def fork(self) -> OutlinesMatcher:
        """An independent matcher at the same place."""
        return OutlinesMatcher(self._grammar, self._states.copy())

    def reset(self) -> None:
        """Back to the start."""
        del self._states[1:]
