"""The API process's end of the wire: an engine that lives in another process, used from one event loop.

Everything asked of it comes to an end: by an answer, by a typed error, or by `EngineClosed` as soon as the engine
process is gone. The client outlives the engine: it says Hello to whatever listens at the same address next.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable
from typing import Protocol, TypeVar

import zmq.asyncio

from ...errors import Aborted, EngineClosed, EngineError, InvalidRequest, WeftError
from ...request import EmbedRequest, EmbedResult, GenerateRequest, ScoreRequest, ScoreResult, TokenEvent
from .link import Link
from .messages import (
    VERSION,
    Abort,
    Ask,
    BadMessage,
    Bye,
    Embed,
    Embedded,
    EngineInfo,
    Events,
    Failed,
    FromEngine,
    Generate,
    Hello,
    Knowledge,
    Message,
    Progress,
    Question,
    Ready,
    Refused,
    Score,
    Scored,
    Told,
    decode_from_engine,
    encode,
)
from .tally import Tally

log = logging.getLogger("weft.server")

AnswerT = TypeVar("AnswerT", ScoreResult, EmbedResult)

PAUSE_SECONDS = 0.05
"""Between the loss of a connection and the next one."""


class EventStream(Protocol):
    """One generation's events, for one consumer. Iterating raises the request's typed error."""

    @property
    def request_id(self) -> str: ...

    def __aiter__(self) -> AsyncIterator[TokenEvent]: ...

    def abort(self) -> None:
        """Give the request up; its consumer gets `Aborted` unless it had already ended."""
        ...


class AsyncEngine(Protocol):
    """What the HTTP API asks of an engine.

    Attributes:
        info: what was loaded; None before. It stays while an engine that died is started again.
    """

    info: EngineInfo | None

    def check(self) -> None:
        """Return if requests are taken; else raise `EngineClosed` saying why not.

        Its code is `engine_loading` before the first engine is ready, and `engine_restarting` between two.
        """
        ...

    def generate(self, request: GenerateRequest) -> EventStream:
        """Submit a generation. Raises as `check` does, and `InvalidRequest` where the request cannot be sent."""
        ...

    async def score(self, request: ScoreRequest) -> ScoreResult:
        """Score choices. Cancelling the caller aborts the request."""
        ...

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        """Embed a text. Cancelling the caller aborts the request."""
        ...

    def abort(self, request_id: str) -> None:
        """Give a request up; its waiter gets `Aborted`. Unknown ids are ignored."""
        ...

    async def stats(self) -> dict[str, int | float]:
        """The engine's counters by name."""
        ...

    async def metrics(self) -> str:
        """Every metric in Prometheus's text format."""
        ...

    def count_rejection(self, reason: str) -> None:
        """A call was answered by an error; told to the engine as soon as there is one."""
        ...

    def count_disconnect(self) -> None:
        """A client went away before its answer's end; told to the engine as soon as there is one."""
        ...

    async def flush_cache(self) -> None:
        """Forget every cached prefix that no running request holds."""
        ...

    async def recount(self) -> None:
        """Check that every page is accounted for. Raises the difference."""
        ...


class RemoteStream:
    """The events of a generation in the engine process."""

    def __init__(self, client: EngineClient, request_id: str) -> None:
        self.request_id = request_id
        self._client = client
        self._arrived: asyncio.Queue[TokenEvent | WeftError] = asyncio.Queue()
        self._ended = False

    def __aiter__(self) -> AsyncIterator[TokenEvent]:
        return self

    async def __anext__(self) -> TokenEvent:
        if self._ended:
            raise StopAsyncIteration
        arrived = await self._arrived.get()
        if isinstance(arrived, WeftError):
            self._ended = True
            raise arrived
        self._ended = arrived.finish is not None
        return arrived

    def abort(self) -> None:
        self._client.abort(self.request_id)

    def put(self, arrived: TokenEvent | WeftError) -> None:
        """Deliver an event or the error that ends the stream; called by the client."""
        self._arrived.put_nowait(arrived)


