"""Load a program into a store: each instruction makes one node."""

from __future__ import annotations

import numpy as np

from .arrays import array_node
from .compiled import BYTES, CODE, FLAGS, INT, TABLE, WORDS, entry, inner, plain
from .layout import (
    ARRAY_PLAN,
    EMPTY,
    K_ATOM,
    K_BYTES,
    K_MULTIPLE,
    K_REF,
    KIND,
    L_BOUNDS,
    L_CAP,
    L_COMMA,
    L_COUNTERS,
    L_FIRST,
    L_HIGH,
    L_LOW,
    L_OPTIONS,
    L_UNIQUE,
    N_POOL,
    NOTHING,
    NULLABLE,
    OBJECT_PLAN,
    P_CAP,
    P_CAPTURES,
    P_COMMA,
    P_HIGH,
    P_LOW,
    P_NAMED,
    P_ORDERED,
    P_OTHERS,
    P_REQUIRED,
    P_TRACKED,
    P_TRIE,
    P_VALUES,
    START,
    T_BELOW,
    T_BELOW_END,
    T_CHILDREN,
    T_EDGES,
    T_PROPERTY,
    TablesFull,
)
from .layout import A as A_
from .layout import D as D_
from .nodes import (
    burn,
    intern,
    intern_list,
    make_alt,
    make_atom,
    make_both,
    make_data,
    make_literal,
    make_not,
    make_repeat,
    make_seq,
    make_token,
)
from .objects import object_node
from .program import (
    OP_ALT,
    OP_ARRAY,
    OP_ATOM,
    OP_BOTH,
    OP_BYTES,
    OP_DEFINE,
    OP_LITERAL,
    OP_MULTIPLE,
    OP_NODE,
    OP_NOT,
    OP_OBJECT,
    OP_REF,
    OP_REPEAT,
    OP_SEQ,
    OP_TOKEN,
)
from .regular import is_live


@inner(INT, INT)
def _reserve(t, words):
    """Room in the pool for a plan."""
    start = t.meta[N_POOL]
    if start + words > t.pool.shape[0]:
        raise TablesFull
    burn(t, words)
    t.meta[N_POOL] = start + words
    return start


@plain(WORDS, CODE, INT, WORDS)
def _gather(code, at, made):
    count = code[at]
    items = np.empty(count, np.int32)
    for k in range(count):
        items[k] = made[code[at + 1 + k]]
    return items


@inner(INT, BYTES, WORDS, INT, INT)
def _literal(t, text, spellable, start, length):
    items = np.empty(length, np.int32)
    for k in range(length):
        byte = np.int64(text[start + k])
        if (spellable[byte >> 5] >> (byte & 31)) & 1 == 0:
            return NOTHING
        items[k] = byte
    where = t.nodes[make_data(t, items, length), A_]
    return make_literal(t, where, where + length)


@inner(INT, CODE, INT)
def _trie(t, code, at):
    places = code[at]
    where = np.empty(places, np.int64)
    total = 0
    scan = at + 1
    for k in range(places):
        where[k] = total
        total += T_EDGES + 2 * code[scan + 1] + code[scan + 2]
        scan += 3 + code[scan + 2] + 2 * code[scan + 1]
    start = _reserve(t, total)
    pool = t.pool
    scan = at + 1
    for k in range(places):
        place = start + where[k]
        edges = code[scan + 1]
        below = code[scan + 2]
        pool[place + T_PROPERTY] = code[scan]
        pool[place + T_CHILDREN] = edges
        listed = place + T_EDGES + 2 * edges
        pool[place + T_BELOW] = listed
        pool[place + T_BELOW_END] = listed + below
        for j in range(below):
            pool[listed + j] = code[scan + 3 + j]
        for j in range(edges):
            pool[place + T_EDGES + 2 * j] = code[scan + 3 + below + 2 * j]
            pool[place + T_EDGES + 2 * j + 1] = start + where[code[scan + 3 + below + 2 * j + 1]]
        scan += 3 + below + 2 * edges
    return start


