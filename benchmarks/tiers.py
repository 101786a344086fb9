"""How soon the first token of a known prompt comes, by where its prefix is: nowhere, device, host memory, disk.

    python -m weft.benchmarks.tiers --tokens 1000

One prompt, alone, greedily, a few times each; the tables' seconds are the least. "Disk" is a new engine each time, the
files being in the operating system's cache. Prints a table; asserts nothing.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..request import GenerateRequest, GenerateResult, Sampling
from ..runtime import Engine
from .serving.model import Shape, write_model


@dataclass(frozen=True)
class Side:
    """Where the prefix was; seconds from arrival to the first token; tokens of the prompt that were computed."""

    name: str
    seconds: float
    computed: int


class Bench:
    """One prompt, and another one that takes its place on the device."""

    def __init__(self, model: Path, tokens: int, rounds: int) -> None:
        draw = random.Random(0)
        self.prompt, self.other = (tuple(draw.randrange(300, 1000) for _ in range(tokens)) for _ in range(2))
        self._model = model
        self._rounds = rounds
        self._asked = 0

    def engine(self, **options: object) -> Engine:
        """An engine with room for one prompt and a little more, warm."""
        pages = -(-len(self.prompt) // 16) + 8
        engine = Engine(self._model, num_pages=pages, **options)  # type: ignore[arg-type]
        self.ask(engine, self.prompt[:8])
        return engine

    def ask(self, engine: Engine, prompt: tuple[int, ...]) -> GenerateResult:
        """Generate two tokens."""
        self._asked += 1
        sampling = Sampling(max_tokens=2, temperature=0.0, ignore_eos=True)
        return engine.generate(GenerateRequest(id=str(self._asked), prompt=prompt, sampling=sampling)).result()

    def measure(self, name: str, ask: Callable[[], GenerateResult]) -> Side:
        """The best of a few rounds."""
        results = [ask() for _ in range(self._rounds)]
        best = min(results, key=lambda result: result.times.first_token - result.times.arrived)
        times = best.times
        return Side(name, times.first_token - times.arrived, best.prompt_tokens - best.cached_tokens)

    def sides(self, directory: Path) -> list[Side]:
        """All of them."""
        with self.engine(radix_cache=False) as engine:
            nowhere = self.measure("nowhere", lambda: self.ask(engine, self.prompt))
        with self.engine(cache_dir=directory) as engine:
            self.ask(engine, self.prompt)
            device = self.measure("device", lambda: self.ask(engine, self.prompt))
        with self.engine(host_cache_bytes=4 << 30) as engine:

            def from_host() -> GenerateResult:
                self.ask(engine, self.prompt)
                self.ask(engine, self.other)
                return self.ask(engine, self.prompt)

            host = self.measure("host memory", from_host)

        def from_disk() -> GenerateResult:
            with self.engine(cache_dir=directory) as engine:
                return self.ask(engine, self.prompt)

        return [nowhere, device, host, self.measure("disk", from_disk)]


def main() -> None:
    parser = argparse.ArgumentParser(description="The first token of a known prompt, by where its prefix is.")
    parser.add_argument("--model", type=Path, help="a model folder; 135 million random weights unless given")
    parser.add_argument("--tokens", type=int, default=1000, help="length of the prompt")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    table = Table("prefix", "seconds to the first token", "prompt tokens computed")
    with tempfile.TemporaryDirectory() as scratch:
        model = options.model or write_model(Path(scratch) / "model", Shape())
        for side in Bench(model, options.tokens, options.rounds).sides(Path(scratch) / "cache"):
            table.add_row(side.name, f"{side.seconds:.4f}", str(side.computed))
    Console().print(table)


if __name__ == "__main__":
    main()
