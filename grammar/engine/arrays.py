"""Arrays as states: a plan, the number of items so far, what they counted for, and the items if they must differ."""

from __future__ import annotations

import numpy as np

from .compiled import BOOL, INT, PAIR, WORDS, inner
from .layout import (
    AFTER,
    ALIVE,
    DEAD,
    EMPTY,
    FLAGS,
    K_ARRAY,
    K_CAPTURE,
    L_BOUNDS,
    L_CAP,
    L_COUNTERS,
    L_FIRST,
    L_HIGH,
    L_LOW,
    L_OPTIONS,
    L_UNIQUE,
    MUST,
    N_FRAMES,
    NOTHING,
    NULLABLE,
    OutOfFuel,
)
from .layout import A as A_
from .layout import B as B_
from .layout import C as C_
from .layout import E as E_
from .nodes import burn, intern, make_data
from .seen import is_seen, with_text


@inner(PAIR, INT, INT)
def _options(t, plan, index):
    """Where in the pool the ways an item may be lie: (value, counts) pairs from start to end."""
    entry = t.pool[plan + L_OPTIONS] + 2 * min(index, t.pool[plan + L_FIRST])
    return t.pool[entry], t.pool[entry + 1]


@inner(INT, INT, INT, INT)
def _add_counts(t, plan, counts, bits):
    """The counts after an item that counts for `bits`; -1 past a bound."""
    pool = t.pool
    counters = pool[plan + L_COUNTERS]
    if counters == 0:
        return 0
    items = np.empty(counters, np.int32)
    for k in range(counters):
        value = pool[t.nodes[counts, A_] + k]
        low = pool[pool[plan + L_BOUNDS] + 2 * k]
        high = pool[pool[plan + L_BOUNDS] + 2 * k + 1]
        if (bits >> k) & 1:
            value += 1
            if high >= 0 and value > high:
                return -1
            if high < 0:
                value = min(value, low)
        items[k] = value
    return make_data(t, items, counters)


@inner(BOOL, INT, INT, INT)
def _closes(t, plan, index, counts):
    pool = t.pool
    if index < pool[plan + L_LOW]:
        return False
    for k in range(pool[plan + L_COUNTERS]):
        if pool[t.nodes[counts, A_] + k] < pool[pool[plan + L_BOUNDS] + 2 * k]:
            return False
    return True


@inner(BOOL, INT, INT, INT)
def _can_finish(t, plan, index, counts):
    """Whether an array with this much of it read can be completed; found by search where there are counters.

    Counts and index only grow, so that there are no loops but from a place to itself.
    """
    pool = t.pool
    if pool[plan + L_COUNTERS] == 0 or _closes(t, plan, index, counts):
        return True
    nodes = t.nodes
    start = intern(t, K_ARRAY, plan, index, counts, MUST, -1, 0)  # a name to remember the answer by
    bottom = t.meta[N_FRAMES]
    t.frames[bottom] = start
    t.frames[bottom + 1] = 0
    t.meta[N_FRAMES] += 2
    while t.meta[N_FRAMES] > bottom:
        top = t.meta[N_FRAMES] - 2
        n = t.frames[top]
        index = nodes[n, B_]
        counts = nodes[n, C_]
        burn(t, 8)
        high = pool[plan + L_HIGH]
        first, end = _options(t, plan, index)
        k = first + 2 * t.frames[top + 1]
        if (nodes[n, FLAGS] & (ALIVE | DEAD)) != 0:
            t.meta[N_FRAMES] = top
        elif _closes(t, plan, index, counts):
            nodes[n, FLAGS] |= ALIVE
        elif k >= end or (high >= 0 and index >= high):
            nodes[n, FLAGS] |= DEAD
        else:
            added = _add_counts(t, plan, counts, pool[k + 1])
            following = -1
            if added >= 0:
                following = intern(t, K_ARRAY, plan, min(index + 1, pool[plan + L_CAP]), added, MUST, -1, 0)
            if following < 0 or following == n or (nodes[following, FLAGS] & DEAD) != 0:
                t.frames[top + 1] += 1
            elif (nodes[following, FLAGS] & ALIVE) != 0:
                nodes[n, FLAGS] |= ALIVE
            else:
                if top + 4 > len(t.frames):
                    raise OutOfFuel
                t.frames[top + 2] = following
                t.frames[top + 3] = 0
                t.meta[N_FRAMES] += 2
    return (nodes[start, FLAGS] & ALIVE) != 0


