"""store_kv in plain torch."""

from __future__ import annotations

from torch import Tensor


def store_kv(k: Tensor, v: Tensor, k_pages: Tensor, v_pages: Tensor, slots: Tensor) -> None:
    """As `weft.kernels.store_kv`."""
    for new, pages in ((k, k_pages), (v, v_pages)):
        heads, count, page_size, width = pages.shape
        pages.view(heads, count * page_size, width).index_copy_(1, slots, new.transpose(0, 1))
