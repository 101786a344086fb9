"""``{"name": ..., "parameters": {...}}``, the whole answer: Llama 3. Several calls stand with ``; `` between them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..calls import CallWriter, read_call
from ..feed import Feed, FeedReader, Reading
from ..pieces import PieceReader
from .tools import Format, Tool, calls_only, json_calls, text_not_beginning

TAG = "<|python_tag|>"

_BEGINNING = r'[ \t\r\n]*(?:<\|python_tag\|>[ \t\r\n]*)?\{[ \t\r\n]*"name"'
_TEMPLATE = re.compile(r'<\|python_tag\|>|\{\\?"name\\?": function name, \\?"parameters\\?"')


@dataclass(frozen=True, slots=True)
class Llama3Json:
    """The format. A special token `TAG` may come first.

    An answer is calls or content, and one that begins like a call is one: content cannot begin with ``{"name"``.
    """

    name: str = "llama3_json"

    def calls(self, tools: Sequence[Tool], *, required: bool, parallel: bool) -> Format:
        tag = {"type": "optional", "content": {"type": "const_string", "value": TAG}}
        calls = calls_only(json_calls(tools, "parameters"), "; ", parallel)
        answer = {"type": "sequence", "elements": [tag, calls]}
        return answer if required else {"type": "or", "elements": [answer, text_not_beginning(_BEGINNING)]}

    def reader(self, names: Collection[str] | None = None, *, whole: bool = False, alone: bool = False) -> PieceReader:
        feed = Feed()
        return FeedReader(feed, _read(CallWriter(feed, names, whole=whole)))

    def writes(self, template_source: str) -> bool:
        return _TEMPLATE.search(template_source) is not None


def _read(writer: CallWriter) -> Reading[None]:
    while True:
        writer.begin(follows_call=writer.count > 0)
        if not ((yield from _read_one(writer)) and writer.closed()):
            break
    if writer.broken():
        yield from writer.rest()
    writer.finish()


def _read_one(writer: CallWriter) -> Reading[bool]:
    """The first call, or another one."""
    feed = writer.feed
    yield from feed.solid()
    if writer.count:
        if not (yield from feed.follows(";")):
            return False
    else:
        yield from feed.follows(TAG)
    return (yield from read_call(writer, ("parameters", "arguments"), name_first=True))
