"""Masks by walking a vocabulary trie through an expression's transitions."""

from __future__ import annotations

import numpy as np

from .compiled import (
    BITS,
    BOOL,
    BYTES,
    INT,
    INTS,
    NONE,
    OCTETS,
    PAIR,
    PAIRS,
    SET,
    TRIE,
    TRIPLE,
    WORDS,
    entry,
    inner,
    plain,
)
from .containers import array_items, key_child, others_done, property_done
from .derive import next_regular, row_of, step
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
    ROW,
    STRING_CHARACTER,
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


@inner(BOOL, INT, INT, INT, INT)
def _returns_after_one(t, state, home, first, last):
    """Whether every continuation byte from `first` to `last` leads from `state` to `home`."""
    row = row_of(t, state)
    for byte in range(first, last + 1):
        if t.rows[row, byte] != home:
            return False
    return True


@inner(BOOL, INT, INT, INT, INT)
def _returns_after_two(t, state, home, first, last):
    """Whether all that two continuation bytes allow, the first from `first` to `last`, lead from `state` to `home`."""
    before = NOTHING
    for byte in range(first, last + 1):
        follower = t.rows[row_of(t, state), byte]
        if follower == NOTHING:
            return False
        if follower != before:
            if not _returns_after_one(t, follower, home, 0x80, 0xBF):
                return False
            before = follower
    return True


@inner(BOOL, INT, INT, INT)
def _returns(t, state, home, lead):
    """Whether every continuation of a UTF-8 character that begins with `lead` leads from `state` to `home`."""
    if lead < 0xE0:
        return _returns_after_one(t, state, home, 0x80, 0xBF)
    first = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80  # no overlong forms
    last = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF  # no surrogates, nothing past the last character
    if lead < 0xF0:
        return _returns_after_two(t, state, home, first, last)
    before = NOTHING
    for byte in range(first, last + 1):
        follower = t.rows[row_of(t, state), byte]
        if follower == NOTHING:
            return False
        if follower != before:
            if not _returns_after_two(t, follower, home, 0x80, 0xBF):
                return False
            before = follower
    return True


@entry(INT, INT, SET)
def loop_bytes(t, e, loop):
    """Bytes of the characters that lead from `e` back to `e`, as a set: uint64 [4]; how many of them are ASCII.

    A well-formed text of these bytes only is a text of these characters only.
    """
    for word in range(4):
        loop[word] = 0
    ascii_count = 0
    for byte in range(0x80):
        if t.rows[row_of(t, e), byte] == e:
            loop[byte >> 6] |= np.uint64(1) << np.uint64(byte & 63)
            ascii_count += 1
    some = False
    known = np.int64(-1)
    known_levels = 0
    for byte in range(0xC2, 0xF5):
        follower = t.rows[row_of(t, e), byte]
        if follower == NOTHING:
            continue
        levels = 1 if byte < 0xE0 else 2 if byte < 0xF0 else 3
        if (follower == known and levels == known_levels) or _returns(t, follower, e, byte):
            if byte != 0xE0 and byte != 0xED and byte < 0xF0:  # those have fewer continuations than others
                known = follower
                known_levels = levels
            loop[byte >> 6] |= np.uint64(1) << np.uint64(byte & 63)
            some = True
    if some:
        loop[2] = ~np.uint64(0)
    return ascii_count


@entry(PAIR, TRIE, INT, SET, BOOL, BOOL, BITS, WORDS)
def head_walk(t, trie, e, loop, is_counted, is_sparse, bits, exits):
    """The tokens that stay within the unit `e`, and the nodes of the trie at which it may end.

    Args:
        loop: a set of bytes; well-formed tokens of these bytes only are left out, they are known.
        is_counted: `e` counts its characters: only what begins with `loop` bytes is left out, not what returns to `e`.
        is_sparse: the tokens are so few that no state is asked for more than one byte.
        bits: set for tokens that stay within.
        exits: int32, filled with nodes; grown by the caller where too small.

    Returns:
        (exits found, nodes visited); exits past the room are counted, not stored.
    """
    states = np.zeros(trie.deepest + 2, np.int64)
    clean = np.zeros(trie.deepest + 2, np.bool_)
    states[0] = e
    clean[0] = loop[0] != 0 or loop[1] != 0
    loops = -1 if is_counted or nullable(t, e) or not clean[0] else e
    found = 0
    visited = 0
    i = 1
    total = len(trie.byte)
    while i < total:
        level = trie.depth[i]
        byte = np.int64(trie.byte[i])
        visited += 1
        before = states[level - 1]
        row = t.nodes[before, ROW]
        if row < 0 and not is_sparse:
            row = row_of(t, before)
        follower = np.int64(t.rows[row, byte]) if row >= 0 else next_regular(t, before, byte)
        if follower == NOTHING:
            i = trie.skip[i]
            continue
        is_clean = clean[level - 1] and ((loop[byte >> 6] >> np.uint64(byte & 63)) & np.uint64(1)) != 0
        if is_clean or follower == loops:
            if (
                (trie.below[i, 0] & ~loop[0]) == 0
                and (trie.below[i, 1] & ~loop[1]) == 0
                and (trie.below[i, 2] & ~loop[2]) == 0
                and (trie.below[i, 3] & ~loop[3]) == 0
            ):
                if not is_clean:
                    for k in range(trie.start[i], trie.start[trie.skip[i]]):
                        set_bit(bits, trie.order[k])
                i = trie.skip[i]
                continue
        states[level] = follower
        clean[level] = is_clean
        for k in range(trie.start[i], trie.start[i + 1]):
            set_bit(bits, trie.order[k])
        if nullable(t, follower) and trie.skip[i] > i + 1:
            if found < len(exits):
                exits[found] = i
            found += 1
        i += 1
    burn(t, visited // 8 + 1)
    return found, visited


@plain(INT, TRIE, WORDS, INT, BITS, PAIRS)
def exit_tokens(trie, exits, count, bits, pairs):
    """Tokens that go on past an exit and are not in `bits`: pairs (place in `trie.order`, depth of the exit).

    Returns how many there are; those past the room in `pairs` are counted, not stored.
    """
    total = 0
    for k in range(count):
        node = exits[k]
        for place in range(trie.start[node + 1], trie.start[trie.skip[node]]):
            if not has_bit(bits, trie.order[place]):
                if total < len(pairs):
                    pairs[total, 0] = place
                    pairs[total, 1] = trie.depth[node]
                total += 1
    return total


@entry(TRIPLE, INT)
def counted_string(t, e):
    """Where `e` is "so many string characters, then ...": (low, high, rest); high is -2 where it is not."""
    nodes = t.nodes
    left = np.int64(e)
    rest = np.int64(EMPTY)
    if nodes[e, KIND] == K_SEQ:
        left = nodes[e, A_]
        rest = nodes[e, B_]
    if nodes[left, KIND] == K_REPEAT and nodes[left, A_] == t.meta[STRING_CHARACTER]:
        return nodes[left, B_], nodes[left, C_], rest
    return np.int64(0), np.int64(-2), np.int64(EMPTY)


@entry(INT, INT, INT, INT)
def recounted(t, low, high, rest):
    """`low` to `high` string characters, then `rest`."""
    return make_seq(t, make_repeat(t, t.meta[STRING_CHARACTER], low, high), rest)


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
            word = t.nodes[n, 8 + (byte >> 5)]
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
