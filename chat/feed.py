"""A text that arrives bit by bit, read by a generator that pauses where it has to know more.

So a reader is written as if the whole text were there. It must move on by what stands in the text alone, never by what
happens to have arrived, since the pieces it makes must not depend on that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import TypeVar

from .pieces import Piece

T = TypeVar("T")
Reading = Generator[None, None, T]
"""A part of a reader: it pauses for more text, and returns a T."""

_SPACE = re.compile(r"[ \t\r\n]*")


class Feed:
    """The text, and the reader's place in it.

    Attributes:
        text: what has arrived, without what was read and let go of.
        at: the reader's place in `text`.
        ended: no more will come.
        hit_end: the reader wanted more after that.
        pieces: what it has made of the text and not handed over yet.
    """

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.ended = False
        self.hit_end = False
        self.pieces: list[Piece] = []
        self._kept: int | None = None
        self._tapped = 0
        self._tap: Callable[[str], None] | None = None

    def add(self, text: str) -> None:
        """More has arrived. What lies behind the reader, and the mark, is let go of."""
        base = self.at if self._kept is None else self._kept
        self.text = self.text[base:] + text
        self.at -= base
        if self._kept is not None:
            self._kept = 0

    # --- going back ---

    def mark(self) -> None:
        """Keep the text from here on, for `rewind`."""
        self._kept = self.at
        self.hit_end = False

    def unmark(self) -> None:
        """The text up to here will not be read again."""
        self._kept = None

    def rewind(self) -> None:
        """Go back to the mark, and take it away."""
        assert self._kept is not None
        self.at = self._kept
        self._kept = None

    # --- passing on what is read ---

    def tap(self, sink: Callable[[str], None]) -> None:
        """Hand what is read from here on to `sink`, in as large parts as have arrived."""
        self._tap = sink
        self._tapped = self.at

    def untap(self) -> None:
        """Up to here."""
        self._flush()
        self._tap = None

    def _flush(self) -> None:
        if self._tap is not None and self.at > self._tapped:
            self._tap(self.text[self._tapped : self.at])

    # --- reading ---

    def more(self) -> Reading[bool]:
        """Wait for more text; False where none will come."""
        if self.ended:
            self.hit_end = True
            return False
        self._flush()
        yield
        self._tapped = self.at
        return True

    def peek(self) -> Reading[str]:
        """The next character; none at the end."""
        while self.at == len(self.text):
            if not (yield from self.more()):
                return ""
        return self.text[self.at]

    def solid(self) -> Reading[str]:
        """The next character that is not JSON's whitespace, which is read over."""
        yield from self.run(_SPACE)
        return (yield from self.peek())

    def run(self, pattern: re.Pattern[str]) -> Reading[None]:
        """Read over characters that all match `pattern`, a class repeated; it waits until something else has come."""
        while True:
            found = pattern.match(self.text, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.text) or not (yield from self.more()):
                return

    def follows(self, literal: str) -> Reading[bool]:
        """Whether `literal` comes next. It is read over then, and nothing is otherwise."""
        while True:
            length = min(len(literal), len(self.text) - self.at)
            if not self.text.startswith(literal[:length], self.at):
                return False
            if length == len(literal):
                self.at += length
                return True
            if not (yield from self.more()):
                return False


class FeedReader:
    """Drives a generator over a feed: a `PieceReader`."""

    def __init__(self, feed: Feed, reading: Reading[None]) -> None:
        self._feed = feed
        self._reading = reading
        self._advance()

    def push(self, text: str) -> list[Piece]:
        self._feed.add(text)
        return self._advance()

    def end(self) -> list[Piece]:
        self._feed.ended = True
        return self._advance()

    def _advance(self) -> list[Piece]:
        next(self._reading, None)
        pieces, self._feed.pieces = self._feed.pieces, []
        return pieces


def begun(text: str, start: int, marker: str) -> int:
    """How many characters at the end of `text[start:]` may begin `marker`."""
    for length in range(min(len(marker) - 1, len(text) - start), 0, -1):
        if text.endswith(marker[:length]):
            return length
    return 0
