"""A backend without a model, for tests of programs: it answers from a script and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..errors import Aborted, ProgramError
from ..request import (
    Capabilities,
    ConstraintKind,
    FinishReason,
    GenerateRequest,
    GenerateResult,
    ScoreRequest,
    ScoreResult,
    Segment,
    TokenEvent,
)
from .feed import Feed, Signal, Stream, new_signal
from .interpreter import variable_name

AnyRequest = GenerateRequest | ScoreRequest
R = TypeVar("R", covariant=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a scripted call gives, where text alone does not say it.

    Attributes:
        text: the generation's text, or the choice selected.
        finish: why the generation ended.
        probabilities: a selection's choices with their probabilities; those left out have none.
        token_logprobs: instead of probabilities, each choice's log-probabilities by token; all choices need theirs.
        unconditional_logprobs: the same without the prompt; 0 for each token where they are left out.
    """

    text: str = ""
    finish: FinishReason = FinishReason.STOP
    probabilities: Mapping[str, float] | None = None
    token_logprobs: Mapping[str, Sequence[float]] | None = None
    unconditional_logprobs: Mapping[str, Sequence[float]] | None = None


Reply = str | Answer | BaseException
"""Text, an answer, or an error to raise where the value is read."""

Ask = Callable[[str, Any], Reply]
"""Called with the prompt's text and the request. It may block: each call has a thread of its own."""

Script = Ask | Mapping[str, Reply | Ask | Sequence[Reply]]


class ScriptedBackend:
    """Satisfies `weft.lang.backend.Backend` by a script.

    ::

        backend = ScriptedBackend({"name": "Ada", "verdict": ["pass", "fail"]})
        state = program.run(backend=backend)
        assert "Who?" in backend.prompts[0]

    Args:
        script: by the variable a call writes, what it gives: text, an `Answer`, an error, a list of these (one for
            each call under that name, in the order of the calls), or a function of the prompt and the request. Or one
            such function for all calls. A call that the script does not have fails with `ProgramError`.
        capabilities: what the backend says it can do.
        chunk: characters in each piece of a stream.

    Attributes:
        requests: all requests, in the order they came.
        forks: (session, its children) as told.
        released: the sessions and batches told to be over.

    Answers are cut at the first stop string, as a model's would be.
    """

    def __init__(self, script: Script, *, capabilities: Capabilities | None = None, chunk: int = 4) -> None:
        self.requests: list[AnyRequest] = []
        self.forks: list[tuple[str, tuple[str, ...]]] = []
        self.released: list[str] = []
        self._script = script
        self._capabilities = capabilities or Capabilities(
            model="scripted", token_ids=False, constraints=frozenset(ConstraintKind)
        )
        self._chunk = chunk
        self._used: Counter[str] = Counter()
        self._tickets: dict[str, ScriptedTicket[Any]] = {}
        self._lock = threading.Lock()

    @property
    def prompts(self) -> list[str]:
        """The prompts of all requests, in the order they came."""
        return [_text(request) for request in self.requests]

    def capabilities(self) -> Capabilities:
        return self._capabilities

    def render(self, segments: Sequence[Segment], tools: Sequence[Mapping[str, Any]] = ()) -> str:
        """Each turn as ``<role>``, a newline, its text, and a newline once it is complete; tools first, a line each."""
        parts = [f"<tools>\n{''.join(json.dumps(tool, ensure_ascii=False) + chr(10) for tool in tools)}"] * bool(tools)
        turn = -1
        for place, segment in enumerate(segments):
            if segment.turn not in (-1, turn):
                turn = segment.turn
                parts.append(f"<{segment.role}>\n")
            parts.append(segment.text)
            is_last = place + 1 == len(segments) or segments[place + 1].turn != segment.turn
            if segment.closed and is_last:
                parts.append("\n")
        return "".join(parts)

    def generate(self, request: GenerateRequest) -> ScriptedTicket[GenerateResult]:
        return self._submit(request, self._generated)

    def score(self, request: ScoreRequest) -> ScriptedTicket[ScoreResult]:
        return self._submit(request, self._scored)

    def fork(self, session: str, children: Sequence[str]) -> None:
        self.forks.append((session, tuple(children)))

    def release(self, session: str) -> None:
        self.released.append(session)

    def abort(self, request_id: str) -> None:
        ticket = self._tickets.get(request_id)
        if ticket is not None:
            ticket.abort()

    def _submit(
        self, request: Any, finish: Callable[[Any, str | Answer, ScriptedTicket[Any]], Any]
    ) -> ScriptedTicket[Any]:
        request.validate()
        ticket: ScriptedTicket[Any] = ScriptedTicket(request.id)
        with self._lock:
            self.requests.append(request)
            self._tickets[request.id] = ticket
            try:
                reply = self._find(variable_name(request.id))
            except ProgramError as error:
                reply = error

        def answer() -> None:
            try:
                given = reply(_text(request), request) if callable(reply) else reply
                if isinstance(given, BaseException):
                    raise given
                ticket.settle(finish(request, given, ticket))
            except BaseException as error:  # raised where the ticket is waited for
                ticket.fail(error)

        threading.Thread(target=answer, name="weft-scripted", daemon=True).start()
        return ticket

    def _find(self, name: str) -> Reply | Ask:
        """What the script has for the next call under `name`. The lock is held."""
        if callable(self._script):
            return self._script
        if name not in self._script:
            known = ", ".join(map(repr, self._script)) or "nothing"
            raise ProgramError(f"the script has no answer for {name!r}; it has: {known}", param=name)
        entry = self._script[name]
        if isinstance(entry, str | Answer | BaseException) or callable(entry):
            return entry
        place = self._used[name]
        self._used[name] += 1
        if place >= len(entry):
            raise ProgramError(f"the script has {len(entry)} answers for {name!r}, and this is one more", param=name)
        return entry[place]

    def _generated(
        self, request: GenerateRequest, reply: str | Answer, ticket: ScriptedTicket[GenerateResult]
    ) -> GenerateResult:
        answer = reply if isinstance(reply, Answer) else Answer(reply)
        text, stop = answer.text, None
        found = min(((text.find(one), one) for one in request.sampling.stop if one in text), default=None)
        if found is not None:
            text, stop = text[: found[0]], found[1]
        for start in range(0, len(text), self._chunk):
            ticket.push(TokenEvent(request.id, 0, text[start : start + self._chunk]))
        ticket.push(TokenEvent(request.id, -1, finish=answer.finish, stop_reason=stop))
        return GenerateResult(request.id, text, (), answer.finish, stop_reason=stop)

    def _scored(self, request: ScoreRequest, reply: str | Answer, ticket: ScriptedTicket[ScoreResult]) -> ScoreResult:
        answer = reply if isinstance(reply, Answer) else Answer(reply)
        tokens = _token_logprobs(request, answer)
        alone: tuple[tuple[float, ...], ...] = ()
        if request.unconditional:
            given = answer.unconditional_logprobs or {}
            alone = tuple(
                tuple(given.get(str(choice), (0.0,) * len(own)))
                for choice, own in zip(request.choices, tokens, strict=True)
            )
        return ScoreResult(request.id, tokens, unconditional_logprobs=alone)


