"""What an answer may consist of, as a structural tag, and a reader that takes it apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequest
from .pieces import ContentText, Piece, PieceReader
from .reasoning import ReasoningMarkers, ReasoningReader
from .tool_formats import ToolFormat
from .tool_formats.tools import name_of


@dataclass(frozen=True)
class AnswerForm:
    """What an answer may consist of.

    Attributes:
        tool_format: how the model writes calls.
        tools: those that may be called, in OpenAI's form. One without `parameters` takes an object without members.
        required: at least one call, and no content.
        parallel: more than one call.
        content: a format of a structural tag that content must match, such as ``{"json_schema": {...}}``; None is free
            text. An answer under it is calls only or content only.
        reasoning: the model may reason first, between these markers.
        reasoning_opened: the prompt ends inside the reasoning.

    Raises:
        InvalidRequest: there are tools and no `tool_format`, or no tools where a call is required.
    """

    tool_format: ToolFormat | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    required: bool = False
    parallel: bool = True
    content: Mapping[str, Any] | None = None
    reasoning: ReasoningMarkers | None = None
    reasoning_opened: bool = False

    def __post_init__(self) -> None:
        if self.tools and self.tool_format is None:
            raise InvalidRequest(
                "this model's chat template writes tool calls in no format that is known: no tools can be given",
                param="tools",
            )
        if self.required and not self.tools:
            raise InvalidRequest("a tool call is required, and there are no tools", param="tool_choice")

    def structural_tag(self) -> dict[str, Any] | None:
        """The constraint; None where there are neither tools nor a constraint on the content.

        Raises:
            InvalidRequest: a tool that cannot be called in this format.
        """
        answer = self._answer()
        if answer is None:
            return None
        return {"type": "structural_tag", "format": self._after_reasoning(answer)}

    def _answer(self) -> Mapping[str, Any] | None:
        if self.tool_format is None or not self.tools:
            return self.content
        either = self.content is not None and not self.required
        calls = self.tool_format.calls(self.tools, required=self.required or either, parallel=self.parallel)
        return {"type": "or", "elements": [calls, self.content]} if either else calls

    def _after_reasoning(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """`answer`, before it any text up to the closing marker, and line breaks as models write them there."""
        if self.reasoning is None:
            return answer
        text, closing = {"type": "any_text"}, self.reasoning.closing
        line_breaks = {"type": "regex", "pattern": r"\n{0,2}"}
        if self.reasoning_opened:
            end = {"type": "const_string", "value": closing}
            return {"type": "sequence", "elements": [text, end, line_breaks, answer]}
        tag = {"type": "tag", "begin": self.reasoning.opening, "content": text, "end": closing}
        block = {"type": "optional", "content": {"type": "sequence", "elements": [tag, line_breaks]}}
        return {"type": "sequence", "elements": [block, answer]}

    def reader(self) -> AnswerReader:
        """A fresh reader of one answer of this form."""
        reasoning = None
        if self.reasoning is not None:
            reasoning = ReasoningReader(self.reasoning, opened=self.reasoning_opened)
        calls = None
        if self.tool_format is not None and self.tools:
            calls = self.tool_format.reader({name_of(tool) for tool in self.tools}, alone=self.content is not None)
        return AnswerReader(reasoning, calls)


class AnswerReader:
    """Takes an answer apart while it streams: reasoning, content and calls. A `PieceReader`."""

    def __init__(self, reasoning: ReasoningReader | None, calls: PieceReader | None) -> None:
        self._reasoning = reasoning
        self._calls = calls

    def push(self, text: str) -> list[Piece]:
        """The pieces that are known now. What may become a marker is kept back."""
        if self._reasoning is None:
            return self._answered(text)
        return self._after(self._reasoning.push(text))

    def end(self) -> list[Piece]:
        """What is left, once the text is complete. A call that was cut off just ends."""
        left = self._after(self._reasoning.end()) if self._reasoning is not None else []
        return left + (self._calls.end() if self._calls is not None else [])

    def _after(self, pieces: list[Piece]) -> list[Piece]:
        """What of these follows the reasoning is taken apart in turn."""
        made: list[Piece] = []
        for piece in pieces:
            made += self._answered(piece.text) if isinstance(piece, ContentText) else [piece]
        return made

    def _answered(self, text: str) -> list[Piece]:
        if self._calls is not None:
            return self._calls.push(text)
        return [ContentText(text)] if text else []
