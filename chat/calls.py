"""What all formats of tool calls share in reading: content, calls that turn out to be none, calls in JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from .feed import Feed, Reading, begun
from .json_scan import scan_key, scan_string, scan_value
from .pieces import CallArguments, CallOpened, ContentText, Piece


class CallWriter:
    """Makes the pieces of an answer with calls.

    A call begins as a guess. It is sent from when its name is known: until then what turns out to be no call can still
    be content. Content of nothing but whitespace before or after a call is dropped.

    Args:
        feed: the text, and where the pieces go.
        names: the tools there are; a call of anything else is content. None: any name.
        whole: send a call only once it is complete and read by `json.loads`, with its arguments as `json.dumps`
            spells them; so anything that is not a whole call stays content.
        alone: an answer is calls or content: after any content there are no calls.
    """

    def __init__(
        self, feed: Feed, names: Collection[str] | None = None, *, whole: bool = False, alone: bool = False
    ) -> None:
        self.feed = feed
        self.count = 0
        self._names = names
        self._whole = whole
        self._alone = alone
        self._blank = ""
        self._has_content = False
        self._name: str | None = None
        self._arguments: list[str] = []
        self._sent = False
        self._follows_call = False

    # --- content ---

    def content(self, text: str) -> None:
        """Text outside the calls."""
        text = self._blank + text
        if self._has_content or (text and not text.isspace()):
            self._blank, self._has_content = "", True
            self._send(ContentText(text))
        else:
            self._blank = text

    def content_until(self, marker: str) -> Reading[bool]:
        """Content up to `marker`, which is not read over; or all that is left, and False."""
        feed = self.feed
        while True:
            place = feed.text.find(marker, feed.at)
            held = 0 if feed.ended else begun(feed.text, feed.at, marker)
            end = place if place >= 0 else len(feed.text) - held
            self.content(feed.text[feed.at : end])
            feed.at = end
            if self._alone and self._has_content:
                yield from self.rest()
                return False
            if place >= 0:
                return True
            if not (yield from feed.more()):
                return False

    def rest(self) -> Reading[None]:
        """All that is left is content."""
        feed = self.feed
        while True:
            self.content(feed.text[feed.at :])
            feed.at = len(feed.text)
            if not (yield from feed.more()):
                return

    def finish(self) -> None:
        """The text is over: whitespace is content after all, where there were no calls."""
        if self._blank and not self.count:
            self._send(ContentText(self._blank))
        self._blank = ""

    # --- calls ---

    def begin(self, *, follows_call: bool = False) -> None:
        """A call may begin here; `follows_call` says that it would stand in a row with the last one."""
        self.feed.mark()
        self._follows_call = follows_call
        self._name, self._arguments, self._sent = None, [], False

    def opened(self, name: str) -> bool:
        """The call's name is known. False where no tool has it."""
        if self._names is not None and name not in self._names:
            return False
        self._name = name
        if not self._whole:
            self._open()
        return True

    def arguments(self, text: str) -> None:
        """Some of the text of its arguments."""
        if self._sent:
            self._send(CallArguments(self.count - 1, text))
        else:
            self._arguments.append(text)

    def closed(self) -> bool:
        """The call is complete. False where it is no good after all, as if it had broken off."""
        if self._name is None:
            return False
        if self._whole:
            try:
                self._arguments = [json.dumps(json.loads("".join(self._arguments)), ensure_ascii=False)]
            except (ValueError, RecursionError):
                return False
            self._open()
        return True

    def broken(self, marker: int = 0) -> bool:
        """It was no whole call. False where the text is over with that.

        A call that was sent just ends, and so does a row of calls where the text is cut off. Of one that was not sent,
        the first `marker` characters are content, and what follows them is to be read again.
        """
        feed = self.feed
        if feed.hit_end and (self._sent or self._follows_call):
            feed.at = len(feed.text)
            feed.unmark()
            return False
        if not self._sent:
            length = 0 if self._follows_call else marker
            feed.rewind()
            self.content(feed.text[feed.at : feed.at + length])
            feed.at += length
        return True

    def _open(self) -> None:
        assert self._name is not None
        self.feed.unmark()
        self._sent = True
        self._send(CallOpened(self.count, self._name))
        self.count += 1
        self._blank, self._has_content = "", False
        for text in self._arguments:
            self.arguments(text)

    def _send(self, piece: Piece) -> None:
        if isinstance(piece, CallOpened) or piece.text:
            self.feed.pieces.append(piece)


def read_call(writer: CallWriter, keys: tuple[str, ...], *, name_first: bool = False) -> Reading[bool]:
    """A call as a JSON object: its name under ``"name"``, its arguments under one of `keys`, in any order.

    The arguments are an object, or a string that holds its JSON text; without any they are ``{}``. Of a repeated key
    the first counts; other keys are read over. False where it is no such object, or where it does not begin with
    ``"name"``, so spelled, and should.
    """
    feed = writer.feed
    if (yield from feed.solid()) != "{":
        return False
    feed.at += 1
    seen: set[str] = set()
    if (yield from feed.solid()) == "}":
        return False
    if name_first:
        if not (yield from feed.follows('"name"')):
            return False
        feed.at -= len('"name"')
    while True:
        key: list[str] = []
        yield from feed.solid()
        feed.tap(key.append)
        named = yield from scan_key(feed)
        feed.untap()
        if not named:
            return False
        kind = _kind("".join(key), keys)
        read = _MEMBERS[kind] if kind not in seen else _MEMBERS[""]
        seen.add(kind)
        if not (yield from read(writer)):
            return False
        char = yield from feed.solid()
        if char not in (",", "}"):
            return False
        feed.at += 1
        if char == "}":
            break
    if "arguments" not in seen:
        writer.arguments("{}")
    return "name" in seen


def _kind(key: str, keys: tuple[str, ...]) -> str:
    """What a member is: "name", "arguments", or nothing of interest. `key` has its colon."""
    name = json.loads(key.rstrip()[:-1])
    return "name" if name == "name" else "arguments" if name in keys else ""


def _read_name(writer: CallWriter) -> Reading[bool]:
    name = yield from _read_string(writer.feed)
    return name is not None and writer.opened(name)


def read_arguments(writer: CallWriter) -> Reading[bool]:
    feed = writer.feed
    char = yield from feed.solid()
    if char == '"':
        text = yield from _read_string(feed)
        if text is None or not _is_object(text):
            return False
        writer.arguments(text)
        return True
    if char != "{":
        return False
    feed.tap(writer.arguments)
    valid = yield from scan_value(feed)
    feed.untap()
    return valid


def _read_other(writer: CallWriter) -> Reading[bool]:
    return (yield from scan_value(writer.feed))


_MEMBERS = {"name": _read_name, "arguments": read_arguments, "": _read_other}


def _read_string(feed: Feed) -> Reading[str | None]:
    """A JSON string's value; None where none stands here."""
    if (yield from feed.solid()) != '"':
        return None
    parts: list[str] = []
    feed.tap(parts.append)
    valid = yield from scan_string(feed)
    feed.untap()
    return json.loads("".join(parts)) if valid else None


def _is_object(text: str) -> bool:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, Mapping)
