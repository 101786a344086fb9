"""Folders quantised as GPTQ, AWQ and compressed-tensors write them, packed number by number by the formats' rules."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


@dataclass
class Drawn:
    """A quantised layer drawn at random: `values` [out, in], `zeros` and `scales` [out, groups], `groups` [in]."""

    values: Tensor
    zeros: Tensor
    scales: Tensor
    groups: Tensor

    def weight(self) -> Tensor:
        """float32 [out, in], each element by the formula."""
        return (self.values - self.zeros[:, self.groups]).float() * self.scales.float()[:, self.groups]


def draw(
    outputs: int, width: int, size: int, *, bits: int = 4, ordered: bool = True, symmetric: bool = False, seed: int = 0
) -> Drawn:
    """A layer of groups of `size` inputs (-1: one), in any order unless `ordered`."""
    generator = torch.Generator().manual_seed(seed)
    size = width if size == -1 else size
    count = -(-width // size)
    top = 1 << bits
    groups = torch.arange(width) // size
    if not ordered:
        groups = groups[torch.randperm(width, generator=generator)]
    zeros = torch.randint(0, top, (outputs, count), generator=generator)
    return Drawn(
        values=torch.randint(0, top, (outputs, width), generator=generator),
        zeros=torch.full_like(zeros, top // 2) if symmetric else zeros,
        scales=((torch.rand(outputs, count, generator=generator) + 0.5) * 0.5 / top).half(),
        groups=groups,
    )


def words(numbers: list[int], bits: int, order: tuple[int, ...] | None = None) -> list[int]:
    """Signed 32-bit words that hold `numbers`, the lowest bits first; `order` says which number each place holds."""
    per_word = 32 // bits
    made = []
    for start in range(0, len(numbers), per_word):
        chunk = numbers[start : start + per_word]
        chunk += [0] * (per_word - len(chunk))
        word = 0
        for place in range(per_word):
            word |= chunk[place if order is None else order[place]] << place * bits
        made.append(word - (1 << 32) if word >> 31 else word)
    return made


def packed(numbers: Tensor, bits: int, dim: int, order: tuple[int, ...] | None = None) -> Tensor:
    """int32: `numbers` packed along `dim`."""
    lines = numbers if dim == 1 else numbers.T
    made = torch.tensor([words(line, bits, order) for line in lines.tolist()], dtype=torch.int32)
    return (made if dim == 1 else made.T).contiguous()


def gptq(layer: Drawn, bits: int = 4, version: int = 1) -> dict[str, Tensor]:
    zeros = layer.zeros.T if version == 2 else (layer.zeros.T - 1) % (1 << bits)
    return {
        "qweight": packed(layer.values.T, bits, 0),
        "qzeros": packed(zeros, bits, 1),
        "scales": layer.scales.T.contiguous(),
        "g_idx": layer.groups.int(),
    }


def awq(layer: Drawn) -> dict[str, Tensor]:
    return {
        "qweight": packed(layer.values.T, 4, 1, AWQ_ORDER),
        "qzeros": packed(layer.zeros.T, 4, 1, AWQ_ORDER),
        "scales": layer.scales.T.contiguous(),
    }


def compressed(layer: Drawn, bits: int = 4, *, symmetric: bool = False, ordered: bool = True) -> dict[str, Tensor]:
    made = {
        "weight_packed": packed(layer.values, bits, 1),
        "weight_scale": layer.scales,
        "weight_shape": torch.tensor(layer.values.shape),
    }
    if not symmetric:
        made["weight_zero_point"] = packed(layer.zeros, bits, 0)
    if not ordered:
        made["weight_g_idx"] = layer.groups.int()
    return made


def write(folder: Path, made: Path, config: dict[str, Any], pack: Any, **drawn: Any) -> tuple[Path, Path]:
    """(the folder with its layers packed, the folder of the floats that they stand for)."""
    plain = made / "plain"
    quantised = made / "quantised"
    for target in (plain, quantised):
        shutil.copytree(folder, target)
    floats = load_file(folder / "model.safetensors")
    held = dict(floats)
    for number, name in enumerate(sorted(floats)):
        if "_proj.weight" in name:
            layer = draw(*floats[name].shape, seed=number, **drawn)
            floats[name] = layer.weight()
            del held[name]
            held |= {f"{name.removesuffix('weight')}{part}": tensor for part, tensor in pack(layer).items()}
    save_file(floats, plain / "model.safetensors")
    save_file(held, quantised / "model.safetensors")
    described = json.loads((folder / "config.json").read_text())
    (quantised / "config.json").write_text(json.dumps({**described, "quantization_config": config}))
    return quantised, plain
