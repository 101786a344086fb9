"""What every kind of job shares, and what a step's rows and outcomes are."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from ...errors import Aborted, DeadlineExceeded, WeftError
from ...request import EmbedResult, GenerateResult, ScoreResult, Times
from ..outbox import Outbox
from ..scheduler import Sequence
from ..ticket import Ticket

TicketT = TypeVar("TicketT", bound="Ticket[GenerateResult] | Ticket[ScoreResult] | Ticket[EmbedResult]")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One sampled token: `token` -1 where the mask forbade everything, -2 where the logits were not numbers."""

    token: int
    logprob: float
    allowed: int
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """A given token in its place: its natural log-probability, and the likeliest (id, logprob) there."""

    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One row to score: the chunk's hidden state `row`, and the tokens whose probability is wanted after it."""

    row: int
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One row to sample.

    Attributes:
        row: which of the step's packed hidden states.
        mask: row of the mask table, -1 for none.
        position: the drawn token's index in its sequence; with `seed` it keys the noise.
        adjustments: (token, scale, add) changes to the logits.
        top: how many likeliest tokens to report.
    """

    row: int
    mask: int
    position: int
    seed: int
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    adjustments: list[tuple[int, float, float]]
    top: int


class Job(Generic[TicketT]):
    """What all kinds share.

    Attributes:
        done: it has ended, well or not; `outcome` says how, for the counts.
        failed: it ended by a fault, so that what it computed may be wrong.
        outbox: what its caller is told goes through it; the engine gives its own.
        deadline: when it ends by `DeadlineExceeded`, in seconds of the monotonic clock; infinity is never.
    """

    def __init__(
        self, request_id: str, ticket: TicketT, sequences: list[Sequence], prompt_tokens: int, now: float
    ) -> None:
        self.request_id = request_id
        self.ticket = ticket
        self.sequences = sequences
        self.prompt_tokens = prompt_tokens
        self.times = Times(arrived=now)
        self.done = False
        self.failed = False
        self.outcome = ""
        self.outbox = Outbox()
        self.deadline = math.inf

    @property
    def first(self) -> list[Sequence]:
        """The sequences to queue when the job begins."""
        return self.sequences[:1]

    @property
    def cached_tokens(self) -> int:
        """Prompt tokens taken from the cache."""
        return min(self.sequences[0].cached or 0, self.prompt_tokens)

    def admitted(self, now: float) -> None:
        """The job's first chunk was planned."""
        if not self.times.admitted:
            self.times = replace(self.times, admitted=now)

    def prefilled(self, now: float) -> None:
        """All of the job's prompt was computed; what a retraction has computed again does not count."""
        if not self.times.prefilled:
            self.times = replace(self.times, prefilled=now)

    def fail(self, error: WeftError, now: float) -> None:
        """End the job with an error."""
        outcome = (
            "abort" if isinstance(error, Aborted) else "deadline" if isinstance(error, DeadlineExceeded) else "error"
        )
        self.failed = outcome == "error"
        self._end(outcome, now)
        self.outbox.put(lambda: self.ticket.put_error(error))

    def _end(self, outcome: str, now: float) -> None:
        self.done = True
        self.outcome = outcome
        self.times = replace(self.times, finished=now)
