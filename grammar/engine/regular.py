"""Derivatives of regular expressions (Brzozowski 1964; lazily, as Owens, Reppy and Turon 2009), and their transitions.

A node's transitions are a row of 256, filled a class of bytes at a time. What matches nothing without showing it, an
intersection, is searched for anything that it matches before a transition leads there.
"""

from __future__ import annotations

import numpy as np

from .compiled import BOOL, INT, NONE, WORDS, inner, plain
from .layout import (
    ALIVE,
    DEAD,
    EMPTY,
    FLAGS,
    GUARDED,
    K_ALT,
    K_BOTH,
    K_BYTES,
    K_LITERAL,
    K_MULTIPLE,
    K_NOT,
    K_REPEAT,
    K_SEQ,
    KIND,
    MARKED,
    N_FRAMES,
    N_NODES,
    N_RESULTS,
    N_ROWS,
    NOTHING,
    NULLABLE,
    ROW,
    OutOfFuel,
)
from .layout import A as A_
from .layout import B as B_
from .layout import C as C_
from .layout import D as D_
from .nodes import (
    burn,
    intern,
    make_alt,
    make_both,
    make_literal,
    make_not,
    make_repeat,
    make_seq,
    may_begin,
    nullable,
)


@inner(INT, INT, INT)
def _derive_leaf(t, n, byte):
    """The derivative of a node without parts."""
    nodes = t.nodes
    kind = nodes[n, KIND]
    if kind == K_BYTES:
        return EMPTY
    if kind == K_LITERAL:
        return make_literal(t, nodes[n, A_] + 1, nodes[n, B_])
    if kind != K_MULTIPLE:
        return NOTHING
    if byte == 0x2E:
        if nodes[n, D_] != 0:
            return NOTHING
        return intern(t, K_MULTIPLE, nodes[n, A_], nodes[n, B_], nodes[n, C_], 1, 0, 0)
    digit = byte - 0x30
    places = nodes[n, C_]
    if nodes[n, D_] != 0:
        if places == 0:
            return n if digit == 0 else NOTHING
        places -= 1
    remainder = (nodes[n, B_] * np.int64(10) + digit) % nodes[n, A_]
    return intern(t, K_MULTIPLE, nodes[n, A_], remainder, places, nodes[n, D_], 0, 0)


@inner(NONE, INT)
def enter(t, n):
    """Put a node on the stack of derivatives under way: the node, its stage, how many results are options beside it."""
    at = t.meta[N_FRAMES]
    if at + 3 > len(t.frames):
        raise OutOfFuel
    t.frames[at] = n
    t.frames[at + 1] = 0
    t.frames[at + 2] = 0
    t.meta[N_FRAMES] = at + 3


@inner(WORDS, INT)
def take_many(t, count):
    """The derivatives put down last."""
    t.meta[N_RESULTS] -= count
    items = np.empty(count, np.int32)
    for k in range(count):
        items[k] = t.results[t.meta[N_RESULTS] + k]
    return items


@inner(NONE, INT)
def hold(t, value):
    """Put down a result."""
    if t.meta[N_RESULTS] + 1 > len(t.results):
        raise OutOfFuel
    t.results[t.meta[N_RESULTS]] = value
    t.meta[N_RESULTS] += 1


@inner(NONE, INT)
def give(t, value):
    """Put down the derivative of the node on top, which is done."""
    t.meta[N_FRAMES] -= 3
    waiting = t.frames[t.meta[N_FRAMES] + 2]
    if waiting == 0:
        hold(t, value)
    else:
        hold(t, value)
        hold(t, make_alt(t, take_many(t, waiting + 1), waiting + 1))


@inner(INT)
def take(t):
    """The derivative put down last."""
    t.meta[N_RESULTS] -= 1
    return t.results[t.meta[N_RESULTS]]


