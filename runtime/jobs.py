"""What each kind of request wants of a step, and what it makes of the outcome.

A job owns one sequence (a score job one for each choice) and its request's ticket. The engine asks it, chunk by chunk,
which rows it needs, and hands the outcome back; the job never touches tensors, pages or other jobs.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from ..errors import Aborted, EngineError, GrammarError, WeftError
from ..grammar.protocol import Grammar
from ..request import (
    EmbedRequest,
    EmbedResult,
    FinishReason,
    GenerateRequest,
    GenerateResult,
    Pooling,
    ScoreRequest,
    ScoreResult,
    Times,
    TokenEvent,
)
from .detokenizer import StopStrings
from .scheduler import Sequence
from .ticket import GenerateTicket, Ticket
from .tokenizer import Tokenizer

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
    """What all kinds share."""

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
        self.outcome = ""  # how it ended, for the counts

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
        self.failed = not isinstance(error, Aborted)
        self._end("error" if self.failed else "abort", now)
        self.ticket.put_error(error)

    def _end(self, outcome: str, now: float) -> None:
        self.done = True
        self.outcome = outcome
        self.times = replace(self.times, finished=now)


class GenerateJob(Job[GenerateTicket[GenerateResult]]):
    """A generation in progress. `sequence.ids` is the prompt followed by the output so far."""

    def __init__(
        self,
        request: GenerateRequest,
        ticket: GenerateTicket[GenerateResult],
        prompt: list[int],
        *,
        tokenizer: Tokenizer,
        grammar: Grammar | None,
        seed: int,
        max_tokens: int,
        now: float,
    ) -> None:
        sequence = Sequence(
            ids=list(prompt), match_limit=len(prompt) - 1, salt=request.cache_salt, priority=request.priority
        )
        super().__init__(request.id, ticket, [sequence], len(prompt), now)
        self.request = request
        self.sequence = sequence
        self.matcher = grammar.matcher() if grammar is not None else None
        self.seed = seed
        self.max_tokens = max_tokens
        # Under a constraint special tokens come only where it names them: there they are part of the text it describes.
        self._detokenizer = tokenizer.detokenizer(special=grammar is not None)
        self._stops = StopStrings(request.sampling.stop)
        self._end_ids = frozenset(request.sampling.stop_token_ids) | frozenset(tokenizer.eos_ids)
        self._eos_ids = frozenset(tokenizer.eos_ids)
        self._text: list[str] = []
        self._output: list[int] = []
        self._logprobs: list[float] = []
        self._top: list[tuple[tuple[int, float], ...]] = []
        self.forced_tokens = 0
        self._counts: Counter[int] | None = None
        sampling = request.sampling
        if sampling.presence_penalty or sampling.frequency_penalty or sampling.repetition_penalty != 1.0:
            self._counts = Counter()

    @property
    def output_tokens(self) -> int:
        """Tokens generated so far, forced ones included."""
        return len(self._output)

    def start(self, now: float) -> None:
        """Take what is decided before any sampling: an empty output, a complete constraint, forced leading text."""
        if self.max_tokens == 0:
            self._close(FinishReason.LENGTH, None, now)
        else:
            self._force(now)

    def sample_row(self, row: int, mask: int) -> SampleRow:
        """How to draw this job's next token from the step's hidden state `row` under mask row `mask`."""
        sampling = self.request.sampling
        return SampleRow(
            row=row,
            mask=mask,
            position=len(self.sequence.ids),
            seed=self.seed,
            temperature=sampling.temperature,
            top_k=sampling.top_k,
            top_p=sampling.top_p,
            min_p=sampling.min_p,
            adjustments=self._adjustments(),
            top=sampling.top_logprobs,
        )

    def _adjustments(self) -> list[tuple[int, float, float]]:
        """(token, scale, add) changes to the next logits: bias, penalties, and ends that may not come yet."""
        sampling = self.request.sampling
        changes = [(token, 1.0, bias) for token, bias in sampling.logit_bias]
        if self.output_tokens < sampling.min_tokens:
            changes += [(token, 1.0, -math.inf) for token in sorted(self._end_ids)]
        if self._counts is not None:
            for token, count in self._counts.items():
                changes.append((token, 1.0, -sampling.presence_penalty - sampling.frequency_penalty * count))
            if sampling.repetition_penalty != 1.0:
                changes += [(token, sampling.repetition_penalty, 0.0) for token in set(self.sequence.ids)]
        return changes

    def take(self, drawn: Drawn, now: float) -> None:
        """Commit a sampled token, and the forced text that follows from it. Fails the job where none was allowed."""
        self.prefilled(now)
        if drawn.token == -1:
            self.fail(GrammarError("the constraint leaves no token to sample here", code="constraint_dead_end"), now)
            return
        if drawn.token < 0:
            self.fail(EngineError("the model's logits are not numbers"), now)
            return
        is_end = drawn.token in self._end_ids and not (
            self.request.sampling.ignore_eos and drawn.token in self._eos_ids
        )
        if self.matcher is not None and not self.matcher.advance(drawn.token):
            self.fail(EngineError(f"token {drawn.token} was drawn against the constraint"), now)
            return
        if is_end:
            reason = None if drawn.token in self._eos_ids else drawn.token
            self._close(FinishReason.STOP, reason, now, token=drawn)
            return
        if self._emit(drawn, forced=False, now=now):
            self._force(now)

    def _force(self, now: float) -> None:
        """Commit tokens that the constraint leaves no choice about (jump-forward)."""
        if self.matcher is None:
            return
        if self.matcher.is_finished():
            self._close(FinishReason.STOP, None, now)
            return
        if not self.request.forced_text or self.request.sampling.wants_logprobs:
            return
        for token in self.matcher.forced().tokens:
            if not self.matcher.advance(token):
                self.fail(EngineError(f"forced token {token} does not match the constraint"), now)
                return
            if not self._emit(Drawn(token, 0.0, 1), forced=True, now=now):
                return

    def _emit(self, drawn: Drawn, *, forced: bool, now: float) -> bool:
        """Append a token to the output and send its event. False where that ended the job."""
        self.sequence.ids.append(drawn.token)
        self._output.append(drawn.token)
        self.forced_tokens += forced
        if self.request.sampling.wants_logprobs:
            self._logprobs.append(drawn.logprob)
            self._top.append(drawn.top)
        if self._counts is not None:
            self._counts[drawn.token] += 1
        self.times = replace(self.times, first_token=self.times.first_token or now, last_token=now)
        shown, stop = self._stops.push(self._detokenizer.push(drawn.token))
        if stop is not None:
            self._close(FinishReason.STOP, stop, now, token=drawn, shown=shown, forced=forced)
        elif self.matcher is not None and self.matcher.is_finished():
            self._close(FinishReason.STOP, None, now, token=drawn, shown=shown, forced=forced)
        elif len(self._output) >= self.max_tokens:
            self._close(FinishReason.LENGTH, None, now, token=drawn, shown=shown, forced=forced)
        else:
            self._send(drawn, shown, forced=forced)
            return True
        return False

    def _send(
        self,
        drawn: Drawn,
        text: str,
        *,
        forced: bool = False,
        finish: FinishReason | None = None,
        stop: str | int | None = None,
    ) -> None:
        wanted = self.request.sampling.wants_logprobs and drawn.token >= 0
        self._text.append(text)
        self.ticket.put_event(
            TokenEvent(
                request_id=self.request_id,
                token_id=drawn.token,
                text=text,
                logprob=drawn.logprob if wanted else None,
                top_logprobs=drawn.top if wanted else (),
                allowed=drawn.allowed,
                forced=forced,
                cached_tokens=self.cached_tokens,
                prompt_tokens=self.prompt_tokens,
                finish=finish,
                stop_reason=stop,
                times=self.times,
            )
        )

    def _close(
        self,
        finish: FinishReason,
        stop: str | int | None,
        now: float,
        *,
        token: Drawn | None = None,
        shown: str = "",
        forced: bool = False,
    ) -> None:
        """Send the closing event and the whole result."""
        self._end(finish.value, now)
        if not isinstance(stop, str):
            tail, found = self._stops.push(self._detokenizer.flush())
            shown += tail if found else tail + self._stops.flush()
        self._send(token or Drawn(-1, 0.0, 0), shown, forced=forced, finish=finish, stop=stop)
        self.ticket.put_result(
            GenerateResult(
                request_id=self.request_id,
                text="".join(self._text),
                token_ids=tuple(self._output),
                finish=finish,
                stop_reason=stop,
                prompt_tokens=self.prompt_tokens,
                cached_tokens=self.cached_tokens,
                forced_tokens=self.forced_tokens,
                logprobs=tuple(self._logprobs),
                top_logprobs=tuple(self._top),
                times=self.times,
            )
        )


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
            self.ticket.put_result(
                EmbedResult(
                    request_id=self.request_id,
                    embedding=tuple(value / norm for value in self._sum),
                    prompt_tokens=self.prompt_tokens,
                    cached_tokens=self.cached_tokens,
                    times=self.times,
                )
            )


AnyJob = GenerateJob | ScoreJob | EmbedJob
