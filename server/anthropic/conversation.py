"""Anthropic's messages as the chat messages that templates take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from ...errors import InvalidRequest
from ..fields import ApiModel
from .blocks import Block, OtherBlock, SystemBlock, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock, joined_text


class InputMessage(ApiModel):
    """One message; text stands for a single block of it."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


def chat_messages(system: str | list[SystemBlock] | None, messages: Sequence[InputMessage]) -> list[dict[str, Any]]:
    """The conversation as chat templates take it.

    Neighbours of one role become one message. A user's text blocks are put on lines of their own; an assistant's are
    joined as they stand, since they are what the model wrote.

    Raises `InvalidRequest` naming the place of a block that is of no use there.
    """
    reader = _Reader()
    if system:
        reader.take({"role": "system", "content": joined_text(system, "system")})
    for at, message in enumerate(messages):
        reader.read(message, f"messages[{at}]")
    return reader.messages


class _Reader:
    """Reads messages in order; remembers which tool each call was of."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self._tools: dict[str, str] = {}

    def take(self, message: dict[str, Any]) -> None:
        """Add a message, or to the last one where that has the same role."""
        last = self.messages[-1] if self.messages else None
        if last is None or last["role"] != message["role"] or message["role"] == "tool":
            self.messages.append(message)
            return
        between = "" if message["role"] == "assistant" else "\n"
        last["content"] += between + message["content"]
        for name in ("reasoning_content", "tool_calls"):
            if name in message:
                last[name] = last[name] + message[name] if name in last else message[name]

    def read(self, message: InputMessage, place: str) -> None:
        """Add what a message holds."""
        if isinstance(message.content, str):
            self.take({"role": message.role, "content": message.content})
            return
        place += ".content"
        if not message.content:
            raise InvalidRequest(f"{place}: at least one block is needed", param=place)
        blocks = [(block, f"{place}[{at}]") for at, block in enumerate(message.content)]
        if message.role == "assistant":
            self._assistant(blocks)
        else:
            self._user(message.role, blocks)

    def _user(self, role: str, blocks: list[tuple[Block, str]]) -> None:
        """Results, each a message of its own, and then text."""
        texts: list[str] = []
        for block, place in blocks:
            match block:
                case TextBlock():
                    texts.append(block.text)
                case ToolResultBlock() if role == "user" and texts:
                    raise InvalidRequest(f"{place}: tool results come before the message's text", param=place)
                case ToolResultBlock() if role == "user":
                    self.take(self._result(block, place))
                case _:
                    raise _misplaced(block, role, place)
        if texts:
            self.take({"role": role, "content": "\n".join(texts)})

    def _result(self, block: ToolResultBlock, place: str) -> dict[str, Any]:
        name = self._tools.get(block.tool_use_id)
        if name is None:
            place += ".tool_use_id"
            raise InvalidRequest(f"{place}: no tool use before it has this id", param=place)
        return {"role": "tool", "tool_call_id": block.tool_use_id, "name": name, "content": block.text(place)}

    def _assistant(self, blocks: list[tuple[Block, str]]) -> None:
        texts: list[str] = []
        thinking: list[str] = []
        calls: list[dict[str, Any]] = []
        for block, place in blocks:
            match block:
                case TextBlock():
                    texts.append(block.text)
                case ThinkingBlock():
                    thinking.append(block.thinking)
                case ToolUseBlock():
                    self._tools[block.id] = block.name
                    calls.append(block.plain())
                case _:
                    raise _misplaced(block, "assistant", place)
        message: dict[str, Any] = {"role": "assistant", "content": "".join(texts)}
        if thinking:
            message["reasoning_content"] = "".join(thinking)
        if calls:
            message["tool_calls"] = calls
        self.take(message)


def _misplaced(block: Block, role: str, place: str) -> InvalidRequest:
    if isinstance(block, OtherBlock):
        return block.refuse(place)
    return InvalidRequest(f"{place}: {block.type} does not belong into a message of role {role}", param=place)
