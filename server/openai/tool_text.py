"""Tool calls in a model's text, whole and as it arrives."""

from __future__ import annotations

import secrets
from typing import Protocol

from ...chat.tool_formats.hermes import OPENING as HERMES_OPENING
from ...chat.tools import parse_tool_calls
from ...runtime.detokenizer import overlap
from .chat_types import AnsweredFunction, AnsweredToolCall


class Splitter(Protocol):
    """Divides an answer's text into what is shown as it comes and what is kept for the end."""

    def push(self, text: str) -> str:
        """The text that may be shown now."""
        ...

    def end(self) -> tuple[str, list[AnsweredToolCall]]:
        """(text still to show, tool calls), once the answer is complete."""
        ...


class PlainText:
    """For a chat without tools: all text is shown."""

    def push(self, text: str) -> str:
        return text

    def end(self) -> tuple[str, list[AnsweredToolCall]]:
        return "", []


class ToolText:
    """For a chat with tools: shows text up to the first tool call, keeping back what may begin one."""

    def __init__(self) -> None:
        self._kept = ""

    def push(self, text: str) -> str:
        self._kept += text
        cut = self._kept.find(HERMES_OPENING)
        if cut < 0:
            cut = len(self._kept) - overlap(self._kept, HERMES_OPENING)
        shown, self._kept = self._kept[:cut], self._kept[cut:]
        return shown

    def end(self) -> tuple[str, list[AnsweredToolCall]]:
        content, calls = parse_tool_calls(self._kept)
        return content, [
            AnsweredToolCall(
                id=f"call_{secrets.token_hex(12)}",
                type="function",
                function=AnsweredFunction(name=call.name, arguments=call.arguments),
            )
            for call in calls
        ]


def splitter(has_tools: bool) -> Splitter:
    """A fresh splitter for one answer."""
    return ToolText() if has_tools else PlainText()
