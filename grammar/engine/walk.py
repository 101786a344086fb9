"""Masks by walking a vocabulary trie through an expression's transitions."""

from __future__ import annotations

import numpy as np

from .arrays import array_items
from .compiled import (
    BITS,
    BOOL,
    BYTES,
    INT,
    INTS,
    NONE,
    OCTETS,
    TRIE,
    entry,
    inner,
    plain,
)
from .derive import step
from .layout import (
    AFTER,
    EMPTY,
    FIRST,
    HAS_TOKEN,
    K_ALT,
    K_ARRAY,
    K_ATOM,
    K_CAPTURE,
    K_KEY,
    K_REF,
    K_REPEAT,
    K_SEQ,
    KIND,
    NOTHING,
    P_CAPTURES,
    REGULAR,
    T_CHILDREN,
    T_EDGES,
)
from .layout import FLAGS as FLAGS_
from .layout import A as A_
from .layout import B as B_
from .layout import C as C_
from .layout import D as D_
from .layout import E as E_
from .nodes import burn, make_atom, make_repeat, make_seq, nullable
from .objects import key_child, others_done, property_done
from .regular import row_of

DIRECT, ATOM, KEY, CAPTURE = 0, 1, 2, 3
"""What a part of a mask is: walked as it is; a unit, by its head; an object's key; an item that must be new."""


@plain(NONE, BITS, INT)
def set_bit(bits, token):
    bits[token >> 5] |= np.uint32(1) << np.uint32(token & 31)


@plain(BOOL, BITS, INT)
def has_bit(bits, token):
    return ((bits[token >> 5] >> np.uint32(token & 31)) & np.uint32(1)) != 0


@entry(INT, INT, BYTES)
def advance(t, n, content):
    """What may follow `n` once the bytes `content` were read."""
    for byte in content:
        if n == NOTHING:
            break
        n = step(t, n, np.int64(byte))
    return n


@plain(INTS, INTS, INT, INT)
def _append(items, count, value):
    if count == len(items):
        longer = np.empty(2 * count, np.int64)
        for k in range(count):
            longer[k] = items[k]
        items = longer
    items[count] = value
    return items


