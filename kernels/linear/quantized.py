"""The kinds of quantised layers by name, and the maker that a loader hands to a model."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor

from . import dynamic_int8, weight_int4, weight_int8
from .layer import Linear
from .quantize import group_of

KINDS = ("int8", "int4", "dynamic-int8")
BATCH_INVARIANT = frozenset({"dynamic-int8"})
"""Kinds whose rows do not depend on their neighbours, bit for bit, in float32."""


class MakeQuantized:
    """Turns weights into quantised layers of one kind, and remembers which path each of them takes.

    Attributes:
        kind: one of `KINDS`.
        takes_head: whether the head, a layer of very many outputs, is one of them: where that is faster for any number
            of rows. For the others it is slower for many.
    """

    def __init__(self, kind: str) -> None:
        if kind not in KINDS:
            raise ValueError(f"quantization must be one of {', '.join(KINDS)}, not {kind!r}")
        self.kind = kind
        self.takes_head = kind == "dynamic-int8"
        self._paths: Counter[str] = Counter()

    def __call__(self, weight: Tensor, bias: Tensor | None = None) -> Linear:
        layer, path = self._make(weight, bias)
        self._paths[path] += 1
        return layer

    def explain(self) -> str:
        """A line for people: the kind, and how many layers run by which path, and why."""
        total = sum(self._paths.values())
        ways = "; ".join(f"{count} of {total} layers: {path}" for path, count in self._paths.most_common())
        return f"{self.kind} ({ways or 'no layers'})"

    def _make(self, weight: Tensor, bias: Tensor | None) -> tuple[Linear, str]:
        match self.kind:
            case "int8":
                return weight_int8.WeightInt8.of(weight, bias), _path(
                    f"torch's int8 product up to {weight_int8.FEW} rows, widened above", weight_int8.why_not(weight)
                )
            case "int4":
                why_not = weight_int4.why_not(weight, group_of(weight.shape[1]))
                return weight_int4.quantized(weight, bias), _path("torch's int4 product", why_not)
            case _:
                return dynamic_int8.quantized(weight, bias), _path("oneDNN", dynamic_int8.why_not(weight))


def _path(fast: str, why_not: str | None) -> str:
    return fast if why_not is None else f"reference, because {why_not}"


def bytes_of(layer: Linear) -> int:
    """Bytes that a layer's tensors hold."""
    fields = [getattr(layer, name) for name in getattr(layer, "__slots__", ())]
    return sum(field.nbytes for field in fields if isinstance(field, torch.Tensor))
