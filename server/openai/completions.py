"""POST /v1/completions."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from ...errors import InvalidRequest
from ...request import GenerateRequest, TokenEvent
from ..answers import STREAMED, event_stream, frame, json_response, until_gone
from ..constraint_fields import ConstraintFields
from ..fields import Refusals, SamplingFields
from ..generations import FinishText, Generations, collect, finish_reason
from ..prompt_scores import score_prompt
from ..prompts import Prompts, check_prompts, each_prompt
from ..served import Served, new_id
from ..together import for_each
from ..tokens import CompletionLogprobs, completion_logprobs, joined, prompt_logprobs, prompt_text
from ..usage import Meter, Usage
from .prompt_logprobs import (
    OTHER_EXTENSIONS_REFUSED,
    PromptLogprobs,
    PromptLogprobsField,
    check_amount,
    check_prompt_logprobs,
    prompt_logprobs_of,
)

DEFAULT_MAX_TOKENS = 16
"""OpenAI's default for this endpoint."""


class CompletionRequest(SamplingFields, ConstraintFields):
    """OpenAI's request; the fields refused are OpenAI's that this server does not serve.

    `add_special_tokens`, vLLM's, is true unless said otherwise: a text gets what the tokenizer puts before every text.
    """

    refused: ClassVar[Refusals] = {
        **{name: values for name, values in OTHER_EXTENSIONS_REFUSED.items() if name != "add_special_tokens"},
        "best_of": (None, 1),
        "suffix": (None, ""),
    }

    model: str
    prompt: Prompts
    max_tokens: int | None = None
    logprobs: int | None = Field(default=None, ge=0, le=20)
    echo: bool | None = None
    add_special_tokens: bool | None = None
    prompt_logprobs: PromptLogprobsField = None


class CompletionChoice(BaseModel):
    """One text; in a stream, what a chunk adds to it."""

    index: int
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: FinishText | None
    prompt_logprobs: PromptLogprobs | None = None


