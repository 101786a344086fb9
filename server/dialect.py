"""How a served model writes what is not plain content: tool calls and reasoning."""

from __future__ import annotations

from dataclasses import dataclass

from ..chat.reasoning import ReasoningMarkers, find_reasoning
from ..chat.tool_formats import FORMATS, ToolFormat, detect_format
from ..errors import InvalidRequest

AUTO = "auto"
NONE = "none"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the chat template shows of it, or the operator said.

    Attributes:
        tool_format: how the model writes tool calls; None where that is not known, and tools are refused.
        reasoning: what stands around its reasoning; None where it does not reason.
        template_variables: names that its chat template reads beside the usual ones, such as `enable_thinking`.
    """

    tool_format: ToolFormat | None = None
    reasoning: ReasoningMarkers | None = None
    template_variables: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        template: str | None,
        template_variables: frozenset[str] = frozenset(),
        *,
        tool_parser: str = AUTO,
        reasoning_parser: str = AUTO,
    ) -> Dialect:
        """The dialect of a chat template.

        Args:
            template: its source; None for a model without one.
            tool_parser: a format's name, `auto` for what the template shows, or `none`.
            reasoning_parser: `think` for ``<think>`` and ``</think>``, `auto`, or `none`.

        Raises:
            InvalidRequest: there is no parser of that name.
        """
        if tool_parser not in (AUTO, NONE, *FORMATS):
            known = ", ".join((AUTO, NONE, *FORMATS))
            raise InvalidRequest(f"there is no tool parser {tool_parser!r}; there are {known}", param="tool_parser")
        if reasoning_parser not in (AUTO, NONE, "think"):
            raise InvalidRequest(
                f"there is no reasoning parser {reasoning_parser!r}; there are auto, none, think",
                param="reasoning_parser",
            )
        source = template or ""
        tool_format = detect_format(source) if tool_parser == AUTO else FORMATS.get(tool_parser)
        reasoning = find_reasoning(source) if reasoning_parser == AUTO else None
        if reasoning_parser == "think":
            reasoning = ReasoningMarkers()
        return cls(tool_format, reasoning, template_variables)
