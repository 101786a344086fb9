"""A generation, token by token: what may come next, what was drawn, what its caller is told."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence as Run
from functools import partial

from ...errors import EngineError, GrammarError, WeftError
from ...grammar.protocol import Grammar
from ...request import FinishReason, GenerateRequest, GenerateResult, Times, TokenEvent
from ..detokenizer import StopStrings
from ..drafts import Bounds, Drafter, Place
from ..scheduler import Sequence
from ..speculation import Speculation
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
        self.drafter = Drafter(sequence.ids)
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

    def draft(self, speculation: Speculation, sequences: int) -> tuple[int, ...]:
        """Tokens that may come next, to be verified in the next pass, in which `sequences` sequences decode."""
        if not self.request.speculation or self.drafter.rests():
            return ()
        ends = self._stop_ids
        if self.matcher is not None or not self.request.sampling.ignore_eos:
            ends |= self._eos_ids
        bounds = Bounds(tokens=self.max_tokens - self.output_tokens - 1, ends=ends, forces=self._forces)
        return self.drafter.propose(speculation, sequences, self.matcher, bounds)

    def places(self, drafted: int) -> list[Place]:
        """Where to draw: after what is known, and behind the first `drafted` tokens of the draft."""
        matcher = self.matcher
        first = Place(0, matcher.grammar, matcher.mask_row()) if matcher is not None else Place(0)
        return [first, *self.drafter.places(drafted)]

    def sample_row(self, row: int, mask: int, place: Place, ahead: Run[int] = ()) -> SampleRow:
        """How to draw the token at `place`, behind the drafted tokens `ahead`, from the step's hidden state `row`.

        `mask` is the mask row, -1 for none. All is as if the draft were part of the output.
        """
        sampling = self.request.sampling
        return SampleRow(
            row=row,
            mask=mask,
            position=len(self.sequence.ids) + len(ahead),
            seed=self.seed,
            temperature=sampling.temperature,
            top_k=sampling.top_k,
            top_p=sampling.top_p,
            min_p=sampling.min_p,
            adjustments=self._adjustments(place, ahead),
            top=sampling.top_logprobs,
        )

    def _adjustments(self, place: Place, ahead: Run[int]) -> list[tuple[int, float, float]]:
        """(token, scale, add) changes to the logits after `ahead`: bias, penalties, and what may not come here."""
        sampling = self.request.sampling
        changes = [(token, 1.0, bias) for token, bias in sampling.logit_bias]
        changes += [(token, 1.0, -math.inf) for token in self._banned(place, ahead)]
        if self._counts is not None:
            counts = self._counts + Counter(ahead) if ahead else self._counts
            for token, count in counts.items():
                changes.append((token, 1.0, -sampling.presence_penalty - sampling.frequency_penalty * count))
            if sampling.repetition_penalty != 1.0:
                seen = {*self.sequence.ids, *ahead}
                changes += [(token, sampling.repetition_penalty, 0.0) for token in seen]
        return changes

    def _banned(self, place: Place, ahead: Run[int]) -> list[int]:
        """Tokens that may not be drawn after `ahead`; see `Bans`."""
        if not self._bans:
            return []
        allowed = None if place.grammar is None else place.grammar.mask(place.row)
        return self._bans.at([*self._output, *ahead] if ahead else self._output, allowed)

    def take_all(self, drawn: Run[Drawn], now: float) -> None:
        """Commit what was drawn at each of `places`, as far as the draft before it is what came indeed."""
        places = self.drafter.places(drafted=len(self.drafter.pending.tokens))
        self.take(drawn[0], now)
        for place, each in zip(places, drawn[1:], strict=False):
            if self.done or not self.drafter.reaches(place):
                return
            self.take(each, now)

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

    @property
    def _forces(self) -> bool:
        """Whether text that the constraint forces is taken without being sampled."""
        return self.request.forced_text and not self.request.sampling.wants_logprobs

    def _force(self, now: float) -> None:
        """Commit tokens that the constraint leaves no choice about (jump-forward)."""
        if self.matcher is None:
            return
        if self.matcher.is_finished():
            self._close(FinishReason.STOP, None, now)
            return
        if not self._forces:
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
        self.times = self.times.with_token(now)
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
        self._text.append(text)
        self.outbox.put(partial(self._tell, drawn, text, forced, finish, stop, self.cached_tokens, self.times))

    def _tell(
        self,
        drawn: Drawn,
        text: str,
        forced: bool,
        finish: FinishReason | None,
        stop: str | int | None,
        cached_tokens: int,
        times: Times,
    ) -> None:
        wanted = self.request.sampling.wants_logprobs and drawn.token >= 0
        self.ticket.put_event(
            TokenEvent(
                request_id=self.request_id,
                token_id=drawn.token,
                text=text,
                logprob=drawn.logprob if wanted else None,
                top_logprobs=drawn.top if wanted else (),
                allowed=drawn.allowed,
                forced=forced,
                cached_tokens=cached_tokens,
                prompt_tokens=self.prompt_tokens,
                finish=finish,
                stop_reason=stop,
                times=times,
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
        """Send the closing event and the whole result. What was held back of the text may still be a stop string."""
        if not isinstance(stop, str):
            tail, found = self._stops.push(self._detokenizer.flush())
            shown += tail if found else tail + self._stops.flush()
            if found:
                finish, stop = FinishReason.STOP, found
        self._end(finish.value, now)
        self._send(token or Drawn(-1, 0.0, 0), shown, forced=forced, finish=finish, stop=stop)
        self.outbox.put(lambda: self.ticket.put_result(self._result(finish, stop)))

    def _result(self, finish: FinishReason, stop: str | int | None) -> GenerateResult:
        return GenerateResult(
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
