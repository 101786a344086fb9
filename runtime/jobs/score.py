"""Choices being scored: the log-probability of each token of each."""

from __future__ import annotations

import math

from ...errors import EngineError
from ...request import ScoreRequest, ScoreResult
from ..scheduler import Sequence
from ..ticket import Ticket
from .job import Job, Scored


class ScoreJob(Job[Ticket[ScoreResult]]):
    """Choices being scored: a sequence each, the first one going ahead so that the others find its prompt cached."""

    def __init__(
        self,
        request: ScoreRequest,
        ticket: Ticket[ScoreResult],
        prompt: list[int],
        choices: list[list[int]],
        now: float,
    ) -> None:
        sequences = [
            Sequence(
                ids=prompt + choice,
                end=len(prompt) + len(choice) - 1,
                match_limit=len(prompt) - 1,
                salt=request.cache_salt,
                priority=request.priority,
            )
            for choice in choices
        ]
        super().__init__(request.id, ticket, sequences, len(prompt), now)
        self.top_logprobs = request.top_logprobs
        self._scored: dict[int, list[Scored]] = {id(sequence): [] for sequence in sequences}

    def targets(self, sequence: Sequence, start: int, count: int) -> tuple[list[int], list[int]]:
        """Rows of a chunk of one of this job's sequences, and the tokens they should predict.

        What was scored before a retraction is left out where it is computed again.
        """
        scored = len(self._scored[id(sequence)])
        places = range(max(start, self.prompt_tokens - 1 + scored), start + count)
        return [at - start for at in places], [sequence.ids[at + 1] for at in places]

    def take(self, sequence: Sequence, scored: list[Scored], now: float) -> None:
        """Commit a chunk's tokens; the last one brings the result."""
        self._scored[id(sequence)] += scored
        if any(math.isnan(token.logprob) for token in scored):
            self.fail(EngineError("the model's logits are not numbers"), now)
            return
        wanted = {id(each): len(each.ids) - self.prompt_tokens for each in self.sequences}
        if all(len(self._scored[key]) == length for key, length in wanted.items()):
            self.prefilled(now)
            self._end("score", now)
            choices = [self._scored[id(each)] for each in self.sequences]
            self.ticket.put_result(
                ScoreResult(
                    request_id=self.request_id,
                    token_logprobs=tuple(tuple(token.logprob for token in choice) for choice in choices),
                    top_logprobs=tuple(tuple(token.top for token in choice) for choice in choices)
                    if self.top_logprobs
                    else (),
                    prompt_tokens=self.prompt_tokens,
                    cached_tokens=self.cached_tokens,
                    times=self.times,
                )
            )
