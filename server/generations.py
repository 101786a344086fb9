"""The generations of one HTTP call: submitted together, followed together, given up together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from ..errors import Aborted, EngineError, GrammarError, InvalidRequest
from ..request import FinishReason, GenerateRequest, TokenEvent
from .usage import Meter
from .wire.client import AsyncEngine, EventStream
from .wire.faults import event_error

FinishText = Literal["stop", "length"]


def finish_reason(finish: FinishReason) -> FinishText:
    """OpenAI's word for why a generation ended."""
    return "length" if finish is FinishReason.LENGTH else "stop"


class Generations:
    """Requests in flight at an engine, and their events as they come.

    Use as an async context manager: entering submits every request, leaving aborts those that have not ended, so that
    whatever happens between leaves nothing behind in the engine.

    Args:
        constraint_param: the field that the requests' constraint came from, or each one's; an error about the
            constraint names it.
        prompt_param: the field that the prompts came from; an error about a prompt names it.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        requests: Sequence[GenerateRequest],
        constraint_param: str | Sequence[str | None] | None = None,
        prompt_param: str = "prompt",
    ) -> None:
        self._engine = engine
        self._requests = requests
        self._constraint_param = constraint_param
        self._prompt_param = prompt_param
        self._streams: list[EventStream] = []
        self._unfinished: set[int] = set()
        self._given_up: set[int] = set()

    async def __aenter__(self) -> Self:
        try:
            for index, request in enumerate(self._requests):
                self._streams.append(self._engine.generate(request))
                self._unfinished.add(index)
        except BaseException:
            self._abort()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._abort()

    def give_up(self, index: int) -> None:
        """Abort one of them, which is no failure of the call: its last event says `abort`."""
        if index in self._unfinished:
            self._given_up.add(index)
            self._streams[index].abort()

    async def events(self) -> AsyncIterator[tuple[int, TokenEvent]]:
        """(index of the request, event), each request's in order. Raises the first error that any of them meets."""
        if len(self._streams) == 1:
            async for event in self._follow(0):
                yield 0, event
            return
        arrived: asyncio.Queue[tuple[int, TokenEvent] | Exception] = asyncio.Queue()

        async def pump(index: int) -> None:
            try:
                async for event in self._follow(index):
                    arrived.put_nowait((index, event))
            except Exception as error:  # handed to the consumer, whatever it is
                arrived.put_nowait(error)

        pumps = [asyncio.create_task(pump(index)) for index in range(len(self._streams))]
        running = len(pumps)
        try:
            while running:
                item = await arrived.get()
                if isinstance(item, Exception):
                    raise item
                running -= item[1].finish is not None
                yield item
        finally:
            for task in pumps:
                task.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _follow(self, index: int) -> AsyncIterator[TokenEvent]:
        try:
            async for event in self._checked(index):
                yield event
        except GrammarError as error:
            param = self._constraint_param
            error.param = param if param is None or isinstance(param, str) else param[index]
            raise
        except InvalidRequest as error:
            if error.param == "prompt":
                error.param = self._prompt_param
            raise
        except Aborted:
            if index not in self._given_up:
                raise
            self._unfinished.discard(index)
            request = self._requests[index]
            yield TokenEvent(request.id, -1, prompt_tokens=len(request.prompt), finish=FinishReason.ABORT)

    async def _checked(self, index: int) -> AsyncIterator[TokenEvent]:
        async for event in self._streams[index]:
            if event.finish is not None:
                self._unfinished.discard(index)
            if event.finish is FinishReason.ERROR:
                raise event_error(event)
            if event.finish is FinishReason.ABORT:
                raise Aborted("the engine aborted this request")
            yield event
        if index in self._unfinished:
            raise EngineError("the engine ended this request without a reason")

    def _abort(self) -> None:
        for index in self._unfinished:
            self._streams[index].abort()
        self._unfinished.clear()


@dataclass(slots=True)
class Output:
    """What one generation has added up to: its text, the events that carry its tokens, and why and by what it ended."""

    text: str = ""
    tokens: list[TokenEvent] = field(default_factory=list)
    finish: FinishReason = FinishReason.ERROR
    stop_reason: str | int | None = None


async def collect(generations: Generations, count: int, meter: Meter) -> list[Output]:
    """Follow `count` generations to their ends."""
    outputs = [Output() for _ in range(count)]
    texts: list[list[str]] = [[] for _ in range(count)]
    async for index, event in generations.events():
        texts[index].append(event.text)
        if meter.count(index, event):
            outputs[index].tokens.append(event)
        if event.finish is not None:
            outputs[index].finish, outputs[index].stop_reason = event.finish, event.stop_reason
    for output, text in zip(outputs, texts, strict=True):
        output.text = "".join(text)
    return outputs
