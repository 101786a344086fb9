"""What the language asks of whoever runs its calls.

The in-process engine, weft's server over HTTP and a scripted fake for tests all satisfy `Backend` structurally; the
language imports none of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from ..request import Capabilities, GenerateRequest, GenerateResult, ScoreRequest, ScoreResult, Segment, TokenEvent

ResultT = TypeVar("ResultT", covariant=True)


class Ticket(Protocol[ResultT]):
    """A submitted request. Exactly one of an answer or an error comes of it; it never hangs once the engine is gone."""

    @property
    def request_id(self) -> str: ...

    def result(self, timeout: float | None = None) -> ResultT:
        """Wait for the answer. Raises the request's typed error; TimeoutError after `timeout` seconds."""
        ...

    def __await__(self) -> Generator[Any, None, ResultT]:
        """The same for asyncio, without a thread waiting."""
        ...

    def abort(self) -> None:
        """Give the request up; its waiters get `Aborted` unless it had already ended."""
        ...


class GenerateTicket(Ticket[GenerateResult], Protocol):
    """A generation: also a stream of its events, each delivered once, sync or async (one consumer)."""

    def __iter__(self) -> Iterator[TokenEvent]: ...

    def __aiter__(self) -> AsyncIterator[TokenEvent]: ...


class Backend(Protocol):
    """Runs a program's calls. Safe to use from many threads and event loops at once."""

    def capabilities(self) -> Capabilities:
        """What this backend can do; constant."""
        ...

    def render(self, segments: Sequence[Segment], tools: Sequence[Mapping[str, Any]] = ()) -> tuple[int, ...] | str:
        """The prompt for continuing a state: ids where the backend has them, else text.

        An open assistant turn is left open, so that generation continues it. Raises `TemplateError`, or
        `InvalidRequest` where roles are used and the model has no chat template.
        """
        ...

    def generate(self, request: GenerateRequest) -> GenerateTicket:
        """Submit a generation. Raises `InvalidRequest` at once for what can be told from the request alone."""
        ...

    def score(self, request: ScoreRequest) -> Ticket[ScoreResult]:
        """Submit a scoring of choices."""
        ...

    def fork(self, session: str, children: Sequence[str]) -> None:
        """Say that `children` continue from `session`'s prefix. A hint: results never depend on it."""
        ...

    def release(self, session: str) -> None:
        """Say that `session`, or the batch of that id, makes no more calls. A hint, idempotent."""
        ...

    def abort(self, request_id: str) -> None:
        """Abort a request in flight; unknown ids are ignored, since it may just have ended."""
        ...
