"""Random texts that a constraint allows, drawn byte by byte: to show what it means, and to try it out."""

from __future__ import annotations

import random
from collections.abc import Iterable

from .protocol import Grammar, Matcher
from .vocabulary import Vocabulary

MAX_SEARCH = 100_000
"""Advances that the search for an end may take before a text is given up."""

_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyz ")
_CLOSING = tuple(b"}])>\"'/,;. \n")
_OPENING = frozenset(b"([{<\\-+*?!&|#")


def byte_vocabulary(special: Iterable[str] = ()) -> Vocabulary:
    """A vocabulary of single bytes, an end, and these special tokens."""
    names = list(dict.fromkeys(special))
    tokens: list[bytes | None] = [bytes([byte]) for byte in range(256)]
    return Vocabulary(
        [*tokens, None, *([None] * len(names))], [256], None, {name: 257 + at for at, name in enumerate(names)}
    )


def random_text(grammar: Grammar, vocabulary: Vocabulary, rng: random.Random, *, length: int = 80) -> str | None:
    """A random text that `grammar` allows.

    Args:
        grammar: a grammar over `vocabulary`.
        vocabulary: what `byte_vocabulary` gave. Special tokens are written by name.
        rng: where chance comes from.
        length: from about this many bytes on the text heads for its end.

    Returns:
        The text, or None where no end was found within `MAX_SEARCH` steps.

    Raises:
        GrammarError: as `Grammar.mask`.
    """
    matcher = grammar.matcher()
    drawn: list[int] = []
    while len(drawn) < length:
        allowed = _allowed(matcher, vocabulary)
        if matcher.is_accepting() and (not allowed or rng.random() < (0.3 if len(allowed) < 64 else 0.03)):
            return _text(drawn, vocabulary)
        token = _draw(allowed, vocabulary, rng)
        matcher.advance(token)
        drawn.append(token)
    end = _shortest_way(matcher, vocabulary, rng)
    return None if end is None else _text(drawn + end, vocabulary)


def _allowed(matcher: Matcher, vocabulary: Vocabulary) -> list[int]:
    """The tokens that may follow, ends aside."""
    bits = matcher.grammar.mask(matcher.mask_row())
    tokens = (token for token in range(vocabulary.size) if bits[token // 32] >> (token % 32) & 1)
    return [token for token in tokens if token not in vocabulary.eos_ids]


def _draw(allowed: list[int], vocabulary: Vocabulary, rng: random.Random) -> int:
    """One of them, so that free text looks like text, meets a special token now and then, and ends in time."""
    if len(allowed) < 64:
        return rng.choice(allowed)
    special = [token for token in allowed if vocabulary.tokens[token] is None]
    if special and rng.random() < 0.1:
        return rng.choice(special)
    inside_string = ord('"') in allowed and ord("\n") not in allowed  # of JSON: line breaks are escaped there
    if inside_string and rng.random() < 0.15:
        return ord('"')
    letters = [token for token in allowed if token in _LETTERS]
    return rng.choice(letters if letters and rng.random() < 0.95 else allowed)


def _shortest_way(matcher: Matcher, vocabulary: Vocabulary, rng: random.Random) -> list[int] | None:
    """Some way to an end: what closes is tried first, what opens last, and no place twice."""
    way: list[int] = []
    seen = {matcher.mask_row()}
    pending = [_in_order(_allowed(matcher, vocabulary), rng)]
    steps = 0
    while not matcher.is_accepting():
        if not pending[-1]:
            pending.pop()
            if not way:
                return None
            way.pop()
            matcher.rollback(1)
            continue
        steps += 1
        if steps > MAX_SEARCH:
            return None
        token = pending[-1].pop()
        matcher.advance(token)
        if matcher.mask_row() in seen:
            matcher.rollback(1)
            continue
        seen.add(matcher.mask_row())
        way.append(token)
        pending.append(_in_order(_allowed(matcher, vocabulary), rng))
    return way


def _in_order(allowed: list[int], rng: random.Random) -> list[int]:
    """The best last: what closes, then letters, then the rest, and what opens."""
    closing = [token for token in reversed(_CLOSING) if token in allowed]
    opening = [token for token in allowed if token in _OPENING]
    others = [token for token in allowed if token not in closing and token not in opening]
    rng.shuffle(others)
    others.sort(key=_LETTERS.__contains__)
    return [*opening, *others, *closing]


def _text(tokens: list[int], vocabulary: Vocabulary) -> str:
    names = {index: name.encode() for name, index in vocabulary.special.items()}
    return b"".join(names.get(token) or vocabulary.tokens[token] or b"" for token in tokens).decode()
