"""The request of POST /v1/responses."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from ...errors import GrammarError, InvalidRequest, UnknownOption
from ...grammar.constraints import json_schema
from ..constraint_fields import Asked
from ..fields import EXTENSIONS_REFUSED, ApiModel, Refusals, SamplingFields, StreamOptions
from ..turns import ToolUse, chosen_tools
from .responses_input import OTHER, InputItem, OtherKind, kind_of

LOGPROBS = "message.output_text.logprobs"
FORMAT_SCHEMA = "text.format.schema"


class ToolDefinition(ApiModel):
    """A function that the model may call. `strict` or not, arguments are always held to `parameters`."""

    refused: ClassVar[Refusals] = {
        "allowed_callers": (None, ["direct"]),
        "defer_loading": (None, False),
        "output_schema": (None,),
    }

    type: Literal["function"]
    name: str = Field(min_length=1, max_length=64)
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    def plain(self) -> dict[str, Any]:
        """As chat templates take it."""
        function = self.model_dump(exclude_none=True, exclude={"strict", "type"})
        return {"type": "function", "function": function}


class FunctionChoice(ApiModel):
    """A function, named."""

    type: Literal["function"]
    name: str


def _tool_kind(value: Any) -> str:
    return kind_of(value, ("function",))


ToolItem = Annotated[
    Annotated[ToolDefinition, Tag("<function>")] | Annotated[OtherKind, Tag(OTHER)], Discriminator(_tool_kind)
]
NamedTool = Annotated[
    Annotated[FunctionChoice, Tag("<function>")] | Annotated[OtherKind, Tag(OTHER)], Discriminator(_tool_kind)
]


class AllowedToolsChoice(ApiModel):
    """OpenAI's restriction to some of the tools."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: list[NamedTool] = Field(min_length=1)


ToolChoice = Annotated[
    Annotated[Literal["auto", "none", "required"], Tag("<word>")]
    | Annotated[FunctionChoice, Tag("<function>")]
    | Annotated[AllowedToolsChoice, Tag("<allowed_tools>")]
    | Annotated[OtherKind, Tag(OTHER)],
    Discriminator(lambda value: kind_of(value, ("function", "allowed_tools"), "<word>")),
]


