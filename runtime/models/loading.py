"""Tensors of a model folder's safetensors files, by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from ...errors import ModelError
from ...kernels.linear.layer import Dense, Linear, MakeLinear


class Weights:
    """The tensors of a folder: `model.safetensors`, or the shards that `model.safetensors.index.json` names.

    Each tensor is read when asked for, converted and moved at once, so that no second copy of the model is held.

    Args:
        make_linear: makes a layer of a matrix and its bias; as the weights are by default.
        make_head: the same for the head, the layer that gives logits.
    """

    def __init__(
        self,
        folder: Path,
        *,
        dtype: torch.dtype,
        device: torch.device,
        make_linear: MakeLinear = Dense,
        make_head: MakeLinear = Dense,
    ) -> None:
        self._folder = folder
        self._dtype = dtype
        self._device = device
        self.make_linear = make_linear
        self.make_head = make_head
        self._files = self._find_files()
        self._used: set[str] = set()

    def take(self, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        """The tensor `name`. Raises `ModelError` where it is missing, misshapen or unreadable."""
        file = self._files.get(name)
        if file is None:
            raise ModelError(f"{self._folder}: the tensor {name!r} is missing")
        try:
            with safe_open(file, framework="pt") as tensors:
                value = tensors.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{file}: cannot read {name!r}: {error}") from error
        if tuple(value.shape) != shape:
            raise ModelError(f"{file}: {name!r} has shape {list(value.shape)}, but config.json asks for {list(shape)}")
        self._used.add(name)
        return value.to(device=self._device, dtype=self._dtype)

    def linear(self, prefix: str, parts: Sequence[tuple[str, int]], width: int, *, bias: bool = False) -> Linear:
        """Several projections of one input as one layer of [sum of outputs, width].

        Args:
            parts: (name, outputs) of each; its tensors are ``{prefix}{name}.weight`` and, with `bias`, ``….bias``.
            width: inputs of all.
        """
        matrix = _joined([self.take(f"{prefix}{name}.weight", (size, width)) for name, size in parts])
        biases = [self.take(f"{prefix}{name}.bias", (size,)) for name, size in parts] if bias else []
        return self.make_linear(matrix, _joined(biases) if biases else None)

    def head(self, name: str, outputs: int, width: int, *, tied: torch.Tensor | None = None) -> Linear:
        """The layer ``{name}.weight`` [outputs, width] that gives logits, or that of the embeddings `tied`."""
        if tied is not None:
            self.ignore(f"{name}.weight")
            return self.make_head(tied)
        return self.make_head(self.take(f"{name}.weight", (outputs, width)))

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def ignore(self, name: str) -> None:
        """Say that `name`, if it is there, is rightly not taken."""
        self._used.add(name)

    def check_all_used(self) -> None:
        """Raise `ModelError` for tensors that the architecture did not take: it would compute something else."""
        left = sorted(set(self._files) - self._used)
        if left:
            more = f" and {len(left) - 3} more" if len(left) > 3 else ""
            raise ModelError(
                f"{self._folder}: tensors that this architecture does not know: {', '.join(left[:3])}{more}"
            )

    def _find_files(self) -> dict[str, Path]:
        index = self._folder / "model.safetensors.index.json"
        single = self._folder / "model.safetensors"
        if index.is_file():
            try:
                named = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
                files = {name: self._folder / Path(file).name for name, file in dict(named).items()}
            except (ValueError, KeyError, TypeError) as error:
                raise ModelError(f"{index} is not an index of shards: {error!r}") from error
            for file in sorted(set(files.values())):
                if not file.is_file():
                    raise ModelError(f"{index} names {file.name}, which is not there")
            return files
        if not single.is_file():
            raise ModelError(f"{self._folder} has neither model.safetensors nor an index of shards")
        try:
            with safe_open(single, framework="pt") as tensors:
                return dict.fromkeys(tensors.keys(), single)
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{single} is not a readable safetensors file: {error}") from error


def _joined(parts: list[torch.Tensor]) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)
