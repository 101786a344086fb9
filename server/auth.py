"""Who may call: API keys, as `Authorization: Bearer` or `x-api-key`."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from .calls import current_call
from .errors import Unauthorized
from .refusal import refuse_unread

OPEN_PATHS = frozenset({"/health"})
"""Where no key is asked for: what starts and watches servers has none."""


class ApiKeys:
    """ASGI middleware: answers 401 to a call that shows none of the keys, and notes which key it was."""

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        self._app = app
        self._keys = [(_digest(key.encode()), key_id(key)) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            shown = self._shown(scope)
            if shown is None:
                error = Unauthorized("an API key of this server is needed, as Authorization: Bearer or as x-api-key")
                await refuse_unread(error, scope, receive, send, {"WWW-Authenticate": "Bearer"})
                return
            current_call().key = shown
        await self._app(scope, receive, send)

    def _shown(self, scope: Scope) -> str | None:
        """The id of the key that a call shows. Every key is compared with, so that time tells nothing about any."""
        found = None
        for given in _given(scope):
            digest = _digest(given)
            for known, name in self._keys:
                if hmac.compare_digest(digest, known):
                    found = name
        return found


def key_id(key: str) -> str:
    """A name of fixed length for a key, from which it cannot be had, and which opens nothing."""
    return hashlib.sha256(b"weft key id\0" + key.encode()).hexdigest()[:32]


def _given(scope: Scope) -> Iterator[bytes]:
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            yield value.strip()
        elif name == b"authorization" and value[:7].lower() == b"bearer ":
            yield value[7:].strip()


def _digest(key: bytes) -> bytes:
    # Of equal length for all keys, so that comparing does not tell theirs.
    return hashlib.sha256(key).digest()
