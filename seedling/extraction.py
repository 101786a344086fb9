"""Extraction: a document and a JSON Schema in, the record out."""

from __future__ import annotations

import json
import random
from typing import Any

from .documents import compose
from .example import Example
from .facts import Facts
from .judged import with_judged_field
from .opens import open_kind
from .phrases import Kind, kinds
from .schemas import ask

INSTRUCTION = "Extract a record as JSON."
_OTHER_INSTRUCTIONS = (
    "Extract the record as JSON.",
    "Fill the schema from the text.",
    "Read the text and answer with JSON that fits the schema.",
    "Return one JSON object with the facts of the text.",
    "What does the text say? Answer in JSON only.",
    "Turn this text into a JSON record.",
    "Give the data in the text as JSON.",
    "Extract the information below into JSON that matches the schema.",
)


def dumps(value: Any) -> str:
    """JSON as it stands in every prompt and answer."""
    return json.dumps(value, ensure_ascii=False)


#: How often the kind of document is made up on the spot, and how often two documents stand in one text.
_OPEN, _TWO = 0.12, 0.03

#: How often a kind that has none gets a field to be judged from clues.
_JUDGED = 0.1


def sample(rng: random.Random, split: str) -> Example:
    """Draw one example of the split."""
    text, schema, record = _two_documents(rng, split) if rng.random() < _TWO else _document(rng, split)[1:]
    messages = _prompt(rng, dumps(schema), text)
    answer = {"role": "assistant", "content": dumps(record)}
    return Example("extraction", (*messages, answer), schema=schema, record=record)


def _document(rng: random.Random, split: str) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    """The kind's name, a document, a schema and the record."""
    kind = open_kind(rng, split) if rng.random() < _OPEN else _kind(rng, split)
    if kind.judged or rng.random() < _JUDGED:
        kind = with_judged_field(rng, kind)
    if kind.judged and rng.random() < 0.5:
        kind = with_judged_field(rng, kind)
    facts = Facts.draw(rng, split, kind)
    text = compose(rng, split, facts)
    return facts.kind.name, text, *ask(rng, split, facts)


def _two_documents(rng: random.Random, split: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Two documents in one text, asked for side by side."""
    texts: list[str] = []
    schemas: dict[str, Any] = {}
    records: dict[str, Any] = {}
    while len(schemas) < 2:
        name, text, schema, record = _document(rng, split)
        key = name.replace(" ", "_")
        if key not in schemas and "$defs" not in schema:  # A reference would point to the wrong place.
            texts.append(text)
            schemas[key], records[key] = schema, record
    closed = {"additionalProperties": False} if rng.random() < 0.7 else {}
    whole = {"type": "object", "properties": schemas, "required": list(schemas), **closed}
    return rng.choice(("\n\n", "\n---\n", "\n")).join(texts), whole, records


def _kind(rng: random.Random, split: str) -> Kind:
    """A kind of document; "templates" often takes one that training never sees."""
    held = [kind for kind in kinds() if kind.held]
    if held and split == "templates" and rng.random() < 0.4:
        return rng.choice(held)
    return rng.choice([kind for kind in kinds() if not kind.held])


def _prompt(rng: random.Random, schema: str, text: str) -> tuple[dict[str, str], ...]:
    instruction = INSTRUCTION if rng.random() < 0.6 else rng.choice(_OTHER_INSTRUCTIONS)
    roll = rng.random()
    if roll < 0.9:
        return ({"role": "user", "content": f"{instruction}\nSchema: {schema}\nText: {text}"},)
    if roll < 0.95:
        return (
            {"role": "system", "content": f"{instruction}\nSchema: {schema}"},
            {"role": "user", "content": f"Text: {text}" if rng.random() < 0.5 else text},
        )
    return ({"role": "user", "content": f"{instruction}\nText: {text}\nSchema: {schema}"},)
