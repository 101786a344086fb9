"""A page as a file: a safetensors container (a length, a JSON header, bytes; nothing in it can run) of one tensor.

    u64, little endian   length of the header
    header               {"__metadata__": {...}, "page": {"dtype": "U8", "shape": [n], "data_offsets": [0, n]}}
    n bytes              the page

The metadata has a format name, the model's fingerprint, the page's key and a checksum over all three and the bytes, so
that a file which was cut short, changed, renamed or made for another model is told from a good one. Token ids and
salts are not in it: the key already stands for them.
"""

from __future__ import annotations

import json
import struct
from hashlib import blake2b

FORMAT = "weft-kv-page-1"
HEADER_LIMIT = 4096
"""Bytes; ours are far shorter, and a longer one is not read."""


class BadPage(Exception):
    """These bytes are not the page that was wanted; the message says why. It stays inside this package."""


def encode(fingerprint: bytes, key: bytes, payload: bytes) -> tuple[bytes, bytes]:
    """A file's content, in two parts to be written one after the other."""
    header = {
        "__metadata__": {
            "format": FORMAT,
            "fingerprint": fingerprint.hex(),
            "key": key.hex(),
            "checksum": _checksum(fingerprint, key, payload),
        },
        "page": {"dtype": "U8", "shape": [len(payload)], "data_offsets": [0, len(payload)]},
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the bytes begin at a multiple of 8, as the format asks
    return struct.pack("<Q", len(text)) + text, payload


def decode(content: bytes, fingerprint: bytes, key: bytes, page_bytes: int) -> bytes:
    """The page in a file's content. Raises `BadPage` unless it is `key`'s, whole and unchanged."""
    if len(content) < 8:
        raise BadPage(f"it has {len(content)} bytes, and its header's length alone takes 8")
    (length,) = struct.unpack("<Q", content[:8])
    if length > HEADER_LIMIT or len(content) < 8 + length:
        raise BadPage("it is cut short, or not a page file")
    metadata = _metadata(content[8 : 8 + length])
    for name, wanted in (("format", FORMAT), ("fingerprint", fingerprint.hex()), ("key", key.hex())):
        if metadata.get(name) != wanted:
            raise BadPage(f"its {name} is {str(metadata.get(name))[:80]!r}, and {wanted!r} was expected")
    payload = content[8 + length :]
    if len(payload) != page_bytes:
        raise BadPage(f"it holds {len(payload)} bytes, and a page has {page_bytes}")
    if metadata.get("checksum") != _checksum(fingerprint, key, payload):
        raise BadPage("its checksum does not fit its content")
    return payload


def _metadata(header: bytes) -> dict[str, object]:
    try:
        metadata = json.loads(header)["__metadata__"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadPage("its header cannot be read") from error
    if not isinstance(metadata, dict):
        raise BadPage("its header has no metadata")
    return metadata


def _checksum(fingerprint: bytes, key: bytes, payload: bytes) -> str:
    state = blake2b(fingerprint + key, digest_size=32, person=b"weft kv file")
    state.update(payload)
    return state.hexdigest()
