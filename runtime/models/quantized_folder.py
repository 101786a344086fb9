"""Folders whose linear layers are quantised already: GPTQ, AWQ and compressed-tensors' packed integers.

Each such layer is several tensors in place of one `weight`. They are read as the weight that they stand for:

    weight[o, i] = (values[o, i] - zeros[o, g]) * scales[o, g], g the group of input i

How the three are packed into words of 32 bits is each format's own (`gptq.py`, `awq.py`, `compressed_tensors.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import ModelError
from .source import TensorSource

_AT_ONCE = 1 << 20  # numbers


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """A quantised weight.

    Attributes:
        values: uint8 [out, in].
        zeros: uint8 [out, groups], the values that stand for 0.
        scales: a float dtype [out, groups].
        groups: int64 [in], each input's group.
    """

    values: Tensor
    zeros: Tensor
    scales: Tensor
    groups: Tensor

    def weight(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """[out, in], computed in float32, a few rows at a time."""
        result = torch.empty(self.values.shape, dtype=dtype)
        count = max(1, _AT_ONCE // max(1, result.shape[1]))
        pieces = zip(*(each.split(count) for each in (result, self.values, self.zeros, self.scales)), strict=True)
        for place, values, zeros, scales in pieces:
            shifted = values.float().sub_(zeros.float()[:, self.groups])
            place.copy_(shifted.mul_(scales.float()[:, self.groups]))
        return result


@dataclass(frozen=True, slots=True)
class Format:
    """How a format keeps a layer.

    Attributes:
        main: the tensor that every quantised layer has, without the layer's name.
        others: those beside it, which some may lack.
        read: makes a weight of the tensors of one layer, by their names without the layer's; raises ValueError or
            RuntimeError where they do not fit together.
        described: for people: "GPTQ, 4 bits".
    """

    main: str
    others: tuple[str, ...]
    read: Callable[[Mapping[str, Tensor]], Grouped]
    described: str


class QuantizedFolder:
    """A `TensorSource` over another, with a `weight` in place of each quantised layer's tensors."""

    def __init__(self, source: TensorSource, format: Format) -> None:
        self._source = source
        self._format = format
        end = "." + format.main
        self._layers = {name.removesuffix(end) for name in source.names if name.endswith(end)}
        hidden = {f"{layer}.{part}" for layer in self._layers for part in (format.main, *format.others)}
        self._names = {*(set(source.names) - hidden), *(f"{layer}.weight" for layer in self._layers)}

    @property
    def place(self) -> Path:
        return self._source.place

    @property
    def names(self) -> Collection[str]:
        return self._names

    @property
    def notice(self) -> str | None:
        """See `TensorSource.notice`."""
        return f"{len(self._layers)} layers are quantised by {self._format.described}, and were dequantised"

    def read(self, name: str, dtype: torch.dtype) -> Tensor:
        """See `TensorSource.read`."""
        layer = name.removesuffix(".weight")
        if layer not in self._layers or layer == name:
            return self._source.read(name, dtype)
        parts = {
            part: self._source.read(f"{layer}.{part}", dtype)
            for part in (self._format.main, *self._format.others)
            if f"{layer}.{part}" in self._source.names
        }
        try:
            return self._format.read(parts).weight(dtype)
        except KeyError as error:
            raise ModelError(f"{self.place}: the tensor '{layer}.{error.args[0]}' is missing") from error
        except (ValueError, RuntimeError, IndexError) as error:
            shapes = ", ".join(f"{part} {list(tensor.shape)}" for part, tensor in parts.items())
            raise ModelError(
                f"{self.place}: the tensors of {layer!r} do not fit together ({shapes}): {error}"
            ) from error


def unpacked(words: Tensor, bits: int, dim: int) -> Tensor:
    """uint8: the numbers of `bits` bits in int32 words, the lowest bits first, along `dim`."""
    if words.dtype != torch.int32 or words.dim() != 2:
        raise ValueError(f"words of 32 bits in two dimensions are needed, not {words.dtype} in {words.dim()}")
    shifts = torch.arange(0, 32, bits, dtype=torch.int32)
    numbers = (words[..., None] >> shifts & (1 << bits) - 1).to(torch.uint8)  # the mask takes the sign's copies away
    return numbers.flatten(1) if dim == 1 else numbers.transpose(1, 2).flatten(0, 1)


def even_groups(width: int, count: int, size: int) -> Tensor:
    """int64 [width]: groups of `size` inputs, of which there must be `count`; one group of all where `size` is -1."""
    size = width if size == -1 else size
    if size < 1 or -(-width // size) != count:
        raise ValueError(f"{count} groups, but groups of {size} inputs of {width}")
    return torch.arange(width) // size


def setting(config: Mapping[str, Any], name: str, allowed: Collection[Any], default: Any = None) -> Any:
    """A field of `quantization_config`. Raises `ModelError` where it is none of `allowed`."""
    value = config.get(name, default)
    if value not in allowed:
        known = ", ".join(map(repr, allowed))
        raise ModelError(f"quantization_config: {name} {value!r} is not supported; supported: {known}")
    return value


def group_size(config: Mapping[str, Any], name: str) -> int:
    """Inputs that share a scale; -1 for all. Raises `ModelError` where it is no such number."""
    size = config.get(name)
    if isinstance(size, bool) or not isinstance(size, int) or (size != -1 and size < 1):
        raise ModelError(f"quantization_config: {name} must be a number of inputs or -1, not {size!r}")
    return size
