"""POST /v1/chat/completions."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from ...chat.pieces import CallArguments, CallOpened, ContentText, Piece, ReasoningText
from ...errors import InvalidRequest
from ...request import FinishReason, GenerateRequest, TokenEvent
from ..answers import STREAMED, event_stream, frame, json_response, until_gone
from ..generations import Generations, Output, collect, finish_reason
from ..json_text import is_object
from ..prompt_scores import score_prompt
from ..served import Served, new_id
from ..tokens import ChatLogprobs, chat_logprobs
from ..turns import Conversation, Turn, WholeAnswer, effort_variables, prepare, template_variables
from ..usage import Meter, Usage
from .chat_types import (
    AnsweredFunction,
    AnsweredToolCall,
    AnswerMessage,
    ChatChoice,
    ChatChunk,
    ChatCompletion,
    ChatFinishText,
    ChatRequest,
    ChunkChoice,
    Delta,
    FunctionDelta,
    ToolCallDelta,
)
from .prompt_logprobs import PromptLogprobs, check_amount, check_prompt_logprobs, prompt_logprobs_of


def chat_router(served: Served) -> APIRouter:
    """The route, for one model."""
    router = APIRouter()

    @router.post("/v1/chat/completions", response_model=ChatCompletion, responses=STREAMED)
    async def create_chat_completion(request: Request, body: ChatRequest) -> Response:
        """Answer a conversation."""
        served.check_model(body.model)
        served.engine.check()
        include_usage = body.include_usage()
        check_prompt_logprobs(body.prompt_logprobs, stream=body.stream)
        n = served.check_n(body.n)
        logprobs, top_logprobs = body.wanted_logprobs()
        max_tokens = body.most_tokens()
        turn = await prepare(served, _conversation(served, body))
        check_amount(body.prompt_logprobs, [turn.prompt], 1)
        call = _Call(served, turn, n, logprobs=logprobs, show_reasoning=body.include_reasoning is not False)
        requests = served.requests(
            body,
            call.id,
            [turn.prompt],
            n,
            max_tokens=max_tokens,
            logprobs=logprobs,
            top_logprobs=top_logprobs,
            constraint=turn.constraint,
            constraint_param=turn.constraint_param,
        )
        if body.stream:
            return await event_stream(request, call.frames(requests, include_usage))
        return json_response(await until_gone(request, call.answer(requests, body.prompt_logprobs)))

    return router


def _conversation(served: Served, body: ChatRequest) -> Conversation:
    effort = effort_variables(body.reasoning_effort, served)
    return Conversation(
        messages=[message.plain(f"messages[{at}]") for at, message in enumerate(body.messages)],
        tools=body.tool_use(),
        asked=body.constraint(),
        variables=effort | template_variables(body.chat_template_kwargs, served),
    )


class _Call:
    """One call of the endpoint, on its way."""

    def __init__(self, served: Served, turn: Turn, n: int, *, logprobs: bool, show_reasoning: bool) -> None:
        self.id = new_id("chatcmpl")
        self._served = served
        self._turn = turn
        self._logprobs = logprobs
        self._show_reasoning = show_reasoning
        self._created = int(time.time())
        self._meter = Meter(n, served.tokenizer.eos_ids)
        self._readers = [turn.reader() for _ in range(n)]

    def _generations(self, requests: Sequence[GenerateRequest]) -> Generations:
        return Generations(self._served.engine, requests, self._turn.constraint_param, self._turn.prompt_param)

    async def answer(self, requests: Sequence[GenerateRequest], prompt_logprobs: int | None) -> ChatCompletion:
        """The whole answer, with as many of the prompt's log-probabilities as are asked for."""
        told = {} if prompt_logprobs is None else {"prompt_logprobs": await self._judged(requests[0], prompt_logprobs)}
        async with self._generations(requests) as generations:
            outputs = await collect(generations, len(requests), self._meter)
        return ChatCompletion(
            id=self.id,
            object="chat.completion",
            created=self._created,
            model=self._served.name,
            choices=[self._choice(index, output) for index, output in enumerate(outputs)],
            usage=self._meter.usage(),
            **told,
        )

    async def _judged(self, request: GenerateRequest, most: int) -> PromptLogprobs:
        """How likely the prompt's own tokens are."""
        try:
            score = await score_prompt(
                self._served,
                self._turn.prompt,
                f"{self.id}-prompt",
                top=most,
                salt=request.cache_salt,
                priority=request.priority,
            )
        except InvalidRequest as error:
            if error.param == "prompt":
                error.param = self._turn.prompt_param
            raise
        self._meter.found(0, score.cached_tokens)
        return prompt_logprobs_of(self._served.tokenizer, score, most)

    def _choice(self, index: int, output: Output) -> ChatChoice:
        reader = self._readers[index]
        message = _message([*reader.push(output.text), *reader.end()], show_reasoning=self._show_reasoning)
        return ChatChoice(
            index=index,
            message=message,
            logprobs=self._token_logprobs(output.tokens),
            finish_reason=_finish(output, message.tool_calls[-1].function.arguments if message.tool_calls else None),
        )

    async def frames(self, requests: Sequence[GenerateRequest], include_usage: bool) -> AsyncGenerator[bytes, None]:
        """The answer as a stream: each choice's role first, then what it adds, then why it ended."""
        no_usage = {"usage": None} if include_usage else {}
        opened: set[int] = set()
        calls: dict[int, list[str]] = {}
        async with self._generations(requests) as generations:
            async for index, event in generations.events():
                if index not in opened:
                    opened.add(index)
                    yield frame(self._chunk([_delta(index, Delta(role="assistant", content=""))], **no_usage))
                for choice in self._deltas(index, event, calls):
                    yield frame(self._chunk([choice], **no_usage))
        if include_usage:
            yield frame(self._chunk([], usage=self._meter.usage()))

    def _deltas(self, index: int, event: TokenEvent, calls: dict[int, list[str]]) -> Iterator[ChunkChoice]:
        """What an event adds to a choice's stream: often one chunk, none while text is kept back.

        `calls` has the arguments of each choice's last call so far.
        """
        reader = self._readers[index]
        logprobs = self._token_logprobs([event]) if self._meter.count(index, event) else None
        pieces = reader.push(event.text)
        if event.finish is not None:
            pieces = [*pieces, *reader.end()]
        deltas = [delta for piece in pieces if (delta := self._piece_delta(piece)) is not None]
        for piece in pieces:
            if isinstance(piece, CallOpened):
                calls[index] = []
            elif isinstance(piece, CallArguments):
                calls[index].append(piece.text)
        if logprobs is not None and not deltas:
            deltas = [Delta(content="")]
        for delta in deltas:
            yield _delta(index, delta, logprobs=logprobs)
            logprobs = None
        if event.finish is not None:
            last_call = "".join(calls[index]) if index in calls else None
            yield _delta(index, Delta(), finish=_finish(event, last_call))

    def _piece_delta(self, piece: Piece) -> Delta | None:
        match piece:
            case ReasoningText(text):
                return Delta(reasoning_content=text) if self._show_reasoning else None
            case ContentText(text):
                return Delta(content=text)
            case CallOpened(index, name):
                opened = ToolCallDelta(
                    index=index, id=_call_id(), type="function", function=FunctionDelta(name=name, arguments="")
                )
                return Delta(tool_calls=[opened])
            case CallArguments(index, text):
                return Delta(tool_calls=[ToolCallDelta(index=index, function=FunctionDelta(arguments=text))])

    def _chunk(self, choices: list[ChunkChoice], **usage: Usage | None) -> ChatChunk:
        return ChatChunk(
            id=self.id,
            object="chat.completion.chunk",
            created=self._created,
            model=self._served.name,
            choices=choices,
            **usage,
        )

    def _token_logprobs(self, tokens: list[TokenEvent]) -> ChatLogprobs | None:
        return chat_logprobs(self._served.tokenizer, tokens) if self._logprobs else None


