"""An answer of /generate: what SGLang's clients read of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from ...request import FinishReason, TokenEvent
from ..prompt_scores import PromptScore
from ..tokens import LEAST_LOGPROB, ApiTokenizer

TokenLogprob = tuple[float | None, int, str | None]
"""(log-probability, id, text) of a token; the text is null unless it was asked for."""

Top = tuple[tuple[int, float], ...]


class FinishedBy(BaseModel):
    """Why it ended: at `matched`, a stop string or token; after `length` tokens; or by an abort, as `message` says."""

    type: Literal["stop", "length", "abort"]
    matched: str | int | None = None
    length: int | None = None
    message: str | None = None


class MetaInfo(BaseModel):
    """About an answer; what was not asked for is left out.

    `input_token_logprobs` begin at `logprob_start_len`, with a real log-probability wherever a token stands before it:
    null is only a prompt's very first one. In a stream, an answer's first and last chunk have those of the prompt.
    """

    id: str
    finish_reason: FinishedBy | None
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    weight_version: str = "default"
    input_token_logprobs: list[TokenLogprob] | None = None
    input_top_logprobs: list[list[TokenLogprob] | None] | None = None
    output_token_logprobs: list[TokenLogprob] | None = None
    output_top_logprobs: list[list[TokenLogprob] | None] | None = None
    e2e_latency: float | None = None


class Answer(BaseModel):
    """A text, or in a stream all of it so far; `index` says which of several answers a chunk belongs to.

    An end-of-sequence token that ended the output is no part of `output_ids`, nor is a stop token.
    """

    text: str
    output_ids: list[int]
    meta_info: MetaInfo
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What an answer tells beside its text.

    Attributes:
        logprobs: each token's log-probability; `tops` as many likeliest ones in its place; `texts` tokens as text too.
        prompt: the prompt's log-probabilities as well.
        stop: the stop string or token that ended the text, as its last part.
    """

    logprobs: bool = False
    tops: int = 0
    texts: bool = False
    prompt: bool = False
    stop: bool = False


@dataclass(slots=True)
class Draft:
    """An answer as it grows.

    Attributes:
        id: its `rid`.
        score: the prompt's log-probabilities, where it was scored before anything was generated.
        finish: why it ended, once it has.
    """

    tokenizer: ApiTokenizer
    id: str
    shown: Shown
    prompt_tokens: int
    score: PromptScore | None = None
    text: str = ""
    output_ids: list[int] = field(default_factory=list)
    cached_tokens: int = 0
    finish: FinishedBy | None = None
    _logprobs: list[TokenLogprob] = field(default_factory=list)
    _tops: list[list[TokenLogprob] | None] = field(default_factory=list)

    def take(self, event: TokenEvent, carries_token: bool) -> None:
        """Add an event; `carries_token` says whether its token is part of the output."""
        self.text += event.text
        if self.score is not None:  # a scored prompt is always in the cache by now
            self.cached_tokens = self.score.cached_tokens
        elif event.finish is not FinishReason.ABORT:
            self.cached_tokens = event.cached_tokens
        if carries_token:
            self.output_ids.append(event.token_id)
            if self.shown.logprobs:
                self._logprobs.append(self._entry(event.token_id, event.logprob))
                self._tops.append(self._top(event.top_logprobs))
        if event.finish is not None:
            self._end(event)

    def abort(self) -> None:
        """It was given up by its `rid`."""
        self.finish = FinishedBy(type="abort", message="aborted by /abort_request")

    def answer(self, *, with_prompt: bool, index: int | None = None, latency: float | None = None) -> Answer:
        """The answer so far. `with_prompt` has the prompt's log-probabilities in it."""
        told: dict[str, object] = {}
        if self.shown.logprobs:
            told["output_token_logprobs"] = self._logprobs
            if with_prompt:
                told["input_token_logprobs"] = self._input_logprobs()
            if self.shown.tops:
                told["output_top_logprobs"] = self._tops
            if self.shown.tops and with_prompt:
                told["input_top_logprobs"] = self._input_tops()
        if latency is not None:
            told["e2e_latency"] = latency
        info = {
            "id": self.id,
            "finish_reason": self.finish,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": len(self.output_ids),
            "cached_tokens": self.cached_tokens,
            "weight_version": "default",
            **told,
        }
        whole = {"text": self.text, "output_ids": self.output_ids, "meta_info": info}
        return Answer.model_validate(whole if index is None else {**whole, "index": index})

    def _end(self, event: TokenEvent) -> None:
        if event.finish is FinishReason.ABORT:
            self.abort()
        elif event.finish is FinishReason.LENGTH:
            self.finish = FinishedBy(type="length", length=len(self.output_ids))
        else:
            matched = event.stop_reason
            if matched is None and event.token_id in self.tokenizer.eos_ids:
                matched = event.token_id
            self.finish = FinishedBy(type="stop", matched=matched)
            if self.shown.stop and matched is not None:
                self.text += matched if isinstance(matched, str) else self._text(matched, special=False)

    def _input_logprobs(self) -> list[TokenLogprob]:
        if self.score is None or not self.shown.prompt:
            return []
        pairs = zip(self.score.token_ids, self.score.logprobs, strict=True)
        return [self._entry(token, logprob) for token, logprob in pairs]

    def _input_tops(self) -> list[list[TokenLogprob] | None]:
        if self.score is None or not self.shown.prompt:
            return []
        return [self._top(top) for top in self.score.tops]

    def _top(self, top: Top) -> list[TokenLogprob] | None:
        """The likeliest tokens in a place; null where none are known, before a prompt's first token."""
        return [self._entry(token, logprob) for token, logprob in top] or None

    def _entry(self, token: int, logprob: float | None) -> TokenLogprob:
        finite = None if logprob is None else max(logprob, LEAST_LOGPROB)
        return finite, token, self._text(token, special=True) if self.shown.texts else None

    def _text(self, token: int, *, special: bool) -> str:
        return self.tokenizer.token_bytes(token, special=special).decode(errors="replace")
