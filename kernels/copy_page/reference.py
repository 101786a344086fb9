"""copy_page in plain torch."""

from __future__ import annotations

from torch import Tensor


def copy_page(pages: Tensor, src: Tensor, dst: Tensor) -> None:
    """As `weft.kernels.copy_page`."""
    pages.index_copy_(1, dst, pages.index_select(1, src))
