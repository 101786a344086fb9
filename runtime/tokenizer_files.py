"""What a tokenizer is made of, wherever it is kept. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ModelError


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    """A tokenizer, in Hugging Face's terms.

    Attributes:
        place: the file it is from, for messages.
        source: `tokenizer.json`'s text.
        config: `tokenizer_config.json`.
        generation: `generation_config.json`.
        eos_ids: end-of-sequence ids that the model's own configuration names.
        template: the chat template, where it does not stand in `config`.
    """

    place: Path
    source: str
    config: Mapping[str, Any]
    generation: Mapping[str, Any]
    eos_ids: tuple[int, ...]
    template: str | None = None


def read_folder(folder: Path) -> TokenizerFiles:
    """The tokenizer of a model folder. Raises `ModelError` where a file is missing or unreadable."""
    file = folder / "tokenizer.json"
    if not file.is_file():
        other = next((name for name in ("tokenizer.model", "tekken.json") if (folder / name).is_file()), None)
        only = f", only {other}: save it with transformers' AutoTokenizer, which writes one" if other else ""
        raise ModelError(f"{folder} has no tokenizer.json{only}")
    generation = _read_json(folder / "generation_config.json")
    eos_ids: list[int] = []
    for config in (generation, _read_json(folder / "config.json")):
        value = config.get("eos_token_id")
        eos_ids += [value] if isinstance(value, int) else value or []
    template = folder / "chat_template.jinja"
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{file} is not a readable tokenizer: {error}") from error
    return TokenizerFiles(
        place=file,
        source=source,
        config=_read_json(folder / "tokenizer_config.json"),
        generation=generation,
        eos_ids=tuple(eos_ids),
        template=template.read_text(encoding="utf-8") if template.is_file() else None,
    )


def _read_json(file: Path) -> dict[str, Any]:
    """A folder's optional JSON file; empty where it is missing. Raises `ModelError` where it is not an object."""
    if not file.is_file():
        return {}
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{file} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ModelError(f"{file} must hold a JSON object")
    return value
