"""How answers are sent, whole and as server-sent events, and clients that go away before the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..errors import EngineError, WeftError
from .calls import current_call
from .errors import ClientGone, TimedOut, error_body

log = logging.getLogger("weft.server")

AnswerT = TypeVar("AnswerT")

STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The whole answer; or, where a stream was asked for, server-sent events.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "description": "One event.",
                    "type": "object",
                    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
                    "required": ["data"],
                }
            }
        },
    }
}
"""What the OpenAPI page says of an answer that may be a stream."""

HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def frame(chunk: BaseModel) -> bytes:
    """One event whose data is `chunk` as JSON; fields that were not set are left out."""
    return b"data: " + chunk.model_dump_json(exclude_unset=True).encode() + b"\n\n"


def named_frame(name: str, data: Mapping[str, Any]) -> bytes:
    """One event with a name, `data` as JSON, and the name in it as `type`: Anthropic's form, and OpenAI's newer one."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode({"type": name, **data}) + b"\n\n"


def _error_frame(error: WeftError) -> bytes:
    return b"data: " + msgspec.json.encode(error_body(error)) + b"\n\n"


@dataclass(frozen=True, slots=True)
class StreamEnding:
    """How an API's streams end.

    Attributes:
        done: what comes after the last frame, in the body's last piece; may be nothing.
        error: the frame that comes last instead, where the stream fails.
    """

    done: bytes
    error: Callable[[WeftError], bytes]


OPENAI_ENDING = StreamEnding(b"data: [DONE]\n\n", _error_frame)


def json_response(answer: BaseModel) -> Response:
    """The whole answer; fields that were not set are left out."""
    return Response(answer.model_dump_json(exclude_unset=True), media_type="application/json")


async def until_gone(request: Request, work: Coroutine[Any, Any, AnswerT]) -> AnswerT:
    """The outcome of `work`, which is cancelled where the client goes away first; then raises `ClientGone`."""
    return await _first(work, request.receive)


async def event_stream(
    request: Request, frames: AsyncGenerator[bytes, None], ending: StreamEnding = OPENAI_ENDING
) -> Response:
    """Answer with `frames`, and then as `ending` says.

    The first frame is awaited before anything is sent, so that a request which fails at once gets a status of its own.
    Whatever happens, `frames` is closed at the end, and with it what it holds.
    """
    try:
        first = await until_gone(request, _next(frames))
    except BaseException:
        await frames.aclose()
        raise
    return EventStreamResponse(first, frames, ending)


class EventStreamResponse(Response):
    """Sends frames as they come; stops, and closes their generator, when the client goes away."""

    media_type = "text/event-stream"

    def __init__(self, first: bytes, frames: AsyncGenerator[bytes, None], ending: StreamEnding) -> None:
        self.status_code = 200
        self.background = None
        self._first = first
        self._frames = frames
        self._ending = ending
        self.init_headers(HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._frames):
            try:
                await _first(self._send_all(send), receive)
            except ClientGone:
                log.info("a client left its stream")

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._first, "more_body": True})
        last = self._ending.done
        try:
            async with asyncio.timeout_at(current_call().deadline) as limit:
                async for data in self._frames:
                    await send({"type": "http.response.body", "body": data, "more_body": True})
        except WeftError as error:
            last = self._failed(error)
        except TimeoutError as error:
            await self._frames.aclose()  # the engine need not wait until the client has read this
            last = self._failed(TimedOut(current_call().seconds) if limit.expired() else _unexpected(error))
        except Exception as error:
            last = self._failed(_unexpected(error))
        await send({"type": "http.response.body", "body": last, "more_body": False})

    def _failed(self, error: WeftError) -> bytes:
        current_call().error_code = error.code
        return self._ending.error(error)


def _unexpected(error: Exception) -> EngineError:
    log.error("a stream failed unexpectedly", exc_info=error)
    return EngineError("the server failed unexpectedly", code="internal_error")


async def _next(frames: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(frames)


async def _first(work: Coroutine[Any, Any, AnswerT], receive: Receive) -> AnswerT:
    """`work`'s outcome, or `ClientGone` if the client disconnects before it is there."""
    working = asyncio.ensure_future(work)
    watching = asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait([working, watching], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGone
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
