"""The content blocks of a request's messages."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from ...errors import UnknownOption
from ..fields import ApiModel, Refusals


class CacheControl(ApiModel):
    """Where a prefix to be cached ends: a hint that changes nothing, since every prefix is cached without being asked.

    How long it stays is up to the room that there is, whatever `ttl` says.
    """

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class TextBlock(ApiModel):
    """Text."""

    refused: ClassVar[Refusals] = {"citations": (None, [])}

    type: Literal["text"]
    text: str
    cache_control: CacheControl | None = None


class ThinkingBlock(ApiModel):
    """What the model wrote to itself in an earlier answer. Nothing here is signed: `signature` is not looked at."""

    type: Literal["thinking"]
    thinking: str
    signature: str | None = None


class ToolUseBlock(ApiModel):
    """A tool call that the assistant made earlier."""

    refused: ClassVar[Refusals] = {"caller": (None, {"type": "direct"}), "toolset_name": (None,)}

    type: Literal["tool_use"]
    id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    input: dict[str, Any]
    cache_control: CacheControl | None = None

    def plain(self) -> dict[str, Any]:
        """The call as chat templates take it."""
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.input}}


class OtherBlock(ApiModel):
    """A block of any other kind, which is refused by its name."""

    model_config = ConfigDict(extra="allow")

    type: str

    def refuse(self, place: str) -> UnknownOption:
        """The error that names it."""
        return UnknownOption(f"{place}: this server does not support blocks of type {self.type[:64]!r}", param=place)


def _kind_of(*known: str) -> Discriminator:
    """Chooses the member of a union. A tag is no field's name, which it would be mistaken for in an error's place."""

    def kind(block: Any) -> str | None:
        if not isinstance(block, dict):
            return None
        return f"{block['type']} block" if block.get("type") in known else "other block"

    return Discriminator(kind, custom_error_type="block_type", custom_error_message="must be a content block")


SystemBlock = Annotated[
    Annotated[TextBlock, Tag("text block")] | Annotated[OtherBlock, Tag("other block")], _kind_of("text")
]
"""What a system prompt, or a tool's result, is made of."""


class ToolResultBlock(ApiModel):
    """What a tool gave. A template has no way to mark an error, so that the text of one begins by "Error: "."""

    refused: ClassVar[Refusals] = {"toolset_name": (None,)}

    type: Literal["tool_result"]
    tool_use_id: str = Field(min_length=1)
    content: str | list[SystemBlock] | None = None
    is_error: bool | None = None
    cache_control: CacheControl | None = None

    def text(self, place: str) -> str:
        """The result as the model reads it."""
        text = joined_text(self.content or "", f"{place}.content")
        return f"Error: {text}" if self.is_error else text


Block = Annotated[
    Annotated[TextBlock, Tag("text block")]
    | Annotated[ThinkingBlock, Tag("thinking block")]
    | Annotated[ToolUseBlock, Tag("tool_use block")]
    | Annotated[ToolResultBlock, Tag("tool_result block")]
    | Annotated[OtherBlock, Tag("other block")],
    _kind_of("text", "thinking", "tool_use", "tool_result"),
]
"""What a message is made of."""


def joined_text(content: str | list[SystemBlock], place: str) -> str:
    """Text blocks as one text, each on lines of its own. Raises `UnknownOption` for a block of another kind."""
    if isinstance(content, str):
        return content
    texts = []
    for at, block in enumerate(content):
        if isinstance(block, OtherBlock):
            raise block.refuse(f"{place}[{at}]")
        texts.append(block.text)
    return "\n".join(texts)
