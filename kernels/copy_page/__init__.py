"""Copy whole pages inside a pool, for forks that take a partly filled page along.

read = pages                                     # all are read before any is written
for n in range(N):
    for h in range(KV):
        pages[h, dst[n]] = read[h, src[n]]
"""

from __future__ import annotations

from torch import Tensor

from .reference import copy_page as _reference


def copy_page(pages: Tensor, src: Tensor, dst: Tensor) -> None:
    """Copy pages in place.

    Args:
        pages: [KV, P, page_size, D], any dtype.
        src, dst: int64 [N], page numbers in [0, P), on the pages' device; those of `dst` are distinct.
    """
    _reference(pages, src, dst)
