"""A bound on the time that a call may take as a whole."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .calls import current_call
from .errors import TimedOut, error_response

LAST_WORDS_SECONDS = 5.0
"""How long a stream that ran out of time may take to say so."""


class Deadline:
    """ASGI middleware: gives a call up after some seconds, and with it what it asked of the engine; then answers 504.

    A stream that has begun ends itself at the call's deadline, in the form of its API (`answers.py`). Only one whose
    client does not take that is cut off here.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + self._seconds
        call = current_call()
        call.deadline, call.seconds = deadline, self._seconds
        began = False

        async def watch(message: Message) -> None:
            nonlocal began
            if not began:
                began = True
                limit.reschedule(deadline + LAST_WORDS_SECONDS)
            await send(message)

        try:
            async with asyncio.timeout_at(deadline) as limit:
                await self._app(scope, receive, watch)
        except TimeoutError:
            if not limit.expired():
                raise
            if not began:
                response = error_response(scope["path"], TimedOut(self._seconds), {"Connection": "close"})
                await response(scope, receive, send)
