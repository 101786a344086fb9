"""The paged KV pool: the tensors behind the page numbers that the scheduler deals out."""

from __future__ import annotations

import torch

from ..kernels import copy_page


class KVCache:
    """Keys and values of every layer, by page.

    Attributes:
        keys, values: per layer, [kv_heads, num_pages, page_size, head_dim]: one head's page is contiguous. What
            no token was stored in holds anything: memory is taken as pages are first written.
    """

    def __init__(
        self,
        *,
        num_layers: int,
        num_kv_heads: int,
        head_dim: int,
        num_pages: int,
        page_size: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.num_pages = num_pages
        self.page_size = page_size
        shape = (num_kv_heads, num_pages, page_size, head_dim)
        self.keys = [torch.empty(shape, dtype=dtype, device=device) for _ in range(num_layers)]
        self.values = [torch.empty(shape, dtype=dtype, device=device) for _ in range(num_layers)]

    def copy(self, sources: torch.Tensor, targets: torch.Tensor) -> None:
        """Copy pages, int64 [N] of them, in every layer. All are read before any is written; `targets` are distinct."""
        for pages in (*self.keys, *self.values):
            copy_page(pages, sources, targets)
