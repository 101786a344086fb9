"""KV pages as bytes, for the cache's tiers below the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch

CHUNK_BYTES = 64 << 20
"""Most bytes gathered at once, so that the device's memory for it is bounded."""


class KVPageMover:
    """Copies pages of paged tensors out and in, bit by bit; satisfies `radix_cache.PageMover`.

    A payload is, tensor by tensor, what a page has in it: its row of [n, ..., P, ...] with P taken out.

    Args:
        tensors: each [heads, P, page_size, dim], any dtype; sizes and dtypes may differ, P and the device are one.
    """

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._tensors = [tensor.view(torch.uint8) for tensor in tensors]
        self._lengths = [tensor[:, 0].numel() for tensor in self._tensors]
        self.page_bytes = sum(self._lengths)
        self._chunk = max(1, CHUNK_BYTES // self.page_bytes)
        self._device = self._tensors[0].device

    @torch.inference_mode()
    def read(self, pages: Sequence[int]) -> list[bytes]:
        """See `radix_cache.PageMover`. Waits for what is being computed on the device."""
        payloads: list[bytes] = []
        for start in range(0, len(pages), self._chunk):
            index = self._index(pages[start : start + self._chunk])
            parts = [tensor.index_select(1, index).transpose(0, 1) for tensor in self._tensors]
            rows = torch.cat([part.reshape(len(index), -1) for part in parts], dim=1)
            payloads += [row.tobytes() for row in rows.cpu().numpy()]
        return payloads

    @torch.inference_mode()
    def write(self, pages: Sequence[int], payloads: Sequence[bytes]) -> None:
        """See `radix_cache.PageMover`."""
        for start in range(0, len(pages), self._chunk):
            index = self._index(pages[start : start + self._chunk])
            joined = bytearray().join(payloads[start : start + self._chunk])
            rows = torch.frombuffer(joined, dtype=torch.uint8).view(len(index), self.page_bytes).to(self._device)
            for tensor, part in zip(self._tensors, torch.split(rows, self._lengths, dim=1), strict=True):
                heads, _, size, width = tensor.shape
                tensor.index_copy_(1, index, part.reshape(len(index), heads, size, width).transpose(0, 1))

    def _index(self, pages: Sequence[int]) -> torch.Tensor:
        return torch.tensor(pages, dtype=torch.int64, device=self._device)
