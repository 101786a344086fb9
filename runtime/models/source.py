"""Where a model's tensors come from, whatever the files: each by the name that Hugging Face's folders give it."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open

from ...errors import ModelError


class TensorSource(Protocol):
    """Named tensors, read one at a time.

    Attributes:
        place: the folder or file, for messages.
        names: of all tensors.
        notice: what people should know of how the tensors are read; None where they are read as they are.
    """

    @property
    def place(self) -> Path: ...

    @property
    def names(self) -> Collection[str]: ...

    @property
    def notice(self) -> str | None: ...

    def read(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        """The tensor `name`, one of `names`, on the CPU.

        What must be computed is given in `dtype`, and takes no more memory than that and a little; what is stored as
        numbers is given as it is stored. Raises `ModelError` naming file and tensor.
        """
        ...


class SafetensorsFolder:
    """`model.safetensors`, or the shards that `model.safetensors.index.json` names.

    Raises `ModelError` where the folder has neither, or one that is not what its name says.
    """

    notice: str | None = None

    def __init__(self, folder: Path) -> None:
        self.place = folder
        self._files = _find_files(folder)

    @property
    def names(self) -> Collection[str]:
        return self._files.keys()

    def read(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        """See `TensorSource.read`."""
        file = self._files[name]
        try:
            with safe_open(file, framework="pt") as tensors:
                value: torch.Tensor = tensors.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{file}: cannot read {name!r}: {error}") from error
        return value


def _find_files(folder: Path) -> dict[str, Path]:
    """The file of each tensor."""
    index = folder / "model.safetensors.index.json"
    single = folder / "model.safetensors"
    if index.is_file():
        try:
            named = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
            files = {name: folder / Path(file).name for name, file in dict(named).items()}
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{index} is not an index of shards: {error!r}") from error
        for file in sorted(set(files.values())):
            if not file.is_file():
                raise ModelError(f"{index} names {file.name}, which is not there")
        return files
    if not single.is_file():
        raise ModelError(f"{folder} has neither model.safetensors nor an index of shards")
    try:
        with safe_open(single, framework="pt") as tensors:
            return dict.fromkeys(tensors.keys(), single)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{single} is not a readable safetensors file: {error}") from error
