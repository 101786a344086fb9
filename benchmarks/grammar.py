"""weft's grammar engine beside llguidance and xgrammar: what is judged right, how quickly, in how much memory.

    python -m weft.benchmarks.grammar [--limit N] [--engine NAME] [--data FILE] [--tokenizer FILE]

MaskBench's way: for each token of each instance compute the mask, check the token, advance; stop where a token is
refused; at the end the text must be accepted. Every engine runs alone in a process on one core, one after the other,
over the same vocabulary and the same tokens (the tokenizer's own). Compiling is timed from the schema's text. Memory is
the peak past what was resident once the vocabulary, the schemas and the tokens were loaded. The official suite is
judged in a second pass, untimed, with formats as annotations. Prints tables; asserts nothing.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ..grammar import Vocabulary
from .grammar_engines import ENGINES, Competitor, Refused

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
VOCABULARY = "tekken_240911.json"
MILLI, MICRO = 1e3, 1e6


@dataclass(frozen=True)
class Schema:
    """A schema as text, and its instances as tokens: (token ids, whether valid)."""

    name: str
    text: str
    instances: list[tuple[list[int], bool]]


@dataclass
class Tally:
    """What one engine did. Times are in seconds, an entry a schema or a token; memory in bytes."""

    schemas: int = 0
    compiled: int = 0
    right: int = 0
    unsound: int = 0
    instances_right: int = 0
    instances_of_compiled: int = 0
    invalid_accepted: int = 0
    compile: list[float] = field(default_factory=list)
    mask: list[float] = field(default_factory=list)
    advance: list[float] = field(default_factory=list)
    memory: int = 0
    wrong: list[str] = field(default_factory=list)


def run(engine: Competitor, schemas: list[Schema]) -> Tally:
    """Put every schema through `engine`."""
    tally = Tally()
    before = _reset_peak_memory()
    for schema in schemas:
        tally.schemas += 1
        started = time.perf_counter()
        try:
            compiled = engine.compile(schema.text)
        except Refused as refusal:
            tally.compile.append(time.perf_counter() - started)
            tally.wrong.append(f"{schema.name}: refused: {refusal}")
            continue
        tally.compile.append(time.perf_counter() - started)
        tally.compiled += 1
        verdicts = [(_accepts(engine, compiled, tokens, tally), valid) for tokens, valid in schema.instances]
        _count(tally, schema, verdicts)
    tally.memory = max(0, _peak_memory() - before)
    return tally


def _count(tally: Tally, schema: Schema, verdicts: list[tuple[bool, bool]]) -> None:
    right = sum(accepted == valid for accepted, valid in verdicts)
    unsound = sum(accepted and not valid for accepted, valid in verdicts)
    tally.instances_of_compiled += len(verdicts)
    tally.instances_right += right
    tally.invalid_accepted += unsound
    tally.unsound += unsound > 0
    tally.right += right == len(verdicts)
    if unsound:
        tally.wrong.append(f"{schema.name}: accepts {unsound} invalid")
    if right + unsound < len(verdicts):
        tally.wrong.append(f"{schema.name}: rejects {len(verdicts) - right - unsound} valid")


def _accepts(engine: Competitor, compiled: object, tokens: list[int], tally: Tally) -> bool:
    clock = time.perf_counter
    walker = engine.walker(compiled)
    try:
        for token in tokens:
            started = clock()
            mask = walker.mask()
            tally.mask.append(clock() - started)
            if not int(mask[token >> 5]) >> (token & 31) & 1:
                return False
            started = clock()
            taken = walker.advance(token)
            tally.advance.append(clock() - started)
            if not taken:
                return False
        return walker.is_accepting()
    except Refused:
        return False


def _reset_peak_memory() -> int:
    """Forget the peak so far, where the system can; bytes resident now, or the peak where it cannot."""
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _peak_memory()
    return _status("VmRSS") or _peak_memory()


def _peak_memory() -> int:
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _status(name: str) -> int | None:
    """A line of Linux's account of this process, in bytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), None)


# What is run


