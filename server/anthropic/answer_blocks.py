"""An answer's pieces as content blocks, one after the other, and what a stream tells of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ...chat.pieces import CallArguments, CallOpened, ContentText, Piece, ReasoningText
from ..served import new_id
from .answer_types import AnswerBlock, AnswerText, AnswerThinking, AnswerToolUse

Event = tuple[str, dict[str, Any]]
"""A stream's event: its name, and what it says beside that."""


class AnswerBlocks:
    """Takes the pieces of one answer.

    Blank text before a call, or between two, makes no block: it only separates them.

    Args:
        show_thinking: the model's thinking is part of the answer.

    Attributes:
        done: the blocks so far, without one that is still open.
        called: there is a tool call among the pieces.
    """

    def __init__(self, *, show_thinking: bool) -> None:
        self.done: list[AnswerBlock] = []
        self.called = False
        self._show_thinking = show_thinking
        self._open: AnswerBlock | None = None
        self._texts: list[str] = []
        self._blank = ""

    def take(self, piece: Piece) -> Iterator[Event]:
        """What a piece adds to the stream."""
        match piece:
            case ReasoningText(text):
                if text and self._show_thinking:
                    yield from self._begin(AnswerThinking(type="thinking", thinking="", signature=""))
                    yield self._delta(text, {"type": "thinking_delta", "thinking": text})
            case ContentText(text):
                yield from self._content(text)
            case CallOpened(_, name):
                self.called = True
                self._blank = ""
                yield from self._end_block()
                yield from self._begin(AnswerToolUse(type="tool_use", id=new_id("toolu", "_"), name=name, input={}))
            case CallArguments(_, text):
                yield self._delta(text, {"type": "input_json_delta", "partial_json": text})

    def end(self) -> Iterator[Event]:
        """What remains at the answer's end. Blank text is the answer where there is nothing else."""
        if self._blank and not self.called and not isinstance(self._open, AnswerText):
            yield from self._write(self._blank)
        yield from self._end_block()

    def _content(self, text: str) -> Iterator[Event]:
        text = self._blank + text
        self._blank = ""
        if not isinstance(self._open, AnswerText) and not text.strip():
            self._blank = text
            return
        yield from self._write(text)

    def _write(self, text: str) -> Iterator[Event]:
        yield from self._begin(AnswerText(type="text", text="", citations=None))
        yield self._delta(text, {"type": "text_delta", "text": text})

    def _begin(self, block: AnswerBlock) -> Iterator[Event]:
        """Open a block, unless one of its kind is open; a tool call is always a new one."""
        if self._open is not None and self._open.type == block.type:
            return
        yield from self._end_block()
        self._open = block
        yield "content_block_start", {"index": len(self.done), "content_block": block.model_dump()}

    def _delta(self, text: str, delta: dict[str, Any]) -> Event:
        self._texts.append(text)
        return "content_block_delta", {"index": len(self.done), "delta": delta}

    def _end_block(self) -> Iterator[Event]:
        if self._open is None:
            return
        yield "content_block_stop", {"index": len(self.done)}
        self.done.append(_filled(self._open, "".join(self._texts)))
        self._open = None
        self._texts.clear()


def _filled(block: AnswerBlock, text: str) -> AnswerBlock:
    match block:
        case AnswerText():
            return block.model_copy(update={"text": text})
        case AnswerThinking():
            return block.model_copy(update={"thinking": text})
        case AnswerToolUse():
            return block.model_copy(update={"input": _input(text)})


_INPUT = TypeAdapter(dict[str, Any])


def _input(text: str) -> dict[str, Any]:
    """A call's arguments, as far as they go where `max_tokens` has cut them short."""
    try:
        return _INPUT.validate_json(text, experimental_allow_partial=True)
    except ValidationError:  # no text at all, or none that begins an object
        return {}