def _message(pieces: Sequence[Piece], *, show_reasoning: bool) -> AnswerMessage:
    whole = WholeAnswer.of(pieces)
    optional: dict[str, Any] = {}
    if whole.reasoning and show_reasoning:
        optional["reasoning_content"] = whole.reasoning
    if whole.calls:
        optional["tool_calls"] = [
            AnsweredToolCall(id=_call_id(), type="function", function=AnsweredFunction(name=name, arguments=arguments))
            for name, arguments in whole.calls
        ]
    content = None if whole.calls and not whole.content.strip() else whole.content
    return AnswerMessage(role="assistant", content=content, refusal=None, **optional)


def _finish(ended: Output | TokenEvent, last_call: str | None) -> ChatFinishText:
    """Why an answer ended; `last_call` is the arguments of its last call. One that a stop string cut is no call."""
    reason = finish_reason(ended.finish or FinishReason.STOP)
    if last_call is None or reason != "stop":
        return reason
    return "tool_calls" if ended.stop_reason is None or is_object(last_call) else reason


def _call_id() -> str:
    return new_id("call")


def _delta(
    index: int, delta: Delta, *, logprobs: ChatLogprobs | None = None, finish: ChatFinishText | None = None
) -> ChunkChoice:
    return ChunkChoice(index=index, delta=delta, logprobs=logprobs, finish_reason=finish)
