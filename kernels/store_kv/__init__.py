"""Write the keys and values of new tokens into their pages.

    for t in range(T), for h in range(KV):
        page, offset = divmod(slots[t], page_size)
        k_pages[h, page, offset] = k[t, h]
        v_pages[h, page, offset] = v[t, h]

Every slot is a real one: there are no padding tokens. Slots differ from each other.
"""

from __future__ import annotations

from torch import Tensor

from ..dispatch import choose
from .reference import store_kv as _reference


def store_kv(k: Tensor, v: Tensor, k_pages: Tensor, v_pages: Tensor, slots: Tensor) -> None:
    """Store in place.

    Args:
        k, v: [T, KV, D].
        k_pages, v_pages: [KV, P, page_size, D], contiguous, the same dtype as k and v.
        slots: int64 [T], page * page_size + offset.
    """
    if choose("store_kv", k.device).path == "cpu":
        from .cpu import store_kv as _cpu  # numba is loaded only where it runs

        _cpu(k, v, k_pages, v_pages, slots)
    else:
        _reference(k, v, k_pages, v_pages, slots)
