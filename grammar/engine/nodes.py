"""Interning: equal expressions become one node, in a simple normal form. Compiled; all state is in `Tables`."""

from __future__ import annotations

import numpy as np

from .compiled import BOOL, INT, NONE, U64, WORDS, entry, inner, plain
from .layout import (
    AFTER,
    CLAMP,
    COUNTED,
    DEAD,
    EMPTY,
    FIRST,
    FLAGS,
    FUEL,
    GUARDED,
    HAS_TOKEN,
    K_ALT,
    K_ARRAY,
    K_ATOM,
    K_BOTH,
    K_BYTES,
    K_CAPTURE,
    K_DATA,
    K_KEY,
    K_LITERAL,
    K_MULTIPLE,
    K_NOT,
    K_OBJECT,
    K_REF,
    K_REPEAT,
    K_SEQ,
    K_TOKEN,
    KIND,
    L_COMMA,
    N_NODES,
    N_POOL,
    NOTHING,
    NULLABLE,
    P_COMMA,
    QUOTE,
    REGULAR,
    ROW,
    OutOfFuel,
    TablesFull,
)
from .layout import A as A_
from .layout import B as B_

MARGIN = 64


@inner(NONE, INT)
def burn(t, amount):
    """Use up fuel."""
    t.meta[FUEL] -= amount
    if t.meta[FUEL] < 0:
        raise OutOfFuel


@entry(BOOL, INT)
def nullable(t, n):
    return (t.nodes[n, FLAGS] & NULLABLE) != 0


@inner(BOOL, INT, INT)
def may_begin(t, n, symbol):
    """Whether `symbol` (a byte, or 256 and more for a special token) can come first, as far as is plain to see."""
    if symbol >= 256:
        return (t.nodes[n, FLAGS] & HAS_TOKEN) != 0
    return ((t.nodes[n, FIRST + (symbol >> 5)] >> (symbol & 31)) & 1) != 0


@plain(U64, U64, INT)
def _mix(h, value):
    return (h ^ np.uint64(np.uint32(value))) * np.uint64(0x9E3779B97F4A7C15) ^ (h >> np.uint64(29))


@inner(NONE, INT, INT)
def _add_first(t, n, child):
    for k in range(8):
        t.nodes[n, FIRST + k] |= t.nodes[child, FIRST + k]


@inner(NONE, INT)
def _all_first(t, n):
    for k in range(8):
        t.nodes[n, FIRST + k] = -1


