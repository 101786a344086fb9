"""What is noted of each HTTP call: its id, a line in the log, and a count where it failed or its client left."""

from __future__ import annotations

import http
import logging
import re
import secrets
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .calls import Call, begin_call
from .errors import CLIENT_CLOSED_REQUEST, REQUEST_ID, id_headers
from .logs import request_id
from .wire.client import AsyncEngine

log = logging.getLogger("weft.access")

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Access:
    """ASGI middleware, outermost. The answer's `X-Request-Id` is the client's own, where that is safe to log."""

    def __init__(self, app: ASGIApp, engine: AsyncEngine) -> None:
        self._app = app
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = Call(_id_of(scope))
        begin_call(call)
        request_id.set(call.id)  # neither is reset: whoever answers an exception further out wants them too
        answer = _Answer(dict.fromkeys(id_headers(scope["path"]), call.id), receive, send)
        try:
            await self._app(scope, answer.receive, answer.send)
        except Exception:
            answer.status = answer.status or 500  # it may have begun well
            call.error_code = "internal_error"
            raise
        finally:
            self._count(call, answer)
            log.info("answered", extra=_described(scope, call, answer))

    def _count(self, call: Call, answer: _Answer) -> None:
        if answer.left:
            self._engine.count_disconnect()
        elif answer.status >= 400:
            self._engine.count_rejection(call.error_code or _code_of(answer.status))


class _Answer:
    """Watches an answer go out; `left` says that the client went away before the end of one that was no error."""

    def __init__(self, headers: dict[str, str], receive: Receive, send: Send) -> None:
        self._headers = headers
        self._receive = receive
        self._send = send
        self._began = time.monotonic()
        self._complete = False
        self.status = 0
        self.left = False

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return round(time.monotonic() - self._began, 6)

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._complete:
            self.left = self.status < 400  # one that has its error may leave
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message).update(self._headers)
        elif message["type"] == "http.response.body":
            self._complete = not message.get("more_body", False)
        await self._send(message)


def _id_of(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if _SAFE_ID.fullmatch(given) else f"req-{secrets.token_hex(16)}"


def _code_of(status: int) -> str:
    """The error code of an answer that named none."""
    return http.HTTPStatus(status).phrase.lower().replace(" ", "_")


def _described(scope: Scope, call: Call, answer: _Answer) -> dict[str, Any]:
    """The line's fields, by the names of `logs.FIELDS`. What clients make up, query and unknown path, is not logged."""
    usages = [meter.usage() for meter in call.meters]
    return {
        "method": scope["method"],
        "path": getattr(scope.get("route"), "path", "unknown"),
        "status": CLIENT_CLOSED_REQUEST if answer.left else answer.status or None,
        "seconds": answer.seconds,
        "answer_id": call.answer_id,
        "prompt_tokens": sum(usage.prompt_tokens for usage in usages) if usages else None,
        "completion_tokens": sum(usage.completion_tokens for usage in usages) if usages else None,
        "finish_reason": ",".join(sorted({reason for meter in call.meters for reason in meter.finishes})) or None,
        "error_code": call.error_code,
    }
