"""An engine that remembers what programs asked of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...request import Capabilities, GenerateRequest, GenerateResult, ScoreRequest, ScoreResult, Segment
from ...runtime import Engine
from ...runtime.ticket import GenerateTicket, Ticket
from .oracle import most_cached


@dataclass(frozen=True, slots=True)
class Tokens:
    """Prompt tokens of a run's calls.

    Attributes:
        prompt: all of them.
        cached: those that came from the cache.
        cacheable: those that a cache without limits would have had; see `oracle.py`.
        generated: output tokens.
    """

    prompt: int
    cached: int
    cacheable: int
    generated: int

    @property
    def recomputed(self) -> int:
        """Prompt tokens that were computed though they had been computed before."""
        return self.cacheable - self.cached

    @property
    def hit_rate(self) -> float:
        """Share of the prompts' tokens that came from the cache."""
        return self.cached / self.prompt

    @property
    def share_of_best(self) -> float:
        """`cached` as a share of the best possible; 1 where nothing could be shared."""
        return self.cached / self.cacheable if self.cacheable else 1.0


class Recorder:
    """A `Backend` that passes everything on to `engine` and keeps every request with its ticket, in order."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._generations: list[tuple[int, GenerateRequest, GenerateTicket[GenerateResult]]] = []
        self._scores: list[tuple[int, ScoreRequest, Ticket[ScoreResult]]] = []

    def tokens(self) -> Tokens:
        """Counts over all calls so far, each of which must have been answered. Raises a failed call's error."""
        calls: dict[int, tuple[tuple[int, ...], list[tuple[int, ...]]]] = {}
        results: list[GenerateResult | ScoreResult] = []
        generated = 0
        for place, request, ticket in self._generations:
            result = ticket.result()
            results.append(result)
            generated += len(result.token_ids)
            calls[place] = (self._ids(request.prompt), [result.token_ids])
        for place, score, scored in self._scores:
            results.append(scored.result())
            calls[place] = (self._ids(score.prompt), [self._ids(choice) for choice in score.choices])
        return Tokens(
            prompt=sum(result.prompt_tokens for result in results),
            cached=sum(result.cached_tokens for result in results),
            cacheable=most_cached(calls[place] for place in sorted(calls)),
            generated=generated,
        )

    def _ids(self, text: tuple[int, ...] | str) -> tuple[int, ...]:
        return tuple(self._engine.tokenizer.encode(text)) if isinstance(text, str) else text

    # --- the backend ---

    def capabilities(self) -> Capabilities:
        return self._engine.capabilities()

    def render(self, segments: Sequence[Segment], tools: Sequence[Mapping[str, Any]] = ()) -> tuple[int, ...]:
        return self._engine.render(segments, tools)

    def generate(self, request: GenerateRequest) -> GenerateTicket[GenerateResult]:
        ticket = self._engine.generate(request)
        with self._lock:
            self._generations.append((self._place(), request, ticket))
        return ticket

    def score(self, request: ScoreRequest) -> Ticket[ScoreResult]:
        ticket = self._engine.score(request)
        with self._lock:
            self._scores.append((self._place(), request, ticket))
        return ticket

    def _place(self) -> int:
        return len(self._generations) + len(self._scores)

    def fork(self, session: str, children: Sequence[str]) -> None:
        self._engine.fork(session, children)

    def release(self, session: str) -> None:
        self._engine.release(session)

    def abort(self, request_id: str) -> None:
        self._engine.abort(request_id)
