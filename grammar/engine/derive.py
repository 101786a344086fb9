"""`step`, the one transition function: what may follow a state once a byte, or a special token, was read.

Everything but regular expressions is derived when it is asked for, around the rows of the units (`K_ATOM`) inside it.
"""

from __future__ import annotations

import numpy as np

from .arrays import array_items, array_must, capture_rest, intern_capture, item_done
from .compiled import BOOL, INT, NONE, entry, inner
from .layout import (
    AFTER,
    EMPTY,
    FLAGS,
    K_ALT,
    K_ARRAY,
    K_ATOM,
    K_CAPTURE,
    K_KEY,
    K_OBJECT,
    K_REF,
    K_REPEAT,
    K_SEQ,
    K_TOKEN,
    KIND,
    L_COMMA,
    L_UNIQUE,
    N_FRAMES,
    NOTHING,
    P_COMMA,
    QUOTE,
    REGULAR,
)
from .layout import A as A_
from .layout import B as B_
from .layout import C as C_
from .layout import D as D_
from .layout import E as E_
from .nodes import (
    burn,
    make_alt,
    make_alt_of,
    make_atom,
    make_both,
    make_data,
    make_literal,
    make_not,
    make_repeat,
    make_seq,
    may_begin,
    nullable,
)
from .objects import after_key, key_child, key_node, key_start, ledger_of_capture, others_done, property_done
from .regular import enter, give, hand_over, hold, is_live, next_regular, take, take_many


@inner(INT, INT, INT)
def _step_others(t, others, byte):
    """The derivative of what other keys may be: alternatives of atoms, each a key and then its value."""
    nodes = t.nodes
    if others == NOTHING:
        return NOTHING
    if nodes[others, KIND] != K_ALT:
        return make_atom(t, next_regular(t, nodes[others, A_], byte), nodes[others, B_])
    count = nodes[others, B_]
    items = np.empty(count, np.int32)
    for k in range(count):
        option = t.pool[nodes[others, A_] + k]
        items[k] = make_atom(t, next_regular(t, nodes[option, A_], byte), nodes[option, B_])
    return make_alt(t, items, count)


@inner(BOOL, INT)
def _ends_key(t, others):
    """Whether a quote now ends a key, rather than being escaped."""
    nodes = t.nodes
    count = nodes[others, B_] if nodes[others, KIND] == K_ALT else 1
    for k in range(count):
        option = t.pool[nodes[others, A_] + k] if nodes[others, KIND] == K_ALT else others
        if next_regular(t, nodes[option, A_], QUOTE) == EMPTY:
            return True
    return False


@inner(INT, INT, INT)
def _step_key(t, n, byte):
    nodes = t.nodes
    place = key_child(t, n, byte)
    if place < 0:  # the name of a property, with its closing quote
        return property_done(t, n, -2 - place)
    ledger = ledger_of_capture(t, n, byte)
    others = NOTHING
    done = NOTHING
    old = nodes[n, E_]
    if old != NOTHING:
        if byte == QUOTE and _ends_key(t, old):
            done = others_done(t, n, _step_others(t, old, byte))
        else:
            others = _step_others(t, old, byte)
            if place == 0 and ledger < 0:  # no name begins so: the rest needs no key to watch over it
                return make_seq(t, others, others_done(t, n, EMPTY))
    if done != NOTHING:
        return done
    return key_node(t, n, ledger, place, others)


@inner(INT, INT, INT)
def _step_capture(t, n, byte):
    """What may follow inside an item whose text is being remembered."""
    nodes = t.nodes
    inner = next_regular(t, nodes[n, A_], byte)
    if inner == NOTHING:
        return NOTHING
    old = nodes[n, B_]
    length = nodes[old, B_]
    items = np.empty(length + 1, np.int32)
    for k in range(length):
        items[k] = t.pool[nodes[old, A_] + k]
    items[length] = byte
    text = make_data(t, items, length + 1)
    array = nodes[n, C_]
    seen = nodes[array, E_]
    # Of the items seen, those this one could still become: it must not be forced to.
    excluded = NOTHING
    if seen != 0:
        for k in range(nodes[seen, B_]):
            other = t.pool[nodes[seen, A_] + k]
            size = nodes[other, B_]
            if size <= length:
                continue
            start = nodes[other, A_]
            same = True
            for j in range(length + 1):
                if t.pool[start + j] != items[j]:
                    same = False
                    break
            if same:
                excluded = make_alt_of(t, excluded, make_literal(t, start + length + 1, start + size))
    if excluded != NOTHING:
        pair = np.empty(2, np.int32)
        pair[0] = inner
        pair[1] = make_not(t, excluded)
        if not is_live(t, make_both(t, pair, 2)):
            return NOTHING
    if inner == EMPTY:
        return item_done(t, text, array)
    return intern_capture(t, inner, text, array)