def real_schemas(path: Path, vocabulary: Vocabulary, limit: int | None) -> list[Schema]:
    """MaskBench's lines: `{"name", "schema", "tests": [{"valid", "data"}]}`, as text or gzipped."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    entries = [json.loads(line) for line in content.splitlines()]
    return [_schema(entry["name"], entry, vocabulary) for entry in _spread(entries, limit)]


def official_suite(path: Path, vocabulary: Vocabulary, limit: int | None) -> list[Schema]:
    """The groups of the JSON Schema Test Suite."""
    groups = [
        (f"{file.stem}: {group['description']}", group)
        for file in sorted(path.glob("*.json"))
        for group in json.loads(file.read_text(encoding="utf-8"))
    ]
    return [_schema(name, group, vocabulary) for name, group in _spread(groups, limit)]


def _spread(entries: list[Any], limit: int | None) -> list[Any]:
    """`limit` of the entries, evenly spread."""
    if limit is None or limit >= len(entries):
        return entries
    return [entries[i * len(entries) // limit] for i in range(limit)]


def _schema(name: str, entry: dict[str, Any], vocabulary: Vocabulary) -> Schema:
    assert vocabulary.encode is not None  # it was read from a file
    instances = [(vocabulary.encode(json.dumps(test["data"])), bool(test["valid"])) for test in entry["tests"]]
    return Schema(name, json.dumps(entry["schema"]), instances)


def work(options: argparse.Namespace) -> None:
    """In a process of its own: one engine over one collection; writes its tally to standard output as JSON."""
    if options.work == "first mask":
        engine = ENGINES["weft"](options.tokenizer, "assert")
        mask = engine.walker(engine.compile('{"type": "object", "properties": {"a": {"type": "string"}}}')).mask()
        print(json.dumps(bool(mask.any())))
        return
    vocabulary = Vocabulary.from_file(options.tokenizer)
    suite = options.work == "suite"
    read, path = (official_suite, DATA / "json_schema_suite") if suite else (real_schemas, options.data)
    schemas = read(path, vocabulary, options.limit)
    engine = ENGINES[options.engine](options.tokenizer, "annotate" if suite else "assert")
    print(json.dumps(asdict(run(engine, schemas))))


def _first_mask(options: argparse.Namespace) -> float:
    """Seconds from the start of a process to its first mask."""
    started = time.perf_counter()
    _start("weft", "first mask", options)
    return time.perf_counter() - started


def _start(engine: str, what: str, options: argparse.Namespace) -> Any:
    """Run `work` in a new process on one core, and read what it says."""
    command = [sys.executable, "-m", __spec__.name if __spec__ else "weft.benchmarks.grammar"]
    command += ["--engine", engine, "--work", what, "--tokenizer", str(options.tokenizer), "--data", str(options.data)]
    command += [] if options.limit is None else ["--limit", str(options.limit)]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    environment = {**os.environ, **one_thread, "NUMBA_CACHE_DIR": options.cache}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


# What is shown


def _times(seconds: list[float], unit: float) -> str:
    if not seconds:
        return "-"
    values = np.asarray(seconds) * unit
    figures = [values.mean(), *np.percentile(values, [50, 95, 99]), values.max()]
    return " / ".join(f"{figure:.3g}" if figure < 1000 else f"{figure:,.0f}" for figure in figures)


def show(tallies: dict[str, Tally], suites: dict[str, Tally]) -> None:
    judged = Table("", "schemas compiled", "judged right", "accept something invalid", "peak memory, MB", title="Files")
    for name, tally in tallies.items():
        judged.add_row(
            name,
            f"{tally.compiled} of {tally.schemas}",
            f"{tally.right} ({tally.right / tally.schemas:.1%})",
            str(tally.unsound),
            f"{tally.memory / 1e6:.0f}",
        )
    timed = Table("mean / p50 / p95 / p99 / max", "compile, ms", "mask, µs", "advance, µs", title="Time")
    for name, tally in tallies.items():
        timed.add_row(name, _times(tally.compile, MILLI), _times(tally.mask, MICRO), _times(tally.advance, MICRO))
    official = Table("", "groups compiled", "instances right", "invalid accepted", title="Official suite")
    for name, tally in suites.items():
        right = f"{tally.instances_right} of {tally.instances_of_compiled}"
        official.add_row(name, f"{tally.compiled} of {tally.schemas}", right, str(tally.invalid_accepted))
    console = Console(width=140)
    for table in (judged, timed, official):
        if table.row_count:
            console.print(table)


def _find_tokenizer() -> Path:
    found = find_spec("mistral_common")
    if found is None or found.origin is None:
        sys.exit("the benchmark's vocabulary comes with the package mistral-common: install it, or give --tokenizer")
    return Path(found.origin).parent / "data" / VOCABULARY


def main() -> None:
    parser = argparse.ArgumentParser(description="weft's grammar engine beside others.")
    parser.add_argument("--engine", action="append", choices=list(ENGINES), help="only this one; may be repeated")
    parser.add_argument("--limit", type=int, help="only so many schemas and groups, evenly spread")
    parser.add_argument("--data", type=Path, default=DATA / "maskbench_dev.jsonl.gz")
    parser.add_argument("--tokenizer", type=Path, help="a tokenizer.json or tekken.json; mistral-common's unless given")
    parser.add_argument("--wrong", action="store_true", help="name what was refused or judged wrongly")
    parser.add_argument("--work", choices=("files", "suite", "first mask"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.tokenizer = options.tokenizer or _find_tokenizer()
    if options.work:
        options.engine = options.engine[0]
        work(options)
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # what is started inherits it
    names = options.engine or list(ENGINES)
    with tempfile.TemporaryDirectory() as options.cache:  # what Numba compiles: empty at first
        if any(name.startswith("weft") for name in names):
            cold, warm = _first_mask(options), _first_mask(options)
            print(f"weft, a process to its first mask: {warm:.1f} s; {cold:.0f} s the first time, as Numba compiles")
        tallies = {name: Tally(**_start(name, "files", options)) for name in names}
        suites = {name: Tally(**_start(name, "suite", options)) for name in names}
    show(tallies, suites)
    if options.wrong:
        for name, tally in tallies.items():
            print(f"\n{name}", *tally.wrong, sep="\n  ")


if __name__ == "__main__":
    main()
