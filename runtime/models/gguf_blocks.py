"""Numbers out of GGUF's blocks, by the definitions of ggml's `block_*` structures (ggml-common.h).

The types that most files are made of are unpacked here; the rest by the `gguf` package, some more slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

DIRECT = {0: torch.float32, 1: torch.float16, 28: torch.float64, 30: torch.bfloat16}
"""Types that are no blocks, by ggml's number."""


def dequantize(data: memoryview, kind: int, shape: Sequence[int]) -> torch.Tensor:
    """The tensor of `shape` that `data` holds: float32, or the type itself where that is a float type.

    Raises NotImplementedError for a type that nobody here can read.
    """
    raw = torch.frombuffer(bytearray(data), dtype=torch.uint8) if len(data) else torch.empty(0, dtype=torch.uint8)
    if kind in DIRECT:
        return raw.view(DIRECT[kind]).view(*shape)
    if kind in _BLOCKS:
        size, unpack = _BLOCKS[kind]
        return unpack(raw.view(-1, size)).view(*shape)
    import gguf

    values = gguf.quants.dequantize(raw.numpy(), gguf.GGMLQuantizationType(kind))
    return torch.from_numpy(values).view(*shape)


def _half(blocks: torch.Tensor, start: int) -> torch.Tensor:
    """float32 [n, 1]: the float16 at byte `start` of each block."""
    return blocks[:, start : start + 2].contiguous().view(torch.float16).float()


def _q8_0(blocks: torch.Tensor) -> torch.Tensor:
    """32 values: a float16 scale, 32 int8."""
    return blocks[:, 2:].contiguous().view(torch.int8).float() * _half(blocks, 0)


def _q4_0(blocks: torch.Tensor) -> torch.Tensor:
    """32 values: a float16 scale, 16 bytes; the low halves are the first 16 values, from -8."""
    packed = blocks[:, 2:]
    values = torch.cat((packed & 15, packed >> 4), dim=1)
    return (values.float() - 8) * _half(blocks, 0)


def _q4_k(blocks: torch.Tensor) -> torch.Tensor:
    """256 values: float16 scale and least of the block, 8 pairs of 6-bit scales and leasts, 128 bytes.

    Each 32 bytes hold two groups of 32 values: the low halves, then the high ones.
    """
    scales, least = _six_bits(blocks[:, 4:16])
    packed = blocks[:, 16:].reshape(-1, 4, 32)
    values = torch.stack((packed & 15, packed >> 4), dim=2).view(-1, 8, 32).float()
    scale = (_half(blocks, 0) * scales)[:, :, None]
    return scale * values - (_half(blocks, 2) * least)[:, :, None]


def _six_bits(packed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """float32 [n, 8] scales and leasts of 12 bytes: four of each plain, the rest split over high bits."""
    low, middle, high = packed.view(-1, 3, 4).unbind(1)
    scales = torch.cat((low & 63, (high & 15) | (low >> 6 << 4)), dim=1)
    least = torch.cat((middle & 63, (high >> 4) | (middle >> 6 << 4)), dim=1)
    return scales.float(), least.float()


def _q6_k(blocks: torch.Tensor) -> torch.Tensor:
    """256 values, from -32: 128 bytes of low halves, 64 of two high bits each, 16 int8 scales, a float16 scale."""
    low = blocks[:, :128].reshape(-1, 2, 1, 64)
    low = torch.cat((low & 15, low >> 4), dim=2)  # [n, 2, 2, 64]
    high = blocks[:, 128:192].reshape(-1, 2, 1, 32)
    high = torch.cat([high >> shift & 3 for shift in (0, 2, 4, 6)], dim=2)  # [n, 2, 4, 32]
    values = low.reshape(-1, 16, 16) | high.reshape(-1, 16, 16) << 4
    scales = blocks[:, 192:208].contiguous().view(torch.int8).float() * _half(blocks, 208)
    return (values.float() - 32) * scales[:, :, None]


_BLOCKS: dict[int, tuple[int, Callable[[torch.Tensor], torch.Tensor]]] = {
    2: (18, _q4_0),
    8: (34, _q8_0),
    12: (144, _q4_k),
    14: (210, _q6_k),
}
"""Bytes of a block, and how it is read, by ggml's number of the type."""
