"""What tokenizers put where a text begins: a token of its own (BOS), and a space before the first word.

Imports no torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


def begin_ids(tokenizer: Any) -> tuple[int, ...]:
    """The ids that a tokenizer's post-processor puts before every text, as `transformers` has it.

    What it puts *behind* a text is left out: here the text goes on.
    """
    encoding = tokenizer.encode("a", add_special_tokens=True)
    added = encoding.special_tokens_mask
    return tuple(encoding.ids[: added.index(0)] if 0 in added else ())


@dataclass(frozen=True, slots=True)
class Space:
    """A tokenizer that writes a space before a text's first word.

    Attributes:
        without: `tokenizer.json`'s text of the same tokenizer without that space, for text that goes on.
        always: it does so behind every special token, not only at the very start.
    """

    without: str
    always: bool


def first_space(source: str) -> Space | None:
    """What `tokenizer.json` says of a space before the first word; None where it adds none."""
    described = json.loads(source)
    found: list[bool] = []
    described["normalizer"] = _without_prepend(described.get("normalizer"), found)
    _spare_words(described.get("pre_tokenizer"), found)
    return Space(json.dumps(described, ensure_ascii=False), any(found)) if found else None


def _without_prepend(normalizer: Any, found: list[bool]) -> Any:
    """`normalizer` without its `Prepend`; None where nothing is left."""
    if not isinstance(normalizer, dict):
        return normalizer
    if normalizer.get("type") == "Prepend":
        found.append(True)
        return None
    if normalizer.get("type") == "Sequence":
        inner = [_without_prepend(each, found) for each in normalizer.get("normalizers", ())]
        return {**normalizer, "normalizers": [each for each in inner if each is not None]}
    return normalizer


def _spare_words(pre_tokenizer: Any, found: list[bool]) -> None:
    """Turn off the space that a pre-tokenizer, or one of a sequence, puts before the first word."""
    if not isinstance(pre_tokenizer, dict):
        return
    kind = pre_tokenizer.get("type")
    for each in pre_tokenizer.get("pretokenizers", ()):
        _spare_words(each, found)
    if kind == "Metaspace":
        scheme = pre_tokenizer.get("prepend_scheme") or (
            "always" if pre_tokenizer.get("add_prefix_space", True) else "never"
        )
        if scheme != "never":
            found.append(scheme == "always")
            pre_tokenizer["prepend_scheme"] = "never"
            pre_tokenizer.pop("add_prefix_space", None)
    elif kind == "ByteLevel" and pre_tokenizer.get("add_prefix_space"):
        found.append(True)
        pre_tokenizer["add_prefix_space"] = False
