"""A model's tensors by name, converted, checked for shape, and made into layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from ...errors import ModelError
from ...kernels.linear.layer import Dense, Linear, MakeLinear
from .source import TensorSource


class Weights:
    """The tensors of a source, in a dtype, on a device.

    Each tensor is read when asked for, converted and moved at once, so that no second copy of the model is held.

    Args:
        make_linear: makes a layer of a matrix and its bias; as the weights are by default.
        make_head: the same for the head, the layer that gives logits.
        progress: told after each tensor how many were read, and of how many.
    """

    def __init__(
        self,
        source: TensorSource,
        *,
        dtype: torch.dtype,
        device: torch.device,
        make_linear: MakeLinear = Dense,
        make_head: MakeLinear = Dense,
        progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> None:
        self._source = source
        self._dtype = dtype
        self.device = device
        self.make_linear = make_linear
        self.make_head = make_head
        self._progress = progress
        self._used: set[str] = set()

    def take(self, name: str, shape: tuple[int, ...], *, dtype: torch.dtype | None = None) -> torch.Tensor:
        """The tensor `name`, in the model's dtype by default.

        Raises `ModelError` where it is missing, misshapen or unreadable.
        """
        dtype = self._dtype if dtype is None else dtype
        return self._read(name, shape, dtype).to(device=self.device, dtype=dtype)

    def linear(self, prefix: str, parts: Sequence[tuple[str, int]], width: int, *, bias: bool = False) -> Linear:
        """Several projections of one input as one layer of [sum of outputs, width].

        Args:
            parts: (name, outputs) of each; its tensors are ``{prefix}{name}.weight`` and, with `bias`, ``….bias``.
            width: inputs of all.
        """
        matrix = self._joined([(f"{prefix}{name}.weight", (size, width)) for name, size in parts])
        biases = self._joined([(f"{prefix}{name}.bias", (size,)) for name, size in parts]) if bias else None
        return self.make_linear(matrix, biases)

    def _joined(self, parts: Sequence[tuple[str, tuple[int, ...]]]) -> torch.Tensor:
        """Tensors, by name and shape, one after the other; no more than one is held beside the result."""
        if len(parts) == 1:
            return self.take(*parts[0])
        rows = sum(shape[0] for _, shape in parts)
        result = torch.empty(rows, *parts[0][1][1:], dtype=self._dtype, device=self.device)
        for place, part in zip(result.split([shape[0] for _, shape in parts]), parts, strict=True):
            place.copy_(self._read(*part, self._dtype))
        return result

    def _read(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """The tensor `name`, in `dtype` or as it is stored."""
        if name not in self._source.names:
            raise ModelError(f"{self._source.place}: the tensor {name!r} is missing")
        value = self._source.read(name, dtype)
        if tuple(value.shape) != shape:
            raise ModelError(
                f"{self._source.place}: {name!r} has shape {list(value.shape)}, but the config asks for {list(shape)}"
            )
        self._used.add(name)
        self._progress(len(self._used), len(self._source.names))
        return value

    def head(self, name: str, outputs: int, width: int, *, tied: torch.Tensor | None = None) -> Linear:
        """The layer ``{name}.weight`` [outputs, width] that gives logits, or that of the embeddings `tied`."""
        if tied is not None:
            self.ignore(f"{name}.weight")
            return self.make_head(tied)
        return self.make_head(self.take(f"{name}.weight", (outputs, width)))

    def __contains__(self, name: str) -> bool:
        return name in self._source.names

    def ignore(self, name: str) -> None:
        """Say that `name`, if it is there, is rightly not taken."""
        if name in self._source.names:
            self._used.add(name)

    def check_all_used(self) -> None:
        """Raise `ModelError` for tensors that the architecture did not take: it would compute something else.

        Biases of zeros change nothing: AutoGPTQ writes them for every layer.
        """
        left = sorted(set(self._source.names) - self._used)
        left = [name for name in left if not name.endswith(".bias") or self._source.read(name, self._dtype).any()]
        if left:
            more = f" and {len(left) - 3} more" if len(left) > 3 else ""
            raise ModelError(
                f"{self._source.place}: tensors that this architecture does not know: {', '.join(left[:3])}{more}"
            )
