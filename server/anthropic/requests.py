"""What goes into POST /v1/messages and /v1/messages/count_tokens."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from ...errors import InvalidRequest, UnknownOption
from ...grammar.constraints import json_schema
from ..constraint_fields import Asked
from ..fields import ApiModel, Refusals, RequestBody, SamplingFields
from ..served import Served
from ..turns import Conversation, taken_prefill
from .blocks import CacheControl, SystemBlock
from .conversation import InputMessage, chat_messages
from .thinking import Effort, Thinking, thinking_variables
from .tools import Tool, ToolChoice, tool_use


class OutputFormat(ApiModel):
    """A JSON schema that the text must fit. It is always enforced."""

    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class OutputConfig(ApiModel):
    """What the answer is like."""

    refused: ClassVar[Refusals] = {"task_budget": (None,)}

    effort: Effort | None = None
    format: OutputFormat | None = None


class ConversationRequest(RequestBody):
    """What both endpoints take; the fields refused are Anthropic's that this server does not serve.

    `cache_control`, here and on blocks and tools, is a hint that changes nothing: prefixes are cached without it.
    `output_format` is an older name of `output_config.format`.
    """

    refused: ClassVar[Refusals] = {
        "billing_policy": (None,),
        "compaction": (None,),
        "container": (None,),
        "context_management": (None, {}, {"edits": []}),
        "diagnostics": (None,),
        "fallback_credit_token": (None,),
        "fallbacks": (None, []),
        "inference_geo": (None,),
        "mcp_servers": (None, []),
        "speed": (None, "standard"),
        "thread": (None,),
        "user_profile_id": (None,),
        "workspace_id": (None,),
    }

    model: str
    messages: list[InputMessage] = Field(min_length=1)
    system: str | list[SystemBlock] | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None
    cache_control: CacheControl | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_thread(cls, data: Any) -> Any:
        """By this code, Anthropic's client goes on by sending the whole conversation each time."""
        if isinstance(data, dict) and data.get("thread") is not None:
            raise UnknownOption(
                "thread: this server keeps no conversations", param="thread", code="thread_unsupported_request"
            )
        return data

    def conversation(self, served: Served, max_tokens: int | None = None) -> Conversation:
        """What is to be answered. Raises `InvalidRequest` naming the field at fault."""
        if self.thinking is not None:
            self.thinking.check(max_tokens)
        effort = self.output_config.effort if self.output_config is not None else None
        messages = chat_messages(self.system, self.messages)
        prefill = taken_prefill(messages, len(self.messages) - 1)
        asked = self._asked()
        if asked is not None and prefill:
            raise InvalidRequest(
                f"{asked.param}: does not go with a last message that begins the answer", param=asked.param
            )
        return Conversation(
            messages=messages,
            tools=tool_use(self.tools or (), self.tool_choice),
            asked=asked,
            variables=thinking_variables(self.thinking, effort, served),
            prefill=prefill,
        )

    def _asked(self) -> Asked | None:
        given = {
            "output_config.format": self.output_config.format if self.output_config is not None else None,
            "output_format": self.output_format,
        }
        formats = [(name, value) for name, value in given.items() if value is not None]
        if len(formats) > 1:
            raise InvalidRequest("output_config.format and output_format: give one", param="output_format")
        return next((Asked(json_schema(value.schema_), name) for name, value in formats), None)


class CountRequest(ConversationRequest):
    """A conversation whose tokens are to be counted."""


class Metadata(ApiModel):
    """Who asks: told to nobody, and of no effect on any result."""

    user_id: str | None = None


class MessagesRequest(ConversationRequest):
    """A conversation to be answered.

    The default of temperature, top_p and top_k is the model's. There is one tier of service, which is every
    `service_tier`.
    """

    max_tokens: int = Field(ge=0)
    temperature: float | None = Field(default=None, ge=0.0, le=1.0)
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    metadata: Metadata | None = None

    def sampling_fields(self) -> SamplingFields:
        """How tokens are drawn, in this server's names."""
        return SamplingFields(
            temperature=self.temperature, top_p=self.top_p, top_k=self.top_k, stop=self.stop_sequences or None
        )
