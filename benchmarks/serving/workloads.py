"""What is asked of every server: prompts of token ids, so that each computes exactly the same."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIRST_PLAIN = 512
"""Ids from here on are ordinary tokens, in the made tokenizer and in the built-in model's."""

TEXT: dict[str, Any] = {
    "type": "object",
    "properties": {"title": {"type": "string", "maxLength": 40}, "body": {"type": "string"}},
    "required": ["title", "body"],
    "additionalProperties": False,
}
"""Long strings: nearly every token is sampled under a mask, so that a rate tells what masks cost."""

RECORDS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "records": {
            "type": "array",
            "minItems": 40,
            "maxItems": 40,
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "maxLength": 24},
                    "kind": {"type": "string", "enum": ["order", "invoice", "complaint", "question"]},
                    "count": {"type": "integer", "minimum": 0, "maximum": 999},
                    "urgent": {"type": "boolean"},
                },
                "required": ["name", "kind", "count", "urgent"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["records"],
    "additionalProperties": False,
}
"""Many short fields: most tokens are forced. Its shortest instance is longer than any answer here."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Prompts of `shared` tokens that all have and `own` tokens that none else has, answered by `output` tokens.

    Attributes:
        schema: what answers must be valid under, or None.
    """

    name: str
    shared: int
    own: int
    output: int
    schema: dict[str, Any] | None = None

    def prompts(self, count: int, vocab_size: int, seed: str) -> list[list[int]]:
        """`count` prompts; the same `seed` draws the same ones, another has nothing in common with them."""
        draw = random.Random(f"{self.name} {seed}")

        def ids(length: int) -> list[int]:
            return draw.choices(range(FIRST_PLAIN, vocab_size), k=length)

        prefix = ids(self.shared)
        return [prefix + ids(self.own) for _ in range(count)]


def workloads(*, quick: bool = False) -> dict[str, Workload]:
    """All workloads by name: lengths as in the table of results, or a few tokens where `quick`."""
    prompt, shared, output = (48, 32, 8) if quick else (256, 192, 64)
    own = prompt - shared
    made = (
        Workload("shared", shared, own, output),
        Workload("unshared", 0, prompt, output),
        Workload("shared-json", shared, own, output, TEXT),
        Workload("shared-records", shared, own, output, RECORDS),
        Workload("unshared-json", 0, prompt, output, TEXT),
    )
    return {workload.name: workload for workload in made}


def vocab_size(folder: Path) -> int:
    """How many tokens the model of a folder has."""
    return int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["vocab_size"])