@entry(INTS, INT)
def parts(t, state):
    """Nodes whose masks together are the mask of `state`, each with what it is: pairs."""
    nodes = t.nodes
    waiting = np.empty(32, np.int64)
    waiting[0] = state
    count = 1
    seen = np.empty(32, np.int64)
    seen[0] = state
    seen_count = 1
    found = np.empty(32, np.int64)
    total = 0
    while count > 0:
        count -= 1
        n = waiting[count]
        burn(t, 4)
        kind = nodes[n, KIND]
        fresh = np.empty(0, np.int64)
        role = -1
        if n == EMPTY or n == NOTHING:
            continue
        if kind == K_ATOM:
            role = ATOM
            if nullable(t, nodes[n, A_]):
                fresh = np.empty(1, np.int64)
                fresh[0] = nodes[n, B_]
        elif (nodes[n, FLAGS_] & REGULAR) != 0:
            role = DIRECT
        else:
            left = np.int64(n)
            right = np.int64(EMPTY)
            if kind == K_SEQ:
                left = nodes[n, A_]
                right = nodes[n, B_]
            what = nodes[left, KIND]
            if what == K_ALT:
                fresh = np.empty(nodes[left, B_], np.int64)
                for k in range(nodes[left, B_]):
                    fresh[k] = make_seq(t, t.pool[nodes[left, A_] + k], right)
            elif what == K_REF:
                fresh = np.empty(1, np.int64)
                fresh[0] = make_seq(t, nodes[left, D_], right)
            elif what == K_REPEAT and (nodes[left, FLAGS_] & REGULAR) == 0:
                low = max(nodes[left, B_] - 1, 0)
                rest = make_repeat(t, nodes[left, A_], low, max(nodes[left, C_] - 1, -1))
                fresh = np.empty(2, np.int64)
                fresh[0] = make_seq(t, nodes[left, A_], make_seq(t, rest, right))
                fresh[1] = right if nullable(t, left) else NOTHING
            elif what == K_ARRAY and nodes[left, D_] != AFTER:
                pairs = array_items(t, left)
                fresh = np.empty(len(pairs) // 2 + 1, np.int64)
                for k in range(0, len(pairs), 2):
                    fresh[k // 2] = make_seq(t, make_seq(t, pairs[k], pairs[k + 1]), right)
                fresh[-1] = right if nullable(t, left) else NOTHING
            elif what == K_KEY and nodes[left, E_] != NOTHING:
                role = KEY
            elif what == K_CAPTURE:
                role = CAPTURE
            else:
                role = DIRECT
        for k in range(len(fresh)):
            known = False
            for j in range(seen_count):
                if seen[j] == fresh[k]:
                    known = True
                    break
            burn(t, seen_count // 8)
            if not known:
                seen = _append(seen, seen_count, fresh[k])
                seen_count += 1
                waiting = _append(waiting, count, fresh[k])
                count += 1
        if role >= 0:
            found = _append(found, total, n)
            found = _append(found, total + 1, role)
            total += 2
    return found[:total]


@inner(NONE, TRIE, INT, INT, BITS)
def walk_below(t, trie, top, state, bits):
    """Set the bits of the tokens beyond node `top` of `trie`, which is reached in `state`."""
    nodes = t.nodes
    base = trie.depth[top]
    inner = np.zeros(trie.deepest + 2, np.int64)  # by depth: what is left of the unit, 0 outside any
    after = np.zeros(trie.deepest + 2, np.int64)  # by depth: what follows the unit, or the whole state outside any
    if nodes[state, KIND] == K_ATOM:
        inner[base] = nodes[state, A_]
        after[base] = nodes[state, B_]
    else:
        after[base] = state
    i = top + 1
    end = trie.skip[top]
    while i < end:
        level = trie.depth[i]
        byte = np.int64(trie.byte[i])
        burn(t, 1)
        e = inner[level - 1]
        rest = after[level - 1]
        if e != 0 and not nullable(t, e):
            follower = t.rows[row_of(t, e), byte]
            if follower == NOTHING:
                i = trie.skip[i]
                continue
            if follower != EMPTY:
                inner[level] = follower
                after[level] = rest
                for k in range(trie.start[i], trie.start[i + 1]):
                    set_bit(bits, trie.order[k])
                i += 1
                continue
            follower = rest
        else:
            whole = make_atom(t, e, rest) if e != 0 else rest
            if (nodes[whole, FIRST + (byte >> 5)] >> (byte & 31)) & 1 == 0:
                i = trie.skip[i]
                continue
            follower = step(t, whole, byte)
            if follower == NOTHING:
                i = trie.skip[i]
                continue
        if nodes[follower, KIND] == K_ATOM:
            inner[level] = nodes[follower, A_]
            after[level] = nodes[follower, B_]
        else:
            inner[level] = 0
            after[level] = follower
        for k in range(trie.start[i], trie.start[i + 1]):
            set_bit(bits, trie.order[k])
        i += 1


@entry(NONE, TRIE, INT, BITS)
def walk(t, trie, state, bits):
    """Set the bit of every token of `trie` that can be read from `state`.

    Inside a unit only its own transitions are looked up; what follows it is kept beside them.
    """
    walk_below(t, trie, 0, state, bits)


@entry(INTS, INT)
def key_options(t, n):
    """The key `n` as if it were no name: for each way other keys may be, the key, its value and all that follows."""
    nodes = t.nodes
    left = np.int64(n)
    right = np.int64(EMPTY)
    if nodes[n, KIND] == K_SEQ:
        left = nodes[n, A_]
        right = nodes[n, B_]
    others = nodes[left, E_]
    rest = right
    if t.pool[nodes[left, A_] + P_CAPTURES] == 0:  # else what follows depends on the text: only the key itself is asked
        rest = make_seq(t, others_done(t, left, EMPTY), right)
    count = nodes[others, B_] if nodes[others, KIND] == K_ALT else 1
    result = np.empty(count, np.int64)
    for k in range(count):
        option = t.pool[nodes[others, A_] + k] if nodes[others, KIND] == K_ALT else others
        result[k] = make_seq(t, option, rest)
    return result


@entry(BOOL, INT)
def captures(t, n):
    """Whether the key `n` remembers its text."""
    left = t.nodes[n, A_] if t.nodes[n, KIND] == K_SEQ else n
    return t.pool[t.nodes[left, A_] + P_CAPTURES] != 0


@plain(INT, TRIE, INT, INT)
def child_of(trie, node, byte):
    """The node that `byte` leads to from `node`; 0 where there is none."""
    if node == 0:
        return trie.tops[byte]
    child = node + 1
    end = trie.skip[node]
    while child < end and trie.byte[child] < byte:
        child = trie.skip[child]
    return child if child < end and trie.byte[child] == byte else 0


@entry(NONE, TRIE, INT, BITS)
def correct_names(t, trie, n, bits):
    """Put right, in the mask of a key as if it were no name, the tokens that touch or reach a name."""
    nodes = t.nodes
    left = np.int64(n)
    right = np.int64(EMPTY)
    if nodes[n, KIND] == K_SEQ:
        left = nodes[n, A_]
        right = nodes[n, B_]
    if nodes[left, D_] == 0:
        return
    where = np.empty(256, np.int64)  # nodes of the trie still to be looked at, and the key there
    states = np.empty(256, np.int64)
    where[0] = 0
    states[0] = left
    count = 1
    while count > 0:
        count -= 1
        node = where[count]
        before = states[count]
        place = nodes[before, D_]
        burn(t, 1)
        for edge in range(t.pool[place + T_CHILDREN]):
            byte = np.int64(t.pool[place + T_EDGES + 2 * edge])
            child = child_of(trie, node, byte)
            if child == 0:
                continue
            following = key_child(t, before, byte)
            if following > 0:
                follower = step(t, before, byte)
                if follower == NOTHING or nodes[follower, KIND] != K_KEY:
                    continue
                for k in range(trie.start[child], trie.start[child + 1]):
                    set_bit(bits, trie.order[k])
                if trie.skip[child] > child + 1:
                    where = _append(where, count, child)
                    states = _append(states, count, follower)
                    count += 1
                continue
            for k in range(trie.start[child], trie.start[trie.skip[child]]):
                token = trie.order[k]
                bits[token >> 5] &= ~(np.uint32(1) << np.uint32(token & 31))
            follower = make_seq(t, property_done(t, before, -2 - following), right)
            if follower != NOTHING:
                for k in range(trie.start[child], trie.start[child + 1]):
                    set_bit(bits, trie.order[k])
                walk_below(t, trie, child, follower, bits)


@entry(INT, INT)
def capture_head(t, n):
    """What is left of the item of capture `n`."""
    left = t.nodes[n, A_] if t.nodes[n, KIND] == K_SEQ else n
    return np.int64(t.nodes[left, A_])


@entry(OCTETS, INT, INT, INT)
def forced_bytes(t, n, most, symbols):
    """The bytes that must come next, up to `most` of them; where one of the special tokens may come, none must."""
    result = np.empty(most, np.uint8)
    count = 0
    while count < most and not nullable(t, n):
        if (t.nodes[n, FLAGS_] & HAS_TOKEN) != 0:
            for symbol in range(256, 256 + symbols):
                if step(t, n, symbol) != NOTHING:
                    return result[:count]
        only = -1
        follower = np.int64(NOTHING)
        for byte in range(256):
            word = t.nodes[n, FIRST + (byte >> 5)]
            if (word >> (byte & 31)) & 1 == 0:
                continue
            reached = step(t, n, np.int64(byte))
            if reached != NOTHING:
                if only >= 0:
                    return result[:count]
                only = byte
                follower = np.int64(reached)
        if only < 0:
            break
        result[count] = only
        count += 1
        n = follower
    return result[:count]


@entry(BOOL, TRIE, BYTES, INT)
def goes_on(t, trie, content, state):
    """Whether some token begins with `content`, and the rest of it can be read from `state`."""
    node = np.int64(0)
    for byte in content:
        node = child_of(trie, node, np.int64(byte))
        if node == 0:
            return False
    words = 1
    for k in range(trie.start[node], trie.start[trie.skip[node]]):
        words = max(words, trie.order[k] // 32 + 1)
    bits = np.zeros(words, np.uint32)
    walk_below(t, trie, node, state, bits)
    for word in bits:
        if word != 0:
            return True
    return False
