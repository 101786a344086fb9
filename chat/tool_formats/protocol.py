"""What a format of tool calls is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from ..pieces import PieceReader
from .tools import Tool


class ToolFormat(Protocol):
    """How a family of models writes tool calls."""

    @property
    def name(self) -> str: ...

    def calls(self, tools: Sequence[Tool], *, required: bool, parallel: bool) -> Mapping[str, Any]:
        """A format of a structural tag: free text with calls of `tools` in it, or `required` calls and nothing else.

        A call's arguments match its tool's schema. Without `parallel` there is at most one call.

        Raises:
            InvalidRequest: a tool that cannot be called in this format.
        """
        ...

    def reader(self, names: Collection[str] | None = None, *, whole: bool = False, alone: bool = False) -> PieceReader:
        """A reader of one answer.

        Args:
            names: the tools there are; what calls anything else is content. None: any.
            whole: send a call only once it is complete, with its arguments spelled as by `json.dumps`: for texts that
                no constraint kept to the format.
            alone: an answer is calls or content: after any content there are no calls.
        """
        ...

    def writes(self, template_source: str) -> bool:
        """Whether a chat template writes calls like this."""
        ...
