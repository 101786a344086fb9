"""What guessing ahead by prompt lookup saves: the same requests with speculation off, on by its rule, and always on.

    python -m weft.benchmarks.speculation --documents examples/data/documents.jsonl --schemas examples/data/schemas.json

Two kinds of text: records extracted from documents under their schemas, greedily, whose values stand in the prompt; and
free text, sampled, where little repeats. Each runs one request at a time and all at once, on one engine per mode; the
modes take turns, `--rounds` times over, so that a change of the machine's mood meets them all. CPU seconds are those of
the whole process: where other programs run beside it they say more than the clock. Prints a table; asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..grammar import json_schema
from ..request import GenerateRequest, Sampling, Segment
from ..runtime import Engine
from .extraction import read

MODES = ("off", "auto", "prompt_lookup")


@dataclass
class Side:
    """One mode on one workload: seconds, those of the CPU, and the engine's counts over them."""

    seconds: float = 0.0
    cpu: float = 0.0
    generated: int = 0
    forced: int = 0
    steps: int = 0
    drafted: int = 0
    accepted: int = 0

    def add(self, engine: Engine, requests: list[GenerateRequest], together: int) -> None:
        """Run `requests`, `together` at a time. A failed request raises."""
        engine.flush_cache()
        before, started, cpu = engine.stats(), time.perf_counter(), time.process_time()
        for at in range(0, len(requests), together):
            for ticket in [engine.generate(request) for request in requests[at : at + together]]:
                ticket.result()
        self.seconds += time.perf_counter() - started
        self.cpu += time.process_time() - cpu
        after = engine.stats()
        self.generated += after.generated_tokens - before.generated_tokens
        self.forced += after.forced_tokens - before.forced_tokens
        self.steps += after.steps - before.steps
        self.drafted += after.drafted_tokens - before.drafted_tokens
        self.accepted += after.accepted_tokens - before.accepted_tokens


def extraction(engine: Engine, items: list[dict[str, Any]]) -> list[GenerateRequest]:
    """A record of each document, under its schema."""
    requests = []
    for number, item in enumerate(items):
        text = f"Extract a record as JSON.\nSchema: {json.dumps(item['schema'])}\nText: {item['text']}"
        requests.append(
            GenerateRequest(
                id=f"extract-{number}",
                prompt=engine.render([Segment(text, role="user", turn=0, closed=True), Segment("", "assistant", 1)]),
                sampling=Sampling(max_tokens=200),
                constraint=json_schema(item["schema"]),
            )
        )
    return requests


def free_text(engine: Engine, items: list[dict[str, Any]]) -> list[GenerateRequest]:
    """The documents' beginnings, sampled on without a constraint."""
    return [
        GenerateRequest(
            id=f"free-{number}",
            prompt=item["text"][:200],
            sampling=Sampling(max_tokens=64, temperature=1.0, seed=number, ignore_eos=True),
        )
        for number, item in enumerate(items)
    ]


def measure(model: str | None, items: list[dict[str, Any]], rounds: int) -> dict[tuple[str, str], Side]:
    """Every workload in every mode."""
    sides: dict[tuple[str, str], Side] = {}
    engines = {mode: Engine(model, speculation=mode) for mode in MODES}
    try:
        for name, make in (("extraction", extraction), ("free text", free_text)):
            for together in (1, len(items)):
                for turn in range(rounds + 1):
                    for mode, engine in engines.items():
                        side = Side() if turn == 0 else sides.setdefault((f"{name}, {together} at once", mode), Side())
                        side.add(engine, make(engine, items), together)  # the first turn warms up, and does not count
    finally:
        for engine in engines.values():
            engine.close()
    return sides


def show(sides: dict[tuple[str, str], Side]) -> None:
    table = Table(
        "workload", "speculation", "output tokens/s", "against off", "CPU s", "steps", "drafted", "accepted", "forced"
    )
    for (workload, mode), side in sides.items():
        rate = side.generated / side.seconds
        off = sides[workload, "off"]
        table.add_row(
            workload,
            mode,
            f"{rate:.0f}",
            f"{rate * off.seconds / off.generated:.2f}",
            f"{side.cpu:.2f}",
            str(side.steps),
            str(side.drafted),
            f"{side.accepted / side.drafted:.0%}" if side.drafted else "",
            str(side.forced),
        )
    Console(width=120).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="Prompt-lookup speculation on and off.")
    data = Path("examples/data")
    parser.add_argument("--model", help="a Hugging Face model folder; the built-in model unless given")
    parser.add_argument("--documents", type=Path, default=data / "documents.jsonl")
    parser.add_argument("--schemas", type=Path, default=data / "schemas.json")
    parser.add_argument("--count", type=int, default=8, help="how many documents")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    show(measure(options.model, read(options.documents, options.schemas)[: options.count], options.rounds))


if __name__ == "__main__":
    main()
