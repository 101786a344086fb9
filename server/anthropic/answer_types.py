"""What comes out of POST /v1/messages and /v1/messages/count_tokens."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ..usage import Usage


class AnswerText(BaseModel):
    """Text of the answer."""

    type: Literal["text"]
    text: str
    citations: None


class AnswerThinking(BaseModel):
    """What the model wrote to itself. It is not signed."""

    type: Literal["thinking"]
    thinking: str
    signature: str


class AnswerToolUse(BaseModel):
    """A call of one of the client's tools."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]


AnswerBlock = Annotated[AnswerText | AnswerThinking | AnswerToolUse, Field(discriminator="type")]

StopReason = Literal["end_turn", "max_tokens", "stop_sequence", "tool_use", "model_context_window_exceeded"]


class MessageUsage(BaseModel):
    """Tokens; those of the prompt that the prefix cache had are told apart. Filling it costs nothing: none are."""

    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int
    service_tier: Literal["standard"]

    @classmethod
    def of(cls, usage: Usage) -> MessageUsage:
        """OpenAI's usage in Anthropic's words."""
        cached = usage.prompt_tokens_details.cached_tokens
        return cls(
            input_tokens=usage.prompt_tokens - cached,
            cache_creation_input_tokens=0,
            cache_read_input_tokens=cached,
            output_tokens=usage.completion_tokens,
            service_tier="standard",
        )


class Message(BaseModel):
    """The answer; a stream begins by one without content."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[AnswerBlock]
    stop_reason: StopReason | None
    stop_sequence: str | None
    usage: MessageUsage


class TokenCount(BaseModel):
    """How many tokens a conversation has."""

    input_tokens: int
