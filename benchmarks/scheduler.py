"""What the scheduler costs a step, without any model: planning and committing at 64 running and 200 waiting sequences.

    python -m weft.benchmarks.scheduler

Prompts of 256 tokens, 192 of them shared by a quarter of all; outputs of 64 tokens. A step is the CPU time that the
engine's thread spends beside the model: `plan`, `computed` for each chunk, and `finish` and `add` where a sequence
ends and another arrives. Each is a session of its own, and eviction is the default one. *Steady* steps are those that
only decode, *changing* ones admit or end somebody.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import random
import statistics
import time
from collections import deque
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from ..radix_cache import Node, PagePool, ProgramLRU, RadixTree
from ..request import ProgramHints
from ..runtime.programs import Programs
from ..runtime.scheduler import Scheduler, Sequence

PAGE_SIZE = 16
PROMPT, SHARED, OUTPUT = 256, 192, 64
GROUPS = 4


@dataclass
class Steps:
    """Microseconds of each step, of either kind."""

    steady: list[float] = field(default_factory=list)
    changing: list[float] = field(default_factory=list)


class Traffic:
    """Keeps a scheduler at its bounds: who ends is followed by a new arrival."""

    def __init__(self, running: int, waiting: int, seed: int) -> None:
        self._rng = random.Random(seed)
        self._shared = [[self._token() for _ in range(SHARED)] for _ in range(GROUPS)]
        pool = PagePool(2 * running * -(-(PROMPT + OUTPUT) // PAGE_SIZE))
        policy = ProgramLRU[Node](pool.num_pages)
        tree = RadixTree(pool, PAGE_SIZE, policy)
        self._programs = Programs(tree, policy)
        self._scheduler = Scheduler(
            pool, tree, page_size=PAGE_SIZE, max_running=running, prefill_chunk=512, programs=self._programs
        )
        self._sessions = itertools.count()
        self._new = deque(self._sequence() for _ in range(running + waiting))
        while self._new:
            self._scheduler.add(self._new.popleft())

    def step(self, steps: Steps) -> None:
        """One step, measured; making up the next arrivals is not."""
        scheduler = self._scheduler
        self._new.append(self._sequence())
        ended = 0
        started = time.thread_time()
        chunks = scheduler.plan()
        for chunk in chunks:
            is_last = chunk.is_last
            scheduler.computed(chunk)
            if not is_last:
                continue
            if len(chunk.sequence.ids) == PROMPT + OUTPUT:
                scheduler.finish(chunk.sequence)
                self._programs.release(str(chunk.sequence.hints.session))
                ended += 1
            else:
                chunk.sequence.ids.append(7)
        for _ in range(min(ended, len(self._new))):
            scheduler.add(self._new.popleft())
        took = 1e6 * (time.thread_time() - started)
        is_steady = not ended and all(chunk.count == 1 for chunk in chunks)
        (steps.steady if is_steady else steps.changing).append(took)
        for _ in range(ended):
            self._new.append(self._sequence())

    def _sequence(self) -> Sequence:
        own = PROMPT - SHARED
        prefix = self._shared[self._rng.randrange(GROUPS)]
        ids = [*prefix, *(self._token() for _ in range(own))]
        hints = ProgramHints(session=str(next(self._sessions)))
        return Sequence(ids=ids, match_limit=PROMPT - 1, hints=hints)

    def _token(self) -> int:
        return self._rng.randrange(100_000)


def main() -> None:
    parser = argparse.ArgumentParser(description="Microseconds that scheduling costs a step.")
    parser.add_argument("--running", type=int, default=64)
    parser.add_argument("--waiting", type=int, default=200)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    traffic = Traffic(options.running, options.waiting, options.seed)
    for _ in range(4 * OUTPUT):  # until ends and arrivals are spread over time
        traffic.step(Steps())
    steps = Steps()
    for _ in range(options.steps):
        traffic.step(steps)
    table = Table("steps", "count", "mean µs", "median µs", "99% µs", title=f"Python {platform.python_version()}")
    for name, times in (("steady", steps.steady), ("changing", steps.changing), ("all", steps.steady + steps.changing)):
        if times:
            cells = (statistics.fmean(times), statistics.median(times), sorted(times)[len(times) * 99 // 100])
            table.add_row(name, str(len(times)), *(f"{cell:.0f}" for cell in cells))
    Console().print(table)


if __name__ == "__main__":
    main()
