"""Bounds on request bodies: their length and their time, counted as they arrive, and their shape as JSON."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import InvalidRequest
from .errors import BodyTooSlow, TooLarge, error_response
from .json_text import check_json
from .options import Limits
from .refusal import refuse_unread


class BodyLimit:
    """ASGI middleware: reads each body whole and hands it on, or answers 413, 408 or 400 as soon as it is at fault."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
        except (TooLarge, BodyTooSlow) as error:
            await refuse_unread(error, scope, receive, send)
            return
        try:
            check_json(body, self._limits.json_depth)
        except InvalidRequest as error:
            await error_response(scope["path"], error)(scope, receive, send)
            return
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        """The body. Raises `TooLarge` or `BodyTooSlow`. A client that goes away in the middle leaves what it sent."""
        if _declared(scope) > self._limits.body_bytes:
            raise self._too_large()
        chunks: list[bytes] = []
        length = 0
        seconds = self._limits.body_timeout
        try:
            async with asyncio.timeout(seconds):
                while (message := await receive())["type"] == "http.request":
                    chunks.append(message.get("body", b""))
                    length += len(chunks[-1])
                    if length > self._limits.body_bytes:
                        raise self._too_large()
                    if not message.get("more_body", False):
                        break
        except TimeoutError as error:
            raise BodyTooSlow(f"the body took longer than {seconds:g} seconds to arrive") from error
        return b"".join(chunks)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"the body is larger than {self._limits.body_bytes} bytes")


def _declared(scope: Scope) -> int:
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    return int(declared[:20]) if declared.isdigit() else 0
