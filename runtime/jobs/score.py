"""Choices being scored: the log-probability of each token of each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ...errors import EngineError
from ...request import ScoreRequest, ScoreResult
from ..scheduler import Sequence
from ..ticket import Ticket
from .job import Job, Scored, ScoreRow
from .trie import Layout, lay_out

MAX_BRANCHES = 1024
"""Most branches of a sequence: they are computed in as many steps as they take, but a mask grows with their square."""


@dataclass(slots=True, eq=False)
class _Run:
    """Choices that are computed as one sequence.

    Attributes:
        layout: what they are and where each token is scored.
        given: so many tokens stand before them: the prompt's, or none.
        scored: what is known by now, by place and token.
        missing: how many more there will be.
    """

    layout: Layout
    given: int
    scored: dict[tuple[int, int], Scored] = field(default_factory=dict)
    missing: int = field(init=False)

    def __post_init__(self) -> None:
        self.missing = sum(map(len, self.layout.wanted))

    def place(self, index: int) -> int:
        """The layout's place of the sequence's token `index`; negative inside the prompt."""
        return index - self.given + 1


class ScoreJob(Job[Ticket[ScoreResult]]):
    """Choices being scored, all in one sequence where they fit.

    Where they don't, the first sequence goes ahead so that the others find the prompt cached.

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
        layouts = lay_out(choices, budget=MAX_BRANCHES, room=room - len(prompt))
        self._runs: dict[Sequence, _Run] = {}
        for layout in layouts:
            self._add(request, layout, prompt)
        super().__init__(request.id, ticket, list(self._runs), len(prompt), now)

    def _add(self, request: ScoreRequest, layout: Layout, given: list[int]) -> None:
        sequence = Sequence(
            ids=[*given, *layout.stem, *layout.branches],
            branches=layout.parents,
            match_limit=max(0, len(given) - 1),
            salt=request.cache_salt,
            priority=request.priority,
        )
        self._runs[sequence] = _Run(layout, len(given))

    def rows(self, sequence: Sequence, start: int, count: int) -> list[ScoreRow]:
        """What to score of a chunk of one of this job's sequences.

        What was scored before a retraction is left out where it is computed again.
        """
        run = self._runs[sequence]
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
        run = self._runs[sequence]
        for row, outcomes in zip(rows, scored, strict=True):
            place = run.place(start + row.row)
            run.scored |= {(place, token): each for token, each in zip(row.tokens, outcomes, strict=True)}
            run.missing -= len(row.tokens)
            if any(math.isnan(each.logprob) for each in outcomes):
                self.fail(EngineError("the model's logits are not numbers"), now)
                return
        if not any(run.missing for run in self._runs.values()):
            self._close(now)

    def _close(self, now: float) -> None:
        self.prefilled(now)
        self._end("score", now)
        scored = self._by_choice()
        self.ticket.put_result(
            ScoreResult(
                request_id=self.request_id,
                token_logprobs=tuple(tuple(token.logprob for token in choice) for choice in scored),
                top_logprobs=tuple(tuple(token.top for token in choice) for choice in scored)
                if self.top_logprobs
                else (),
                prompt_tokens=self.prompt_tokens,
                cached_tokens=self.cached_tokens,
                times=self.times,
            )
        )

    def _by_choice(self) -> list[list[Scored]]:
        found: list[list[Scored]] = [[]] * len(self._choices)
        for run in self._runs.values():
            for number, way in run.layout.ways.items():
                found[number] = [run.scored[each] for each in zip(way, self._choices[number], strict=True)]
        return found
