"""What an answer consists of, piece by piece as it streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ReasoningText:
    """Some of what the model wrote to itself before it answered."""

    text: str


@dataclass(frozen=True, slots=True)
class ContentText:
    """Some of the answer's own text."""

    text: str


@dataclass(frozen=True, slots=True)
class CallOpened:
    """A tool call begins: its place among the answer's calls, from 0, and the tool's name."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class CallArguments:
    """Some of the JSON text of a call's arguments."""

    index: int
    text: str


Piece = ReasoningText | ContentText | CallOpened | CallArguments


class PieceReader(Protocol):
    """Takes a text apart while it arrives. However it is cut into pushes, the pieces add up to the same."""

    def push(self, text: str) -> list[Piece]:
        """The pieces that are known now. What may become a marker is kept back."""
        ...

    def end(self) -> list[Piece]:
        """What is left, once the text is complete."""
        ...
