"""Read 24 documents into JSON records, each valid under the schema of its kind, in one batch.

    python examples/extraction.py

The documents were written by hand for this example and no model was trained on them. They run on the built-in model.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

import weft

DATA = Path(__file__).parent / "data"
MISSING = object()


@weft.function
def extract(s: weft.State, text: str, schema: dict[str, Any]) -> None:
    s += weft.user(f"Extract a record as JSON.\nSchema: {json.dumps(schema, ensure_ascii=False)}\nText: {text}")
    s += weft.assistant(weft.gen("record", json_schema=schema, max_tokens=400))


@dataclass
class Report:
    """What came of a batch: counts of fields and tokens."""

    records: list[Any]
    fields: int
    fields_right: int
    seconds: float
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    forced_tokens: int

    @property
    def share_right(self) -> float:
        return self.fields_right / self.fields


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """The fields of a record, which stand at the ends of its paths: ``{"lines[0].price": 3.5, ...}``.

    An empty list or object is a field itself.
    """
    if isinstance(value, dict) and value:
        parts = [leaves(item, f"{path}.{key}" if path else key) for key, item in value.items()]
    elif isinstance(value, list) and value:
        parts = [leaves(item, f"{path}[{place}]") for place, item in enumerate(value)]
    else:
        return {path: value}
    return {place: leaf for part in parts for place, leaf in part.items()}


def compare(found: dict[str, Any] | None, right: dict[str, Any]) -> list[tuple[str, Any, Any, bool]]:
    """(path, found, right, equal) of every field that either record has; one that only one of them has is wrong.

    Values are equal as JSON values are: 2 and 2.0 are, 1 and true are not, texts only to the letter.
    """
    ours, theirs = leaves(found) if found else {}, leaves(right)

    def same(path: str) -> bool:
        a, b = ours.get(path, MISSING), theirs.get(path, MISSING)
        return a == b and isinstance(a, bool) == isinstance(b, bool)

    return [(path, ours.get(path, MISSING), theirs.get(path, MISSING), same(path)) for path in theirs | ours]


def shown(value: Any) -> str:
    """A field's value as a cell of the table."""
    return "—" if value is MISSING else escape(json.dumps(value, ensure_ascii=False))


def main(backend: weft.Backend | None = None, limit: int | None = None) -> Report:
    """Run and print the example, on the first `limit` documents, and report what came of it."""
    if backend is None:
        with weft.Engine() as engine:
            return main(engine, limit)
    schemas = json.loads((DATA / "schemas.json").read_text(encoding="utf-8"))
    lines = (DATA / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    documents = [json.loads(line) for line in lines[:limit]]
    items = [{"text": document["text"], "schema": schemas[document["kind"]]} for document in documents]

    started = time.perf_counter()
    states = extract.run_batch(items, backend=backend, progress=True)
    seconds = time.perf_counter() - started

    table = Table("document", "field", "extracted", "right", "")
    records, fields = [], []
    for document, state in zip(documents, states, strict=True):
        try:
            record = state["record"]
        except weft.WeftError as error:
            table.add_row(document["id"], "", f"[red]{escape(str(error))}", "", "")
            record = None
        records.append(record)
        rows = compare(record, document["record"])
        for path, found, right, equal in rows:
            mark = "[green]✓" if equal else "[red]✗"
            table.add_row(document["id"], escape(path), shown(found), shown(right), mark)
        table.add_section()
        fields += rows

    metas = [state.meta("record") for state in states if state.error is None]
    report = Report(
        records=records,
        fields=len(fields),
        fields_right=sum(equal for *_, equal in fields),
        seconds=seconds,
        prompt_tokens=sum(meta.prompt_tokens for meta in metas),
        cached_tokens=sum(meta.cached_tokens for meta in metas),
        output_tokens=sum(len(meta.token_ids) for meta in metas),
        forced_tokens=sum(meta.forced_tokens for meta in metas),
    )
    show(report, table)
    return report


def show(report: Report, table: Table) -> None:
    console = Console()
    console.print(table)
    hit_rate = report.cached_tokens / max(1, report.prompt_tokens)
    sampled = report.output_tokens - report.forced_tokens
    console.print(f"Fields right: {report.fields_right} of {report.fields} ({report.share_right:.0%})")
    console.print(f"Output: {report.output_tokens} tokens, {report.output_tokens / report.seconds:.0f} tokens/s")
    console.print(f"Prefix cache: {hit_rate:.0%} of {report.prompt_tokens} prompt tokens")
    console.print(f"Forced by the schema: {report.forced_tokens} tokens; sampled: {sampled}")


if __name__ == "__main__":
    main()
