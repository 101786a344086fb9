"""Stepping over JSON in a feed: exactly JSON, no NaN, no stray commas. Nothing is built, and nothing recurses."""

from __future__ import annotations

import re

from .feed import Feed, Reading

_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_DIGITS = re.compile(r"[0-9]*")
_WORDS = {"t": "true", "f": "false", "n": "null"}


def scan_value(feed: Feed) -> Reading[bool]:
    """Read over one value and whitespace before it. False at the first character that cannot belong to it."""
    closers: list[str] = []
    while True:
        char = yield from feed.solid()
        if char and char in "{[":
            feed.at += 1
            closers.append("}" if char == "{" else "]")
            empty = (yield from feed.solid()) == closers[-1]
            if not empty:
                if char == "{" and not (yield from scan_key(feed)):
                    return False
                continue
        elif not (yield from _scalar(feed, char)):
            return False
        if not closers:
            return True
        more = yield from _after_item(feed, closers)
        if more is None or not closers:
            return more is not None


def _after_item(feed: Feed, closers: list[str]) -> Reading[bool | None]:
    """Read over the ends of all that ends here, and a comma with the key after it. None where it is not JSON."""
    while closers:
        char = yield from feed.solid()
        if char == closers[-1]:
            feed.at += 1
            closers.pop()
        elif char == ",":
            feed.at += 1
            return True if closers[-1] == "]" or (yield from scan_key(feed)) else None
        else:
            return None
    return False


def scan_key(feed: Feed) -> Reading[bool]:
    """A member's name with its colon."""
    if (yield from feed.solid()) != '"' or not (yield from scan_string(feed)):
        return False
    if (yield from feed.solid()) != ":":
        return False
    feed.at += 1
    return True


def scan_string(feed: Feed) -> Reading[bool]:
    """A string, from its opening quote on."""
    feed.at += 1
    while True:
        yield from feed.run(_PLAIN)
        char = yield from feed.peek()
        if char == '"':
            feed.at += 1
            return True
        if char != "\\":
            return False
        feed.at += 1
        if not (yield from _escape(feed)):
            return False


def _escape(feed: Feed) -> Reading[bool]:
    char = yield from feed.peek()
    if char != "u":
        known = bool(char) and char in '"\\/bfnrt'
        feed.at += known
        return known
    feed.at += 1
    for _ in range(4):
        digit = yield from feed.peek()
        if not digit or digit not in "0123456789abcdefABCDEF":
            return False
        feed.at += 1
    return True


def _scalar(feed: Feed, char: str) -> Reading[bool]:
    if char == '"':
        return (yield from scan_string(feed))
    if char in _WORDS:
        for expected in _WORDS[char]:
            if (yield from feed.peek()) != expected:
                return False
            feed.at += 1
        return True
    return (yield from _number(feed))


def _number(feed: Feed) -> Reading[bool]:
    if (yield from feed.peek()) == "-":
        feed.at += 1
    if (yield from feed.peek()) == "0":
        feed.at += 1
    elif not (yield from _digits(feed)):
        return False
    if (yield from feed.peek()) == ".":
        feed.at += 1
        if not (yield from _digits(feed)):
            return False
    char = yield from feed.peek()
    if not char or char not in "eE":
        return True
    feed.at += 1
    char = yield from feed.peek()
    if char and char in "+-":
        feed.at += 1
    return (yield from _digits(feed))


def _digits(feed: Feed) -> Reading[bool]:
    """One digit or more."""
    char = yield from feed.peek()
    if not char or char not in "0123456789":
        return False
    yield from feed.run(_DIGITS)
    return True


def is_value(text: str) -> bool:
    """Whether all of `text` is one value."""
    feed = Feed()
    feed.add(text)
    feed.ended = True
    scan = scan_value(feed)
    try:
        next(scan)
    except StopIteration as done:
        return bool(done.value) and feed.at == len(text)
    raise AssertionError("a text that has ended was waited for")
