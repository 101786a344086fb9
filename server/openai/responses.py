"""POST /v1/responses: OpenAI's Responses API, without anything kept between calls."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator

from fastapi import APIRouter, Request
from starlette.responses import Response

from ...errors import InvalidRequest, Overloaded, UnknownOption, WeftError
from ...request import FinishReason, GenerateRequest
from ..answers import STREAMED, StreamEnding, event_stream, named_frame, until_gone
from ..errors import shortened
from ..generations import Generations
from ..served import Served, new_id
from ..turns import Conversation, Turn, effort_variables, prepare, template_variables
from ..usage import Meter
from .responses_answer import IncompleteDetails, ResponseFault, ResponseObject, ResponseUsage
from .responses_events import Event, OutputWriter
from .responses_input import messages_of
from .responses_types import ResponsesRequest


def responses_router(served: Served) -> APIRouter:
    """The route, for one model."""
    router = APIRouter()

    @router.post("/v1/responses", response_model=ResponseObject, responses=STREAMED)
    async def create_response(request: Request, body: ResponsesRequest) -> Response:
        """Answer a conversation."""
        served.check_model(body.model)
        served.engine.check()
        body.include_usage()
        logprobs, top_logprobs = body.wanted_logprobs()
        turn = await prepare(served, _conversation(served, body))
        response_id = new_id("resp", "_")
        (generation,) = served.requests(
            body,
            response_id,
            [turn.prompt],
            1,
            max_tokens=body.max_output_tokens,
            logprobs=logprobs,
            top_logprobs=top_logprobs,
            constraint=turn.constraint,
            constraint_param=turn.constraint_param,
        )
        response = ResponseObject.begun(response_id, int(time.time()), body, generation.sampling)
        call = _Call(served, turn, generation, response)
        if body.stream:
            return await event_stream(request, call.frames(), StreamEnding(b"", call.failed))
        answer = await until_gone(request, call.answer())
        return Response(answer.model_dump_json(), media_type="application/json")

    return router


def _conversation(served: Served, body: ResponsesRequest) -> Conversation:
    try:
        effort = effort_variables(body.effort, served)
    except UnknownOption as error:
        place = "reasoning.effort"
        raise UnknownOption(f"{place}: the chat template of this model has no such thing", param=place) from error
    return Conversation(
        messages=messages_of(body.instructions, body.input),
        tools=body.tool_use(),
        asked=body.asked(),
        variables=effort | template_variables(body.chat_template_kwargs, served),
        messages_param="input",
    )


class _Call:
    """One call of the endpoint, on its way."""

    def __init__(self, served: Served, turn: Turn, generation: GenerateRequest, response: ResponseObject) -> None:
        self._engine = served.engine
        self._generation = generation
        self._constraint_param = turn.constraint_param
        self._prompt_param = turn.prompt_param
        self._response = response
        self._meter = Meter(1, served.tokenizer.eos_ids)
        self._writer = OutputWriter(turn.reader(), served.tokenizer if generation.sampling.logprobs else None)
        self._sent = 0

    async def answer(self) -> ResponseObject:
        """The whole answer."""
        async for _ in self._events():
            pass
        return self._response

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """The answer as a stream: the response without output, each item as it grows, the whole response."""
        begun = False
        async for event in self._events():
            if not begun:
                begun = True
                yield self._told("response.created")
                yield self._told("response.in_progress")
            if event is not None:
                yield self._frame(*event)
        yield self._told(f"response.{self._response.status}")

    async def _events(self) -> AsyncIterator[Event | None]:
        """What the output tells of itself; None where a token says nothing yet. At the end the response is whole."""
        finish = FinishReason.STOP
        async with Generations(
            self._engine, [self._generation], self._constraint_param, self._prompt_param
        ) as generations:
            async for index, event in generations.events():
                yield None
                for told in self._writer.push(event, carries_token=self._meter.count(index, event)):
                    yield told
                finish = event.finish or finish
        self._take_output()
        if finish is FinishReason.LENGTH:
            self._response.status = "incomplete"
            self._response.incomplete_details = IncompleteDetails(reason="max_output_tokens")
        else:
            self._response.status = "completed"
            self._response.completed_at = int(time.time())

    def failed(self, error: WeftError) -> bytes:
        """The last frame of a stream that fails, with what had come until then."""
        self._writer.give_up()
        self._take_output()
        self._response.status = "failed"
        self._response.error = _fault(error)
        return self._told("response.failed")

    def _take_output(self) -> None:
        self._response.output = self._writer.items
        self._response.usage = ResponseUsage.of(self._meter.usage(), self._writer.reasoning_tokens)

    def _told(self, name: str) -> bytes:
        return self._frame(name, {"response": self._response.model_dump()})

    def _frame(self, name: str, data: dict[str, object]) -> bytes:
        data["sequence_number"] = self._sent
        self._sent += 1
        return named_frame(name, data)


def _fault(error: WeftError) -> ResponseFault:
    message, _ = shortened(f"{error.code}: {error.message}", None)
    if isinstance(error, Overloaded):
        return ResponseFault(code="rate_limit_exceeded", message=message)
    if isinstance(error, InvalidRequest):
        return ResponseFault(code="invalid_prompt", message=message)
    return ResponseFault(code="server_error", message=message)
