"""One server under all workloads: from its process's start to the figures of each cell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...errors import EngineError
from .client import Answer, Load, run_load
from .peers import Peer
from .workloads import Workload

WARM_UP_TOKENS = 8
BEGINNING = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run measures.

    Attributes:
        workloads: each of them,
        concurrency: at each of these,
        per_slot: with so many requests for each one in flight (at concurrency 1: four times as many),
        timeout: seconds that a server may take to come up, and a cell to be answered.
    """

    workloads: Sequence[Workload]
    concurrency: Sequence[int]
    per_slot: int = 2
    timeout: float = 600.0

    def requests(self, concurrency: int) -> int:
        """How many requests a cell has."""
        return self.per_slot * (4 if concurrency == 1 else concurrency)


@dataclass(frozen=True, slots=True)
class Cell:
    """A workload at a concurrency. Times in seconds, rates in tokens a second.

    Attributes:
        output, forced: output tokens by the server's count, and those of them not sampled (0 where it samples all).
        seconds: from the first request sent to the last one answered.
        first: (median, 99th percentile) of the time to the first token.
        gap: the same of the time between two pieces of an answer; a piece is a token, or several sent together.
        hit_rate: share of prompt tokens that came from the cache, by the server's count; None where it tells none.
        client_share: how much of one core the client took.
        seed: what the prompts were drawn from; cells of one seed have the same ones.
        beginnings: the first characters of each answer, about a token: on the same weights servers mostly agree. Empty
            under a schema, where they may write different spaces.
    """

    workload: str
    concurrency: int
    output: int
    forced: int
    seconds: float
    first: tuple[float, float]
    gap: tuple[float, float]
    hit_rate: float | None
    client_share: float
    seed: str = ""
    beginnings: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Output tokens a second, forced ones included."""
        return self.output / self.seconds

    @property
    def sampled_rate(self) -> float:
        """Sampled tokens a second."""
        return (self.output - self.forced) / self.seconds

    def agreement(self, other: Cell) -> float:
        """Share of answers that begin as the other's to the same prompt."""
        pairs = list(zip(self.beginnings, other.beginnings, strict=True))
        return sum(ours == theirs for ours, theirs in pairs) / max(1, len(pairs))


@dataclass(frozen=True, slots=True)
class Target:
    """A server that answers: its address, what it serves, and how many tokens that has."""

    peer: Peer
    url: str
    model: Path
    vocab_size: int
    timeout: float

    def load(self, workload: Workload, count: int, concurrency: int, seed: str) -> Load:
        """Ask `count` requests of `workload`. Raises `EngineError` where one fails, TimeoutError past the bound."""
        prompts = workload.prompts(count, self.vocab_size, seed)
        bodies = [self.peer.body(self.model, prompt, workload) for prompt in prompts]
        return asyncio.run(asyncio.wait_for(run_load(self.url, bodies, concurrency), self.timeout))

    def first_token(self, workload: Workload) -> float:
        """When the first token of a short request came, in seconds of `time.perf_counter`."""
        return self.load(replace(workload, output=2), 1, 1, "start").answers[0].arrivals[0]


def measure(target: Target, plan: Plan, *, seed: str, say: Callable[[str], None]) -> list[Cell]:
    """Every cell of `plan` that the server can do, one after the other. Raises `EngineError` where one fails."""
    cells = []
    for workload in plan.workloads:
        if workload.schema is not None and "schema" in target.peer.cannot:
            continue
        for concurrency in plan.concurrency:
            say(f"{workload.name}, {concurrency} at once")
            cells.append(
                measure_cell(target, workload, plan.requests(concurrency), concurrency, f"{seed} {concurrency}")
            )
    return cells


def measure_cell(target: Target, workload: Workload, count: int, concurrency: int, seed: str) -> Cell:
    """One cell. Not counted: a few short answers beforehand, for what a server does once in each situation.

    Raises `EngineError` where a request fails, or an answer cannot be under its schema.
    """
    few = replace(workload, output=min(WARM_UP_TOKENS, workload.output))
    target.load(few, concurrency, concurrency, f"{seed} warm-up")
    before = target.peer.forced_tokens(target.url) or 0
    load = target.load(workload, count, concurrency, seed)
    forced = (target.peer.forced_tokens(target.url) or 0) - before
    answers = load.answers
    if workload.schema is not None and not all(answer.text.lstrip().startswith("{") for answer in answers):
        raise EngineError(f"{workload.name}: an answer is no JSON object, so the schema was ignored")
    return Cell(
        workload=workload.name,
        concurrency=concurrency,
        output=sum(answer.output_tokens for answer in answers),
        forced=forced,
        seconds=load.seconds,
        first=_percentiles([answer.first_token for answer in answers]),
        gap=_percentiles([gap for answer in answers for gap in answer.gaps]),
        hit_rate=_hit_rate(answers),
        client_share=load.client_share,
        seed=seed,
        beginnings=() if workload.schema else tuple(answer.text[:BEGINNING] for answer in answers),
    )


def _hit_rate(answers: Sequence[Answer]) -> float | None:
    told = [answer.cached_tokens for answer in answers if answer.cached_tokens is not None]
    return sum(told) / sum(answer.prompt_tokens for answer in answers) if told else None


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    median, late = np.percentile(values, [50, 99]) if values else (0.0, 0.0)
    return float(median), float(late)
