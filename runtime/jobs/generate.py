"""A generation, token by token: what may come next, what was drawn, what its caller is told."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from ...errors import EngineError, GrammarError, WeftError
from ...grammar.protocol import Grammar
from ...request import FinishReason, GenerateRequest, GenerateResult, TokenEvent
from ..detokenizer import StopStrings
from ..scheduler import Sequence
from ..ticket import GenerateTicket
from ..tokenizer import Tokenizer
from .bans import Bans
from .job import Drawn, Job, SampleRow


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
        bad_words: tuple[tuple[int, ...], ...] = (),
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
        self._eos_ids = frozenset(tokenizer.eos_ids)
        self._stop_ids = frozenset(request.sampling.stop_token_ids)
        self._bans = Bans(
            request.sampling, eos_ids=tokenizer.eos_ids, bad_words=bad_words, constrained=grammar is not None
        )
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
        """(token, scale, add) changes to the next logits: bias, penalties, and what may not come here."""
        sampling = self.request.sampling
        changes = [(token, 1.0, bias) for token, bias in sampling.logit_bias]
        changes += [(token, 1.0, -math.inf) for token in self._banned()]
        if self._counts is not None:
            for token, count in self._counts.items():
                changes.append((token, 1.0, -sampling.presence_penalty - sampling.frequency_penalty * count))
            if sampling.repetition_penalty != 1.0:
                changes += [(token, sampling.repetition_penalty, 0.0) for token in set(self.sequence.ids)]
        return changes

    def _banned(self) -> list[int]:
        """Tokens that may not be drawn next; see `Bans`."""
        if not self._bans:
            return []
        matcher = self.matcher
        return self._bans.at(self._output, None if matcher is None else matcher.grammar.mask(matcher.mask_row()))

    def take(self, drawn: Drawn, now: float) -> None:
        """Commit a sampled token, and the forced text that follows from it. Fails the job where none was allowed."""
        self.prefilled(now)
        if drawn.token == -1:
            self.fail(self._dead_end(), now)
            return
        if drawn.token < 0:
            self.fail(EngineError("the model's logits are not numbers"), now)
            return
        ends = self._ends(drawn.token)
        if self.matcher is not None and not self.matcher.advance(drawn.token):
            self.fail(EngineError(f"token {drawn.token} was drawn against the constraint"), now)
            return
        if ends:
            self._close(FinishReason.STOP, self._end_reason(drawn.token), now, token=drawn)
        elif self._emit(drawn, forced=False, now=now):
            self._force(now)

    def _dead_end(self) -> WeftError:
        if self.matcher is None:
            return EngineError("no token is left to draw here")
        return GrammarError("the constraint leaves no token to sample here", code="constraint_dead_end")

    def _ends(self, token: int) -> bool:
        """Whether the text ends before this token. Stop ids do not before `min_tokens`, however they came about."""
        sampling = self.request.sampling
        if token in self._eos_ids and (self.matcher is not None or not sampling.ignore_eos):
            return True
        return token in self._stop_ids and self.output_tokens >= sampling.min_tokens

    def _end_reason(self, token: int) -> int | None:
        """A stop token's id; end-of-sequence has none, where it would have ended the text by itself."""
        is_plain_end = token in self._eos_ids and not self.request.sampling.ignore_eos
        return None if is_plain_end or token not in self._stop_ids else token

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
            if self._ends(token):
                self._close(FinishReason.STOP, self._end_reason(token), now, token=Drawn(token, 0.0, 1), forced=True)
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