class TextFormat(ApiModel):
    """What the text must be. `strict` or not, a schema is always enforced."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None

    def asked(self) -> Asked | None:
        """The constraint it stands for. Raises `InvalidRequest` where its parts do not fit its type."""
        if self.type != "json_schema":
            for part in ("name", "description", "schema_", "strict"):
                if getattr(self, part) is not None:
                    place = f"text.format.{part.rstrip('_')}"
                    raise InvalidRequest(f"{place}: does not belong to the type {self.type!r}", param=place)
            return None if self.type == "text" else Asked(json_schema({"type": "object"}), "text.format")
        if self.schema_ is None:
            raise InvalidRequest(f"{FORMAT_SCHEMA}: this field is required", param=FORMAT_SCHEMA)
        try:
            return Asked(json_schema(self.schema_), FORMAT_SCHEMA)
        except GrammarError as error:
            raise GrammarError(f"{FORMAT_SCHEMA}: {error.message}", param=FORMAT_SCHEMA, code=error.code) from error


class TextOptions(ApiModel):
    """How the text is to be; a verbosity of "medium" is how models write anyway."""

    refused: ClassVar[Refusals] = {"verbosity": (None, "medium")}

    format: TextFormat | None = None


class ReasoningOptions(ApiModel):
    """How the model is to reason. Its reasoning is shown as it is: there is no summary beside it, also for "auto"."""

    refused: ClassVar[Refusals] = {
        "context": (None, "auto"),
        "generate_summary": (None, "auto"),
        "mode": (None, "standard"),
        "summary": (None, "auto"),
    }

    effort: str | None = Field(default=None, max_length=32)


class ResponseStreamOptions(StreamOptions):
    """Streams always end with their usage, and are never padded."""

    refused: ClassVar[Refusals] = StreamOptions.refused | {"include_usage": (None, True)}


MetadataName = Annotated[str, Field(max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]
KEPT_RESPONSES = {
    "previous_response_id": "send the whole conversation as input",
    "conversation": "send the whole conversation as input",
    "store": "leave it out, or send false",
}
"""Fields that ask for what was or would be kept, and what to send instead."""


class ResponsesRequest(SamplingFields):
    """OpenAI's request, answered without keeping anything.

    The fields refused are OpenAI's that this server does not serve. `store` may be left out, which asks OpenAI to keep
    the response; here nothing is kept, as the answer says by `store: false`. Asked for in so many words it is refused.

    Extensions: the sampling fields of chat completions, and `chat_template_kwargs`, further names for the model's chat
    template.
    """

    refused: ClassVar[Refusals] = EXTENSIONS_REFUSED | {
        "background": (None, False),
        "context_management": (None, []),
        "conversation": (None,),
        "max_tool_calls": (None,),
        "moderation": (None,),
        "n": (None, 1),
        "previous_response_id": (None,),
        "prompt": (None,),
        "prompt_cache_options": (None,),
        "prompt_cache_retention": (None, "in_memory", "in-memory"),
        "service_tier": (None, "auto", "default"),
        "store": (None, False),
        "truncation": (None, "disabled"),
    }

    model: str
    input: str | Annotated[list[InputItem], Field(min_length=1)]
    instructions: str | None = None
    max_output_tokens: int | None = Field(default=None, ge=1)
    tools: list[ToolItem] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: TextOptions | None = None
    reasoning: ReasoningOptions | None = None
    include: list[str] | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    metadata: Annotated[dict[MetadataName, MetadataValue], Field(max_length=16)] | None = None
    stream_options: ResponseStreamOptions | None = None
    chat_template_kwargs: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _keeps_nothing(cls, data: Any) -> Any:
        """Say why these are refused, before they are refused like others."""
        for name, instead in KEPT_RESPONSES.items():
            if isinstance(data, dict) and data.get(name, False) not in (None, False):
                raise UnknownOption(f"{name}: this server keeps no responses: {instead}", param=name)
        return data

    @property
    def effort(self) -> str | None:
        """How much reasoning is asked for."""
        return self.reasoning.effort if self.reasoning is not None else None

    def asked(self) -> Asked | None:
        """What the text must be."""
        return self.text.format.asked() if self.text is not None and self.text.format is not None else None

    def wanted_logprobs(self) -> tuple[bool, int]:
        """(whether logprobs are wanted, how many alternatives).

        Raises `InvalidRequest` for alternatives without `include` asking for logprobs, or where it asks for more.
        """
        for at, name in enumerate(self.include or ()):
            if name != LOGPROBS:
                place = f"include[{at}]"
                raise UnknownOption(f'{place}: {name[:64]!r} is not supported here, only "{LOGPROBS}"', param=place)
        wanted = bool(self.include)
        if self.top_logprobs and not wanted:
            raise InvalidRequest(f'top_logprobs: needs "{LOGPROBS}" in include', param="top_logprobs")
        return wanted, self.top_logprobs or 0

    def tool_use(self) -> ToolUse:
        """The tools that the model is told of (none where `tool_choice` forbids them), and what it may call."""
        tools = tuple(_definition(tool, f"tools[{at}]").plain() for at, tool in enumerate(self.tools or ()))
        choice, allowed = "auto", None
        match self.tool_choice:
            case str(word):
                choice = word
            case FunctionChoice():
                choice, allowed = "required", [self.tool_choice.name]
            case AllowedToolsChoice():
                choice = self.tool_choice.mode
                allowed = [_name(tool, f"tool_choice.tools[{at}]") for at, tool in enumerate(self.tool_choice.tools)]
            case OtherKind():
                self.tool_choice.refuse("tool_choice", "functions")
        one_call = isinstance(self.tool_choice, FunctionChoice) or self.parallel_tool_calls is False
        return chosen_tools(tools, choice, allowed, parallel=not one_call)


def _definition(tool: ToolItem, place: str) -> ToolDefinition:
    if isinstance(tool, OtherKind):
        tool.refuse(place, "functions")
    return tool


def _name(tool: NamedTool, place: str) -> str:
    if isinstance(tool, OtherKind):
        tool.refuse(place, "functions")
    return tool.name
