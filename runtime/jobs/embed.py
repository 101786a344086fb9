"""An embedding: the pooled last hidden state of a prompt."""

from __future__ import annotations

import math

from ...errors import EngineError
from ...request import EmbedRequest, EmbedResult, Pooling
from ..scheduler import Sequence
from ..ticket import Ticket
from .job import Job


class EmbedJob(Job[Ticket[EmbedResult]]):
    """An embedding in progress: mean pooling adds up chunk by chunk, so none of its prompt is taken from the cache."""

    def __init__(self, request: EmbedRequest, ticket: Ticket[EmbedResult], prompt: list[int], now: float) -> None:
        self.mean = request.pooling is Pooling.MEAN
        sequence = Sequence(
            ids=list(prompt),
            match_limit=0 if self.mean else len(prompt) - 1,
            salt=request.cache_salt,
            priority=request.priority,
        )
        super().__init__(request.id, ticket, [sequence], len(prompt), now)
        self._sum: list[float] | None = None
        self._summed = 0

    def rows(self, start: int, count: int) -> list[int]:
        """Which of a chunk's rows are pooled. What was pooled before a retraction is left out where it comes again."""
        if self.mean:
            return list(range(max(0, self._summed - start), count))
        last = self.prompt_tokens - 1
        return [last - start] if start <= last < start + count else []

    def take(self, summed: list[float], end: int, is_last: bool, now: float) -> None:
        """Commit the summed hidden states of a chunk that ends before token `end`; the last one brings the result."""
        self._summed = max(self._summed, end)
        self._sum = summed if self._sum is None else [a + b for a, b in zip(self._sum, summed, strict=True)]
        if not all(map(math.isfinite, self._sum)):
            self.fail(EngineError("the model's hidden states are not numbers"), now)
        elif is_last:
            self.prefilled(now)
            self._end("embed", now)
            norm = math.sqrt(math.fsum(value * value for value in self._sum)) or 1.0
            result = EmbedResult(
                request_id=self.request_id,
                embedding=tuple(value / norm for value in self._sum),
                prompt_tokens=self.prompt_tokens,
                cached_tokens=self.cached_tokens,
                times=self.times,
            )
            self.outbox.put(lambda: self.ticket.put_result(result))
