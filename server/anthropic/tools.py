"""The tools of a request, and the choice between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from ...errors import InvalidRequest, UnknownOption
from ..fields import ApiModel, Refusals
from ..turns import ToolUse, chosen_tools
from .blocks import CacheControl


class CustomTool(ApiModel):
    """A tool of the client's. `strict` or not, inputs are always held to `input_schema`.

    They are streamed as they are written, whatever `eager_input_streaming` says.
    """

    refused: ClassVar[Refusals] = {
        "allowed_callers": (None, ["direct"]),
        "defer_loading": (None, False),
        "input_examples": (None, []),
    }

    type: Literal["custom"] | None = None
    name: str = Field(min_length=1, max_length=128)
    description: str | None = None
    input_schema: dict[str, Any]
    strict: bool | None = None
    eager_input_streaming: bool | None = None
    cache_control: CacheControl | None = None

    def plain(self) -> dict[str, Any]:
        """The tool in OpenAI's form, as chat templates take it."""
        function: dict[str, Any] = {"name": self.name, "parameters": self.input_schema}
        if self.description is not None:
            function["description"] = self.description
        return {"type": "function", "function": function}


class OtherTool(ApiModel):
    """A tool that Anthropic's servers run, or whose form their models know by heart: refused by its name."""

    model_config = ConfigDict(extra="allow")

    type: str


def _kind(tool: Any) -> str | None:
    if not isinstance(tool, dict):
        return None
    return "custom" if tool.get("type") in (None, "custom") else "other"


Tool = Annotated[
    Annotated[CustomTool, Tag("custom")] | Annotated[OtherTool, Tag("other")],
    Discriminator(_kind, custom_error_type="tool_type", custom_error_message="must be a tool"),
]


class ToolChoice(ApiModel):
    """Whether tools are called, and which. A named one is called once; `none` does not tell the model of any."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None

    def check(self) -> None:
        """Raise `InvalidRequest` for a name without its type, or the type without a name."""
        if (self.name is not None) != (self.type == "tool"):
            raise InvalidRequest(
                "tool_choice.name: the type 'tool' needs it, and no other takes it", param="tool_choice.name"
            )


def tool_use(tools: Sequence[Tool], choice: ToolChoice | None) -> ToolUse:
    """The tools that the model is told of, and what it may call. Raises `InvalidRequest` naming what is at fault."""
    plain = []
    for at, tool in enumerate(tools):
        if isinstance(tool, OtherTool):
            place = f"tools[{at}]"
            raise UnknownOption(
                f"{place}: this server does not support tools of type {tool.type[:64]!r}", param=f"{place}.type"
            )
        plain.append(tool.plain())
    if choice is None:
        return chosen_tools(tuple(plain), "auto", None, parallel=True)
    choice.check()
    parallel = choice.type != "tool" and not choice.disable_parallel_tool_use
    allowed = None if choice.name is None else [choice.name]
    return chosen_tools(tuple(plain), _CHOICES[choice.type], allowed, parallel=parallel)


_CHOICES = {"auto": "auto", "any": "required", "tool": "required", "none": "none"}
