"""Questions over text that many items share: few-shot choices, extraction, retrieval."""

from __future__ import annotations

import json
from typing import Any

from ...lang import State, assistant, function, gen, select, system, user
from .texts import Writer
from .workload import Items, Workload

LETTERS = ["A", "B", "C", "D"]
RECORD = {
    "type": "object",
    "properties": {
        "who": {"type": "string", "maxLength": 12},
        "what": {"type": "string", "maxLength": 16},
        "count": {"type": "integer", "minimum": 0, "maximum": 99},
        "urgent": {"type": "boolean"},
    },
    "required": ["who", "what", "count", "urgent"],
    "additionalProperties": False,
}


@function
def letter_choice(s: State, examples: str, question: str) -> str:
    """MMLU's way: solved questions first, then the letter of the answer."""
    s += examples + question
    s += select("answer", choices=LETTERS)
    return str(s["answer"])


def _letter_question(writer: Writer) -> str:
    endings = zip(LETTERS, writer.endings(len(LETTERS)), strict=True)
    options = "\n".join(f"{letter}. {text.strip()}" for letter, text in endings)
    return f"{writer.paragraph(2)} {writer.question()}\n{options}\nAnswer: "


def letter_items(count: int) -> Items:
    examples = "".join(f"{_letter_question(Writer(f'mmlu {at}'))}{LETTERS[at % 4]}\n\n" for at in range(5))
    return [{"examples": examples, "question": _letter_question(Writer(f"asked {at}"))} for at in range(count)]


@function
def ending_choice(s: State, examples: str, story: str, endings: list[str]) -> str:
    """HellaSwag's way: stories with their endings, then one whose ending is chosen among whole sentences."""
    s += examples + story
    s += select("ending", choices=endings)
    return str(s["ending"])


def ending_items(count: int) -> Items:
    writer = Writer("stories")
    examples = "".join(f"{writer.paragraph(2)}{writer.endings(1)[0]}\n\n" for _ in range(12))
    return [{"examples": examples, "story": writer.paragraph(2), "endings": writer.endings(4)} for _ in range(count)]


@function
def extraction(s: State, text: str) -> dict[str, Any]:
    """A record under a JSON Schema, which stands in the prompt."""
    s += user(f"Extract a record as JSON.\nSchema: {json.dumps(RECORD)}\nText: {text}")
    s += assistant(gen("record", json_schema=RECORD, max_tokens=80))
    record: dict[str, Any] = s["record"]
    return record


def extraction_items(count: int) -> Items:
    return [{"text": Writer(f"record {at}").paragraph(4)} for at in range(count)]


@function
def retrieval(s: State, examples: str, question: str) -> str:
    """Retrieve, then read (DSP): a query is written, passages come back, and the answer is given in their light."""
    s += system(f"Answer by the passages.\n{examples}")
    s += user(f"Question: {question} Write a search query.")
    s += assistant(gen("query", min_tokens=8, max_tokens=8))
    query = str(s["query"])
    passages = "\n".join(f"[{at}] {Writer(f'{query} {at}').paragraph(3)}" for at in range(1, 4))
    s += user(f"Passages:\n{passages}\nQuestion: {question}")
    s += assistant(gen("answer", min_tokens=16, max_tokens=16))
    return str(s["answer"])


def retrieval_items(count: int) -> Items:
    writer = Writer("retrieval")
    examples = "\n".join(f"Question: {writer.question()} Answer: {writer.sentence()}" for _ in range(6))
    return [{"examples": examples, "question": Writer(f"wanted {at}").question()} for at in range(count)]


WORKLOADS = (
    Workload("few-shot choice of a letter (MMLU)", letter_choice, letter_items, 24),
    Workload("few-shot choice of an ending (HellaSwag)", ending_choice, ending_items, 16),
    Workload("JSON extraction", extraction, extraction_items, 16),
    Workload("retrieval (DSP)", retrieval, retrieval_items, 12),
)
