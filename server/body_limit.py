"""A bound on request bodies, counted as they arrive."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import TooLarge
from .refusal import refuse_unread


class BodyLimit:
    """ASGI middleware: reads each body whole and hands it on, or answers 413 once it is longer than `limit` bytes."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = None if self._declared(scope) > self._limit else await self._read(receive)
        if body is None:
            error = TooLarge(f"the body is larger than {self._limit} bytes")
            await refuse_unread(error, scope, receive, send)
            return
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)

    def _declared(self, scope: Scope) -> int:
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        return int(declared[:20]) if declared.isdigit() else 0

    async def _read(self, receive: Receive) -> bytes | None:
        """The body; None where it is too long. A client that goes away in the middle leaves what it sent."""
        chunks: list[bytes] = []
        length = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                break
            chunks.append(message.get("body", b""))
            length += len(chunks[-1])
            if length > self._limit:
                return None
            if not message.get("more_body", False):
                break
        return b"".join(chunks)
