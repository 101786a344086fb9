"""Laws 2, 5 and 6 over long random traffic: everything on, little room, and failures all the time.

Of one seed the traffic is the same every time; which request a failure or an abort meets depends on threads.
"""

from __future__ import annotations

import gc
import logging
import os
import random
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
import torch
from random_traffic import Arrival, RandomTraffic, check

from weft.errors import Aborted, DeadlineExceeded, EngineError, GrammarError, InvalidRequest
from weft.grammar.protocol import Grammar
from weft.radix_cache import Node
from weft.request import AnyRequest, EmbedRequest, ScoreRequest
from weft.runtime import Engine
from weft.runtime.jobs import EmbedJob, GenerateJob, ScoreJob
from weft.runtime.mask_pool import MaskPool
from weft.runtime.runner import Runner
from weft.runtime.scheduler import Sequence
from weft.runtime.ticket import Ticket

PAGES = 20
DISK_BYTES = 400_000
IN_FLIGHT = 24
OPTIONS: dict[str, Any] = {
    "device": "cpu",
    "num_pages": PAGES,
    "page_size": 8,
    "max_running": 8,
    "prefill_chunk": 32,
    "max_context": 200,
    "host_cache_bytes": 1 << 17,
    "disk_cache_bytes": DISK_BYTES,
    "speculation": "prompt_lookup",
}
GROWTH = 0.05
"""Most that a process with full caches may grow by, from the middle to the end, as a share of what it had."""
MOST_NODES = 1 + 64
"""The root, and what the policy's heap may still name of nodes that have left the tree, and who used them."""
KINDS = (GenerateJob, ScoreJob, EmbedJob, Sequence, Ticket, Node)


@dataclass(frozen=True)
class Memory:
    """What the process holds: objects that the collector tracks, and bytes."""

    objects: int
    resident: int

    @classmethod
    def now(cls) -> Memory:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(len(gc.get_objects()), pages * os.sysconf("SC_PAGE_SIZE"))


class Soak:
    """Random traffic through one engine, and a count of what became of it."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine = engine
        self._rng = random.Random(seed)
        self._traffic = RandomTraffic(random.Random(seed + 1))
        self._waiting: deque[tuple[AnyRequest, Ticket[Any]]] = deque()
        self._releases: list[tuple[str, tuple[str, ...]]] = []
        self.outcomes: Counter[str] = Counter()
        self.refused = 0

    def run(self, requests: int) -> None:
        """Send so many requests, some of them together, and wait for all their answers."""
        sent = 0
        while sent < requests:
            arrival = self._traffic.next()
            self._send(arrival)
            sent += len(arrival.requests)
            while len(self._waiting) > IN_FLIGHT:
                self._take()
            if self._rng.random() < 0.1:
                self._rng.choice(self._waiting)[1].abort() if self._waiting else None
            if self._rng.random() < 0.05:
                self._refuse()
            if self._rng.random() < 0.02:
                self._engine.recount()
        while self._waiting:
            self._take()
        self._engine.recount()

    def _send(self, arrival: Arrival) -> None:
        if arrival.fork is not None:
            self._engine.fork(*arrival.fork)
        self._waiting += [(request, self._engine.submit(request)) for request in arrival.requests]
        self._releases.append((arrival.requests[-1].id if arrival.requests else "", arrival.release))
        if not arrival.requests or self._rng.random() < 0.1:  # before its calls have ended
            self._release("")

    def _release(self, answered: str) -> None:
        """Release what waits for the request `answered`; all sessions, where that is nobody's name."""
        for name, sessions in self._releases:
            if answered in ("", name):
                for session in sessions:
                    self._engine.release(session)
        self._releases = [(name, sessions) for name, sessions in self._releases if answered not in ("", name)]

    def _take(self) -> None:
        request, ticket = self._waiting.popleft()
        self.outcomes[self._outcome(request, ticket)] += 1
        self._release(request.id)

    def _outcome(self, request: AnyRequest, ticket: Ticket[Any]) -> str:
        """How a request ended, in the word that statistics have for it."""
        try:
            answer = ticket.result(120)
        except Aborted:
            return "abort"
        except DeadlineExceeded:
            assert request.timeout is not None
            return "deadline"
        except (EngineError, GrammarError) as error:
            assert "on purpose" in str(error) or "forbids every token" in str(error), error
            return "error"
        check(request, answer)
        if isinstance(request, ScoreRequest | EmbedRequest):
            return "score" if isinstance(request, ScoreRequest) else "embed"
        return str(answer.finish.value)

    def _refuse(self) -> None:
        with pytest.raises(InvalidRequest):
            self._engine.submit(self._traffic.malformed())
        self.refused += 1


