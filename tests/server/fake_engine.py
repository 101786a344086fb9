"""A scripted engine with `weft.Engine`'s surface, and a byte tokenizer: what the server's tests run on."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weft.errors import Aborted, InvalidRequest
from weft.request import (
    EmbedRequest,
    EmbedResult,
    FinishReason,
    GenerateRequest,
    Sampling,
    ScoreRequest,
    ScoreResult,
    TokenEvent,
)
from weft.runtime.stats import EngineStats

EOS = 256
ROLES = {"system": 257, "user": 258, "assistant": 259, "tool": 260, "developer": 261}


@dataclass(frozen=True)
class Hold:
    """A step that lasts until the request is aborted."""


@dataclass(frozen=True)
class End:
    """A last step: how the output ends; without one it ends by an end-of-sequence token."""

    finish: FinishReason = FinishReason.LENGTH
    stop_reason: str | int | None = None
    error: tuple[str, str, str | None] | None = None


Step = str | Hold | End | Exception | TokenEvent
Script = Callable[[GenerateRequest], Iterable[Step]]


class FakeTicket:
    """Follows a script; each string of it is a token."""

    def __init__(self, engine: FakeEngine, request: GenerateRequest) -> None:
        self.request_id = request.id
        self._engine = engine
        self._request = request
        self._gone = asyncio.Event()

    def abort(self) -> None:
        self._engine.aborted.put(self.request_id)
        self._gone.set()

    def result(self, timeout: float | None = None) -> Any:
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, Any]:
        raise NotImplementedError

    def __iter__(self) -> Any:
        raise NotImplementedError

    async def __aiter__(self) -> AsyncIterator[TokenEvent]:
        end = TokenEvent(self.request_id, EOS, finish=FinishReason.STOP)
        for step in self._engine.script(self._request):
            await asyncio.sleep(0)
            if self._gone.is_set():
                raise Aborted("aborted")
            match step:
                case Exception():
                    raise step
                case Hold():
                    await self._gone.wait()
                    raise Aborted("aborted")
                case End():
                    end = TokenEvent(
                        self.request_id, -1, finish=step.finish, stop_reason=step.stop_reason, error=step.error
                    )
                case TokenEvent():
                    yield self._fill(step)
                case str():
                    yield self._fill(self._token(step))
        yield self._fill(end)

    def _token(self, text: str) -> TokenEvent:
        sampling = self._request.sampling
        token = text.encode()[0]
        top = tuple((token + at, -0.5 - at) for at in range(sampling.top_logprobs))
        return TokenEvent(
            self.request_id, token, text, logprob=-0.5 if sampling.logprobs else None, top_logprobs=top, allowed=261
        )

    def _fill(self, event: TokenEvent) -> TokenEvent:
        fields = {name: getattr(event, name) for name in event.__slots__}
        fields |= {"request_id": self.request_id, "prompt_tokens": len(self._request.prompt), "cached_tokens": 2}
        return TokenEvent(**fields)


class FakeAnswer:
    """An awaitable ticket of a score or an embedding: an answer, an error, or `Hold`."""

    def __init__(self, engine: FakeEngine, request_id: str, answer: Any) -> None:
        self.request_id = request_id
        self._engine = engine
        self._answer = answer
        self._gone = asyncio.Event()

    def abort(self) -> None:
        self._engine.aborted.put(self.request_id)
        self._gone.set()

    def result(self, timeout: float | None = None) -> Any:
        return self._answer

    def __await__(self) -> Generator[Any, None, Any]:
        async def answer() -> Any:
            if isinstance(self._answer, Exception):
                raise self._answer
            if isinstance(self._answer, Hold):
                await self._gone.wait()
                raise Aborted("aborted")
            return self._answer

        return answer().__await__()


class FakeEngine:
    """Serves whatever `script` says.

    Attributes:
        script: the steps of a request's output.
        embedding: the vector of an embedding, an error, or `Hold`.
        scoring: the log-probabilities of each choice's tokens, an error, or `Hold`.
        alone: the same without the prompt, given where they are asked for.
        refusal: raised by every submit, where it is set.
        counters: what `stats` gives or raises.
        flushes: how often the cache was flushed.
        miscounted: raised by `recount`, where it is set.
        requests: what was submitted to be generated; `judged` to be scored or embedded.
        submitted, aborted: ids, as they come.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.script: Script = lambda request: ["Hel", "lo", "!"]
        self.embedding: Callable[[EmbedRequest], tuple[float, ...] | Exception | Hold] = lambda request: (0.6, 0.8)
        self.scoring: Callable[[ScoreRequest], tuple[tuple[float, ...], ...] | Exception | Hold] = lambda request: (
            tuple((-float(len(choice)),) for choice in request.choices)
        )
        self.alone: tuple[tuple[float, ...], ...] = ()
        self.refusal: Exception | None = None
        self.counters: EngineStats | Exception = EngineStats(running=3, requests=(("stop", 7),))
        self.flushes = 0
        self.miscounted: Exception | None = None
        self.requests: list[GenerateRequest] = []
        self.judged: list[Any] = []
        self.submitted: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.aborted: queue.SimpleQueue[str] = queue.SimpleQueue()

    def generate(self, request: GenerateRequest) -> Any:
        if self.refusal is not None:
            raise self.refusal
        self.requests.append(request)
        self.submitted.put(request.id)
        return FakeTicket(self, request)

    def score(self, request: ScoreRequest) -> Any:
        if self.refusal is not None:
            raise self.refusal
        self.judged.append(request)
        self.submitted.put(request.id)
        given = self.scoring(request)
        if isinstance(given, tuple):
            alone = self.alone if request.unconditional else ()
            result = ScoreResult(request.id, given, unconditional_logprobs=alone, prompt_tokens=len(request.prompt))
            return FakeAnswer(self, request.id, result)
        return FakeAnswer(self, request.id, given)

    def embed(self, request: EmbedRequest) -> Any:
        self.judged.append(request)
        self.submitted.put(request.id)
        given = self.embedding(request)
        answer = (
            EmbedResult(request.id, given, prompt_tokens=len(request.prompt)) if isinstance(given, tuple) else given
        )
        return FakeAnswer(self, request.id, answer)

    def stats(self) -> EngineStats:
        if isinstance(self.counters, Exception):
            raise self.counters
        return self.counters

    def flush_cache(self) -> None:
        self.flushes += 1

    def recount(self) -> None:
        if self.miscounted is not None:
            raise self.miscounted