@inner(INT, INT)
def _another_item(t, n):
    """The array `n`, which must go on; `NOTHING` where its items must differ and all there could be were there."""
    nodes = t.nodes
    array = array_must(t, n)
    seen = nodes[n, E_]
    if array == NOTHING or t.pool[nodes[n, A_] + L_UNIQUE] == 0 or seen <= 0:
        return array
    texts = np.empty(nodes[seen, B_], np.int32)
    for k in range(len(texts)):
        text = t.pool[nodes[seen, A_] + k]
        texts[k] = make_literal(t, nodes[text, A_], nodes[text, A_] + nodes[text, B_])
    others = make_not(t, make_alt(t, texts, len(texts)))
    pairs = array_items(t, array)
    for k in range(1, len(pairs), 2):
        item = np.empty(2, np.int32)
        item[0] = nodes[pairs[k], A_]
        item[1] = others
        if is_live(t, make_both(t, item, 2)):
            return array
    return NOTHING


@inner(NONE, INT, INT, INT)
def _step_items(t, n, stage, symbol):
    """One stage of the derivative of an array where an item comes: one way it may be after the other."""
    pairs = array_items(t, n)
    count = len(pairs) // 2
    if 0 < stage <= count and pairs[2 * stage - 2] != EMPTY:
        hold(t, make_seq(t, take(t), pairs[2 * stage - 1]))
    if stage == count:
        give(t, make_alt(t, take_many(t, count), count))
    elif pairs[2 * stage] == EMPTY:
        hold(t, _step_capture(t, pairs[2 * stage + 1], symbol) if symbol < 256 else NOTHING)
    else:
        enter(t, pairs[2 * stage])


@entry(INT, INT, INT)
def step(t, n, symbol):
    """What may follow `n` once `symbol` (a byte, or 256 and more for a special token) was read; `NOTHING` if none."""
    if not may_begin(t, n, symbol):
        return NOTHING
    nodes = t.nodes
    if nodes[n, KIND] == K_ATOM and symbol < 256 and not nullable(t, nodes[n, A_]):  # the common case, without a stack
        burn(t, 1)
        return make_atom(t, next_regular(t, nodes[n, A_], symbol), nodes[n, B_])
    bottom = t.meta[N_FRAMES]
    enter(t, n)
    while t.meta[N_FRAMES] > bottom:
        top = t.meta[N_FRAMES] - 3
        n = t.frames[top]
        stage = t.frames[top + 1]
        t.frames[top + 1] += 1
        kind = nodes[n, KIND]
        burn(t, 1)
        if stage == 0 and not may_begin(t, n, symbol):
            give(t, NOTHING)
        elif kind == K_ATOM:
            follower = NOTHING
            if symbol < 256:
                follower = make_atom(t, next_regular(t, nodes[n, A_], symbol), nodes[n, B_])
            if nullable(t, nodes[n, A_]):
                hand_over(t, follower, nodes[n, B_])
            else:
                give(t, follower)
        elif (nodes[n, FLAGS] & REGULAR) != 0:
            give(t, next_regular(t, n, symbol) if symbol < 256 else NOTHING)
        elif kind == K_SEQ:
            if stage == 0:
                enter(t, nodes[n, A_])
            else:
                follower = make_seq(t, take(t), nodes[n, B_])
                if nullable(t, nodes[n, A_]):
                    hand_over(t, follower, nodes[n, B_])
                else:
                    give(t, follower)
        elif kind == K_ALT:
            count = nodes[n, B_]
            if stage < count:
                enter(t, t.pool[nodes[n, A_] + stage])
            else:
                give(t, make_alt(t, take_many(t, count), count))
        elif kind == K_REPEAT:
            if stage == 0:
                enter(t, nodes[n, A_])
            else:
                rest = make_repeat(t, nodes[n, A_], max(nodes[n, B_] - 1, 0), max(nodes[n, C_] - 1, -1))
                give(t, make_seq(t, take(t), rest))
        elif kind == K_REF:
            if stage == 0:
                enter(t, nodes[n, D_])
            else:
                give(t, take(t))
        elif kind == K_TOKEN:
            give(t, EMPTY if nodes[n, A_] == symbol else NOTHING)
        elif (kind == K_OBJECT or kind == K_ARRAY) and nodes[n, D_] == AFTER:
            if stage == 0:
                enter(t, t.pool[nodes[n, A_] + (P_COMMA if kind == K_OBJECT else L_COMMA)])
            else:
                following = after_key(t, n) if kind == K_OBJECT else _another_item(t, n)
                give(t, make_seq(t, take(t), following))
        elif kind == K_ARRAY:
            _step_items(t, n, stage, symbol)
        elif kind == K_CAPTURE:
            follower = _step_capture(t, n, symbol) if symbol < 256 else NOTHING
            rest = capture_rest(t, n)
            if rest == NOTHING:
                give(t, follower)
            else:
                hand_over(t, follower, rest)
        elif symbol >= 256:
            give(t, NOTHING)
        elif kind == K_OBJECT:
            give(t, key_start(t, n) if symbol == QUOTE else NOTHING)
        elif kind == K_KEY:
            give(t, _step_key(t, n, symbol))
        else:
            give(t, NOTHING)
    return take(t)
