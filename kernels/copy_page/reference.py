"""copy_page in plain torch."""

from __future__ import annotations

from torch import Tensor


def copy_page(pages: Tensor, src: int, dst: int) -> None:
    """As `weft.kernels.copy_page`."""
    pages.select(1, dst).copy_(pages.select(1, src))
