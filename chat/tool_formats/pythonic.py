"""``[f(a=1, b="x"), g()]``, the whole answer: a Python list of calls, as Llama 3.2 and ToolACE write them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ...errors import InvalidRequest
from ..calls import CallWriter
from ..feed import Feed, FeedReader, Reading
from ..json_scan import is_value
from ..pieces import PieceReader
from .pythonic_values import Parameter, parameters_in
from .tools import Format, Tool, calls_only, name_of, text_not_beginning

_NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"
_BEGINNING = rf"[ \t\r\n]*\[[ \t\r\n]*{_NAME}[ \t\r\n]*\("
_TEMPLATE = re.compile(r"func_name1?\(|\.name\s*[+~]\s*['\"]\(|\[func1?\(")

_NAME_CHARACTERS = re.compile(r"[A-Za-z0-9_.-]*")
_UNQUOTED = re.compile(r"[^\"'\[\]{}(),]*")
_QUOTED = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_CLOSERS = {"[": "]", "{": "}"}
_TOKEN = re.compile(r"""(?P<double>"(?:[^"\\]|\\.)*")|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<word>[A-Za-z]+)""", re.DOTALL)
_WORDS = {"True": "true", "False": "false", "None": "null"}


@dataclass(frozen=True, slots=True)
class Pythonic:
    """The format. An answer is calls or content, and one that begins like a list of calls is one."""

    name: str = "pythonic"

    def calls(self, tools: Sequence[Tool], *, required: bool, parallel: bool) -> Format:
        calls = calls_only([_call(tool) for tool in tools], ", ", parallel)
        answer = {"type": "sequence", "elements": [_text("["), calls, _text("]")]}
        return answer if required else {"type": "or", "elements": [answer, text_not_beginning(_BEGINNING)]}

    def reader(self, names: Collection[str] | None = None, *, whole: bool = False, alone: bool = False) -> PieceReader:
        feed = Feed()
        return FeedReader(feed, _read(CallWriter(feed, names, whole=whole)))

    def writes(self, template_source: str) -> bool:
        return _TEMPLATE.search(template_source) is not None


# --- what is allowed ---


def _text(text: str) -> Format:
    return {"type": "const_string", "value": text}


def _sequence(*elements: Format) -> Format:
    return {"type": "sequence", "elements": list(elements)}


def _call(tool: Tool) -> Format:
    name = name_of(tool)
    if re.fullmatch(_NAME, name) is None:
        raise InvalidRequest(
            f"tool {name!r}: this model calls tools as Python functions, and that is no name of one", param="tools"
        )
    return {"type": "tag", "begin": f"{name}(", "content": _arguments(parameters_in(tool)), "end": ")"}


def _arguments(parameters: list[Parameter]) -> Format:
    """Keyword arguments with commas between them: in order, those that need not be given left out at will."""
    options = [] if parameters and parameters[0].required else [_text("")]
    for place, first in enumerate(parameters):
        options.append(_sequence(_argument(first, ""), *(_later(each) for each in parameters[place + 1 :])))
        if first.required:
            break
    return options[0] if len(options) == 1 else {"type": "or", "elements": options}


def _later(parameter: Parameter) -> Format:
    argument = _argument(parameter, ", ")
    return argument if parameter.required else {"type": "optional", "content": argument}


def _argument(parameter: Parameter, before: str) -> Format:
    return _sequence(_text(f"{before}{parameter.name}="), parameter.values)


# --- reading ---


def _read(writer: CallWriter) -> Reading[None]:
    feed = writer.feed
    writer.begin()
    opening = "["
    while (yield from feed.solid()) == opening:
        feed.at += 1
        if not ((yield from _read_call(writer)) and writer.closed()):
            break
        writer.begin(follows_call=True)
        opening = ","
    else:
        if writer.count and (yield from feed.peek()) == "]":
            feed.at += 1
            writer.begin()
    if writer.broken():
        yield from writer.rest()
    writer.finish()


def _read_call(writer: CallWriter) -> Reading[bool]:
    """``f(a=1)``, its arguments sent as JSON, one by one as they are complete."""
    feed = writer.feed
    name = yield from _read_name(feed)
    if not name or (yield from feed.solid()) != "(" or not writer.opened(name):
        return False
    feed.at += 1
    given: set[str] = set()
    while (yield from feed.solid()) != ")":
        parameter = yield from _read_name(feed)
        if not parameter or parameter in given or (yield from feed.solid()) != "=":
            return False
        feed.at += 1
        value = as_json((yield from _read_raw(feed)))
        if value is None:
            return False
        writer.arguments(("{" if not given else ", ") + f"{json.dumps(parameter)}: {value}")
        given.add(parameter)
        if (yield from feed.peek()) == ",":
            feed.at += 1
        elif (yield from feed.peek()) != ")":
            return False
    feed.at += 1
    writer.arguments("}" if given else "{}")
    return True


def _read_name(feed: Feed) -> Reading[str]:
    parts: list[str] = []
    yield from feed.solid()
    feed.tap(parts.append)
    yield from feed.run(_NAME_CHARACTERS)
    feed.untap()
    return "".join(parts)


def _read_raw(feed: Feed) -> Reading[str]:
    """The text of a value: up to a comma or parenthesis outside its quotes and brackets."""
    parts: list[str] = []
    feed.tap(parts.append)
    closers: list[str] = []
    while True:
        yield from feed.run(_UNQUOTED)
        char = yield from feed.peek()
        if char in _CLOSERS:
            closers.append(_CLOSERS[char])
        elif char in _QUOTED:
            if not (yield from _read_quoted(feed, char)):
                break
            continue
        elif closers and char == closers[-1]:
            closers.pop()
        elif not closers or char != ",":
            break
        feed.at += 1
    feed.untap()
    return "".join(parts)


def _read_quoted(feed: Feed, quote: str) -> Reading[bool]:
    feed.at += 1
    while True:
        yield from feed.run(_QUOTED[quote])
        char = yield from feed.peek()
        if not char:
            return False
        feed.at += 1
        if char == quote:
            return True
        yield from feed.peek()  # what a backslash escapes
        feed.at = min(feed.at + 1, len(feed.text))


def as_json(text: str) -> str | None:
    """A Python value's text as JSON: JSON as it is, Python's three words and its single quotes replaced."""
    text = text.strip(" \t\r\n")
    if not is_value(text):
        text = _TOKEN.sub(_token_as_json, text)
    return text if is_value(text) else None


def _token_as_json(found: re.Match[str]) -> str:
    if found["single"] is not None:
        inner = re.sub(r"\\.|\"", _character_as_json, found["single"], flags=re.DOTALL)
        return f'"{inner}"'
    return _WORDS.get(found[0], found[0])


def _character_as_json(found: re.Match[str]) -> str:
    return {"\\'": "'", '"': '\\"'}.get(found[0], found[0])
