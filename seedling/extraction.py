"""Extraction: a document and a JSON Schema in, the record out."""

from __future__ import annotations

import json
import random
from typing import Any

from .documents import compose
from .example import Example
from .facts import Facts
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


def sample(rng: random.Random, split: str) -> Example:
    """Draw one example of the split."""
    facts = Facts.draw(rng, split, _kind(rng, split))
    text = compose(rng, split, facts)
    schema, record = ask(rng, split, facts)
    messages = _prompt(rng, dumps(schema), text)
    answer = {"role": "assistant", "content": dumps(record)}
    return Example("extraction", (*messages, answer), schema=schema, record=record)


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
