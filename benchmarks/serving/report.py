"""Figures as tables: servers side by side, and each by itself, for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from ..about import commit, device, today, torch_version
from .measure import Cell

MILLI = 1e3
WIDTH = 160
DETAILS = (
    "server",
    "workload",
    "at once",
    "output tokens/s",
    "sampled",
    "forced",
    "first token, ms: p50 / p99",
    "between pieces, ms: p50 / p99",
    "prompt from cache",
    "client, share of a core",
    "begins as the first server's",
)

Rows = list[tuple[str, ...]]


@dataclass
class Measured:
    """What one server did, over one or more rounds.

    Attributes:
        label: what the tables call it.
        version: its version.
        cells: every cell measured, of all rounds.
        starts: seconds from the start of its process to the first token, a round each.
        notes: what it cannot do, or why it was not measured.
    """

    label: str
    version: str = ""
    cells: list[Cell] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def cell(self, workload: str, concurrency: int) -> Cell | None:
        """The round of median rate, the slower of two."""
        found = [cell for cell in self.cells if (cell.workload, cell.concurrency) == (workload, concurrency)]
        found.sort(key=lambda cell: cell.rate)
        return found[(len(found) - 1) // 2] if found else None


def side_by_side(servers: Sequence[Measured]) -> tuple[tuple[str, ...], Rows]:
    """Output tokens/s with a column for each server; under a schema sampled and forced ones apart, by a plus."""
    places = dict.fromkeys((cell.workload, cell.concurrency) for server in servers for cell in server.cells)
    rows: Rows = []
    for workload, concurrency in places:
        cells = [server.cell(workload, concurrency) for server in servers]
        rows.append((workload, str(concurrency), *(_rate(cell) for cell in cells)))
    starts = [f"{median(server.starts):.1f} s" if server.starts else "—" for server in servers]
    rows.append(("first token after start", "", *starts))
    return ("output tokens/s", "at once", *(server.label for server in servers)), rows


def _rate(cell: Cell | None) -> str:
    if cell is None:
        return "—"
    if not cell.forced:
        return f"{cell.rate:.0f}"
    return f"{cell.sampled_rate:.0f} + {cell.rate - cell.sampled_rate:.0f}"


def details(servers: Sequence[Measured]) -> tuple[tuple[str, ...], Rows]:
    """Everything measured, a row for each cell."""
    rows: Rows = []
    for server in servers:
        for workload, concurrency in dict.fromkeys((cell.workload, cell.concurrency) for cell in server.cells):
            if cell := server.cell(workload, concurrency):
                rows.append((server.label, workload, str(concurrency), *_figures(cell), _agreement(cell, servers[0])))
    return DETAILS, rows


def _agreement(cell: Cell, first: Measured) -> str:
    asked = (cell.workload, cell.concurrency, cell.seed)
    same = [each for each in first.cells if (each.workload, each.concurrency, each.seed) == asked]
    return f"{cell.agreement(same[0]):.0%}" if same and cell.beginnings else "—"


def _figures(cell: Cell) -> tuple[str, ...]:
    return (
        f"{cell.rate:.0f}",
        f"{cell.sampled_rate:.0f}",
        f"{cell.rate - cell.sampled_rate:.0f}",
        f"{MILLI * cell.first[0]:.0f} / {MILLI * cell.first[1]:.0f}",
        f"{MILLI * cell.gap[0]:.1f} / {MILLI * cell.gap[1]:.1f}",
        "not told" if cell.hit_rate is None else f"{cell.hit_rate:.0%}",
        f"{cell.client_share:.1%}",
    )


def notes(servers: Iterable[Measured]) -> list[str]:
    """A line for each server: its version, and what it cannot do or why it was not measured."""
    return [
        f"{server.label}: " + "; ".join([part for part in (server.version, *server.notes) if part])
        for server in servers
    ]


def show(servers: Sequence[Measured]) -> None:
    """Print it all."""
    console = Console()
    console.width = max(console.width, WIDTH)
    measured = [server for server in servers if server.cells]
    for heads, rows in (side_by_side(measured), details(measured)):
        table = Table(*heads)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for line in notes(servers):
        console.print(line, markup=False, highlight=False)


def append(servers: Sequence[Measured], file: Path, what: str) -> None:
    """Add this run to a Markdown file; `what` says what was run."""
    measured = [server for server in servers if server.cells]
    parts = [
        f"## {today()}, weft {commit()}",
        f"{device()}; torch {torch_version()}. {what}",
        *(_markdown(*table) for table in (side_by_side(measured), details(measured))),
        "\n".join(f"- {line}" for line in notes(servers)),
    ]
    before = file.read_text(encoding="utf-8") if file.exists() else "# benchmarks/serving\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(before + "\n" + "\n\n".join(parts) + "\n", encoding="utf-8")


def _markdown(heads: tuple[str, ...], rows: Rows) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
