"""Refusing a call before its body has been read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from starlette.types import Message, Receive, Scope, Send

from ..errors import WeftError
from .errors import error_response

LINGER_SECONDS = 2.0
"""How long a refused client may go on sending. What it sends is thrown away."""


async def refuse_unread(
    error: WeftError, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str] | None = None
) -> None:
    """Answer with an error at once, while the body may still be on its way.

    The connection ends a little later: had it ended with bytes unread, the client's system could drop the answer before
    the client has read it.
    """
    if not _has_body(scope):
        await error_response(scope["path"], error, headers)(scope, receive, send)
        return

    async def hold_open(message: Message) -> None:
        await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

    response = error_response(scope["path"], error, {**(headers or {}), "Connection": "close"})
    await response(scope, receive, hold_open)
    if not _waits_for_leave(scope):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await _discard(receive)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _discard(receive: Receive) -> None:
    while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
        pass


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


def _waits_for_leave(scope: Scope) -> bool:
    """Whether the client has asked whether to send its body, and so has not sent it."""
    return any(name == b"expect" for name, _ in scope["headers"])