def _token_logprobs(request: ScoreRequest, answer: Answer) -> tuple[tuple[float, ...], ...]:
    """What each choice's tokens are given. Raises `ProgramError` where the script is not about these choices."""
    if answer.token_logprobs is not None:
        if answer.token_logprobs.keys() != set(request.choices):
            raise ProgramError(
                f"the script scores {', '.join(answer.token_logprobs)}, but the choices are {list(request.choices)}"
            )
        return tuple(tuple(answer.token_logprobs[str(choice)]) for choice in request.choices)
    shares = {answer.text: 1.0} if answer.probabilities is None else answer.probabilities
    if not shares.keys() <= set(request.choices):
        raise ProgramError(f"the script selects {', '.join(shares)}, but the choices are {list(request.choices)}")
    logs = [math.log(share) if (share := shares.get(str(choice), 0.0)) else -math.inf for choice in request.choices]
    return tuple((log,) for log in logs)


class ScriptedTicket(Generic[R]):
    """Satisfies `weft.lang.backend.GenerateTicket`."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self._done = new_signal()
        self._lock = threading.Lock()
        self._events: Feed[TokenEvent] = Feed()
        self._result: Any = None
        self._error: BaseException | None = None

    def push(self, event: TokenEvent) -> None:
        self._events.push(event)

    def settle(self, result: Any) -> None:
        self._end(result, None)

    def fail(self, error: BaseException) -> None:
        self._end(None, error)

    def abort(self) -> None:
        self._end(None, Aborted(f"request {self.request_id} was aborted"))

    def result(self, timeout: float | None = None) -> R:
        self._done.result(timeout)
        return self._outcome()

    def __await__(self) -> Generator[Any, None, R]:
        yield from asyncio.wrap_future(self._done).__await__()
        return self._outcome()

    def __iter__(self) -> Iterator[TokenEvent]:
        return iter(Stream(self._steps))

    def __aiter__(self) -> AsyncIterator[TokenEvent]:
        return aiter(Stream(self._steps))

    def _end(self, result: Any, error: BaseException | None) -> None:
        """The first end counts."""
        with self._lock:
            if self._done.done():
                return
            self._result, self._error = result, error
            self._done.set_result(None)
        self._events.close()

    def _steps(self) -> Iterator[TokenEvent | tuple[Signal, ...]]:
        seen = 0
        while True:
            yield (self._events.beyond(seen),)
            if seen == len(self._events.items):
                break
            yield self._events.items[seen]
            seen += 1
        self._outcome()

    def _outcome(self) -> R:
        if self._error is not None:
            raise self._error
        result: R = self._result
        return result


def _text(request: AnyRequest) -> str:
    return request.prompt if isinstance(request.prompt, str) else str(list(request.prompt))
