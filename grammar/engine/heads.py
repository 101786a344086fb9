"""Heads: the tokens that stay within a unit, whatever follows it, and where the others leave it.

Most of a vocabulary is left out of the walk where a unit goes in circles: what is made of the bytes it circles on is
known beforehand (`tokens.py`).
"""

from __future__ import annotations

import numpy as np

from .compiled import (
    BITS,
    BOOL,
    INT,
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
from .layout import (
    EMPTY,
    K_REPEAT,
    K_SEQ,
    KIND,
    NOTHING,
    ROW,
    STRING_CHARACTER,
)
from .layout import A as A_
from .layout import B as B_
from .layout import C as C_
from .nodes import burn, make_repeat, make_seq, nullable
from .regular import next_regular, row_of
from .walk import has_bit, set_bit

DIRECT, ATOM, KEY, CAPTURE = 0, 1, 2, 3
"""What a part of a mask is: walked as it is; a unit, by its head; an object's key; an item that must be new."""


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