@inner(NONE, INT, INT)
def hand_over(t, value, following):
    """Of the node on top `value` is one option, and the derivative of `following` gives the others."""
    top = t.meta[N_FRAMES] - 3
    if value != NOTHING:
        hold(t, value)
        t.frames[top + 2] += 1
    t.frames[top] = following
    t.frames[top + 1] = 0


@inner(INT, INT, INT)
def derive_regular(t, n, byte):
    """The derivative of a regular node; it may match nothing without being `NOTHING` where the node is guarded."""
    if not may_begin(t, n, byte):
        return NOTHING
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
        if stage == 0 and not may_begin(t, n, byte):
            give(t, NOTHING)
        elif kind == K_SEQ:
            if stage == 0:
                enter(t, nodes[n, A_])
            else:
                follower = make_seq(t, take(t), nodes[n, B_])
                if nullable(t, nodes[n, A_]):
                    hand_over(t, follower, nodes[n, B_])
                else:
                    give(t, follower)
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
                rest = make_repeat(t, nodes[n, A_], max(nodes[n, B_] - 1, 0), max(nodes[n, C_] - 1, -1))
                give(t, make_seq(t, take(t), rest))
        elif kind == K_NOT:
            if stage == 0:
                enter(t, nodes[n, A_])
            else:
                give(t, make_not(t, take(t)))
        else:
            give(t, _derive_leaf(t, n, byte))
    return take(t)


@plain(INT, WORDS, INT, INT, WORDS, WORDS)
def _split(classes, count, word_at, pool, renamed):
    """Split byte classes by a set of bytes that lies in the pool; the new number of classes."""
    for k in range(count):
        renamed[k] = -1
    used = count
    for byte in range(256):
        if (pool[word_at + (byte >> 5)] >> (byte & 31)) & 1:
            old = classes[byte]
            if renamed[old] < 0:
                renamed[old] = used
                used += 1
            classes[byte] = renamed[old]
    return used


@plain(INT, WORDS, INT, INT)
def _single(classes, count, byte):
    """Give a byte a class of its own."""
    for other in range(256):
        if other != byte and classes[other] == classes[byte]:
            classes[byte] = count
            return count + 1
    return count


@plain(INT, WORDS, INT)
def _compact(classes, count):
    """Number the classes that are in use from 0."""
    names = np.full(count, -1, np.int32)
    used = 0
    for byte in range(256):
        if names[classes[byte]] < 0:
            names[classes[byte]] = used
            used += 1
        classes[byte] = names[classes[byte]]
    return used


@inner(INT, INT, WORDS)
def _classify(t, n, classes):
    """Number the classes of bytes that no set of bytes which can come first in `n` tells apart; how many there are."""
    nodes = t.nodes
    renamed = np.empty(1024, np.int32)
    count = 1
    bottom = t.meta[N_FRAMES]
    enter(t, n)
    while t.meta[N_FRAMES] > bottom:
        t.meta[N_FRAMES] -= 3
        n = t.frames[t.meta[N_FRAMES]]
        kind = nodes[n, KIND]
        burn(t, 1)
        if count > 700:
            count = _compact(classes, count)
        if kind == K_BYTES:
            count = _split(classes, count, nodes[n, A_], t.pool, renamed)
        elif kind == K_LITERAL:
            count = _single(classes, count, t.pool[nodes[n, A_]])
        elif kind == K_SEQ:
            enter(t, nodes[n, A_])
            if nullable(t, nodes[n, A_]):
                enter(t, nodes[n, B_])
        elif kind == K_ALT or kind == K_BOTH:
            for k in range(nodes[n, B_]):
                enter(t, t.pool[nodes[n, A_] + k])
        elif kind == K_REPEAT or kind == K_NOT:
            enter(t, nodes[n, A_])
        elif kind == K_MULTIPLE:
            for byte in range(0x30, 0x3A):
                count = _single(classes, count, byte)
            count = _single(classes, count, 0x2E)
    return _compact(classes, count)


