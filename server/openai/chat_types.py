"""What goes into and comes out of POST /v1/chat/completions."""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from ...errors import InvalidRequest
from ..constraint_fields import ConstraintFields
from ..fields import ApiModel, Refusals, SamplingFields
from ..generations import FinishText
from ..tokens import ChatLogprobs
from ..turns import ToolUse, chosen_tools
from ..usage import Usage
from .prompt_logprobs import OTHER_EXTENSIONS_REFUSED, PromptLogprobs, PromptLogprobsField


class TextPart(ApiModel):
    """A part of a message's content; text is the only kind."""

    type: Literal["text"]
    text: str


class OtherPart(ApiModel):
    """A part that is no text. Nothing of it is read: no address in it is fetched."""

    model_config = ConfigDict(extra="allow")

    type: str


def _part_tag(part: Any) -> str:
    # Neither tag is the name of a field: a fault's place is told from the names in it that the body has.
    kind = part.get("type", "text") if isinstance(part, dict) else getattr(part, "type", "text")
    return "other part" if isinstance(kind, str) and kind != "text" else "text part"


Part = Annotated[
    Annotated[TextPart, Tag("text part")] | Annotated[OtherPart, Tag("other part")], Discriminator(_part_tag)
]


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

    `reasoning_content` is what the model wrote to itself; chat templates see it. `parsed` is what OpenAI's client read
    in the content of an answer; it is not read here.
    """

    refused: ClassVar[Refusals] = {
        "annotations": (None, []),
        "audio": (None,),
        "function_call": (None,),
        "refusal": (None,),
    }

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[MessageToolCall] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    parsed: Any = None

    def plain(self, place: str) -> dict[str, Any]:
        """The message as chat templates take it: content as one text. Raises `InvalidRequest` naming `place`."""
        if self.tool_calls and self.role != "assistant":
            raise InvalidRequest(f"{place}.tool_calls: only an assistant calls tools", param=f"{place}.tool_calls")
        if self.content is None and not self.tool_calls:
            raise InvalidRequest(f"{place}.content: this field is required", param=f"{place}.content")
        message: dict[str, Any] = {"role": self.role, "content": self._text(f"{place}.content")}
        if self.name is not None:
            message["name"] = self.name
        if self.tool_calls:
            message["tool_calls"] = [call.plain(f"{place}.tool_calls[{at}]") for at, call in enumerate(self.tool_calls)]
        for name in ("tool_call_id", "reasoning_content"):
            if getattr(self, name) is not None:
                message[name] = getattr(self, name)
        return message

    def _text(self, place: str) -> str:
        if not isinstance(self.content, list):
            return self.content or ""
        texts = []
        for at, part in enumerate(self.content):
            if isinstance(part, OtherPart):
                raise InvalidRequest(f"{place}[{at}]: this model takes text only", param=f"{place}[{at}]")
            texts.append(part.text)
        return "".join(texts)


class ToolFunction(ApiModel):
    """A function that the model may call. `strict` or not, arguments are always held to `parameters`."""

    name: str = Field(min_length=1, max_length=64)
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    def plain(self) -> dict[str, Any]:
        """As chat templates take it."""
        return self.model_dump(exclude_none=True, exclude={"strict"})


class Tool(ApiModel):
    """A tool; functions are the only kind."""

    type: Literal["function"]
    function: ToolFunction


class FunctionName(ApiModel):
    """A function, named."""

    name: str


class NamedTool(ApiModel):
    """The tool that must be called."""

    type: Literal["function"]
    function: FunctionName


class AllowedTools(ApiModel):
    """Those of the tools that may be called."""

    mode: Literal["auto", "required"]
    tools: list[NamedTool] = Field(min_length=1)


class AllowedToolsChoice(ApiModel):
    """OpenAI's restriction to some of the tools."""

    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


class ChatRequest(SamplingFields, ConstraintFields):
    """OpenAI's request; the fields refused are OpenAI's that this server does not serve.

    Extensions: `chat_template_kwargs` are further names for the model's chat template, and `include_reasoning` false
    leaves the reasoning out of the answer.
    """

    refused: ClassVar[Refusals] = OTHER_EXTENSIONS_REFUSED | {
        "add_generation_prompt": (None, True),
        "audio": (None,),
        "chat_template": (None,),
        "continue_final_message": (None, False),
        "documents": (None, []),
        "echo": (None, False),
        "function_call": (None,),
        "functions": (None, []),
        "metadata": (None, {}),
        "mm_processor_kwargs": (None,),
        "modalities": (None, ["text"]),
        "prediction": (None,),
        "prompt_cache_retention": (None, "in_memory", "in-memory"),
        "separate_reasoning": (None, True),
        "service_tier": (None, "auto", "default"),
        "store": (None, False),
        "stream_reasoning": (None, True),
        "verbosity": (None,),
        "web_search_options": (None,),
    }

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    prompt_logprobs: PromptLogprobsField = None
    tools: list[Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | NamedTool | AllowedToolsChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = Field(default=None, max_length=32)
    include_reasoning: bool | None = None
    chat_template_kwargs: dict[str, Any] | None = None

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

    def tool_use(self) -> ToolUse:
        """The tools that the model is told of (none where `tool_choice` forbids them), and what it may call."""
        tools = tuple({"type": tool.type, "function": tool.function.plain()} for tool in self.tools or ())
        choice = self.tool_choice
        allowed = None
        if isinstance(choice, NamedTool):
            allowed, choice = [choice.function.name], "required"
        elif isinstance(choice, AllowedToolsChoice):
            allowed = [tool.function.name for tool in choice.allowed_tools.tools]
            choice = choice.allowed_tools.mode
        one_call = isinstance(self.tool_choice, NamedTool) or self.parallel_tool_calls is False
        return chosen_tools(tools, choice or "auto", allowed, parallel=not one_call)


class AnsweredFunction(BaseModel):
    """The function called, and its arguments as JSON text."""

    name: str
    arguments: str


class AnsweredToolCall(BaseModel):
    """A tool call of the model's."""

    id: str
    type: Literal["function"]
    function: AnsweredFunction


class FunctionDelta(BaseModel):
    """What a chunk adds to a call: first its name, then pieces of its arguments' JSON text."""

    name: str | None = None
    arguments: str | None = None


class ToolCallDelta(BaseModel):
    """What a chunk adds to the tool call at `index`; its first one tells id and type."""

    index: int
    id: str | None = None
    type: Literal["function"] | None = None
    function: FunctionDelta


class AnswerMessage(BaseModel):
    """What the assistant said."""

    role: Literal["assistant"]
    content: str | None
    reasoning_content: str | None = None
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
    prompt_logprobs: PromptLogprobs | None = None


class Delta(BaseModel):
    """What a chunk adds to a message; only the fields that it adds are there."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCallDelta] | None = None


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