class FakeTokenizer:
    """Bytes are ids; a turn is its role's special token, its text, and the end token.

    A special token's name is only known at a text's beginning: "<|user|>".
    """

    vocab_size = 262
    eos_ids = (EOS,)
    default_sampling = Sampling(temperature=1.0, top_k=50)

    def encode(
        self, text: str, *, special: bool = False, begin: bool = False, previous: int | None = None
    ) -> list[int]:
        role = text.split("|>")[0].removeprefix("<|")
        if special and text.startswith(f"<|{role}|>"):
            return [ROLES[role], *text[len(role) + 4 :].encode()]
        return list(text.encode())

    def token_bytes(self, token_id: int, special: bool = False) -> bytes:
        return bytes([token_id]) if token_id < 256 else b""

    def prompt_bytes(self, ids: Sequence[int]) -> list[bytes]:
        return [self.token_bytes(token, special=True) for token in ids]

    def render_chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] = (),
        add_generation_prompt: bool = True,
        variables: Mapping[str, Any] | None = None,
    ) -> list[int]:
        ids: list[int] = [*repr(dict(variables)).encode()] if variables else []
        if tools:
            ids += [ROLES["system"], *repr(list(tools)).encode(), EOS]
        for message in messages:
            if message["content"] == "untemplatable":
                raise InvalidRequest("this model has no chat template", param="messages")
            calls = repr(message["tool_calls"]) if "tool_calls" in message else ""
            ids += [ROLES[message["role"]], *(message["content"] + calls).encode(), EOS]
        return [*ids, ROLES["assistant"]] if add_generation_prompt else ids