@inner(INT, INT, INT, INT, INT, INT)
def array_node(t, plan, index, counts, phase, seen):
    """An array's items from here on. `phase` is START, AFTER (an item) or MUST (one comes)."""
    pool = t.pool
    high = pool[plan + L_HIGH]
    more = False
    if high < 0 or index < high:
        start, end = _options(t, plan, index)
        for k in range(start, end, 2):
            added = _add_counts(t, plan, counts, pool[k + 1])
            if added >= 0 and _can_finish(t, plan, min(index + 1, pool[plan + L_CAP]), added):
                more = True
                break
    closes = phase != MUST and _closes(t, plan, index, counts)
    if not more:
        return EMPTY if closes else NOTHING
    return intern(t, K_ARRAY, plan, index, counts, phase, seen, NULLABLE if closes else 0)


@inner(INT, INT)
def array_must(t, n):
    """The array `n`, where an item must come: after its comma."""
    return array_node(t, t.nodes[n, A_], t.nodes[n, B_], t.nodes[n, C_], MUST, t.nodes[n, E_])


@inner(INT, INT, INT, INT)
def intern_capture(t, inner, text, array):
    """A capture. It is nullable where the item may end here, is new, and may be the array's last."""
    extra = 0
    if (t.nodes[inner, FLAGS] & NULLABLE) and not is_seen(t, t.nodes[array, E_], text):
        if _closes(t, t.nodes[array, A_], t.nodes[array, B_], t.nodes[array, C_]):
            extra = NULLABLE
    return intern(t, K_CAPTURE, inner, text, array, 0, 0, extra)


@inner(INT, INT, INT, INT, INT, INT, INT)
def _capture(t, inner, text, plan, index, counts, seen):
    """An item that must not be one of `seen`: what is left of it, its text so far, and the array it is in."""
    array = intern(t, K_ARRAY, plan, index, counts, AFTER, seen, 0)
    return intern_capture(t, inner, text, array)


@inner(WORDS, INT)
def array_items(t, n):
    """The ways the next item of the array `n` may be: pairs of an item and what follows it.

    Of an array whose items must differ, each pair is EMPTY and a capture, which is both.
    """
    plan = t.nodes[n, A_]
    index = t.nodes[n, B_]
    counts = t.nodes[n, C_]
    pool = t.pool
    start, end = _options(t, plan, index)
    pairs = np.empty(end - start, np.int32)
    kept = 0
    for k in range(start, end, 2):
        added = _add_counts(t, plan, counts, pool[k + 1])
        if added < 0:
            continue
        following = min(index + 1, pool[plan + L_CAP])
        if not _can_finish(t, plan, following, added):
            continue
        rest = array_node(t, plan, following, added, AFTER, t.nodes[n, E_])
        if rest == NOTHING:
            continue
        pairs[kept] = pool[k]
        if pool[plan + L_UNIQUE]:
            pairs[kept] = EMPTY
            rest = _capture(t, pool[k], make_data(t, pairs, 0), plan, following, added, t.nodes[n, E_])
        pairs[kept + 1] = rest
        kept += 2
    return pairs[:kept]


@inner(INT, INT, INT)
def item_done(t, text, array):
    """The array after an item of this text; `NOTHING` where there was such an item before."""
    seen = t.nodes[array, E_]
    if is_seen(t, seen, text):
        return NOTHING
    return array_node(t, t.nodes[array, A_], t.nodes[array, B_], t.nodes[array, C_], AFTER, with_text(t, seen, text))


@inner(INT, INT)
def capture_rest(t, n):
    """What follows the item of capture `n`, should it end here: `NOTHING` where it may not."""
    inner = t.nodes[n, A_]
    if (t.nodes[inner, FLAGS] & NULLABLE) == 0:
        return NOTHING
    return item_done(t, t.nodes[n, B_], t.nodes[n, C_])