class Completion(BaseModel):
    """The answer, or a chunk of it; a last chunk without choices holds the usage."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage | None = None


def completions_router(served: Served) -> APIRouter:
    """The route, for one model."""
    router = APIRouter()

    @router.post("/v1/completions", response_model=Completion, responses=STREAMED)
    async def create_completion(request: Request, body: CompletionRequest) -> Response:
        """Continue a prompt, or each of several.

        A prompt is taken as it stands: no token is put before it, and where text holds the name of a special token
        (such as `<|end|>`), that token is meant. Text of which that must not be true, since it comes from others,
        belongs into the messages of a chat, or into a prompt of token ids.
        """
        served.check_model(body.model)
        served.engine.check()
        include_usage = body.include_usage()
        check_prompt_logprobs(body.prompt_logprobs, stream=body.stream)
        n = served.check_n(body.n)
        prompts = await _prompts(served, body.prompt, n, begin=body.add_special_tokens is not False)
        check_amount(body.prompt_logprobs, prompts, n)
        asked = body.constraint()
        call = _Call(served, body, prompts, n, asked.param if asked is not None else None)
        requests = served.requests(
            body,
            call.id,
            prompts,
            n,
            max_tokens=DEFAULT_MAX_TOKENS if body.max_tokens is None else body.max_tokens,
            logprobs=body.logprobs is not None,
            top_logprobs=body.logprobs or 0,
            constraint=asked.constraint if asked is not None else None,
            constraint_param=asked.param if asked is not None else None,
        )
        if body.stream:
            return await event_stream(request, call.frames(requests, include_usage))
        return json_response(await until_gone(request, call.answer(requests)))

    return router


async def _prompts(served: Served, given: Prompts, n: int, *, begin: bool) -> list[tuple[int, ...]]:
    """The prompts as ids. Raises `InvalidRequest` for none, too many, or an empty one."""
    prompts = each_prompt(given)
    check_prompts(served, prompts, "prompt", served.limits.prompts)
    if len(prompts) * n > served.limits.generations:
        raise InvalidRequest(
            f"{len(prompts)} prompts of {n} choices each are more than {served.limits.generations} generations",
            param="n",
        )
    return await served.encode(prompts, begin=begin)


@dataclass(frozen=True, slots=True)
class _Echo:
    """A prompt, as part of its answer: `told` is what its choices say of it beside their text."""

    text: str = ""
    logprobs: CompletionLogprobs | None = None
    told: PromptLogprobs | None = None


class _Call:
    """One call of the endpoint, on its way."""

    def __init__(
        self,
        served: Served,
        body: CompletionRequest,
        prompts: Sequence[tuple[int, ...]],
        n: int,
        constraint_param: str | None,
    ) -> None:
        self.id = new_id("cmpl")
        self._served = served
        self._logprobs = body.logprobs
        self._prompts = prompts
        self._echo = bool(body.echo)
        self._prompt_logprobs = body.prompt_logprobs
        self._salt = served.salt(body.cache_salt)
        self._priority = body.priority or 0
        self._n = n
        self._constraint_param = constraint_param
        self._created = int(time.time())
        self._meter = Meter(n, served.tokenizer.eos_ids)

    async def answer(self, requests: Sequence[GenerateRequest]) -> Completion:
        """The whole answer."""
        echoes = await self._echoes()
        async with Generations(self._served.engine, requests, self._constraint_param) as generations:
            outputs = await collect(generations, len(requests), self._meter)
        choices = []
        for index, output in enumerate(outputs):
            echo = echoes[index // self._n]
            logprobs = self._token_logprobs(output.tokens, len(echo.text))
            if echo.logprobs is not None and logprobs is not None:
                logprobs = joined(echo.logprobs, logprobs)
            choices.append(
                CompletionChoice(
                    index=index,
                    text=echo.text + output.text,
                    logprobs=logprobs,
                    finish_reason=finish_reason(output.finish),
                    **({} if echo.told is None else {"prompt_logprobs": echo.told}),
                )
            )
        return self._chunk(choices, usage=self._meter.usage())

    async def frames(self, requests: Sequence[GenerateRequest], include_usage: bool) -> AsyncGenerator[bytes, None]:
        """The answer as a stream of chunks; an echo is each choice's first."""
        no_usage = {"usage": None} if include_usage else {}
        echoes = await self._echoes()
        offsets = [len(echoes[index // self._n].text) for index in range(len(requests))]
        if self._echo:
            for index in range(len(requests)):
                echo = echoes[index // self._n]
                choice = CompletionChoice(index=index, text=echo.text, logprobs=echo.logprobs, finish_reason=None)
                yield frame(self._chunk([choice], **no_usage))
        async with Generations(self._served.engine, requests, self._constraint_param) as generations:
            async for index, event in generations.events():
                tokens = [event] if self._meter.count(index, event) else []
                if not (event.text or event.finish or (tokens and self._logprobs is not None)):
                    continue  # part of a character, or of what may become a stop string
                choice = CompletionChoice(
                    index=index,
                    text=event.text,
                    logprobs=self._token_logprobs(tokens, offsets[index]),
                    finish_reason=None if event.finish is None else finish_reason(event.finish),
                )
                offsets[index] += len(event.text)
                yield frame(self._chunk([choice], **no_usage))
        if include_usage:
            yield frame(self._chunk([], usage=self._meter.usage()))

    async def _echoes(self) -> list[_Echo]:
        """What is told of each prompt: itself, where it is echoed, and its log-probabilities."""
        if not self._echo and self._prompt_logprobs is None:
            return [_Echo()] * len(self._prompts)
        return await for_each(self._prompts, self._echoed)

    async def _echoed(self, at: int, prompt: tuple[int, ...]) -> _Echo:
        tokenizer = self._served.tokenizer
        text = prompt_text(tokenizer, prompt) if self._echo else ""
        echoed = self._logprobs if self._echo else None
        if echoed is None and self._prompt_logprobs is None:
            return _Echo(text)
        score = await score_prompt(
            self._served,
            prompt,
            f"{self.id}-p{at}",
            top=max(echoed or 0, self._prompt_logprobs or 0),
            salt=self._salt,
            priority=self._priority,
        )
        self._meter.found(at * self._n, score.cached_tokens)
        logprobs = told = None
        if echoed is not None:
            tops = [top[:echoed] for top in score.tops] if echoed else None
            logprobs = prompt_logprobs(tokenizer, prompt, score.logprobs, tops)
        if self._prompt_logprobs is not None:
            told = prompt_logprobs_of(tokenizer, score, self._prompt_logprobs)
        return _Echo(text, logprobs, told)

    def _chunk(self, choices: list[CompletionChoice], **usage: Usage | None) -> Completion:
        return Completion(
            id=self.id,
            object="text_completion",
            created=self._created,
            model=self._served.name,
            choices=choices,
            **usage,
        )

    def _token_logprobs(self, tokens: list[TokenEvent], offset: int = 0) -> CompletionLogprobs | None:
        if self._logprobs is None:
            return None
        return completion_logprobs(self._served.tokenizer, tokens, tops=self._logprobs > 0, offset=offset)