@inner(NONE, INT, INT)
def _describe(t, n, extra):
    """Flags and first bytes of a new node, from those of its parts; `extra` are flags only its maker knows."""
    nodes = t.nodes
    kind = nodes[n, KIND]
    a = nodes[n, A_]
    b = nodes[n, B_]
    flags = extra
    for k in range(8):
        nodes[n, FIRST + k] = 0
    if kind == K_BYTES:
        flags |= REGULAR
        for k in range(8):
            nodes[n, FIRST + k] = t.pool[a + k]
    elif kind == K_LITERAL:
        flags |= REGULAR
        byte = t.pool[a]
        nodes[n, FIRST + (byte >> 5)] = np.int32(np.uint32(1) << np.uint32(byte & 31))
    elif kind == K_SEQ or kind == K_ATOM:
        left = nodes[a, FLAGS]
        right = nodes[b, FLAGS]
        flags |= left & right & NULLABLE
        flags |= left & HAS_TOKEN
        if kind == K_SEQ:
            flags |= (left & right & REGULAR) | ((left | right) & (GUARDED | COUNTED))
        _add_first(t, n, a)
        if left & NULLABLE:
            _add_first(t, n, b)
            flags |= right & HAS_TOKEN
    elif kind == K_ALT:
        regular = REGULAR
        for k in range(b):
            child = t.pool[a + k]
            part = nodes[child, FLAGS]
            flags |= part & (NULLABLE | GUARDED | COUNTED | HAS_TOKEN)
            regular &= part
            _add_first(t, n, child)
        flags |= regular
    elif kind == K_REPEAT:
        part = nodes[a, FLAGS]
        flags |= part & (NULLABLE | REGULAR | GUARDED | COUNTED | HAS_TOKEN)
        if b > CLAMP + 1 or nodes[n, A_ + 2] > CLAMP:
            flags |= COUNTED
        if b == 0:
            flags |= NULLABLE
        _add_first(t, n, a)
    elif kind == K_BOTH:
        _all_first(t, n)
        every = NULLABLE
        for k in range(b):
            child = t.pool[a + k]
            every &= nodes[child, FLAGS]
            flags |= nodes[child, FLAGS] & COUNTED
            if nodes[child, KIND] != K_NOT:
                for j in range(8):
                    nodes[n, FIRST + j] &= nodes[child, FIRST + j]
        flags |= every | REGULAR | GUARDED
    elif kind == K_NOT:
        _all_first(t, n)
        flags |= REGULAR | GUARDED | (NULLABLE ^ (nodes[a, FLAGS] & NULLABLE))
    elif kind == K_MULTIPLE:
        flags |= REGULAR
        nodes[n, FIRST + 1] = np.int32(0x03FF4000)  # "." and the digits
        rest = np.int64(b)
        modulus = np.int64(a)
        for _ in range(nodes[n, A_ + 2]):
            rest = rest * 10 % modulus
        if rest == 0:
            flags |= NULLABLE
    elif kind == K_OBJECT:
        if nodes[n, A_ + 3] == AFTER:
            _add_first(t, n, t.pool[a + P_COMMA])
        else:
            nodes[n, FIRST + (QUOTE >> 5)] = np.int32(1 << (QUOTE & 31))
    elif kind == K_ARRAY and nodes[n, A_ + 3] == AFTER:
        _add_first(t, n, t.pool[a + L_COMMA])
    elif kind == K_CAPTURE:
        _add_first(t, n, a)
        if nodes[a, FLAGS] & NULLABLE:
            _all_first(t, n)
    elif kind == K_KEY or kind == K_REF or kind == K_ARRAY:
        _all_first(t, n)
        if kind != K_KEY:
            flags |= HAS_TOKEN  # perhaps: it may hold one behind a rule
    elif kind == K_TOKEN:
        flags |= HAS_TOKEN
    nodes[n, FLAGS] = flags
    nodes[n, ROW] = -1


@inner(INT, INT)
def _new(t, slot):
    n = t.meta[N_NODES]
    if n >= t.nodes.shape[0] or 2 * n >= t.slots.shape[0]:
        raise TablesFull
    burn(t, 4)
    t.meta[N_NODES] = n + 1
    t.slots[slot] = n
    return n


@inner(U64, INT)
def _hash_of(t, n):
    nodes = t.nodes
    kind = nodes[n, KIND]
    if kind == K_BYTES or kind == K_ALT or kind == K_BOTH or kind == K_DATA:
        h = _mix(np.uint64(23), kind)
        for k in range(nodes[n, B_]):
            h = _mix(h, t.pool[nodes[n, A_] + k])
        return h
    d = 0 if kind == K_REF else nodes[n, A_ + 3]
    h = _mix(_mix(_mix(np.uint64(17), kind), nodes[n, A_]), nodes[n, B_])
    return _mix(_mix(_mix(h, nodes[n, A_ + 2]), d), nodes[n, A_ + 4])


