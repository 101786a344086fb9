"""``<tool_call>{"name": ..., "arguments": {...}}</tool_call>``, anywhere in a text: Hermes, Qwen and many others."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..calls import CallWriter, read_call
from ..feed import Feed, FeedReader, Reading
from ..pieces import PieceReader
from .tools import Format, Tool, calls_only, json_calls

OPENING, CLOSING = "<tool_call>", "</tool_call>"

_LINE_BREAK = re.compile(OPENING + r"(?:\\n|\r?\n)")
_OTHER_CALLS = ("<function=", "<arg_key>")  # other families put XML between the same markers


@dataclass(frozen=True, slots=True)
class Hermes:
    """The format, in one spelling.

    Attributes:
        line_breaks: one stands inside each marker, and between calls.
    """

    name: str
    line_breaks: bool

    def calls(self, tools: Sequence[Tool], *, required: bool, parallel: bool) -> Format:
        space = "\n" if self.line_breaks else ""
        tags = json_calls(tools, "arguments", OPENING + space, space + CLOSING)
        if required:
            return calls_only(tags, space, parallel)
        return {"type": "triggered_tags", "triggers": [OPENING], "tags": tags, "stop_after_first": not parallel}

    def reader(self, names: Collection[str] | None = None, *, whole: bool = False, alone: bool = False) -> PieceReader:
        feed = Feed()
        return FeedReader(feed, _read(CallWriter(feed, names, whole=whole, alone=alone)))

    def writes(self, template_source: str) -> bool:
        if OPENING not in template_source or any(other in template_source for other in _OTHER_CALLS):
            return False
        return self.line_breaks == (_LINE_BREAK.search(template_source) is not None)


def _read(writer: CallWriter) -> Reading[None]:
    while (yield from writer.content_until(OPENING)):
        writer.begin()
        writer.feed.at += len(OPENING)
        if (yield from _read_marked(writer)) and writer.closed():
            continue
        if not writer.broken(len(OPENING)):
            break
    writer.finish()


def _read_marked(writer: CallWriter) -> Reading[bool]:
    if not (yield from read_call(writer, ("arguments",))):
        return False
    yield from writer.feed.solid()
    return (yield from writer.feed.follows(CLOSING))