@plain(WORDS, WORDS)
def _doubled(items):
    """Twice the room."""
    result = np.empty(2 * len(items), np.int32)
    for k in range(len(items)):
        result[k] = items[k]
    return result


@inner(BOOL, INT)
def _is_live(t, start):
    """Whether a regular node matches anything: searched, and remembered of every node seen on the way."""
    nodes = t.nodes
    if (nodes[start, FLAGS] & DEAD) != 0:
        return False
    found_nodes = np.empty(64, np.int32)  # in order of discovery, each with the place of the one before it
    parents = np.empty(64, np.int32)
    todo = np.empty(64, np.int32)
    found_nodes[0] = start
    parents[0] = -1
    todo[0] = 0
    nodes[start, FLAGS] |= MARKED
    seen = 1
    waiting = 1
    found = -1
    classes = np.empty(256, np.int32)
    done = np.empty(256, np.int32)
    while waiting > 0 and found < 0:
        waiting -= 1
        place = todo[waiting]
        n = found_nodes[place]
        if nullable(t, n):
            found = place
            break
        classes[:] = 0
        done[:] = 0
        _classify(t, n, classes)
        for byte in range(256):
            if done[classes[byte]]:
                continue
            done[classes[byte]] = 1
            follower = derive_regular(t, n, byte)
            flags = nodes[follower, FLAGS]
            if follower == NOTHING or (flags & DEAD) != 0:
                continue
            if (flags & GUARDED) == 0 or (flags & (ALIVE | NULLABLE)) != 0:
                found = place
                break
            if (flags & MARKED) != 0:
                continue
            nodes[follower, FLAGS] |= MARKED
            if seen == len(found_nodes):
                found_nodes = _doubled(found_nodes)
                parents = _doubled(parents)
                todo = _doubled(todo)
            found_nodes[seen] = follower
            parents[seen] = place
            todo[waiting] = seen
            seen += 1
            waiting += 1
            burn(t, 8)
    for k in range(seen):
        nodes[found_nodes[k], FLAGS] &= ~MARKED
        if found < 0:
            nodes[found_nodes[k], FLAGS] |= DEAD
    if found < 0:
        return False
    while found >= 0:
        nodes[found_nodes[found], FLAGS] |= ALIVE
        found = parents[found]
    return True


@inner(BOOL, INT)
def is_live(t, n):
    """Whether a regular node matches anything."""
    if n == NOTHING:
        return False
    flags = t.nodes[n, FLAGS]
    if (flags & GUARDED) == 0 or (flags & ALIVE) != 0:
        return True
    return _is_live(t, n)


@inner(INT, INT)
def row_of(t, n):
    """The row of transitions of a regular node, filled."""
    row = t.nodes[n, ROW]
    if row >= 0:
        return row
    classes = np.zeros(256, np.int32)
    count = _classify(t, n, classes)
    followers = np.empty(count, np.int32)
    for k in range(count):
        followers[k] = -1
    for byte in range(256):
        k = classes[byte]
        if followers[k] < 0:
            follower = derive_regular(t, n, byte)
            followers[k] = follower if is_live(t, follower) else NOTHING
    burn(t, 64)
    row = t.meta[N_ROWS]
    if row >= t.rows.shape[0]:  # full: all are forgotten, and derived again where they are needed
        for k in range(t.meta[N_NODES]):
            t.nodes[k, ROW] = -1
        row = 0
    t.meta[N_ROWS] = row + 1
    for byte in range(256):
        t.rows[row, byte] = followers[classes[byte]]
    t.nodes[n, ROW] = row
    return row


@inner(INT, INT, INT)
def next_regular(t, n, byte):
    """The transition of a regular node, from its row where it has one."""
    row = t.nodes[n, ROW]
    if row >= 0:
        return np.int64(t.rows[row, byte])
    follower = derive_regular(t, n, byte)
    return follower if is_live(t, follower) else NOTHING
