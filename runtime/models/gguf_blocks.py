"""Numbers out of GGUF's blocks, by the definitions of ggml's `block_*` structures (ggml-common.h).

The types that most files are made of are unpacked here; the rest by the `gguf` package, some more slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

AT_ONCE = 1 << 20
"""Numbers, a multiple of every block's."""
DIRECT = {0: torch.float32, 1: torch.float16, 28: torch.float64, 30: torch.bfloat16}
"""Types that are no blocks, by ggml's number."""


def dequantize(data: memoryview, kind: int, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    """The tensor of `shape` that `data` holds, in `dtype`, computed in float32 a few blocks at a time.

    Raises NotImplementedError for a type that nobody here can read.
    """
    import gguf

    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind)]
    result = torch.empty(*shape, dtype=dtype)
    flat, step = result.view(-1), AT_ONCE // block
    for first in range(0, result.numel() // block, step):
        piece = torch.frombuffer(bytearray(data[first * size : (first + step) * size]), dtype=torch.uint8)
        flat[first * block : (first + step) * block] = _numbers(piece, kind, size)
    return result


def _numbers(raw: torch.Tensor, kind: int, size: int) -> torch.Tensor:
    """The numbers in whole blocks of `size` bytes."""
    if kind in DIRECT:
        return raw.view(DIRECT[kind])
    if kind in _BLOCKS:
        return _BLOCKS[kind](raw.view(-1, size)).view(-1)
    import gguf

    return torch.from_numpy(gguf.quants.dequantize(raw.numpy(), gguf.GGMLQuantizationType(kind))).view(-1)


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


_BLOCKS: dict[int, Callable[[torch.Tensor], torch.Tensor]] = {2: _q4_0, 8: _q8_0, 12: _q4_k, 14: _q6_k}
"""How blocks are read, by ggml's number of the type: uint8 [n, bytes of a block] to float32 of the block's size."""
