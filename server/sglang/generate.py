"""POST /generate."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from functools import partial

from fastapi import APIRouter, Request
from pydantic import RootModel
from starlette.responses import Response

from ..answers import STREAMED, event_stream, frame, json_response, until_gone
from ..generations import Generations
from ..prompt_scores import score_prompt
from ..served import Served
from ..together import for_each
from ..usage import Meter
from .answers import Answer
from .plan import Plan, in_these_names, plan
from .requests import GenerateBody
from .running import Running


class Answers(RootModel[Answer | list[Answer]]):
    """One answer, or a flat list of them: those of the first prompt, those of the second, and so on."""


def generate_router(served: Served, running: Running) -> APIRouter:
    """The route, for one model."""
    router = APIRouter()

    @router.post("/generate", response_model=Answers, responses=STREAMED)
    async def generate(request: Request, body: GenerateBody) -> Response:
        """Continue a prompt, or each of several, as SGLang's native API does.

        `max_new_tokens` 0 generates nothing: the prompt is put into the prefix cache, and its log-probabilities are
        told where they were asked for. A prompt's text is taken as it stands, and names of special tokens in it are
        those tokens. A stream's chunks hold all of an answer's text so far.
        """
        served.engine.check()
        call = _Call(served, running, await plan(served, body))
        if body.stream:
            return await event_stream(request, call.frames())
        return json_response(await until_gone(request, call.answer()))

    return router


class _Call:
    """One call of the endpoint, on its way."""

    def __init__(self, served: Served, running: Running, planned: Plan) -> None:
        self._served = served
        self._running = running
        self._plan = planned
        self._drafts = planned.drafts(served)
        self._meter = Meter(planned.n, served.tokenizer.eos_ids)
        self._generations: Generations | None = None
        self._aborted: set[int] = set()
        self._began = time.monotonic()

    async def answer(self) -> Answers:
        """The whole answer."""
        async for _ in self._grown():
            pass
        answers = [draft.answer(with_prompt=True, latency=self._latency()) for draft in self._drafts]
        return Answers(answers if self._plan.many else answers[0])

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """The answer as a stream of chunks, each with an answer's whole text so far."""
        begun: set[int] = set()
        async for index in self._grown():
            draft = self._drafts[index]
            ended = draft.finish is not None
            yield frame(
                draft.answer(
                    with_prompt=ended or index not in begun,
                    index=index if self._plan.many else None,
                    latency=self._latency() if ended else None,
                )
            )
            begun.add(index)

    async def _grown(self) -> AsyncGenerator[int, None]:
        """Make the answers; gives the index of each that has grown, again and again, and at last once it is whole."""
        planned = self._plan
        with in_these_names(planned.prompt_field), self._known():
            await self._score_prompts()
            async with Generations(
                self._served.engine, planned.requests, planned.constraint_params
            ) as self._generations:
                for index in self._aborted:
                    self._generations.give_up(index)
                async for index, event in self._generations.events():
                    draft = self._drafts[index]
                    carries = self._meter.count(index, event)
                    draft.take(event, carries)
                    if event.text or event.finish or (carries and draft.shown.logprobs):
                        yield index

    async def _score_prompts(self) -> None:
        """Fill in the prompts' own log-probabilities, where they were asked for."""
        planned = self._plan

        async def score(at: int, start: int | None) -> None:
            if start is None:
                return
            first = planned.requests[at * planned.n]
            drafts = self._drafts[at * planned.n : (at + 1) * planned.n]
            made = await score_prompt(
                self._served,
                planned.prompts[at],
                f"{planned.id}-{at}-prompt",
                start=start,
                top=first.sampling.top_logprobs,
                salt=first.cache_salt,
                priority=first.priority,
            )
            for draft in drafts:
                draft.score = made

        await for_each(planned.starts, score)

    @contextmanager
    def _known(self) -> Iterator[None]:
        """Within, /abort_request finds the answers."""

        def abort(index: int) -> None:
            self._aborted.add(index)
            if self._generations is not None:
                self._generations.give_up(index)

        names = [(name, partial(abort, index)) for index, each in enumerate(self._plan.names) for name in each]
        with self._running.known(names):
            yield

    def _latency(self) -> float:
        return round(time.monotonic() - self._began, 6)