class EngineClient:
    """An `AsyncEngine` over ZeroMQ.

    Args:
        address: where the engine process listens, and the next one after its death.
        secret: what its `Hello` must carry.
        progress: told each stage of the loading.
        on_ready: told what was loaded, once requests are taken; and so for each engine.

    Attributes:
        lost: why no engine will come any more, once that is so.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        address: str,
        secret: str,
        progress: Callable[[str], None] = lambda _: None,
        on_ready: Callable[[EngineInfo], None] = lambda _: None,
    ) -> None:
        self._context = context
        self._address = address
        self._secret = secret
        self._progress = progress
        self._on_ready = on_ready
        self._streams: dict[str, RemoteStream] = {}
        self._answers: dict[str, asyncio.Future[ScoreResult | EmbedResult]] = {}
        self._questions: dict[int, asyncio.Future[Knowledge]] = {}
        self._ending: set[str] = set()
        """Aborted here, and the engine's last word on them still to come."""
        self._numbers = itertools.count()
        self._tally = Tally()
        self._link: Link | None = None
        self._connected: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._ready = False
        self._refused: WeftError | None = None
        self._stage = ""
        self.info: EngineInfo | None = None
        self.lost: WeftError | None = None

    def start(self) -> None:
        """Connect and say Hello, now and after each loss. Needs a running event loop; `ready` waits for the answer."""
        self._connected = asyncio.create_task(self._stay_connected())
        self._connected.add_done_callback(self._task_ended)

    async def ready(self) -> EngineInfo:
        """Wait until an engine is loaded. Raises the error it met loading, or `EngineClosed`."""
        await self._until(lambda: self._ready or self._refused is not None or self.lost is not None)
        error = self.lost or self._refused
        if error is not None or self.info is None:
            raise _again(error or EngineClosed("the engine is gone"))
        return self.info

    async def gone(self) -> None:
        """Wait until no engine takes requests."""
        await self._until(lambda: not self._ready)

    async def given_up(self) -> None:
        """Wait until no engine will come any more."""
        await self._until(lambda: self.lost is not None)

    def check(self) -> None:
        if self.lost is not None:
            raise _again(self.lost)
        if self._ready:
            return
        stage = f" ({self._stage})" if self._stage else ""
        if self.info is None:
            raise EngineClosed(f"the model is still being loaded{stage}", code="engine_loading")
        raise EngineClosed(f"the engine died and is being started again{stage}", code="engine_restarting")

    def generate(self, request: GenerateRequest) -> RemoteStream:
        self._check_id(request.id)
        self._send(Generate(request))
        stream = self._streams[request.id] = RemoteStream(self, request.id)
        return stream

    async def score(self, request: ScoreRequest) -> ScoreResult:
        """Score choices. Cancelling the caller aborts the request."""
        return await self._ask(request.id, Score(request), ScoreResult)

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        """Embed a text. Cancelling the caller aborts the request."""
        return await self._ask(request.id, Embed(request), EmbedResult)

    async def stats(self) -> dict[str, int | float]:
        answer = await self._question("stats")
        if not isinstance(answer, dict):
            raise EngineError("the engine answered without its counters")
        return answer

    async def metrics(self) -> str:
        answer = await self._question("metrics")
        if not isinstance(answer, str):
            raise EngineError("the engine answered without its metrics")
        return answer

    def count_rejection(self, reason: str) -> None:
        self._tally.reject(reason)
        self._send_tally()

    def count_disconnect(self) -> None:
        self._tally.disconnect()
        self._send_tally()

    async def flush_cache(self) -> None:
        await self._question("flush_cache")

    async def recount(self) -> None:
        await self._question("recount")

    def abort(self, request_id: str) -> None:
        """Give a request up; its waiter gets `Aborted`. Unknown ids are ignored, since it may just have ended."""
        error = Aborted(f"request {request_id} was aborted")
        if self._end(request_id, error) and self._ready:
            self._ending.add(request_id)
            self._send(Abort(request_id))

    def reconnect(self) -> None:
        """The engine process is known to be gone: as if the connection had said so."""
        if self._link is not None:
            self._link.cut()

    def lose(self, error: WeftError) -> None:
        """No engine will come any more: everyone waiting gets `error`, and so does everyone who asks from now on."""
        if self.lost is not None:
            return
        self.lost = error
        self._end_all(error)

    async def close(self) -> None:
        """Disconnect; the engine is told. Idempotent."""
        self.lose(EngineClosed("the server is shutting down"))
        if self._link is not None:
            self._link.leave(encode(Bye()))
            self._link = None
        if self._connected is not None:
            self._connected.cancel()
            await asyncio.gather(self._connected, return_exceptions=True)

    async def _stay_connected(self) -> None:
        while self.lost is None:
            link = self._link = Link(self._context, self._address)
            try:
                self._send(Hello(VERSION, self._secret))
                await link.run(lambda data: self._receive(decode_from_engine(data)))
            finally:
                self._link = None
                link.close()
            self._end_all(EngineClosed("the engine process died before it could answer"))
            await asyncio.sleep(PAUSE_SECONDS)

    def _end_all(self, error: WeftError) -> None:
        """Nothing that was asked will be answered. The next engine knows of none of it: every id is free again."""
        self._ready, self._refused, self._stage = False, None, ""
        for request_id in [*self._streams, *self._answers]:
            self._end(request_id, _again(error))
        for answer in self._questions.values():
            if not answer.done():
                answer.set_exception(_again(error))
        self._ending.clear()
        self._change()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _change(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _ask(self, request_id: str, message: Message, kind: type[AnswerT]) -> AnswerT:
        self._check_id(request_id)
        self._send(message)
        waiting: asyncio.Future[ScoreResult | EmbedResult] = asyncio.get_running_loop().create_future()
        self._answers[request_id] = waiting
        try:
            answer = await waiting
        except asyncio.CancelledError:
            self.abort(request_id)
            raise
        finally:
            self._answers.pop(request_id, None)
        if not isinstance(answer, kind):
            raise EngineError(f"the engine answered by a {type(answer).__name__}, not a {kind.__name__}")
        return answer

    async def _question(self, question: Question) -> Knowledge:
        self.check()
        number = next(self._numbers)
        self._send(Ask(number, question))
        answer: asyncio.Future[Knowledge] = asyncio.get_running_loop().create_future()
        self._questions[number] = answer
        try:
            return await answer
        finally:
            del self._questions[number]

    def _check_id(self, request_id: str) -> None:
        """`check`, and that no answer to this id is on its way."""
        self.check()
        if request_id in self._streams or request_id in self._answers or request_id in self._ending:
            raise InvalidRequest(f"a request with the id {request_id!r} is in flight", param="id")

    def _send_tally(self) -> None:
        """Tell the engine what was counted; while there is none, keep it."""
        if self._ready:
            counted = self._tally.take()
            if counted is not None:
                self._send(counted)

    def _send(self, message: Message) -> None:
        data = encode(message)
        if self._link is None:
            raise EngineClosed("there is no connection to the engine process")
        self._link.send(data)

    def _receive(self, message: FromEngine) -> None:
        match message:
            case Events(events):
                for event in events:
                    self._deliver(event)
            case Scored(result) | Embedded(result):
                self._ending.discard(result.request_id)
                answer = self._answers.pop(result.request_id, None)  # no abort may wait for a word on it any more
                if answer is not None and not answer.done():
                    answer.set_result(result)
            case Failed(request_id, fault):
                self._ending.discard(request_id)
                self._end(request_id, fault.error())
            case Told(number, knowledge, fault):
                waiting = self._questions.get(number)
                if waiting is not None and not waiting.done():
                    if fault is None:
                        waiting.set_result(knowledge)
                    else:
                        waiting.set_exception(fault.error())
            case Progress(stage):
                self._stage = stage
                self._progress(stage)
            case Ready(info):
                self.info, self._ready = info, True
                self._send_tally()
                self._change()
                self._on_ready(info)
            case Refused(fault):
                self._refused = fault.error()
                self._change()

    def _deliver(self, event: TokenEvent) -> None:
        stream = self._streams.get(event.request_id)
        if stream is None:  # aborted here; the engine had not heard of it yet
            if event.finish is not None:
                self._ending.discard(event.request_id)
            return
        if event.finish is not None:
            del self._streams[event.request_id]
        stream.put(event)

    def _end(self, request_id: str, error: WeftError) -> bool:
        """End one request by `error`. False where none of this id is in flight."""
        stream = self._streams.pop(request_id, None)
        if stream is not None:
            stream.put(error)
            return True
        answer = self._answers.pop(request_id, None)
        if answer is None:
            return False
        if not answer.done():
            answer.set_exception(error)
        return True

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, BadMessage):
            self.lose(EngineError(f"the engine process sent something unreadable: {error.message}"))
        elif error is not None:
            log.error("the connection to the engine process failed", exc_info=error)
            self.lose(EngineClosed("the connection to the engine process failed"))


def _again(error: WeftError) -> WeftError:
    """A copy, so that raising it in many tasks does not chain their tracebacks."""
    return type(error)(error.message, param=error.param, code=error.code)
