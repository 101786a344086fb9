"""Counts that a short token cannot reach, written alike: so that one mask serves all places of a long text.

After "a letter, up to 60 more" and after "a letter, up to 59 more" the same short tokens may follow. What is asked of a
unit is therefore asked of its *clamped* form, in which a repeat's bounds beyond `CLAMP` are none; only the few tokens
that are longer are asked of the unit itself.
"""

from __future__ import annotations

from .compiled import BOOL, INT, entry, inner
from .layout import (
    CLAMP,
    COUNTED,
    FLAGS,
    GUARDED,
    K_ALT,
    K_BOTH,
    K_BYTES,
    K_LITERAL,
    K_NOT,
    K_REPEAT,
    K_SEQ,
    KIND,
    N_FRAMES,
    SPELLED_CHARACTER,
    STRING_CHARACTER,
)
from .layout import A as A_
from .layout import B as B_
from .layout import C as C_
from .nodes import burn, make_alt, make_both, make_not, make_repeat, make_seq
from .regular import enter, give, hold, take, take_many

_FAR = 1 << 40
_LONG = 1 << 20


@inner(INT, INT)
def _slack(t, n):
    """Bytes that suffice to complete `n`, unguarded, whatever beginning of it was read.

    Each part puts down two results: the fewest bytes it takes, and what suffices from within.
    """
    nodes = t.nodes
    bottom = t.meta[N_FRAMES]
    enter(t, n)
    while t.meta[N_FRAMES] > bottom:
        top = t.meta[N_FRAMES] - 3
        n = t.frames[top]
        stage = t.frames[top + 1]
        t.frames[top + 1] += 1
        kind = nodes[n, KIND]
        burn(t, 1)
        fewest = _FAR
        within = _FAR
        if kind == K_SEQ and stage < 2:
            enter(t, nodes[n, A_] if stage == 0 else nodes[n, B_])
            continue
        if kind == K_ALT and stage < nodes[n, B_]:
            enter(t, t.pool[nodes[n, A_] + stage])
            continue
        if kind == K_REPEAT and stage == 0:
            enter(t, nodes[n, A_])
            continue
        if kind == K_SEQ:
            right_within = take(t)
            right = take(t)
            within = max(take(t) + right, right_within)
            fewest = take(t) + right
        elif kind == K_ALT:
            within = 0
            for _ in range(nodes[n, B_]):
                within = max(within, take(t))
                fewest = min(fewest, take(t))
        elif kind == K_REPEAT:
            within = take(t)
            item = take(t)
            if item < _LONG and nodes[n, B_] < _LONG:
                within += item * max(nodes[n, B_] - 1, 0)
                fewest = item * nodes[n, B_]
            else:
                within = _FAR
        elif kind == K_LITERAL:
            fewest = nodes[n, B_] - nodes[n, A_]
            within = fewest
        elif kind == K_BYTES:
            fewest = 1
            within = 1
        elif n == 1:
            fewest = 0
            within = 0
        t.meta[N_FRAMES] -= 3
        hold(t, min(fewest, _FAR))
        hold(t, min(within, _FAR))
    within = take(t)
    take(t)
    return within


@inner(BOOL, INT)
def _may_clamp(t, e):
    """Whether the clamped form of `e` has the same short continuations, none of which leads into a dead end.

    Without intersections it always has. Of a length and one other thing it has where any beginning of the other can be
    completed within the length that is left after a short token.
    """
    nodes = t.nodes
    if (nodes[e, FLAGS] & GUARDED) == 0:
        return True
    if nodes[e, KIND] == K_SEQ:
        if nodes[nodes[e, B_], FLAGS] & GUARDED:
            return False
        e = nodes[e, A_]
    if nodes[e, KIND] != K_BOTH or nodes[e, B_] != 2:
        return False
    for k in range(2):
        length = t.pool[nodes[e, A_] + k]
        other = t.pool[nodes[e, A_] + 1 - k]
        if nodes[length, KIND] != K_REPEAT or (nodes[other, FLAGS] & GUARDED) != 0:
            continue
        item = nodes[length, A_]
        if item != t.meta[SPELLED_CHARACTER] and item != t.meta[STRING_CHARACTER]:
            continue
        high = nodes[length, C_]
        return nodes[length, B_] == 0 and (high < 0 or high >= CLAMP + _slack(t, other))
    return False


@entry(INT, INT)
def clamped(t, e):
    """The clamped form of a regular node; the node itself where there is none."""
    nodes = t.nodes
    if (nodes[e, FLAGS] & COUNTED) == 0 or not _may_clamp(t, e):
        return e
    bottom = t.meta[N_FRAMES]
    enter(t, e)
    while t.meta[N_FRAMES] > bottom:
        top = t.meta[N_FRAMES] - 3
        n = t.frames[top]
        stage = t.frames[top + 1]
        t.frames[top + 1] += 1
        kind = nodes[n, KIND]
        burn(t, 1)
        if (nodes[n, FLAGS] & COUNTED) == 0:
            give(t, n)
        elif kind == K_SEQ:
            if stage < 2:
                enter(t, nodes[n, A_] if stage == 0 else nodes[n, B_])
            else:
                right = take(t)
                give(t, make_seq(t, take(t), right))
        elif kind == K_ALT or kind == K_BOTH:
            count = nodes[n, B_]
            if stage < count:
                enter(t, t.pool[nodes[n, A_] + stage])
            elif kind == K_ALT:
                give(t, make_alt(t, take_many(t, count), count))
            else:
                give(t, make_both(t, take_many(t, count), count))
        elif kind == K_REPEAT:
            if stage == 0:
                enter(t, nodes[n, A_])
            else:
                high = nodes[n, C_] if nodes[n, C_] <= CLAMP else -1
                give(t, make_repeat(t, take(t), min(nodes[n, B_], CLAMP + 1), high))
        elif kind == K_NOT:
            if stage == 0:
                enter(t, nodes[n, A_])
            else:
                give(t, make_not(t, take(t)))
        else:
            give(t, n)
    return take(t)