def fail_now_and_then(monkeypatch: pytest.MonkeyPatch, rng: random.Random) -> None:
    """Steps and masks, on purpose. Only the engine's thread draws from `rng`."""
    forward, acquire = Runner.forward, MaskPool.acquire

    def failing_forward(self: Runner, chunks: list[Any]) -> torch.Tensor:
        if rng.random() < 0.004:
            raise RuntimeError("failed on purpose")
        return forward(self, chunks)

    def failing_acquire(self: MaskPool, grammar: Grammar, row: int) -> int:
        if rng.random() < 0.002:
            raise GrammarError("failed on purpose")
        return acquire(self, grammar, row)

    monkeypatch.setattr(Runner, "forward", failing_forward)
    monkeypatch.setattr(MaskPool, "acquire", failing_acquire)


class Heard(logging.Filter):
    """Takes what a logger says: records would keep the frames, and with them the requests, of every failed step."""

    def __init__(self, logger: str) -> None:
        super().__init__()
        self.messages: Counter[str] = Counter()
        self._logger = logging.getLogger(logger)

    def __enter__(self) -> Self:
        self._logger.addFilter(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            self.messages[record.getMessage()] += 1
        return False


def alive() -> Counter[str]:
    """How many objects there are of what a request is made of."""
    gc.collect()
    return Counter(type(thing).__name__ for thing in gc.get_objects() if issubclass(type(thing), KINDS))


def check_books(engine: Engine, soak: Soak, files: Path) -> None:
    """Nothing runs or waits, every page is somewhere, and every request is counted by what became of it."""
    stats = engine.stats()
    assert (stats.running, stats.waiting, stats.pages_in_use) == (0, 0, 0)
    assert stats.pages_free + stats.pages_cached == stats.pages_total == PAGES
    assert stats.pages_evictable == stats.pages_cached
    assert dict(stats.requests) == dict(soak.outcomes)
    assert stats.accepted_tokens <= stats.drafted_tokens
    assert stats.forced_tokens <= stats.generated_tokens
    assert stats.cached_tokens <= stats.looked_up_tokens <= stats.prompt_tokens
    assert stats.host_cache_bytes <= OPTIONS["host_cache_bytes"]
    assert sum(file.stat().st_size for file in files.rglob("*") if file.is_file()) <= DISK_BYTES


def check_that_it_all_happened(engine: Engine, soak: Soak) -> None:
    stats = engine.stats()
    for name in ("stop", "length", "abort", "deadline", "error", "score", "embed"):
        assert soak.outcomes[name] > 0, name
    assert soak.refused > 0
    for count in ("retractions", "evicted_pages", "demoted_pages", "host_hit_tokens", "disk_hit_tokens"):
        assert getattr(stats, count) > 0, count
    for count in ("accepted_tokens", "forced_tokens", "cached_tokens", "mask_hits"):
        assert getattr(stats, count) > 0, count


@pytest.mark.parametrize(
    ("seed", "requests"),
    [pytest.param(0, 300, id="short"), pytest.param(1, 10_000, id="long", marks=pytest.mark.soak)],
)
def test_random_traffic_ends_with_pages_conserved_and_memory_flat(
    tiny_folder: Path, tmp_path: Path, seed: int, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"seed {seed}")
    fail_now_and_then(monkeypatch, random.Random(seed + 2))
    before = alive()
    options = {**OPTIONS, "overlap": seed % 2 == 1, "seed": seed, "cache_dir": tmp_path}
    with Heard("weft.runtime") as runtime, Heard("weft.cache") as cache, Engine(tiny_folder, **options) as engine:
        soak = Soak(engine, seed)
        soak.run(requests // 2)
        middle = Memory.now()
        soak.run(requests - requests // 2)
        end = Memory.now()
        check_books(engine, soak, tmp_path)
        check_that_it_all_happened(engine, soak)
        engine.flush_cache()
        engine.recount()
        stats = engine.stats()
        assert (stats.pages_free, stats.host_cache_bytes, stats.disk_cache_bytes) == (PAGES, 0, 0)
        left = alive() - before
        assert left.pop("Node") + left.pop("Sequence", 0) <= MOST_NODES
        assert not left
        if requests >= 10_000:  # before that, caches of grammars are still filling
            assert end.objects <= middle.objects * (1 + GROWTH), (middle, end)
            assert end.resident <= middle.resident * (1 + GROWTH), (middle, end)
    assert set(runtime.messages) == {"a step failed; the requests in it get an error"}, runtime.messages
    assert not cache.messages
