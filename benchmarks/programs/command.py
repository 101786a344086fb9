"""Each workload on an engine without the radix cache and on one with it, in one run."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from ...runtime import Engine
from ..about import commit, device, today, torch_version
from . import agents, dialogue, questions, thinking
from .recorder import Recorder, Tokens
from .workload import Items, Workload

WORKLOADS: tuple[Workload, ...] = (
    *questions.WORKLOADS,
    *agents.WORKLOADS,
    *thinking.WORKLOADS,
    *dialogue.WORKLOADS,
)

HEADS = (
    "workload",
    "programs",
    "prompt tokens",
    "tokens computed off / on",
    "recomputed off / on",
    "from the cache",
    "of the best possible",
    "seconds off / on",
    "times as fast",
)


@dataclass(frozen=True, slots=True)
class Side:
    """A workload on one engine: seconds, tokens that went through the model, those of calls, what programs returned."""

    seconds: float
    computed: int
    tokens: Tokens
    outputs: list[Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A workload with the cache off and on."""

    name: str
    programs: int
    off: Side
    on: Side

    def row(self) -> tuple[str, ...]:
        """Its line in the table, under `HEADS`."""
        off, on = self.off.tokens, self.on.tokens
        return (
            self.name,
            str(self.programs),
            str(on.prompt),
            f"{self.off.computed} / {self.on.computed}",
            f"{off.recomputed} / {on.recomputed}",
            f"{on.hit_rate:.1%}",
            f"{on.share_of_best:.1%}",
            f"{self.off.seconds:.2f} / {self.on.seconds:.2f}",
            f"{self.off.seconds / self.on.seconds:.2f}",
        )


def run(workload: Workload, items: Items, engine: Engine) -> Side:
    """Run it once, from an empty cache. Raises what any of its programs raised."""
    engine.flush_cache()
    recorder = Recorder(engine)
    computed = engine.stats().computed_tokens
    started = time.perf_counter()
    states = workload.program.run_batch(items, backend=recorder)
    seconds = time.perf_counter() - started
    for state in states:
        if state.error is not None:
            raise state.error
    computed = engine.stats().computed_tokens - computed
    return Side(seconds, computed, recorder.tokens(), [state.returned for state in states])


def measure(workloads: Sequence[Workload], *, quick: bool = False, **options: Any) -> list[Outcome]:
    """Every workload on both engines, which are made with `options`. The first one runs once more before, uncounted."""
    outcomes = []
    with Engine(radix_cache=False, **options) as without, Engine(**options) as cached:
        for engine in (without, cached):
            run(workloads[0], workloads[0].items(2), engine)
        for workload in track(workloads, console=Console(stderr=True), transient=True):
            items = workload.items(workload.quick if quick else workload.count)
            outcomes.append(
                Outcome(workload.name, len(items), run(workload, items, without), run(workload, items, cached))
            )
    return outcomes


def show(outcomes: Sequence[Outcome]) -> None:
    console = Console()
    console.width = max(console.width, 160)
    table = Table(*HEADS)
    for outcome in outcomes:
        table.add_row(*outcome.row())
    console.print(table)


def append(outcomes: Sequence[Outcome], file: Path, note: str) -> None:
    """Add this run to a Markdown file."""
    lines = [HEADS, ("---",) * len(HEADS), *(outcome.row() for outcome in outcomes)]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    about = f"{device()}; torch {torch_version()}; the built-in model. {note}".rstrip()
    before = file.read_text(encoding="utf-8") if file.exists() else "# benchmarks/programs\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{before}\n## {today()}, weft {commit()}\n\n{about}\n\n{table}\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m weft.benchmarks.programs", description="What the radix cache saves on programs."
    )
    add = parser.add_argument
    add("--model", help="a model folder; the built-in model unless given")
    add("--only", action="append", default=[], metavar="WORDS", help="only workloads whose name has these words")
    add("--quick", action="store_true", help="two programs of each workload: whether it runs, not how fast")
    add("--page-size", type=int, default=16, help="tokens of a page, to which hits are rounded")
    add("--batch-invariant", action="store_true", help="an output is the same bit for bit with the cache on and off")
    add("--out", type=Path, help="a Markdown file to add the table to")
    add("--note", default="", help="a sentence to stand with the table in that file")
    options = parser.parse_args(arguments)
    chosen = [each for each in WORKLOADS if not options.only or any(words in each.name for words in options.only)]
    if not chosen:
        parser.error(
            f"no workload's name has {' or '.join(options.only)}: {', '.join(each.name for each in WORKLOADS)}"
        )
    outcomes = measure(
        chosen,
        quick=options.quick,
        model=options.model,
        page_size=options.page_size,
        batch_invariant=options.batch_invariant,
    )
    show(outcomes)
    if options.out is not None:
        append(outcomes, options.out, options.note)
