"""What the radix cache saves on a batch whose prompts begin alike: one program over documents, cache on and off.

    python -m weft.benchmarks.extraction --documents examples/data/documents.jsonl --schemas examples/data/schemas.json

Both sides run the same requests greedily on fresh engines, one after the other, and the warm side once more on what it
cached. The prompts put the schema first, so that documents of one kind share it. Prints a table; asserts nothing.
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

from ..lang import State, assistant, function, gen, user
from ..runtime import Engine


@function
def extract(s: State, text: str, schema: dict[str, Any]) -> None:
    s += user(f"Extract a record as JSON.\nSchema: {json.dumps(schema, ensure_ascii=False)}\nText: {text}")
    s += assistant(gen("record", json_schema=schema, max_tokens=400))


@dataclass(frozen=True)
class Side:
    """One run of the batch: its name, how long it took (seconds), and the engine's counts over it."""

    name: str
    seconds: float
    computed: int
    cached: int
    prompt: int
    generated: int


def run(name: str, engine: Engine, items: list[dict[str, Any]]) -> Side:
    """Run the batch once on `engine`. A failed item raises: a figure counts only where everything was answered."""
    before = engine.stats()
    started = time.perf_counter()
    states = extract.run_batch(items, backend=engine)
    seconds = time.perf_counter() - started
    for state in states:
        if state.error is not None:
            raise state.error
    after = engine.stats()

    def count(field: str) -> int:
        difference: int = getattr(after, field) - getattr(before, field)
        return difference

    return Side(
        name,
        seconds,
        computed=count("computed_tokens"),
        cached=count("cached_tokens"),
        prompt=count("prompt_tokens"),
        generated=count("generated_tokens"),
    )


def read(documents: Path, schemas: Path) -> list[dict[str, Any]]:
    """The program's arguments for each line of `documents`: its text, and its kind's schema."""
    by_kind = json.loads(schemas.read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in documents.read_text(encoding="utf-8").splitlines()]
    return [{"text": line["text"], "schema": by_kind[line["kind"]]} for line in lines]


def show(sides: list[Side]) -> None:
    table = Table("radix cache", "seconds", "tokens computed", "prompt from cache", "output tokens/s")
    for side in sides:
        table.add_row(
            side.name,
            f"{side.seconds:.2f}",
            str(side.computed),
            f"{side.cached / max(1, side.prompt):.0%}",
            f"{side.generated / side.seconds:.0f}",
        )
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="The radix cache on and off, on one batch.")
    data = Path("examples/data")
    parser.add_argument("--model", help="a Hugging Face model folder; the built-in model unless given")
    parser.add_argument("--documents", type=Path, default=data / "documents.jsonl")
    parser.add_argument("--schemas", type=Path, default=data / "schemas.json")
    options = parser.parse_args()
    items = read(options.documents, options.schemas)
    sides = []
    with Engine(options.model, radix_cache=False) as engine:
        run("", engine, items[:2])  # the first steps load what later ones have at hand
        sides.append(run("off", engine, items))
    with Engine(options.model) as engine:
        run("", engine, items[:2])
        engine.flush_cache()
        sides.append(run("on, cold", engine, items))
        sides.append(run("on, warm", engine, items))
    show(sides)


if __name__ == "__main__":
    main()
