"""The model folder that ships with weft, in the Hugging Face layout, and how it is written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

MODEL_FOLDER = Path(__file__).parent / "model"
TEMPLATE_FILE = Path(__file__).parent / "template.jinja"
RUNS_FOLDER = Path(__file__).parent / "runs"
"""Checkpoints of training runs; git ignores it."""


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write `value` to `path` as indented JSON; a reader sees the old file or the new one, never half."""
    replace_file(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(data)
    beside.replace(path)


def save_weights(weights: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Write `weights` (Hugging Face names) as bfloat16 to `folder`/model.safetensors, atomically."""
    import torch
    from safetensors.torch import save

    halves = {name: value.detach().to(torch.bfloat16).contiguous() for name, value in weights.items()}
    replace_file(folder / "model.safetensors", save(halves, metadata={"format": "pt"}))
