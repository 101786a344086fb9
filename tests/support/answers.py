"""Answers read piece by piece, and judged by a constraint, for the tests of `chat/`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from weft.chat.feed import Feed, Reading
from weft.chat.pieces import CallArguments, CallOpened, ContentText, Piece, PieceReader, ReasoningText
from weft.grammar import Vocabulary, compile, structural_tag

END = 256


class Judge:
    """Whether a whole text keeps to a structural tag, by the engine that constrains generation.

    Names of special tokens in a text are those tokens.
    """

    def __init__(self, tag: Mapping[str, Any], special: Iterable[str] = ()) -> None:
        self._special = {name: END + 1 + at for at, name in enumerate(special)}
        tokens = [*(bytes([byte]) for byte in range(END)), None, *(None for _ in self._special)]
        vocabulary = Vocabulary(tokens, [END], None, self._special)
        self._grammar = compile(structural_tag(tag), vocabulary=vocabulary)

    def takes(self, text: str) -> bool:
        matcher = self._grammar.matcher()
        return all(matcher.advance(token) for token in self._tokens(text)) and matcher.is_accepting()

    def _tokens(self, text: str) -> Iterable[int]:
        while text:
            name = next((name for name in self._special if text.startswith(name)), "")
            if name:
                yield self._special[name]
            else:
                name = text[0]
                yield from name.encode()
            text = text[len(name) :]


def read(reader: PieceReader, *pushes: str) -> list[Piece]:
    """All pieces of a text that arrives in some pushes."""
    pieces = [piece for push in pushes for piece in reader.push(push)]
    return pieces + reader.end()


def summed(pieces: Iterable[Piece]) -> tuple[str, str, list[tuple[str, str]]]:
    """(reasoning, content, (name, arguments) of each call) of some pieces."""
    reasoning, content = "", ""
    calls: list[tuple[str, str]] = []
    for piece in pieces:
        match piece:
            case ReasoningText():
                reasoning += piece.text
            case ContentText():
                content += piece.text
            case CallOpened():
                assert piece.index == len(calls)
                calls.append((piece.name, ""))
            case CallArguments():
                name, arguments = calls[piece.index]
                assert piece.index == len(calls) - 1
                calls[piece.index] = (name, arguments + piece.text)
    return reasoning, content, calls


def merged(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces in order, with neighbours of one kind joined: the same for every way to cut the text."""
    made: list[Piece] = []
    for piece in pieces:
        last = made[-1] if made else None
        if isinstance(piece, CallOpened) or type(last) is not type(piece):
            made.append(piece)
        elif isinstance(piece, CallArguments):
            made[-1] = CallArguments(piece.index, last.text + piece.text)
        else:
            made[-1] = type(piece)(last.text + piece.text)
    return made


def cuts(text: str, places: Iterable[int]) -> list[str]:
    """`text` cut at some places, taken modulo its length."""
    at = sorted({place % (len(text) + 1) for place in places})
    return [text[start:end] for start, end in zip([0, *at], [*at, len(text)], strict=True)]


def count_looks(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often readers have looked at their text from now on."""
    looks = 0
    peek = Feed.peek

    def counted(self: Feed) -> Reading[str]:
        nonlocal looks
        looks += 1
        return peek(self)

    monkeypatch.setattr(Feed, "peek", counted)
    return lambda: looks