@inner(INT, CODE, INT, WORDS)
def _object(t, code, at, made):
    count, ordered, low, high = code[at], code[at + 1], code[at + 2], code[at + 3]
    comma, colon, other_count = made[code[at + 4]], made[code[at + 5]], code[at + 6]
    at += 7
    words = (count + 31) // 32
    plan = _reserve(t, OBJECT_PLAN + words + count)
    pool = t.pool
    required = plan + OBJECT_PLAN
    values = required + words
    needed = 0
    possible = 0
    for k in range(words):
        pool[required + k] = 0
    opened = np.zeros(words, np.int32)
    for p in range(count):
        value = make_seq(t, colon, made[code[at + 2 * p]])
        pool[values + p] = value
        opened[p >> 5] |= np.int32(np.uint32(1) << np.uint32(p & 31))
        if value != NOTHING:
            possible += 1
        if code[at + 2 * p + 1]:
            if value == NOTHING:
                return NOTHING
            needed += 1
            pool[required + (p >> 5)] |= np.int32(np.uint32(1) << np.uint32(p & 31))
    at += 2 * count
    options = np.empty(other_count, np.int32)
    for k in range(other_count):
        options[k] = make_seq(t, made[code[at + 2 * k]], make_seq(t, colon, made[code[at + 2 * k + 1]]))
    at += 2 * other_count
    others = make_alt(t, options, other_count)
    if high >= 0 and needed > high:
        return NOTHING
    if high >= 0 and low > high:
        return NOTHING
    if others == NOTHING and possible < low:
        return NOTHING
    if low <= needed:
        low = 0  # what is required suffices
    if high >= 0 and others == NOTHING and possible <= high:
        high = -1
    pool[plan + P_NAMED] = count
    pool[plan + P_ORDERED] = ordered
    pool[plan + P_LOW] = low
    pool[plan + P_HIGH] = high
    pool[plan + P_COMMA] = comma
    pool[plan + P_OTHERS] = others
    pool[plan + P_REQUIRED] = required
    pool[plan + P_VALUES] = values
    pool[plan + P_CAP] = max(low, high)
    pool[plan + P_TRACKED] = 1 if low > 0 or high >= 0 else 0
    captures = low > 1 and others != NOTHING
    pool[plan + P_CAPTURES] = 1 if captures else 0
    pool[plan + P_TRIE] = _trie(t, code, at + 1) if count else 0
    state = make_data(t, opened, words)
    start = 0
    if captures:
        ledger = np.zeros(3, np.int32)
        start = make_data(t, ledger, 3)
    return object_node(t, plan, state, start, START)


@inner(INT, CODE, INT, WORDS)
def _array(t, code, at, made):
    first, low, high, comma = code[at], code[at + 1], code[at + 2], made[code[at + 3]]
    unique, counters = code[at + 4], code[at + 5]
    at += 6
    bounds_at = at
    at += 2 * counters
    total = 0
    scan = at
    for _ in range(first + 1):
        total += 2 * code[scan]
        scan += 1 + 2 * code[scan]
    plan = _reserve(t, ARRAY_PLAN + 2 * counters + 2 * (first + 1) + total)
    pool = t.pool
    bounds = plan + ARRAY_PLAN
    table = bounds + 2 * counters
    place = table + 2 * (first + 1)
    for k in range(2 * counters):
        pool[bounds + k] = code[bounds_at + k]
    for position in range(first + 1):
        count = code[at]
        pool[table + 2 * position] = place
        for k in range(count):
            value = made[code[at + 1 + 2 * k]]
            if value == NOTHING:
                continue
            if unique:
                # Of a unit, what it holds: a capture keeps its text itself.
                value = t.nodes[value, A_] if t.nodes[value, KIND] == K_ATOM else value
            pool[place] = value
            pool[place + 1] = code[at + 2 + 2 * k]
            place += 2
        pool[table + 2 * position + 1] = place
        if place == pool[table + 2 * position] and (high < 0 or position < high):
            high = position  # no item can stand here
        at += 1 + 2 * count
    if high >= 0 and low > high:
        return NOTHING
    pool[plan + L_FIRST] = first
    pool[plan + L_LOW] = low
    pool[plan + L_HIGH] = high
    pool[plan + L_COMMA] = comma
    pool[plan + L_COUNTERS] = counters
    pool[plan + L_BOUNDS] = bounds
    pool[plan + L_OPTIONS] = table
    pool[plan + L_CAP] = max(first, max(low, high))
    pool[plan + L_UNIQUE] = unique
    counts = 0
    if counters:
        zeros = np.zeros(counters, np.int32)
        counts = make_data(t, zeros, counters)
    return array_node(t, plan, 0, counts, START, 0)


