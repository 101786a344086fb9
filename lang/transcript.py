"""What a state has written so far: an immutable value that every node maps to the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..request import Segment, SegmentKind


@dataclass(frozen=True, slots=True)
class Transcript:
    """A state's segments. Forks share it by holding it.

    Adjacent program text of one turn is one segment, however it was written, so that its tokens do not depend on how
    a program cuts its strings. A turn has a segment, possibly empty, from the moment it is opened.

    Attributes:
        segments: see `weft.request.Segment`.
        tools: the tools in force, in OpenAI's form.
        role: the open turn's role; None outside any turn.
        turns: how many turns were opened.
    """

    segments: tuple[Segment, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    role: str | None = None
    turns: int = 0

    @property
    def text(self) -> str:
        """All text, of all turns, without anything the chat template adds."""
        return "".join(segment.text for segment in self.segments)

    @property
    def messages(self) -> list[dict[str, str]]:
        """The turns as chat messages; text outside any turn is left out."""
        messages: dict[int, dict[str, str]] = {}
        for segment in self.segments:
            if segment.role is not None:
                message = messages.setdefault(segment.turn, {"role": segment.role, "content": ""})
                message["content"] += segment.text
        return list(messages.values())

    def write(self, text: str) -> Transcript:
        """Add program text."""
        if not text:
            return self
        last = self.segments[-1] if self.segments else None
        if last is not None and last.kind is SegmentKind.TEXT and last.turn == self._turn:
            return replace(self, segments=(*self.segments[:-1], replace(last, text=last.text + text)))
        return self._append(Segment(text, self.role, self._turn))

    def generated(self, text: str, token_ids: tuple[int, ...] | None) -> Transcript:
        """Add a generation, with its tokens as sampled where the backend has them."""
        return self._append(
            Segment(text, self.role, self._turn, kind=SegmentKind.GENERATED, token_ids=token_ids or None)
        )

    def open(self, role: str) -> Transcript:
        """Begin a turn."""
        return replace(self, role=role, turns=self.turns + 1)._append(Segment("", role, self.turns))

    def close(self) -> Transcript:
        """End the open turn."""
        segments = tuple(
            replace(segment, closed=True) if segment.turn == self._turn else segment for segment in self.segments
        )
        return replace(self, segments=segments, role=None)

    def with_tools(self, tools: tuple[Mapping[str, Any], ...]) -> Transcript:
        """Put `tools` in force, instead of any before."""
        return replace(self, tools=tools)

    @property
    def _turn(self) -> int:
        return -1 if self.role is None else self.turns - 1

    def _append(self, segment: Segment) -> Transcript:
        return replace(self, segments=(*self.segments, segment))
