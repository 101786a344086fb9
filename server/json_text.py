"""What is asked of a JSON text: whether it is UTF-8, how deep it goes, whether it is whole.

Python's own reader takes other encodings, and any depth that its stack has room for.
"""

from __future__ import annotations

import json

import numpy as np

from ..errors import InvalidRequest

_STEP = np.zeros(256, np.int8)
_STEP[list(b"[{")] = 1
_STEP[list(b"]}")] = -1
_NOT_SHAPE = bytes(set(range(256)) - set(b'[]{}"'))


def check_json(text: bytes, depth: int) -> None:
    """Raise `InvalidRequest` for a text that is not UTF-8, or nests deeper than `depth`."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("the body is not valid UTF-8", code="invalid_json") from error
    if b"\0" in text:
        raise InvalidRequest("the body holds a NUL byte, which JSON does not", code="invalid_json")
    if deeper(text, depth):
        raise InvalidRequest(f"the body is nested too deeply: more than {depth} levels", code="invalid_json")


def deeper(text: bytes, depth: int) -> bool:
    """Whether a JSON text nests deeper than `depth`."""
    if text.count(b"[") + text.count(b"{") <= depth:
        return False
    shape = np.frombuffer(_unescaped(text).translate(None, _NOT_SHAPE), np.uint8)
    in_string = np.cumsum(shape == ord('"'), dtype=np.int32) & 1
    depths = np.cumsum(_STEP[shape] * (1 - in_string), dtype=np.int32)
    return bool(depths.max() > depth)


def is_object(text: str) -> bool:
    """Whether a text is a whole JSON object. That of a call that was cut short is not."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _unescaped(text: bytes) -> bytes:
    """The text without the escapes that a quote can be part of."""
    return text.replace(b"\\\\", b"").replace(b'\\"', b"")
