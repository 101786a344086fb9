"""The outermost layer of the HTTP application: counts what is in flight, refuses what is too much or too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import Overloaded
from .errors import HeadersTooLarge, error_response
from .options import HttpOptions

SAY_AGAIN_SECONDS = 1.0


class Gauge:
    """A number that can be waited on."""

    def __init__(self) -> None:
        self._value = 0
        self._changed = asyncio.Event()

    @property
    def value(self) -> int:
        return self._value

    def set(self, value: int) -> None:
        if value != self._value:
            self._value = value
            self._changed.set()

    async def report(self, say: Callable[[int], None]) -> None:
        """Say the number, and again whenever it has changed, but at most once a second; until cancelled."""
        while True:
            said = self._value
            say(said)
            await asyncio.sleep(SAY_AGAIN_SECONDS)
            while self._value == said:
                self._changed.clear()
                await self._changed.wait()


class Gate:
    """ASGI middleware that counts requests in flight, and answers 503 while there are too many connections.

    It answers 431 for headers over their bound: h11 holds that bound only against headers that come bit by bit.

    Args:
        connections: how many there are now.
        options: how many may be, and how long headers.

    Attributes:
        waiting: requests in flight.
    """

    def __init__(self, app: ASGIApp, connections: Callable[[], int], options: HttpOptions) -> None:
        self._app = app
        self._connections = connections
        self._options = options
        self.waiting = Gauge()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._connections() > self._options.max_connections:
            await self._refuse_connection(scope, receive, send)
        elif self._header_bytes(scope) > self._options.max_header_bytes:
            await self._refuse_headers(scope, receive, send)
        else:
            self.waiting.set(self.waiting.value + 1)
            try:
                await self._app(scope, receive, send)
            finally:
                self.waiting.set(self.waiting.value - 1)

    def _header_bytes(self, scope: Scope) -> int:
        target = len(scope["raw_path"]) + len(scope["query_string"])
        return target + sum(len(name) + len(value) for name, value in scope["headers"])

    async def _refuse_headers(self, scope: Scope, receive: Receive, send: Send) -> None:
        most = self._options.max_header_bytes
        error = HeadersTooLarge(f"the request line and headers are longer than {most} bytes")
        await error_response(scope["path"], error, {"Connection": "close"})(scope, receive, send)

    async def _refuse_connection(self, scope: Scope, receive: Receive, send: Send) -> None:
        most = self._options.max_connections
        error = Overloaded(f"the server has {most} connections, which is the most it takes: try again later")
        await error_response(scope["path"], error, {"Connection": "close"})(scope, receive, send)
