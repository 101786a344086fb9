"""A small vocabulary, and ways of trying a grammar out with it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from weft.grammar import Grammar, Vocabulary

LONGER = [b'{"', b'": "', b'", "', b'"}', b"ab", b"abc", b"ba", b"12", b"\xc3\xa9", b"\xa9a", b" true", b'"', b"}]"]


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    """Every byte as a token, some longer ones (one of them a repetition), two specials, two ends."""
    tokens: list[bytes | None] = [bytes([byte]) for byte in range(256)]
    tokens += LONGER
    end = len(tokens)
    tokens += [None, None, b"<|special|>"]
    tokens[end + 2] = None
    return Vocabulary(tokens, [end, end + 1], lambda text: greedy(tokens, text.encode()))


def greedy(tokens: list[bytes | None], data: bytes) -> list[int]:
    """The longest token first: a tokenizer good enough for tests."""
    ids: list[int] = []
    order = sorted((token, -index) for index, token in enumerate(tokens) if token)
    while data:
        best = max((entry for entry in order if data.startswith(entry[0])), key=lambda entry: len(entry[0]))
        ids.append(-best[1])
        data = data[len(best[0]) :]
    return ids


@pytest.fixture(scope="session")
def accepts() -> Callable[[Grammar, str], bool]:
    """Whether a grammar takes a text, spelled byte by byte."""

    def check(grammar: Grammar, text: str) -> bool:
        matcher = grammar.matcher()
        return all(matcher.advance(byte) for byte in text.encode()) and matcher.is_accepting()

    return check


@pytest.fixture(scope="session")
def walk(vocabulary: Vocabulary) -> Callable[[Grammar, random.Random], str | None]:
    """A text drawn at random through the masks; None if it grew too long first.

    At every step the mask must leave something, and the matcher must take exactly what the mask allows.
    """

    def draw(grammar: Grammar, rng: random.Random, most: int = 400) -> str | None:
        matcher = grammar.matcher()
        data = b""
        for step in range(most):
            allowed = allowed_ids(grammar, matcher.mask_row(), vocabulary.size)
            assert allowed, f"nothing may follow {data!r}"
            ends = [token for token in allowed if token in vocabulary.eos_ids]
            assert bool(ends) == matcher.is_accepting()
            if ends and (len(ends) == len(allowed) or rng.random() < 0.2):
                assert matcher.advance(ends[0])
                assert matcher.is_finished()
                return data.decode()
            texts = [token for token in allowed if token not in vocabulary.eos_ids]
            if step > 30:  # head for the end: the rarest way on is seldom more of a string
                texts = [token for token in texts if (vocabulary.tokens[token] or b"")[:1] in b'"}],\\:'] or texts
            token = rng.choice(texts)
            assert matcher.advance(token)
            data += vocabulary.tokens[token] or b""
        return None

    return draw


def allowed_ids(grammar: Grammar, row: int, size: int) -> list[int]:
    bits = grammar.mask(row)
    return [token for token in range(size) if bits[token // 32] >> (token % 32) & 1]
