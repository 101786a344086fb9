"""What goes into and comes out of POST /v1/chat/completions."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from ...errors import InvalidRequest, UnknownOption
from ..fields import ApiModel, Refusals, SamplingFields
from ..generations import FinishText
from ..tokens import ChatLogprobs
from ..usage import Usage


class TextPart(ApiModel):
    """A part of a message's content; text is the only kind."""

    type: Literal["text"]
    text: str


class CalledFunction(ApiModel):
    """A call's function and its arguments as JSON text. OpenAI's client adds what it read there; that is not read."""

    name: str
    arguments: str
    parsed_arguments: Any = None


class MessageToolCall(ApiModel):
    """A tool call that the assistant made earlier. `index` is its place in the list, as a stream tells it."""

    id: str | None = None
    type: Literal["function"] = "function"
    function: CalledFunction
    index: int | None = None

    def plain(self, place: str) -> dict[str, Any]:
        """The call as chat templates take it: arguments as an object, which they write in the model's own way.

        Raises `InvalidRequest` naming `place` where the arguments are no JSON object. No text at all is one without
        members.
        """
        try:
            arguments = json.loads(self.function.arguments or "{}")
        except (ValueError, RecursionError):
            arguments = None
        if not isinstance(arguments, dict):
            place += ".function.arguments"
            raise InvalidRequest(f"{place}: must be a JSON object as text", param=place)
        call = {"type": self.type, "function": {"name": self.function.name, "arguments": arguments}}
        return call if self.id is None else {"id": self.id, **call}


class ChatMessage(ApiModel):
    """One message. What an answer's message holds beside content and tool calls may come back as null.

    `parsed` is what OpenAI's client read in the content of an answer; it is not read here.
    """

    refused: ClassVar[Refusals] = {
        "annotations": (None, []),
        "audio": (None,),
        "function_call": (None,),
        "refusal": (None,),
    }

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    name: str | None = None
    tool_calls: list[MessageToolCall] | None = None
    tool_call_id: str | None = None
    parsed: Any = None

    def plain(self, place: str) -> dict[str, Any]:
        """The message as chat templates take it: content as one text. Raises `InvalidRequest` naming `place`."""
        if self.tool_calls and self.role != "assistant":
            raise InvalidRequest(f"{place}.tool_calls: only an assistant calls tools", param=f"{place}.tool_calls")
        if self.content is None and not self.tool_calls:
            raise InvalidRequest(f"{place}.content: this field is required", param=f"{place}.content")
        parts = self.content if isinstance(self.content, list) else []
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in parts)
        message: dict[str, Any] = {"role": self.role, "content": text}
        if self.name is not None:
            message["name"] = self.name
        if self.tool_calls:
            message["tool_calls"] = [call.plain(f"{place}.tool_calls[{at}]") for at, call in enumerate(self.tool_calls)]
        if self.tool_call_id is not None:
            message["tool_call_id"] = self.tool_call_id
        return message


class ToolFunction(ApiModel):
    """A function that the model may call. `strict` is not served yet: arguments are the model's own."""

    refused: ClassVar[Refusals] = {"strict": (None, False)}

    name: str = Field(min_length=1, max_length=64)
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(ApiModel):
    """A tool; functions are the only kind."""

    type: Literal["function"]
    function: ToolFunction


class ChatRequest(SamplingFields):
    """OpenAI's request; the fields refused are OpenAI's that this server does not serve."""

    refused: ClassVar[Refusals] = {
        "audio": (None,),
        "function_call": (None,),
        "functions": (None, []),
        "metadata": (None, {}),
        "modalities": (None, ["text"]),
        "parallel_tool_calls": (None, True),
        "prediction": (None,),
        "prompt_cache_retention": (None, "in_memory"),
        "reasoning_effort": (None,),
        "service_tier": (None, "auto", "default"),
        "store": (None, False),
        "verbosity": (None,),
        "web_search_options": (None,),
    }

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    tools: list[Tool] | None = None
    tool_choice: str | dict[str, Any] | None = None

    def most_tokens(self) -> int | None:
        """`max_completion_tokens`, or `max_tokens` by its older name. Raises `InvalidRequest` where they differ."""
        names = (self.max_completion_tokens, self.max_tokens)
        if None not in names and names[0] != names[1]:
            raise InvalidRequest("max_tokens and max_completion_tokens differ: give one", param="max_tokens")
        return names[0] if names[0] is not None else names[1]

    def wanted_logprobs(self) -> tuple[bool, int]:
        """(whether logprobs are wanted, how many alternatives). Raises `InvalidRequest` for these without those."""
        if self.top_logprobs and not self.logprobs:
            raise InvalidRequest("top_logprobs: needs logprobs to be true", param="top_logprobs")
        return bool(self.logprobs), self.top_logprobs or 0

    def offered_tools(self) -> list[dict[str, Any]]:
        """The tools that the model is told of: none where `tool_choice` forbids them.

        Raises `InvalidRequest` for a choice without tools, `UnknownOption` for one that would have to be enforced.
        """
        if self.tool_choice in (None, "auto", "none"):
            if not self.tools or self.tool_choice == "none":
                return []
            return [tool.model_dump(exclude_unset=True) for tool in self.tools]
        if not self.tools:
            raise InvalidRequest("tool_choice: there are no tools to choose from", param="tool_choice")
        raise UnknownOption('tool_choice: this server knows "auto" and "none"', param="tool_choice")

    def check_format(self) -> None:
        """Raise `InvalidRequest` for an answer that must be JSON and may be a tool call too: not served yet."""
        if self.response_format is not None and self.response_format.type != "text" and self.offered_tools():
            raise InvalidRequest(
                "response_format: not together with tools, unless tool_choice is none", param="response_format"
            )


class AnsweredFunction(BaseModel):
    """The function called, and its arguments as JSON text."""

    name: str
    arguments: str


class AnsweredToolCall(BaseModel):
    """A tool call of the model's; a stream's delta says with `index` which one it is."""

    index: int | None = None
    id: str
    type: Literal["function"]
    function: AnsweredFunction


class AnswerMessage(BaseModel):
    """What the assistant said."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    tool_calls: list[AnsweredToolCall] | None = None


ChatFinishText = FinishText | Literal["tool_calls"]


class ChatChoice(BaseModel):
    """One answer."""

    index: int
    message: AnswerMessage
    logprobs: ChatLogprobs | None
    finish_reason: ChatFinishText


class ChatCompletion(BaseModel):
    """The whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


class Delta(BaseModel):
    """What a chunk adds to a message; only the fields that it adds are there."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    tool_calls: list[AnsweredToolCall] | None = None


class ChunkChoice(BaseModel):
    """What a chunk adds to an answer."""

    index: int
    delta: Delta
    logprobs: ChatLogprobs | None
    finish_reason: ChatFinishText | None


class ChatChunk(BaseModel):
    """A chunk of a stream; a last one without choices holds the usage."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None = None
