"""Texts that must differ: lists of those that were there."""

from __future__ import annotations

import numpy as np

from .compiled import BOOL, INT, inner
from .layout import A as A_
from .layout import B as B_
from .nodes import make_data, sort_distinct


@inner(BOOL, INT, INT)
def is_seen(t, seen, text):
    """Whether `text` is in the list `seen` (0: an empty one)."""
    if seen <= 0:
        return False
    for k in range(t.nodes[seen, B_]):
        if t.pool[t.nodes[seen, A_] + k] == text:
            return True
    return False


@inner(INT, INT, INT)
def with_text(t, seen, text):
    """The list `seen` (0: an empty one) and `text`, sorted."""
    length = t.nodes[seen, B_] if seen > 0 else 0
    items = np.empty(length + 1, np.int32)
    for k in range(length):
        items[k] = t.pool[t.nodes[seen, A_] + k]
    items[length] = text
    length = sort_distinct(items, length + 1) - 1
    return make_data(t, items, length + 1)
