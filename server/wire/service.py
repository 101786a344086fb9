"""The engine's end of the wire: serves one engine to the API processes that connect.

One event loop owns the socket. Each generation is a task that passes the ticket's events on; events of one turn of the
loop leave in one message, so a step of many requests costs one message, not one each.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hmac
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import zmq
import zmq.asyncio

from ...errors import EngineClosed, EngineError, InvalidRequest, WeftError
from ...lang.backend import GenerateTicket, Ticket
from ...request import EmbedRequest, EmbedResult, GenerateRequest, ScoreRequest, ScoreResult, TokenEvent
from ..logs import request_id as current_request_id
from ..metrics import ServiceMetrics
from .faults import Fault
from .messages import (
    MAX_EVENTS,
    VERSION,
    Abort,
    Ask,
    BadMessage,
    Bye,
    Counted,
    Embed,
    Embedded,
    EngineInfo,
    Events,
    Failed,
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
    decode_to_engine,
    encode,
)

if TYPE_CHECKING:
    from ...runtime.stats import EngineStats

log = logging.getLogger("weft.server")

RequestT = TypeVar("RequestT", GenerateRequest, ScoreRequest, EmbedRequest)
TicketT = TypeVar("TicketT", bound=Ticket[Any])


class ServedEngine(Protocol):
    """What the service asks of an engine; `weft.Engine` satisfies it."""

    def generate(self, request: GenerateRequest) -> GenerateTicket: ...

    def score(self, request: ScoreRequest) -> Ticket[ScoreResult]: ...

    def embed(self, request: EmbedRequest) -> Ticket[EmbedResult]: ...

    def stats(self) -> EngineStats: ...

    def flush_cache(self) -> None: ...

    def recount(self) -> None: ...


@dataclass(slots=True)
class _Flight:
    """One request on its way: its ticket, once the engine has taken it, and whether it was given up before."""

    ticket: Ticket[Any] | None = None
    aborted: bool = False

    def abort(self) -> None:
        self.aborted = True
        if self.ticket is not None:
            self.ticket.abort()


@dataclass(slots=True)
class _Peer:
    """One API process: its requests in flight, and events that wait for the end of this turn of the loop."""

    identity: bytes
    flights: dict[str, _Flight] = field(default_factory=dict)
    events: list[TokenEvent] = field(default_factory=list)


class EngineService:
    """Serves an engine on a bound ROUTER socket.

    Peers may connect before there is an engine: they are answered once `ready` or `refuse` is called.
    """

    def __init__(self, socket: zmq.asyncio.Socket, secret: str) -> None:
        self._socket = socket
        self._secret = secret
        self._engine: ServedEngine | None = None
        self._metrics = ServiceMetrics("")
        self._welcome: Message | None = None
        self._engine_ended = asyncio.Event()
        self._peers: dict[bytes, _Peer] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def progress(self, stage: str) -> None:
        """Tell every peer what the engine being loaded is at."""
        self._set_welcome(Progress(stage))

    def ready(self, engine: ServedEngine, info: EngineInfo) -> None:
        """From now on, take requests for `engine`."""
        self._engine = engine
        self._metrics = ServiceMetrics(info.name)
        self._set_welcome(Ready(info))

    def refuse(self, error: WeftError) -> None:
        """From now on, tell every peer that there will be no engine, and why."""
        self._set_welcome(Refused(Fault.of(error)))

    async def run(self) -> None:
        """Serve until cancelled. Requests then in flight are aborted.

        Raises `EngineClosed` where the engine ends by itself.
        """
        receiving = asyncio.create_task(self._receive_all())
        ending = asyncio.create_task(self._engine_ended.wait())
        try:
            await asyncio.wait([receiving, ending], return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                receiving.result()
            raise EngineClosed("the engine ended by itself")
        finally:
            for task in (receiving, ending):
                task.cancel()
            for peer in list(self._peers.values()):
                self._drop(peer)

    def close_requests(self, reason: str) -> None:
        """Fail every request in flight."""
        for peer in self._peers.values():
            for request_id, flight in list(peer.flights.items()):
                self._send(peer, Failed(request_id, Fault.of(EngineClosed(reason))))
                flight.abort()

    async def _receive_all(self) -> None:
        while True:
            identity, data = await self._socket.recv_multipart()
            self._receive(identity, data)

    def _receive(self, identity: bytes, data: bytes) -> None:
        try:
            message = decode_to_engine(data)
        except BadMessage as error:
            log.error("ignored a message: %s", error)
            return
        peer = self._peers.get(identity)
        match message:
            case Hello():
                self._greet(identity, message)
            case _ if peer is None:
                log.error("ignored a %s from a peer that did not say Hello", type(message).__name__)
            case Generate(request):
                self._start(peer, request, self._generate)
            case Score(request):
                self._start(peer, request, self._score)
            case Embed(request):
                self._start(peer, request, self._embed)
            case Abort(request_id):
                if request_id in peer.flights:
                    peer.flights[request_id].abort()
            case Bye():
                self._drop(peer)
            case Ask(number, question):
                self._spawn(self._tell(peer, number, question))
            case Counted(rejections, disconnects):
                for reason, count in rejections.items():
                    self._metrics.rejected(reason, count)
                self._metrics.disconnected(disconnects)

    def _greet(self, identity: bytes, hello: Hello) -> None:
        peer = _Peer(identity)
        if not hmac.compare_digest(hello.secret.encode(), self._secret.encode()):
            self._send(peer, Refused(Fault.of(EngineError("the secret is wrong"))))
        elif hello.version != VERSION:
            reason = f"the engine speaks version {VERSION} of the protocol, not {hello.version}"
            self._send(peer, Refused(Fault.of(EngineError(reason))))
        else:
            self._peers[identity] = peer
            if self._welcome is not None:
                self._send(peer, self._welcome)

    def _set_welcome(self, message: Message) -> None:
        self._welcome = message
        for peer in self._peers.values():
            self._send(peer, message)

    def _start(
        self, peer: _Peer, request: RequestT, serve: Callable[[_Peer, _Flight, RequestT], Awaitable[None]]
    ) -> None:
        if request.id in peer.flights:
            error = InvalidRequest(f"a request with the id {request.id!r} is in flight", param="id")
            self._send(peer, Failed(request.id, Fault.of(error)))
            return
        flight = peer.flights[request.id] = _Flight()
        self._spawn(self._serve(peer, request.id, serve(peer, flight, request)))

    async def _serve(self, peer: _Peer, request_id: str, serving: Awaitable[None]) -> None:
        current_request_id.set(request_id)
        try:
            await serving
        except Exception as error:
            if isinstance(error, EngineClosed):
                self._engine_ended.set()
            self._send(peer, Failed(request_id, _fault(error)))
        finally:
            peer.flights.pop(request_id, None)

    async def _generate(self, peer: _Peer, flight: _Flight, request: GenerateRequest) -> None:
        ticket = await self._submit(flight, request, self._loaded().generate)
        finish = None
        followed = self._metrics.generation(request)
        async for event in ticket:
            followed.take(event)
            self._emit(peer, event)
            finish = event.finish
        if finish is None:
            raise EngineError("the engine ended this request without a reason")

    async def _score(self, peer: _Peer, flight: _Flight, request: ScoreRequest) -> None:
        ticket = await self._submit(flight, request, self._loaded().score)
        result = await ticket
        self._metrics.answered(result)
        self._send(peer, Scored(result))

    async def _embed(self, peer: _Peer, flight: _Flight, request: EmbedRequest) -> None:
        ticket = await self._submit(flight, request, self._loaded().embed)
        result = await ticket
        self._metrics.answered(result)
        self._send(peer, Embedded(result))

    async def _submit(self, flight: _Flight, request: RequestT, submit: Callable[[RequestT], TicketT]) -> TicketT:
        """Hand a request to the engine, and an abort after it that came meanwhile.

        Compiling a constraint, or tokenising text, takes the caller's time: that is done in a thread.
        """
        constrained = isinstance(request, GenerateRequest) and request.constraint is not None
        worded = isinstance(request, GenerateRequest) and bool(request.sampling.bad_words)
        texts = [request.prompt, *(request.choices if isinstance(request, ScoreRequest) else ())]
        slow = constrained or worded or any(isinstance(text, str) for text in texts)
        ticket = await asyncio.to_thread(submit, request) if slow else submit(request)
        flight.ticket = ticket
        if flight.aborted:
            ticket.abort()
        return ticket

    async def _tell(self, peer: _Peer, number: int, question: Question) -> None:
        try:
            told = Told(number, await self._answer(question))
        except Exception as error:
            told = Told(number, fault=_fault(error))
        self._send(peer, told)

    async def _answer(self, question: Question) -> Knowledge:
        """What the engine has to say is waited for in a thread, since it answers between two steps."""
        engine = self._loaded()
        match question:
            case "stats":
                return _numbers(await asyncio.to_thread(engine.stats))
            case "metrics":
                return self._metrics.expose(await asyncio.to_thread(engine.stats), self._preparing())
            case "flush_cache":
                await asyncio.to_thread(engine.flush_cache)
            case "recount":
                await asyncio.to_thread(engine.recount)
        return None

    def _preparing(self) -> int:
        """How many requests the engine has not taken yet."""
        return sum(flight.ticket is None for peer in self._peers.values() for flight in peer.flights.values())

    def _loaded(self) -> ServedEngine:
        if self._engine is None:
            raise EngineError("the engine is not ready")
        return self._engine

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)  # the loop itself holds tasks only weakly
        task.add_done_callback(self._tasks.discard)

    def _emit(self, peer: _Peer, event: TokenEvent) -> None:
        if not peer.events:
            asyncio.get_running_loop().call_soon(self._flush, peer)
        peer.events.append(event)

    def _flush(self, peer: _Peer) -> None:
        events, peer.events = peer.events, []
        for start in range(0, len(events), MAX_EVENTS):
            self._post(peer, Events(events[start : start + MAX_EVENTS]))

    def _send(self, peer: _Peer, message: Message) -> None:
        self._flush(peer)
        self._post(peer, message)

    def _post(self, peer: _Peer, message: Message) -> None:
        sent = asyncio.ensure_future(self._socket.send_multipart([peer.identity, encode(message)]))
        sent.add_done_callback(lambda done: self._sent(peer, done))

    def _sent(self, peer: _Peer, done: asyncio.Future[Any]) -> None:
        if done.cancelled() or done.exception() is None or self._peers.get(peer.identity) is not peer:
            return
        # The socket is ROUTER_MANDATORY: sending to a peer that is gone fails instead of vanishing.
        log.warning("an API process is gone; its %d requests are aborted (%s)", len(peer.flights), done.exception())
        self._drop(peer)

    def _drop(self, peer: _Peer) -> None:
        self._peers.pop(peer.identity, None)
        for flight in peer.flights.values():
            flight.abort()


def bind(context: zmq.asyncio.Context, address: str) -> zmq.asyncio.Socket:
    """A bound ROUTER socket as `EngineService` needs it."""
    socket = context.socket(zmq.ROUTER)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    # Unlimited: a ROUTER drops what does not fit. What may queue up is bounded by the engine's own queue.
    socket.setsockopt(zmq.SNDHWM, 0)
    socket.setsockopt(zmq.RCVHWM, 0)
    socket.setsockopt(zmq.LINGER, 1000)
    socket.bind(address)
    return socket


def _numbers(stats: EngineStats) -> dict[str, int | float]:
    """A stats dataclass's numbers by name; of pairs of names and numbers, by both names."""
    numbers: dict[str, int | float] = {}
    for name, value in dataclasses.asdict(stats).items():
        if isinstance(value, int | float):
            numbers[name] = value
        else:
            numbers |= {f"{name}_{part}": number for part, number in value}
    return numbers


def _fault(error: Exception) -> Fault:
    if isinstance(error, WeftError):
        return Fault.of(error)
    log.error("a request failed unexpectedly", exc_info=error)
    return Fault.of(EngineError("the engine failed this request unexpectedly; its log says more"))