@entry(NONE)
def rehash(t):
    """Fill the empty index anew."""
    mask = np.uint64(t.slots.shape[0] - 1)
    for n in range(2, t.meta[N_NODES]):
        h = _hash_of(t, n)
        slot = (h ^ (h >> np.uint64(32))) & mask
        while t.slots[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        t.slots[slot] = n


@inner(INT, INT, INT, INT, INT, INT, INT, INT)
def intern(t, kind, a, b, c, d, e, extra):
    """The node of this kind and these operands; `extra` flags count where it is new."""
    h = _mix(_mix(_mix(_mix(_mix(_mix(np.uint64(17), kind), a), b), c), d), e)
    mask = np.uint64(t.slots.shape[0] - 1)
    slot = (h ^ (h >> np.uint64(32))) & mask
    nodes = t.nodes
    while True:
        n = t.slots[slot]
        if n == 0:
            break
        if (
            nodes[n, KIND] == kind
            and nodes[n, A_] == a
            and nodes[n, B_] == b
            and nodes[n, A_ + 2] == c
            and (nodes[n, A_ + 3] == d or kind == K_REF)
            and nodes[n, A_ + 4] == e
        ):
            return n
        slot = (slot + np.uint64(1)) & mask
    n = _new(t, slot)
    nodes[n, KIND] = kind
    nodes[n, A_] = a
    nodes[n, B_] = b
    nodes[n, A_ + 2] = c
    nodes[n, A_ + 3] = d
    nodes[n, A_ + 4] = e
    _describe(t, n, extra)
    return n


@inner(INT, INT, WORDS, INT)
def intern_list(t, kind, items, count):
    """The node of this kind over the first `count` of `items`."""
    h = _mix(np.uint64(23), kind)
    for k in range(count):
        h = _mix(h, items[k])
    mask = np.uint64(t.slots.shape[0] - 1)
    slot = (h ^ (h >> np.uint64(32))) & mask
    nodes = t.nodes
    while True:
        n = t.slots[slot]
        if n == 0:
            break
        if nodes[n, KIND] == kind and nodes[n, B_] == count:
            start = nodes[n, A_]
            k = 0
            while k < count and t.pool[start + k] == items[k]:
                k += 1
            if k == count:
                return n
        slot = (slot + np.uint64(1)) & mask
    start = t.meta[N_POOL]
    if start + count > t.pool.shape[0]:
        raise TablesFull
    burn(t, count)
    n = _new(t, slot)
    for k in range(count):
        t.pool[start + k] = items[k]
    t.meta[N_POOL] = start + count
    nodes[n, KIND] = kind
    nodes[n, A_] = start
    nodes[n, B_] = count
    nodes[n, A_ + 2] = 0
    nodes[n, A_ + 3] = 0
    nodes[n, A_ + 4] = 0
    _describe(t, n, 0)
    return n


@inner(INT, INT, INT)
def make_literal(t, start, end):
    if start >= end:
        return EMPTY
    return intern(t, K_LITERAL, start, end, 0, 0, 0, 0)


@inner(INT, INT, INT)
def make_seq(t, left, right):
    """`left`, then `right`; leaning to the right, so that what follows is a stack."""
    if left == NOTHING or right == NOTHING:
        return NOTHING
    if right == EMPTY:
        return left
    nodes = t.nodes
    depth = 0
    n = left
    while nodes[n, KIND] == K_SEQ or nodes[n, KIND] == K_ATOM:
        depth += 1
        n = nodes[n, B_]
    if depth == 0:
        return right if left == EMPTY else intern(t, K_SEQ, left, right, 0, 0, 0, 0)
    heads = np.empty(depth, np.int32)
    kept = left
    for k in range(depth):
        heads[k] = kept
        kept = nodes[kept, B_]
    result = right if kept == EMPTY else intern(t, K_SEQ, kept, right, 0, 0, 0, 0)
    for k in range(depth - 1, -1, -1):
        result = intern(t, nodes[heads[k], KIND], nodes[heads[k], A_], result, 0, 0, 0, 0)
    return result


@inner(INT, INT, INT)
def make_atom(t, inner, rest):
    """A unit, of which `inner` is left, and then `rest`."""
    if inner == NOTHING or rest == NOTHING:
        return NOTHING
    if inner == EMPTY:
        return rest
    return intern(t, K_ATOM, inner, rest, 0, 0, 0, 0)


@plain(INT, WORDS, INT)
def sort_distinct(items, count):
    """Sort the first `count` of `items` in place and drop doubles; how many stay."""
    gap = 1
    while gap < count:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, count):
            value = items[i]
            j = i
            while j >= gap and items[j - gap] > value:
                items[j] = items[j - gap]
                j -= gap
            items[j] = value
        gap //= 3
    kept = 0
    for i in range(count):
        if kept == 0 or items[i] != items[kept - 1]:
            items[kept] = items[i]
            kept += 1
    return kept


