"""The schemas that support for JSON Schema is measured on, and how a grammar judges their instances.

The official suite is judged with `format` as an annotation, as the standard has it; the sample of schemas that people
use with formats asserted. Instances are spelled as `json.dumps` writes them, with `ensure_ascii` on and off.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checkout import ROOT

from weft.errors import GrammarError
from weft.grammar import Grammar, Vocabulary, compile

DATA = ROOT / "tests" / "data"
BASELINE = DATA / "json_schema_baseline.json"

BYTES = Vocabulary([*(bytes([byte]) for byte in range(256)), None], [256])
"""Each byte a token, and the end: what is judged over it says nothing about tokens, and is quick."""


@dataclass(frozen=True)
class Case:
    """One schema and its instances, as (value, whether it is valid) pairs."""

    name: str
    schema: Any
    instances: tuple[tuple[Any, bool], ...]
    formats: str


@dataclass
class Outcome:
    """What became of a case: `refusal` is None where it compiled. The lists hold the texts judged wrongly."""

    refusal: GrammarError | None = None
    accepted_invalid: list[str] = field(default_factory=list)
    rejected_valid: list[str] = field(default_factory=list)

    def entry(self) -> str | dict[str, str | None]:
        """The line of the baseline."""
        if self.refusal is None:
            return "enforced"
        return {"refused": self.refusal.keyword, "at": self.refusal.pointer, "reason": str(self.refusal)}


def official_suite() -> Iterator[Case]:
    """The groups of the official suite; a name that comes again is numbered."""
    for file in sorted((DATA / "json_schema_suite").glob("*.json")):
        names: Counter[str] = Counter()
        for group in json.loads(file.read_text(encoding="utf-8")):
            description = group["description"]
            names[description] += 1
            number = f" ({names[description]})" if names[description] > 1 else ""
            instances = tuple((test["data"], test["valid"]) for test in group["tests"])
            yield Case(f"{file.stem}: {description}{number}", group["schema"], instances, "annotate")


def maskbench(path: Path = DATA / "maskbench_dev.jsonl.gz") -> Iterator[Case]:
    """The schemas of the sample."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            instances = tuple((test["data"], test["valid"]) for test in entry["tests"])
            yield Case(entry["name"], entry["schema"], instances, "assert")


def spellings(value: Any) -> tuple[str, ...]:
    """`value` as `json.dumps` writes it, with non-ASCII characters escaped and not."""
    return tuple(dict.fromkeys(json.dumps(value, ensure_ascii=ascii_only) for ascii_only in (True, False)))


def accepts(grammar: Grammar, text: str) -> bool:
    """Whether a grammar over `BYTES` takes `text` whole."""
    matcher = grammar.matcher()
    return all(matcher.advance(byte) for byte in text.encode("utf-8", "surrogatepass")) and matcher.is_accepting()


def judge(case: Case) -> Outcome:
    """Compile the schema and try every instance in every spelling."""
    outcome = Outcome()
    try:
        grammar = compile(json_schema=case.schema, vocabulary=BYTES, property_order="any", formats=case.formats)
    except GrammarError as refusal:
        outcome.refusal = refusal
        return outcome
    try:
        for value, valid in case.instances:
            for text in spellings(value):
                if accepts(grammar, text) != valid:
                    (outcome.rejected_valid if valid else outcome.accepted_invalid).append(text)
    except GrammarError as refusal:  # a step of it is too much work
        outcome.refusal = refusal
    return outcome


def baseline() -> dict[str, dict[str, Any]]:
    """The committed record: for "suite" and "maskbench", what becomes of each case by name."""
    record: dict[str, dict[str, Any]] = json.loads(BASELINE.read_text(encoding="utf-8"))
    return record


DOCUMENT = ROOT / "docs" / "grammar.md"
BEGIN, END = "<!-- keywords: begin -->\n", "<!-- keywords: end -->"


def keyword_table(suite: dict[str, Any]) -> str:
    """The table of the documents: for each file of the official suite, what is enforced and what refused."""
    files: dict[str, list[Any]] = {}
    for name, entry in suite.items():
        files.setdefault(name.split(":")[0], []).append(entry)
    total = sum(entry == "enforced" for entry in suite.values())
    rows = [
        f"Of the {len(suite)} groups of the official suite (draft 2020-12, formats as annotations) {total} are "
        "enforced, with every instance judged right; the others are refused:\n",
        "| keyword | groups enforced | refused |",
        "|---|---|---|",
    ]
    for keyword, entries in files.items():
        enforced = sum(entry == "enforced" for entry in entries)
        reasons = Counter(_reason(entry) for entry in entries if entry != "enforced")
        refused = "; ".join(f"{reason} ({count})" if count > 1 else reason for reason, count in reasons.items())
        rows.append(f"| `{keyword}` | {enforced} of {len(entries)} | {refused} |")
    return "\n".join(rows) + "\n"


def _reason(entry: dict[str, str | None]) -> str:
    """A refusal in the words of the table: without the place, which is the suite's."""
    match entry["refused"]:
        case "empty" | "false":
            return "nothing can be valid"
        case "$ref" | "$dynamicRef" as keyword:
            return f"`{keyword}` out of the document"
        case "$schema":
            return "a dialect of one's own"
        case keyword:
            return f"`{keyword}`: {str(entry['reason']).rpartition(': ')[2]}"


def with_keyword_table(document: str, suite: dict[str, Any]) -> str:
    """The document with its table as the baseline has it."""
    before, _, rest = document.partition(BEGIN)
    return before + BEGIN + keyword_table(suite) + END + rest.partition(END)[2]
