"""How far each position turns the rotary pairs: RoPE (Su et al. 2021, section 3.2.2) and its scalings.

A scaling is named in config.json by `rope_type`. Each gives the radians a position turns each pair by, and a factor
for all cosines and sines.

- default: theta ** (-2 i / R) for pair i of R / 2.
- linear: all divided by a factor (Chen et al. 2023, "position interpolation").
- dynamic: past the trained length theta grows with the sequence ("NTK-aware"). A token is turned as it is when it is
  the sequence's last, and stays so: what a cached prefix holds cannot depend on what follows.
- llama3: long wavelengths are divided, short ones are not, with a ramp between (Llama Team 2024, section 3.4.3).
- yarn: the same idea on another ramp, with attention sharpened (Peng et al. 2023, section 3).
- longrope: a searched factor for each pair; one list for contexts as trained, one for longer (Ding et al. 2024). The
  list is chosen by the context that is served, for the reason given for `dynamic`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from ...errors import ModelError
from ...kernels.rope import cos_sin_cache
from .config import ModelConfig, rope_parameters

ROWS = 1024
"""Rows of a table that are filled at once."""


@dataclass(frozen=True, slots=True)
class Rope:
    """A config's rotary embedding.

    Attributes:
        kind: the scaling's name.
        theta: base of the wavelengths.
        width: R, how many of a head's elements are rotated.
        trained: the context length before scaling.
        length: how many positions are served.
        given: the config's parameters, for what only one scaling reads.
    """

    kind: str
    theta: float
    width: int
    trained: int
    length: int
    given: Mapping[str, Any]

    def number(self, name: str, default: float | None = None) -> float:
        """A parameter. Raises `ModelError` where it is missing and has no default."""
        value = self.given.get(name)
        value = default if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ModelError(f"config.json: rope scaling of type {self.kind!r} needs the number {name!r}")
        return float(value)

    def numbers(self, name: str) -> list[float]:
        """A parameter with a number for each pair. Raises `ModelError` where it has others."""
        value = self.given.get(name)
        if not isinstance(value, list) or len(value) != self.width // 2:
            raise ModelError(f"config.json: rope scaling of type {self.kind!r} needs {self.width // 2} of {name!r}")
        return [float(each) for each in value]

    def frequencies(self, theta: float | Tensor | None = None) -> Tensor:
        """Unscaled: float32 [R / 2], or one row for each of the thetas [n, 1]."""
        exponents = torch.arange(0, self.width, 2, dtype=torch.float32) / self.width
        return 1.0 / (self.theta if theta is None else theta) ** exponents


class RopeTable:
    """The cosines and sines that `weft.kernels.rope` reads, of `rope.length` positions.

    On a CPU rows are filled as sequences reach them: the memory of those that none reaches is never touched. On other
    devices all are, so that what was recorded of a step stays true.
    """

    def __init__(self, rope: Rope, device: torch.device) -> None:
        frequencies, self._scale = _SCALINGS[rope.kind](rope)
        self._frequencies = frequencies.to(device)
        self._table = torch.empty(rope.length, 2, rope.width // 2 * 2, device=device)
        self._filled = 0
        self._filling = Lock()
        if device.type != "cpu":
            self.upto(rope.length)

    def upto(self, length: int) -> Tensor:
        """The table, whose first `length` rows are filled, or all.

        A sequence of branches may hold more tokens than there are positions. Lanes may ask at once.
        """
        length = min(length, len(self._table))
        if self._filled < length:
            with self._filling:
                while self._filled < length:
                    self._fill(self._filled, min(self._filled + ROWS, len(self._table)))
        return self._table

    def _fill(self, start: int, stop: int) -> None:
        own = self._frequencies if self._frequencies.dim() == 1 else self._frequencies[start:stop]
        self._table[start:stop] = cos_sin_cache(own, stop - start, start=start, scale=self._scale)
        self._filled = stop


def rope_table(config: ModelConfig, device: torch.device, given: Mapping[str, Any] | None = None) -> RopeTable:
    """The table of a config, of `config.max_positions` positions.

    `given` are parameters in the place of the config's own. Raises `ModelError` for an unknown scaling, by name, and
    for parameters that it needs and lacks.
    """
    return RopeTable(_read(config, rope_parameters(config.raw) if given is None else given), device)


def _read(config: ModelConfig, given: Mapping[str, Any]) -> Rope:
    raw = config.raw
    kind = given.get("rope_type", given.get("type", "default"))
    if kind not in _SCALINGS:
        raise ModelError(
            f"rope scaling of type {kind!r} is not supported for {config.architecture}; "
            f"known are: {', '.join(sorted(_SCALINGS))}"
        )
    partial = given.get("partial_rotary_factor") or raw.get("partial_rotary_factor") or 1.0
    width = int(config.head_dim * partial)
    if width % 2 or width < 4:
        raise ModelError(f"config.json: {width} elements of a head cannot be rotated in pairs")
    trained = raw.get("original_max_position_embeddings") or given.get("original_max_position_embeddings")
    return Rope(
        kind=kind,
        theta=float(given.get("rope_theta") or config.rope_theta),
        width=width,
        trained=int(trained or raw["max_position_embeddings"]),
        length=config.max_positions,
        given={**given, "max_position_embeddings": raw["max_position_embeddings"]},
    )


def _default(rope: Rope) -> tuple[Tensor, float]:
    return rope.frequencies(), 1.0


def _linear(rope: Rope) -> tuple[Tensor, float]:
    return rope.frequencies() / rope.number("factor"), 1.0


def _dynamic(rope: Rope) -> tuple[Tensor, float]:
    factor, trained = rope.number("factor"), int(rope.number("max_position_embeddings"))
    lengths = torch.arange(1, rope.length + 1, dtype=torch.float32).clamp_(min=trained)[:, None]
    growth = (factor * lengths / trained - (factor - 1)) ** (rope.width / (rope.width - 2))
    return rope.frequencies(rope.theta * growth), 1.0


def _llama3(rope: Rope) -> tuple[Tensor, float]:
    factor, low, high = (rope.number(name) for name in ("factor", "low_freq_factor", "high_freq_factor"))
    frequencies = rope.frequencies()
    turns = rope.trained * frequencies / (2 * math.pi)  # full turns over the trained context
    kept = ((turns - low) / (high - low)).clamp(0, 1)
    return (1 - kept) * frequencies / factor + kept * frequencies, 1.0


def _yarn(rope: Rope) -> tuple[Tensor, float]:
    factor = rope.number("factor", rope.number("max_position_embeddings") / rope.trained)

    def pair(turns: float) -> float:
        """Which pair makes so many full turns over the trained context."""
        return rope.width * math.log(rope.trained / (turns * 2 * math.pi)) / (2 * math.log(rope.theta))

    low, high = pair(rope.given.get("beta_fast") or 32), pair(rope.given.get("beta_slow") or 1)
    if rope.given.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, rope.width - 1)
    pairs = torch.arange(rope.width // 2, dtype=torch.float32)
    interpolated = ((pairs - low) / ((high - low) or 0.001)).clamp(0, 1)
    frequencies = rope.frequencies()
    return frequencies / factor * interpolated + frequencies * (1 - interpolated), _yarn_attention(rope, factor)


def _yarn_attention(rope: Rope, factor: float) -> float:
    """What cosines and sines are multiplied by: softmax is sharper over longer contexts (Peng et al., section 3.4)."""

    def sharpening(weight: float) -> float:
        return 0.1 * weight * math.log(factor) + 1.0 if factor > 1 else 1.0

    if rope.given.get("attention_factor") is not None:
        return rope.number("attention_factor")
    if rope.given.get("mscale") and rope.given.get("mscale_all_dim"):
        return sharpening(rope.number("mscale")) / sharpening(rope.number("mscale_all_dim"))
    return sharpening(1.0)


def _longrope(rope: Rope) -> tuple[Tensor, float]:
    factors = rope.numbers("long_factor" if rope.length > rope.trained else "short_factor")
    factor = rope.number("factor", rope.number("max_position_embeddings") / rope.trained)
    attention = math.sqrt(1 + math.log(factor) / math.log(rope.trained)) if factor > 1 else 1.0
    return rope.frequencies() / torch.tensor(factors), rope.number("attention_factor", attention)


_SCALINGS: dict[str, Callable[[Rope], tuple[Tensor, float]]] = {
    "default": _default,
    "linear": _linear,
    "dynamic": _dynamic,
    "llama3": _llama3,
    "yarn": _yarn,
    "longrope": _longrope,
}
