"""``[TOOL_CALLS]`` and a list of calls, or, newer, ``[TOOL_CALLS]name[ARGS]{...}`` for each: Mistral's models."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidRequest
from ..calls import CallWriter, read_arguments, read_call
from ..feed import Feed, FeedReader, Reading
from ..pieces import PieceReader
from .tools import Format, Tool, calls_only, json_calls, name_of, parameters_of

CALLS, ARGUMENTS, CALL_ID = "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"

_NAME = re.compile(r"[^\s\[\]{}]*")
_ID = re.compile(r"[A-Za-z0-9]*")


@dataclass(frozen=True, slots=True)
class Mistral:
    """The format, in one of its two forms; the reader knows both.

    Attributes:
        named: each call has a marker of its own, and its name stands before its arguments.
    """

    name: str
    named: bool

    def calls(self, tools: Sequence[Tool], *, required: bool, parallel: bool) -> Format:
        if self.named:
            tags = [_named_call(tool) for tool in tools]
            once = not parallel
        else:
            tags = [_list_of_calls(tools, parallel)]
            once = True
        if required:
            return calls_only(tags, "", not once)
        return {"type": "triggered_tags", "triggers": [CALLS], "tags": tags, "stop_after_first": once}

    def reader(self, names: Collection[str] | None = None, *, whole: bool = False, alone: bool = False) -> PieceReader:
        feed = Feed()
        return FeedReader(feed, _read(CallWriter(feed, names, whole=whole, alone=alone)))

    def writes(self, template_source: str) -> bool:
        return CALLS in template_source and self.named == (ARGUMENTS in template_source)


def _list_of_calls(tools: Sequence[Tool], parallel: bool) -> Format:
    """The marker and a JSON list; older tokenizers put a space between them."""
    space: dict[str, Any] = {"type": "optional", "content": {"type": "const_string", "value": " "}}
    opening, closing = ({"type": "const_string", "value": bracket} for bracket in "[]")
    calls = calls_only(json_calls(tools, "arguments"), ", ", parallel)
    content = {"type": "sequence", "elements": [space, opening, calls, closing]}
    return {"type": "tag", "begin": CALLS, "content": content, "end": ""}


def _named_call(tool: Tool) -> Format:
    """One call. Some models write an id after its name, which nobody needs."""
    name = name_of(tool)
    if _NAME.fullmatch(name) is None:
        raise InvalidRequest(
            f"tool {name!r}: the format of this model's calls takes no whitespace and no brackets in a name",
            param="tools",
        )
    call_id = {"type": "tag", "begin": CALL_ID, "content": {"type": "regex", "pattern": "[A-Za-z0-9]{9}"}, "end": ""}
    elements = [
        {"type": "optional", "content": call_id},
        {"type": "const_string", "value": ARGUMENTS},
        {"type": "json_schema", "json_schema": parameters_of(tool)},
    ]
    content = {"type": "sequence", "elements": elements}
    return {"type": "tag", "begin": f"{CALLS}{name}", "content": content, "end": ""}


def _read(writer: CallWriter) -> Reading[None]:
    feed = writer.feed
    while (yield from writer.content_until(CALLS)):
        writer.begin()
        feed.at += len(CALLS)
        read = _read_list if (yield from feed.solid()) == "[" else _read_named
        if not (yield from read(writer)) and not writer.broken(len(CALLS)):
            break
    writer.finish()


def _read_list(writer: CallWriter) -> Reading[bool]:
    feed = writer.feed
    while True:
        feed.at += 1  # the bracket, or a comma
        if not ((yield from read_call(writer, ("arguments",))) and writer.closed()):
            return False
        writer.begin(follows_call=True)
        char = yield from feed.solid()
        if char != ",":
            break
    if char != "]":
        return False
    feed.at += 1
    feed.unmark()
    return True


def _read_named(writer: CallWriter) -> Reading[bool]:
    feed = writer.feed
    parts: list[str] = []
    feed.tap(parts.append)
    yield from feed.run(_NAME)
    feed.untap()
    if (yield from feed.follows(CALL_ID)):
        yield from feed.run(_ID)
    if not (yield from feed.follows(ARGUMENTS)) and (yield from feed.peek()) != "{":
        return False
    name = "".join(parts)
    return bool(name) and writer.opened(name) and (yield from read_arguments(writer)) and writer.closed()
