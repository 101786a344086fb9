"""What a request must be for this model, and the job that comes of it. Runs in the callers' threads."""

from __future__ import annotations

import copy
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from numbers import Integral
from typing import Any

from ..errors import InvalidRequest, PromptTooLong
from ..grammar import GrammarCache
from ..grammar.compile_worker import CompileWorker
from ..request import AnyRequest, EmbedRequest, GenerateRequest, ProgramHints, ScoreRequest
from .histogram import Histogram
from .jobs import AnyJob, EmbedJob, GenerateJob, ScoreJob
from .ticket import GenerateTicket, Ticket
from .tokenizer import Tokenizer

COMPILE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SCORE_SHARE = 4
"""The choices of one request may take a fourth of the KV cache at once, where that is more than the context."""


class Intake:
    """Makes jobs of requests. Thread-safe.

    Args:
        tokenizer: the model's.
        vocab_size: tokens of the model's logits, which may be fewer than the tokenizer's.
        context_length: most tokens of prompt and output together.
        cache_tokens: tokens that the KV cache has room for.
        seed: seeds the seeds of requests that bring none.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, vocab_size: int, context_length: int, cache_tokens: int, seed: int
    ) -> None:
        self._tokenizer = tokenizer
        self._vocab_size = vocab_size
        self._context_length = context_length
        self._score_room = max(context_length, cache_tokens // SCORE_SHARE)
        self._worker = CompileWorker()
        self._compiled = Histogram(COMPILE_SECONDS)
        self._lock = threading.Lock()
        self._grammars = GrammarCache(tokenizer.vocabulary, worker=self._worker, on_compiled=self._count)
        self._seeds = random.Random(seed)
        self._banned = lru_cache(maxsize=64)(self._bad_words)  # the choices of one call have the same

    def job(self, request: AnyRequest, abort: Callable[[str], None]) -> AnyJob:
        """Check a request, tokenise it, compile its constraint. `abort` is what its ticket calls.

        Raises:
            InvalidRequest (PromptTooLong, GrammarError, ...): the request cannot be served as it is.
        """
        request.validate()
        prompt = self._ids(request.prompt, "prompt", begin=True)
        job = self._job(request, prompt, abort, time.monotonic())
        if request.timeout is not None:
            job.deadline = job.times.arrived + request.timeout
        hints = self._hints(request, prompt)
        for sequence in job.sequences:
            if sequence.ids[: len(prompt)] == prompt:  # choices scored by themselves are no part of the program's text
                sequence.hints = hints
        return job

    def _hints(self, request: AnyRequest, prompt: list[int]) -> ProgramHints:
        """A request's hints, the common prefix in tokens also where the prompt is text."""
        hints = request.hints
        if not isinstance(request.prompt, str) or not hints.common_prefix:
            return hints
        begin = self._tokenizer.encode(request.prompt[: hints.common_prefix], begin=True)
        same = [one == other for one, other in zip(begin, prompt, strict=False)]
        return replace(hints, common_prefix=[*same, False].index(False))

    def _job(self, request: AnyRequest, prompt: list[int], abort: Callable[[str], None], now: float) -> AnyJob:
        if isinstance(request, ScoreRequest):
            choices = [self._ids(choice, "choices", previous=prompt[-1]) for choice in request.choices]
            self._check_room(prompt, max(map(len, choices)), "and the longest choice {}")
            return ScoreJob(request, Ticket(request.id, abort), prompt, choices, now, room=self._score_room)
        if isinstance(request, EmbedRequest):
            self._check_room(prompt, 0)
            return EmbedJob(request, Ticket(request.id, abort), prompt, now)
        return self._generation(request, GenerateTicket(request.id, abort), prompt, now)

    def compiled(self) -> Histogram:
        """The seconds that compilations of constraints took so far; a copy."""
        with self._lock:
            return copy.deepcopy(self._compiled)

    def _count(self, seconds: float) -> None:
        with self._lock:
            self._compiled.observe(seconds)

    def close(self) -> None:
        """End the process that compiles long constraints. Requests whose constraint it has fail by `EngineClosed`."""
        self._worker.close()

    def _generation(
        self, request: GenerateRequest, ticket: GenerateTicket[Any], prompt: list[int], now: float
    ) -> GenerateJob:
        sampling = request.sampling
        self._check_room(prompt, int(sampling.max_tokens != 0), "and the output needs {} at least")
        self._check_ids(sampling.stop_token_ids, "stop_token_ids")
        self._check_ids(dict(sampling.logit_bias), "logit_bias")
        room = self._context_length - len(prompt)
        return GenerateJob(
            request,
            ticket,
            prompt,
            tokenizer=self._tokenizer,
            grammar=self._grammars.get(request.constraint) if request.constraint is not None else None,
            bad_words=self._banned(tuple(sampling.bad_words)),
            seed=self._seeds.getrandbits(63) if sampling.seed is None else sampling.seed,
            max_tokens=room if sampling.max_tokens is None else min(room, sampling.max_tokens),
            now=now,
        )

    def _bad_words(self, words: Iterable[str]) -> tuple[tuple[int, ...], ...]:
        """The token sequences of strings inside a text, as written and behind a space, and as a text's first word."""
        found: dict[tuple[int, ...], None] = {}
        for word in words:
            found[tuple(self._ids(word, "bad_words"))] = None
            found |= dict.fromkeys(tuple(self._ids(text, "bad_words", previous=-1)) for text in (word, f" {word}"))
        return tuple(found)

    def _check_room(self, prompt: list[int], more: int, what: str = "") -> None:
        """Raise `PromptTooLong` where `more` tokens, which `what` names, do not fit behind the prompt."""
        if len(prompt) + more > self._context_length:
            also = f" {what.format(more)}" if more else ""
            raise PromptTooLong(
                f"the prompt has {len(prompt)} tokens{also}; the context holds {self._context_length}", param="prompt"
            )

    def _ids(
        self, prompt: Sequence[int] | str, name: str, *, begin: bool = False, previous: int | None = None
    ) -> list[int]:
        """Token ids of a prompt or choice. Raises `InvalidRequest` for none, or one outside the vocabulary.

        `begin` and `previous` say where a text stands, as for `Tokenizer.encode`.
        """
        if isinstance(prompt, str):
            ids = self._tokenizer.encode(prompt, begin=begin, previous=previous)
        else:
            ids = list(prompt)
        if not ids:
            raise InvalidRequest(f"{name}: the tokenizer makes no token of {prompt!r}", param=name)
        self._check_ids(ids, name)  # a text's too: a tokenizer may have more tokens than its model
        return ids

    def _check_ids(self, ids: Iterable[Any], name: str) -> None:
        for token in ids:
            if not isinstance(token, Integral) or not 0 <= int(token) < self._vocab_size:
                raise InvalidRequest(
                    f"{name}: token id {token!r} is outside the vocabulary of {self._vocab_size}", param=name
                )
