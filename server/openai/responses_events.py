"""The output of a response while it grows: its items, and the events that tell of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...chat.answer_form import AnswerReader
from ...chat.pieces import CallArguments, CallOpened, ContentText, Piece, ReasoningText
from ...request import FinishReason, TokenEvent
from ..served import new_id
from ..tokens import ApiTokenizer, TokenLogprob, chat_logprobs
from .responses_answer import (
    AnsweredCall,
    AnsweredMessage,
    AnsweredReasoning,
    AnsweredReasoningText,
    AnsweredText,
    OutputItem,
)

Event = tuple[str, dict[str, Any]]
"""An event's name, and what it says beside that and its number."""


class OutputWriter:
    """Takes a generation's events and gives the response's; one item is open at a time.

    White space before calls is no message. An answer without calls has one, though it be empty, unless it was cut
    short before.

    Args:
        tokenizer: writes tokens as text for logprobs; None where they are not wanted.

    Attributes:
        items: the output so far.
        reasoning_tokens: tokens of the output up to where its reasoning ends.
    """

    def __init__(self, reader: AnswerReader, tokenizer: ApiTokenizer | None) -> None:
        self.items: list[OutputItem] = []
        self.reasoning_tokens = 0
        self._reader = reader
        self._tokens = 0
        self._open: OutputItem | None = None
        self._texts: list[str] = []  # of the open item; put together where it closes
        self._blank = ""
        self._logprobs = _TextLogprobs(tokenizer)

    def push(self, event: TokenEvent, *, carries_token: bool) -> Iterator[Event]:
        """What an event of the generation adds."""
        self._tokens += carries_token
        if carries_token:
            self._logprobs.add(event)
        for piece in self._reader.push(event.text):
            yield from self._piece(piece)
        if isinstance(self._open, AnsweredReasoning):
            self.reasoning_tokens = self._tokens
        if event.finish is not None:
            for piece in self._reader.end():
                yield from self._piece(piece)
            stopped = isinstance(self._open, AnsweredCall) and event.stop_reason is not None
            yield from self._end(cut_short=stopped or event.finish is FinishReason.LENGTH)

    def give_up(self) -> None:
        """There comes no more, and nobody is told."""
        if self._open is not None:
            self._settle(self._open, cut_short=True)
            self._open = None

    def _piece(self, piece: Piece) -> Iterator[Event]:
        match piece:
            case ReasoningText(text):
                yield from self._reasoning(text)
            case ContentText(text):
                yield from self._content(text)
            case CallOpened(_, name):
                self._blank = ""
                yield from self._begin(AnsweredCall(id=new_id("fc", "_"), call_id=new_id("call", "_"), name=name))
            case CallArguments(_, text):
                yield from self._arguments(text)
        if not isinstance(piece, ContentText):
            self._logprobs.skip()

    def _reasoning(self, text: str) -> Iterator[Event]:
        if not isinstance(self._open, AnsweredReasoning):
            yield from self._begin(AnsweredReasoning(id=new_id("rs", "_")))
            yield from self._add_part(AnsweredReasoningText())
        self._texts.append(text)
        yield self._event("response.reasoning_text.delta", content_index=0, delta=text)

    def _content(self, text: str) -> Iterator[Event]:
        if not isinstance(self._open, AnsweredMessage):
            if not text.strip():
                self._blank += text
                yield from self._close()
                return
            yield from self._begin_message()
            text, self._blank = self._blank + text, ""
        yield from self._text(text, self._logprobs.of(text))

    def _begin_message(self) -> Iterator[Event]:
        yield from self._begin(AnsweredMessage(id=new_id("msg", "_")))
        yield from self._add_part(AnsweredText())

    def _text(self, text: str, logprobs: list[TokenLogprob]) -> Iterator[Event]:
        assert isinstance(self._open, AnsweredMessage)
        self._texts.append(text)
        self._open.content[0].logprobs += logprobs
        told = [logprob.model_dump() for logprob in logprobs]
        yield self._event("response.output_text.delta", content_index=0, delta=text, logprobs=told)

    def _arguments(self, text: str) -> Iterator[Event]:
        self._texts.append(text)
        yield self._event("response.function_call_arguments.delta", delta=text)

    def _begin(self, item: OutputItem) -> Iterator[Event]:
        yield from self._close()
        self._open = item
        self.items.append(item)
        yield "response.output_item.added", {"output_index": len(self.items) - 1, "item": item.model_dump()}

    def _add_part(self, part: Any) -> Iterator[Event]:
        assert isinstance(self._open, AnsweredMessage | AnsweredReasoning)
        self._open.content = [part]
        yield self._event("response.content_part.added", content_index=0, part=part.model_dump())

    def _end(self, *, cut_short: bool) -> Iterator[Event]:
        has_calls = any(isinstance(item, AnsweredCall) for item in self.items)
        if not has_calls and not isinstance(self._open, AnsweredMessage) and not (cut_short and self.items):
            yield from self._begin_message()
            yield from self._text(self._blank, self._logprobs.of(self._blank))
        yield from self._close(cut_short=cut_short)

    def _close(self, *, cut_short: bool = False) -> Iterator[Event]:
        item = self._open
        if item is None:
            return
        self._settle(item, cut_short=cut_short)
        match item:
            case AnsweredReasoning():
                part: Any = item.content[0].model_dump()
                yield self._event("response.reasoning_text.done", content_index=0, text=part["text"])
                yield self._event("response.content_part.done", content_index=0, part=part)
            case AnsweredMessage():
                part = item.content[0].model_dump()
                said = {"text": part["text"], "logprobs": part["logprobs"]}
                yield self._event("response.output_text.done", content_index=0, **said)
                yield self._event("response.content_part.done", content_index=0, part=part)
            case AnsweredCall():
                yield self._event("response.function_call_arguments.done", name=item.name, arguments=item.arguments)
        yield "response.output_item.done", {"output_index": len(self.items) - 1, "item": item.model_dump()}
        self._open = None

    def _settle(self, item: OutputItem, *, cut_short: bool) -> None:
        """Give an item its text and its status. A call may have come to its end where the answer did not."""
        text = "".join(self._texts)
        self._texts.clear()
        if isinstance(item, AnsweredCall):
            item.arguments = text
            cut_short = cut_short and not item.is_whole()
        else:
            item.content[0].text = text
        item.status = "incomplete" if cut_short else "completed"

    def _event(self, name: str, /, **data: Any) -> Event:
        assert self._open is not None
        return name, {"item_id": self._open.id, "output_index": len(self.items) - 1, **data}


class _TextLogprobs:
    """Which tokens a piece of text came from: the newest ones, back to where its characters are covered."""

    def __init__(self, tokenizer: ApiTokenizer | None) -> None:
        self._tokenizer = tokenizer
        self._waiting: list[TokenEvent] = []

    def add(self, event: TokenEvent) -> None:
        """A token whose text is not yet told."""
        if self._tokenizer is not None:
            self._waiting.append(event)

    def skip(self) -> None:
        """What waits was reasoning, a call or a marker."""
        self._waiting.clear()

    def of(self, text: str) -> list[TokenLogprob]:
        """The tokens of a text that is told now."""
        if self._tokenizer is None:
            return []
        start, left = len(self._waiting), len(text)
        # A token before that has no text of its own holds the first bytes of a character.
        while start > 0 and (left > 0 or not self._waiting[start - 1].text):
            start -= 1
            left -= len(self._waiting[start].text)
        tokens: Sequence[TokenEvent] = self._waiting[start:]
        self._waiting.clear()
        return chat_logprobs(self._tokenizer, tokens).content
