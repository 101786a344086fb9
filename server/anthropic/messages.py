"""POST /v1/messages and /v1/messages/count_tokens."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from fastapi import APIRouter, Request
from starlette.responses import Response

from ...errors import InvalidRequest, WeftError
from ...request import FinishReason, GenerateRequest, TokenEvent
from ..answers import STREAMED, StreamEnding, event_stream, json_response, named_frame, until_gone
from ..calls import current_call
from ..errors import shortened, status_of
from ..generations import Generations
from ..served import Served, new_id
from ..turns import Turn, prepare
from ..usage import Meter
from .answer_blocks import AnswerBlocks, Event
from .answer_types import Message, MessageUsage, StopReason, TokenCount
from .errors import ERRORS, PREFIX, anthropic_envelope, anthropic_status
from .requests import CountRequest, MessagesRequest


def _error_frame(error: WeftError) -> bytes:
    status, call = anthropic_status(status_of(error), error.code), current_call().id
    message, param = shortened(error.message, error.param)
    body = anthropic_envelope(message, status, param=param, code=error.code, request_id=call)
    return named_frame("error", body)


ENDING = StreamEnding(b"", _error_frame)


def messages_router(served: Served) -> APIRouter:
    """The routes, for one model."""
    router = APIRouter()

    @router.post(PREFIX, response_model=Message, responses=STREAMED | ERRORS)
    async def create_message(request: Request, body: MessagesRequest) -> Response:
        """Answer a conversation, or go on with an answer that its last message begins."""
        served.check_model(body.model)
        served.engine.check()
        turn = await prepare(served, body.conversation(served, body.max_tokens))
        call = _Call(served, turn, body)
        generation = call.request(body)
        if body.stream:
            return await event_stream(request, call.frames(generation), ENDING)
        return json_response(await until_gone(request, call.answer(generation)))

    @router.post(f"{PREFIX}/count_tokens", responses=ERRORS)
    async def count_tokens(body: CountRequest) -> TokenCount:
        """How many tokens a conversation has, as the model is given it."""
        served.check_model(body.model)
        turn = await prepare(served, body.conversation(served))
        return TokenCount(input_tokens=len(turn.prompt))

    return router


class _Call:
    """One call of the endpoint, on its way."""

    def __init__(self, served: Served, turn: Turn, body: MessagesRequest) -> None:
        self.id = new_id("msg", "_")
        self._served = served
        self._turn = turn
        self._max_tokens = body.max_tokens
        self._meter = Meter(1, served.tokenizer.eos_ids)
        self._reader = turn.reader()
        self._blocks = AnswerBlocks(show_thinking=body.thinking is None or body.thinking.display != "omitted")
        self._stop_reason: StopReason | None = None
        self._stop_sequence: str | None = None

    def request(self, body: MessagesRequest) -> GenerateRequest:
        """What the engine is asked. Raises `InvalidRequest` naming the field at fault."""
        try:
            (request,) = self._served.requests(
                body.sampling_fields(),
                self.id,
                [self._turn.prompt],
                1,
                max_tokens=body.max_tokens,
                logprobs=False,
                top_logprobs=0,
                constraint=self._turn.constraint,
                constraint_param=self._turn.constraint_param,
            )
        except InvalidRequest as error:
            if error.param == "stop":
                raise InvalidRequest(
                    f"stop_sequences{error.message.removeprefix('stop')}", param="stop_sequences", code=error.code
                ) from error
            raise
        return request

    async def answer(self, request: GenerateRequest) -> Message:
        """The whole answer."""
        async for _ in self._events(request):
            pass
        return self._message()

    async def frames(self, request: GenerateRequest) -> AsyncGenerator[bytes, None]:
        """The answer as a stream."""
        async with aclosing(self._events(request)) as events:
            async for name, data in events:
                yield named_frame(name, data)

    async def _events(self, request: GenerateRequest) -> AsyncGenerator[Event, None]:
        """What is told of the answer as it comes. At the end, `_message` is the whole of it."""
        begun = False
        turn = self._turn
        async with Generations(self._served.engine, [request], turn.constraint_param, turn.prompt_param) as generations:
            async for _, event in generations.events():
                self._meter.count(0, event)
                if not begun:
                    begun = True
                    yield "message_start", {"message": self._message().model_dump()}
                    yield "ping", {}
                for told in self._told(event):
                    yield told

    def _told(self, event: TokenEvent) -> Iterator[Event]:
        for piece in self._reader.push(event.text):
            yield from self._blocks.take(piece)
        if event.finish is None:
            return
        for piece in self._reader.end():
            yield from self._blocks.take(piece)
        yield from self._blocks.end()
        self._stop_reason, self._stop_sequence = self._why(event)
        delta = {"stop_reason": self._stop_reason, "stop_sequence": self._stop_sequence}
        yield "message_delta", {"delta": delta, "usage": self._usage().model_dump()}
        yield "message_stop", {}

    def _why(self, event: TokenEvent) -> tuple[StopReason, str | None]:
        """Why the answer has ended, and the stop sequence that did it."""
        if event.finish is FinishReason.LENGTH:
            cut = self._meter.usage().completion_tokens >= self._max_tokens
            return "max_tokens" if cut else "model_context_window_exceeded", None
        if isinstance(event.stop_reason, str):
            return "stop_sequence", event.stop_reason
        return "tool_use" if self._blocks.called else "end_turn", None

    def _message(self) -> Message:
        return Message(
            id=self.id,
            type="message",
            role="assistant",
            model=self._served.name,
            content=self._blocks.done,
            stop_reason=self._stop_reason,
            stop_sequence=self._stop_sequence,
            usage=self._usage(),
        )

    def _usage(self) -> MessageUsage:
        return MessageUsage.of(self._meter.usage())
