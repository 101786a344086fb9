"""Choices being scored: the log-probability of each token of each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import islice

from ...errors import EngineError
from ...request import ScoreRequest, ScoreResult
from ..scheduler import Sequence
from ..ticket import Ticket
from .job import Job, Scored, ScoreRow
from .trie import Layout, lay_out

MAX_BRANCHES = 1024
"""Most branches of a sequence: they are computed in as many steps as they take, but a mask grows with their square."""

CERTAIN = Scored(0.0)
"""What a first token counts as before which nothing stands."""


@dataclass(slots=True, eq=False)
class _Run:
    """Choices that are computed as one sequence.

    Attributes:
        layout: what they are and where each token is scored.
        given: so many tokens stand before them: the prompt's, or none, and then the first token is not scored.
        scored: what is known by now, by place and token.
        missing: how many more there will be.
    """

    layout: Layout
    given: int
    scored: dict[tuple[int, int], Scored] = field(default_factory=dict)
    missing: int = field(init=False)

    def __post_init__(self) -> None:
        self.missing = sum(map(len, self.layout.wanted[0 if self.given else 1 :]))

    def place(self, index: int) -> int:
        """The layout's place of the sequence's token `index`; negative inside the prompt."""
        return index - self.given + 1

    def by_choice(self, choices: list[list[int]]) -> dict[int, list[Scored]]:
        """What each choice's tokens scored, by the choice's number."""
        found = {}
        for number, way in self.layout.ways.items():
            given = way if self.given else way[1:]  # then the first token was not scored
            found[number] = [CERTAIN] * (len(way) - len(given))
            tokens = choices[number][-len(given) :] if given else []
            found[number] += [self.scored[each] for each in zip(given, tokens, strict=True)]
        return found


class ScoreJob(Job[Ticket[ScoreResult]]):
    """Choices being scored, all in one sequence where they fit.

    Where they don't, the first sequence goes ahead so that the others find the prompt cached. Unconditional scores take
    sequences of their own, without the prompt.

    Args:
        room: most tokens of a sequence.
    """

    def __init__(
        self,
        request: ScoreRequest,
        ticket: Ticket[ScoreResult],
        prompt: list[int],
        choices: list[list[int]],
        now: float,
        *,
        room: int,
    ) -> None:
        self.top_logprobs = request.top_logprobs
        self._choices = choices
        self._unconditional = request.unconditional
        self._runs = _lay_out(request, prompt, choices, room)
        self._alone = _lay_out(request, [], choices, room) if request.unconditional else {}
        super().__init__(request.id, ticket, [*self._runs, *self._alone], len(prompt), now)

    @property
    def first(self) -> list[Sequence]:
        return [*islice(self._runs, 1), *self._alone]

    def after(self, done: Sequence) -> list[Sequence]:
        """What to queue once a sequence is done: after the first one all others that share its prompt."""
        return [*islice(self._runs, 1, None)] if done is self.sequences[0] else []

    def rows(self, sequence: Sequence, start: int, count: int) -> list[ScoreRow]:
        """What to score of a chunk of one of this job's sequences.

        What was scored before a retraction is left out where it is computed again.
        """
        run = self._run(sequence)
        rows = []
        for index in range(max(start, run.given - 1), start + count):
            place = run.place(index)
            tokens = tuple(token for token in run.layout.wanted[place] if (place, token) not in run.scored)
            if tokens:
                rows.append(ScoreRow(index - start, tokens))
        return rows

    def take(
        self, sequence: Sequence, start: int, rows: list[ScoreRow], scored: list[list[Scored]], now: float
    ) -> None:
        """Commit what was scored of a chunk that begins with token `start`; the last one brings the result."""
        run = self._run(sequence)
        for row, outcomes in zip(rows, scored, strict=True):
            place = run.place(start + row.row)
            run.scored |= {(place, token): each for token, each in zip(row.tokens, outcomes, strict=True)}
            run.missing -= len(row.tokens)
            if any(math.isnan(each.logprob) for each in outcomes):
                self.fail(EngineError("the model's logits are not numbers"), now)
                return
        if not any(run.missing for run in (*self._runs.values(), *self._alone.values())):
            self._close(now)

    def _run(self, sequence: Sequence) -> _Run:
        return self._runs.get(sequence) or self._alone[sequence]

    def _close(self, now: float) -> None:
        self.prefilled(now)
        self._end("score", now)
        scored = self._by_choice(self._runs)
        alone = self._by_choice(self._alone) if self._unconditional else []
        result = ScoreResult(
            request_id=self.request_id,
            token_logprobs=tuple(tuple(token.logprob for token in choice) for choice in scored),
            top_logprobs=tuple(tuple(token.top for token in choice) for choice in scored) if self.top_logprobs else (),
            unconditional_logprobs=tuple(tuple(token.logprob for token in choice) for choice in alone),
            prompt_tokens=self.prompt_tokens,
            cached_tokens=self.cached_tokens,
            times=self.times,
        )
        self.outbox.put(lambda: self.ticket.put_result(result))

    def _by_choice(self, runs: dict[Sequence, _Run]) -> list[list[Scored]]:
        found = {number: tokens for run in runs.values() for number, tokens in run.by_choice(self._choices).items()}
        return [found.get(number, [CERTAIN]) for number in range(len(self._choices))]


def _lay_out(request: ScoreRequest, given: list[int], choices: list[list[int]], room: int) -> dict[Sequence, _Run]:
    """The choices behind `given`, by the sequence that computes them; those with nothing to compute are in none."""
    runs = {}
    for layout in lay_out(choices, budget=MAX_BRANCHES, room=room - len(given)):
        ids = [*given, *layout.stem, *layout.branches]
        if ids:
            sequence = Sequence(
                ids=ids,
                branches=layout.parents,
                match_limit=max(0, len(given) - 1),
                salt=request.cache_salt,
                priority=request.priority,
            )
            runs[sequence] = _Run(layout, len(given))
    return runs