@entry(INT, CODE, BYTES, WORDS, INT, FLAGS, FLAGS, TABLE, WORDS)
def load(t, code, text, spellable, first_rule, dead_rules, rule_nullable, symbols, made):
    """Make the nodes of a program.

    Args:
        code, text: the program's.
        spellable: int32 [8]; bytes that some token holds. What needs others matches nothing.
        first_rule: number of its first rule among the store's.
        dead_rules: bool [rules], those that match no text.
        rule_nullable: bool [rules].
        symbols: for each of its special tokens its symbol, or -1 where its name stands as text: then
            ``symbols[k, 1:3]`` say where in `text`.
        made: int32 [instructions], filled with nodes.

    Returns:
        The number of a rule that turned out to match no text, or -1.
    """
    at = 0
    n = 0
    while at < len(code):
        op = code[at]
        at += 1
        result = np.int64(NOTHING)
        if op == OP_BYTES:
            words = np.empty(8, np.int32)
            some = False
            for k in range(8):
                words[k] = code[at + k] & spellable[k]
                some = some or words[k] != 0
            result = intern_list(t, K_BYTES, words, 8) if some else np.int64(NOTHING)
            at += 8
        elif op == OP_LITERAL:
            result = _literal(t, text, spellable, code[at], code[at + 1])
            at += 2
        elif op == OP_SEQ:
            result = np.int64(EMPTY)
            for k in range(code[at], 0, -1):
                result = make_seq(t, made[code[at + k]], result)
            at += code[at] + 1
        elif op == OP_ALT:
            items = _gather(code, at, made)
            result = make_alt(t, items, len(items))
            at += code[at] + 1
        elif op == OP_REPEAT:
            result = make_repeat(t, made[code[at]], code[at + 1], code[at + 2])
            at += 3
        elif op == OP_BOTH:
            items = _gather(code, at, made)
            result = make_both(t, items, len(items))
            at += code[at] + 1
        elif op == OP_NOT:
            result = make_not(t, made[code[at]])
            at += 1
        elif op == OP_MULTIPLE:
            result = intern(t, K_MULTIPLE, code[at], 0, code[at + 1], 0, 0, 0)
            at += 2
        elif op == OP_ATOM:
            inner = made[code[at]]
            if inner != NOTHING and is_live(t, inner):
                result = make_atom(t, inner, EMPTY)
            at += 1
        elif op == OP_REF:
            rule = code[at]
            if not dead_rules[rule]:
                extra = NULLABLE if rule_nullable[rule] else 0
                result = intern(t, K_REF, first_rule + rule, 0, 0, 0, 0, extra)
            at += 1
        elif op == OP_DEFINE:
            rule = code[at]
            body = made[code[at + 1]]
            if not dead_rules[rule]:
                extra = NULLABLE if rule_nullable[rule] else 0
                reference = intern(t, K_REF, first_rule + rule, 0, 0, 0, 0, extra)
                t.nodes[reference, D_] = body
                if body == NOTHING:
                    return rule
            at += 2
        elif op == OP_TOKEN:
            k = code[at]
            if symbols[k, 0] >= 0:
                result = make_token(t, symbols[k, 0])
            else:
                result = _literal(t, text, spellable, symbols[k, 1], symbols[k, 2])
            at += 1
        elif op == OP_OBJECT:
            result = _object(t, code, at + 1, made)
            at += code[at] + 1
        elif op == OP_ARRAY:
            result = _array(t, code, at + 1, made)
            at += code[at] + 1
        elif op == OP_NODE:
            result = code[at]
            at += 1
        made[n] = result
        n += 1
    return -1
