"""Copy whole pages inside a pool, for a fork that takes a partly filled page along.

for h in range(KV):
    pages[h, dst] = pages[h, src]
"""

from __future__ import annotations

from torch import Tensor

from .reference import copy_page as _reference


def copy_page(pages: Tensor, src: int, dst: int) -> None:
    """Copy one page in place.

    Args:
        pages: [KV, P, page_size, D], any dtype.
        src, dst: page numbers in [0, P).
    """
    _reference(pages, src, dst)