@inner(INT, WORDS, INT)
def make_alt(t, items, count):
    """Any one of the first `count` of `items`; `items` is overwritten."""
    nodes = t.nodes
    total = 0
    for k in range(count):
        total += nodes[items[k], B_] if nodes[items[k], KIND] == K_ALT else 1
    if total == count:
        flat = items
        kept = 0
        for k in range(count):
            if items[k] != NOTHING:
                flat[kept] = items[k]
                kept += 1
    else:
        flat = np.empty(total, np.int32)
        kept = 0
        for k in range(count):
            n = items[k]
            if nodes[n, KIND] == K_ALT:
                for j in range(nodes[n, B_]):
                    flat[kept] = t.pool[nodes[n, A_] + j]
                    kept += 1
            elif n != NOTHING:
                flat[kept] = n
                kept += 1
    kept = sort_distinct(flat, kept)
    if kept == 0:
        return NOTHING
    if kept == 1:
        return np.int64(flat[0])
    return intern_list(t, K_ALT, flat, kept)


@inner(INT, INT, INT)
def make_alt_of(t, left, right):
    if left == NOTHING or left == right:
        return right
    if right == NOTHING:
        return left
    items = np.empty(2, np.int32)
    items[0] = left
    items[1] = right
    return make_alt(t, items, 2)


@inner(INT, INT, INT, INT)
def make_repeat(t, item, low, high):
    """`item` from `low` to `high` (-1: any number) times."""
    if item == NOTHING:
        return EMPTY if low == 0 else NOTHING
    if item == EMPTY or high == 0:
        return EMPTY
    if low == 1 and high == 1:
        return item
    if nullable(t, item):
        low = 0
        if t.nodes[item, KIND] == K_REPEAT and t.nodes[item, A_ + 2] < 0:
            return item
    return intern(t, K_REPEAT, item, low, high, 0, 0, 0)


@inner(INT, INT)
def make_not(t, item):
    if t.nodes[item, KIND] == K_NOT:
        return np.int64(t.nodes[item, A_])
    return intern(t, K_NOT, item, 0, 0, 0, 0, 0)


@inner(INT, WORDS, INT)
def make_both(t, items, count):
    """What the first `count` of `items` all match; `items` is overwritten."""
    nodes = t.nodes
    total = 0
    for k in range(count):
        total += nodes[items[k], B_] if nodes[items[k], KIND] == K_BOTH else 1
    flat = np.empty(total, np.int32)
    kept = 0
    for k in range(count):
        n = items[k]
        if n == NOTHING:
            return NOTHING
        if nodes[n, KIND] == K_BOTH:
            for j in range(nodes[n, B_]):
                flat[kept] = t.pool[nodes[n, A_] + j]
                kept += 1
        elif not (nodes[n, KIND] == K_NOT and nodes[n, A_] == NOTHING):  # not nothing: anything
            flat[kept] = n
            kept += 1
    kept = sort_distinct(flat, kept)
    if kept == 0:
        return make_not(t, NOTHING)
    if kept == 1:
        return np.int64(flat[0])
    for k in range(kept):
        n = flat[k]
        if n == EMPTY:
            for j in range(kept):
                if not nullable(t, flat[j]):
                    return NOTHING
            return EMPTY
        if nodes[n, KIND] == K_NOT:
            for j in range(kept):
                if flat[j] == nodes[n, A_]:
                    return NOTHING
    n = intern_list(t, K_BOTH, flat, kept)
    if (nodes[n, FLAGS] & DEAD) != 0:
        return NOTHING
    if (nodes[n, FLAGS] & NULLABLE) == 0:
        for k in range(8):
            if nodes[n, FIRST + k] != 0:
                return n
        return NOTHING
    return n


@inner(INT, WORDS, INT)
def make_data(t, items, count):
    return intern_list(t, K_DATA, items, count)


@inner(INT, INT)
def make_token(t, symbol):
    return intern(t, K_TOKEN, symbol, 0, 0, 0, 0, 0)
