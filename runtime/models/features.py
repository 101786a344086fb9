"""What a config says of a family beyond shapes, read or refused: an unknown feature is never passed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import ModelError
from .config import ModelConfig


def require(config: ModelConfig, name: str, *allowed: Any) -> None:
    """Raise `ModelError` where the field `name` is there and is none of `allowed` (nor null)."""
    value = config.raw.get(name)
    if value is not None and value not in allowed:
        raise ModelError(f"{name} {value!r} is not supported for {config.architecture}")


def number(config: ModelConfig, name: str) -> float:
    """The number that the field `name` holds. Raises `ModelError` where it holds none."""
    value = config.raw.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ModelError(f"config.json: {name} must be a number for {config.architecture}, not {value!r}")
    return value


def layer_types(config: ModelConfig, sliding: Callable[[int], bool]) -> list[str]:
    """Each layer's kind, "sliding_attention" or "full_attention".

    By the field `layer_types`, or, where it is not there, by what `sliding` says of the layer's number. Raises
    `ModelError` for other kinds and for too few.
    """
    known = ("full_attention", "sliding_attention")
    kinds = config.raw.get("layer_types")
    if kinds is None:
        return [known[sliding(number)] for number in range(config.num_layers)]
    if not isinstance(kinds, list) or len(kinds) < config.num_layers:
        raise ModelError(f"config.json: layer_types must list the kinds of {config.num_layers} layers")
    unknown = next((kind for kind in kinds if kind not in known), None)
    if unknown is not None:
        raise ModelError(f"layers of type {unknown!r} are not supported for {config.architecture}")
    return kinds[: config.num_layers]


def windows(config: ModelConfig, sliding: Callable[[int], bool]) -> list[int | None]:
    """Each layer's window: `sliding_window` positions where it is of the sliding kind (see `layer_types`)."""
    kinds = layer_types(config, sliding)
    return [window_size(config) if kind == "sliding_attention" else None for kind in kinds]


def window_size(config: ModelConfig) -> int:
    """The field `sliding_window`. Raises `ModelError` where it is no number of positions."""
    window = int(number(config, "sliding_window"))
    if window < 1:
        raise ModelError(f"config.json: sliding_window must be at least 1, not {window}")
    return window
