"""POST /v1/chat/completions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from ...errors import InvalidRequest
from ...request import GenerateRequest, TokenEvent
from ..answers import event_stream, frame, json_response, until_gone
from ..generations import Generations, Output, collect, finish_reason
from ..served import Served, new_id
from ..tokens import ChatLogprobs, chat_logprobs
from ..usage import Meter, Usage
from .chat_types import (
    AnsweredToolCall,
    AnswerMessage,
    ChatChoice,
    ChatChunk,
    ChatCompletion,
    ChatFinishText,
    ChatRequest,
    ChunkChoice,
    Delta,
)
from .tool_text import splitter


def chat_router(served: Served) -> APIRouter:
    """The route, for one model."""
    router = APIRouter()

    @router.post("/v1/chat/completions", response_model=ChatCompletion)
    async def create_chat_completion(request: Request, body: ChatRequest) -> Response:
        """Answer a conversation."""
        served.check_model(body.model)
        served.engine.check()
        include_usage = body.include_usage()
        body.check_format()
        n = served.check_n(body.n)
        tools = body.offered_tools()
        logprobs, top_logprobs = body.wanted_logprobs()
        max_tokens = body.most_tokens()
        prompt = await _prompt(served, body, tools)
        call = _Call(served, n, has_tools=bool(tools), logprobs=logprobs)
        requests = served.requests(
            body, call.id, [prompt], n, max_tokens=max_tokens, logprobs=logprobs, top_logprobs=top_logprobs
        )
        if body.stream:
            return await event_stream(request, call.frames(requests, include_usage))
        return json_response(await until_gone(request, call.answer(requests)))

    return router


async def _prompt(served: Served, body: ChatRequest, tools: list[dict[str, Any]]) -> tuple[int, ...]:
    """The conversation as ids, up to where the assistant's answer begins."""
    limits = served.limits
    for name, things, limit in (("messages", body.messages, limits.messages), ("tools", tools, limits.tools)):
        if len(things) > limit:
            raise InvalidRequest(f"{name}: at most {limit} are taken, not {len(things)}", param=name)
    messages = [message.plain(f"messages[{at}]") for at, message in enumerate(body.messages)]
    # In a thread: a template is a program of the model's, and a long conversation takes a while to tokenise.
    return tuple(await asyncio.to_thread(served.tokenizer.render_chat, messages, tools))


class _Call:
    """One call of the endpoint, on its way."""

    def __init__(self, served: Served, n: int, *, has_tools: bool, logprobs: bool) -> None:
        self.id = new_id("chatcmpl")
        self._served = served
        self._logprobs = logprobs
        self._created = int(time.time())
        self._meter = Meter(n, served.tokenizer.eos_ids)
        self._splitters = [splitter(has_tools) for _ in range(n)]

    async def answer(self, requests: list[GenerateRequest]) -> ChatCompletion:
        """The whole answer."""
        async with Generations(self._served.engine, requests) as generations:
            outputs = await collect(generations, len(requests), self._meter)
        return ChatCompletion(
            id=self.id,
            object="chat.completion",
            created=self._created,
            model=self._served.name,
            choices=[self._choice(index, output) for index, output in enumerate(outputs)],
            usage=self._meter.usage(),
        )

    def _choice(self, index: int, output: Output) -> ChatChoice:
        shown = self._splitters[index].push(output.text)
        rest, calls = self._splitters[index].end()
        content = shown + rest
        finish: ChatFinishText = "tool_calls" if calls else finish_reason(output.finish)
        with_calls = {"tool_calls": calls} if calls else {}
        return ChatChoice(
            index=index,
            message=AnswerMessage(
                role="assistant", content=None if calls and not content.strip() else content, refusal=None, **with_calls
            ),
            logprobs=self._token_logprobs(output.tokens),
            finish_reason=finish,
        )

    async def frames(self, requests: list[GenerateRequest], include_usage: bool) -> AsyncGenerator[bytes, None]:
        """The answer as a stream: each choice's role first, then what it adds, then why it ended."""
        no_usage = {"usage": None} if include_usage else {}
        opened: set[int] = set()
        async with Generations(self._served.engine, requests) as generations:
            async for index, event in generations.events():
                if index not in opened:
                    opened.add(index)
                    yield frame(self._chunk([_delta(index, Delta(role="assistant", content=""))], **no_usage))
                for choice in self._deltas(index, event):
                    yield frame(self._chunk([choice], **no_usage))
        if include_usage:
            yield frame(self._chunk([], usage=self._meter.usage()))

    def _deltas(self, index: int, event: TokenEvent) -> Iterator[ChunkChoice]:
        """What an event adds to a choice's stream: often one chunk, none while text is kept back."""
        tokens = [event] if self._meter.count(index, event) else []
        text = self._splitters[index].push(event.text)
        calls: list[AnsweredToolCall] = []
        if event.finish is not None:
            rest, calls = self._splitters[index].end()
            text += rest
        if text or (tokens and self._logprobs):
            yield _delta(index, Delta(content=text), logprobs=self._token_logprobs(tokens))
        for at, call in enumerate(calls):
            yield _delta(index, Delta(tool_calls=[call.model_copy(update={"index": at})]))
        if event.finish is not None:
            yield _delta(index, Delta(), finish="tool_calls" if calls else finish_reason(event.finish))

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


def _delta(
    index: int, delta: Delta, *, logprobs: ChatLogprobs | None = None, finish: ChatFinishText | None = None
) -> ChunkChoice:
    return ChunkChoice(index=index, delta=delta, logprobs=logprobs, finish_reason=finish)
