"""Objects as states: a plan, which members are open, and how many there were or what they were.

A plan, in the pool, says what an object may hold; a state adds what a run of it has used up. No order is ever written
out: an object of n members in any order is one plan, and only the states a text visits come to be.

A plan that captures keeps a ledger instead of a count, a list: the count, the keys seen (a list of texts, 0: none, -1:
they no longer matter), the text of the key being read.
"""

from __future__ import annotations

import numpy as np

from .compiled import BOOL, INT, WORDS, inner, plain
from .layout import (
    AFTER,
    EMPTY,
    K_KEY,
    K_OBJECT,
    MUST,
    NOTHING,
    NULLABLE,
    P_CAP,
    P_CAPTURES,
    P_HIGH,
    P_LOW,
    P_NAMED,
    P_ORDERED,
    P_OTHERS,
    P_REQUIRED,
    P_TRACKED,
    P_TRIE,
    P_VALUES,
    T_BELOW,
    T_BELOW_END,
    T_CHILDREN,
    T_EDGES,
    T_PROPERTY,
)
from .layout import A as A_
from .layout import B as B_
from .layout import C as C_
from .layout import D as D_
from .nodes import intern, make_data, make_seq
from .seen import is_seen, with_text


@inner(BOOL, INT, INT)
def _is_open(t, opened, p):
    return ((t.pool[t.nodes[opened, A_] + (p >> 5)] >> (p & 31)) & 1) != 0


@plain(INT, INT)
def _count_bits(word):
    bits = np.uint32(word)
    total = 0
    while bits:
        bits &= bits - np.uint32(1)
        total += 1
    return total


@inner(INT, INT, INT)
def _required_open(t, plan, opened):
    """How many required members are still open."""
    required = t.pool[plan + P_REQUIRED]
    total = 0
    for k in range(t.nodes[opened, B_]):
        total += _count_bits(t.pool[required + k] & t.pool[t.nodes[opened, A_] + k])
    return total


@inner(INT, INT, INT)
def _members(t, plan, count):
    """How many members there are, of what an object keeps of it."""
    return t.pool[t.nodes[count, A_]] if t.pool[plan + P_CAPTURES] else count


@inner(INT, INT, INT)
def _first_required(t, plan, opened):
    required = t.pool[plan + P_REQUIRED]
    for p in range(t.pool[plan + P_NAMED]):
        if _is_open(t, opened, p) and (t.pool[required + (p >> 5)] >> (p & 31)) & 1:
            return p
    return t.pool[plan + P_NAMED]


@inner(BOOL, INT, INT, INT, INT)
def _is_allowed(t, plan, opened, count, p):
    """Whether member `p` may come next, so that the object can still be completed."""
    if not _is_open(t, opened, p) or t.pool[t.pool[plan + P_VALUES] + p] == NOTHING:
        return False
    pool = t.pool
    if pool[plan + P_ORDERED] and p > _first_required(t, plan, opened):
        return False
    if pool[plan + P_TRACKED] == 0:
        return True
    members = _members(t, plan, count)
    high = pool[plan + P_HIGH]
    if high >= 0:
        needed = _required_open(t, plan, opened)
        is_required = (pool[pool[plan + P_REQUIRED] + (p >> 5)] >> (p & 31)) & 1
        if members + needed + (0 if is_required else 1) > high:
            return False
    if pool[plan + P_ORDERED] and pool[plan + P_OTHERS] == NOTHING:
        following = 1
        for q in range(p + 1, pool[plan + P_NAMED]):
            if _is_open(t, opened, q) and pool[pool[plan + P_VALUES] + q] != NOTHING:
                following += 1
        return members + following >= pool[plan + P_LOW]
    return True


@inner(BOOL, INT, INT, INT)
def _are_others_allowed(t, plan, opened, count):
    pool = t.pool
    if pool[plan + P_OTHERS] == NOTHING:
        return False
    needed = _required_open(t, plan, opened)
    if pool[plan + P_ORDERED] and needed > 0:
        return False
    high = pool[plan + P_HIGH]
    return high < 0 or _members(t, plan, count) + needed < high


@inner(INT, INT, INT, INT, INT)
def object_node(t, plan, opened, count, phase):
    """An object's members from here on. `phase` is START, AFTER (a member) or MUST (one comes)."""
    pool = t.pool
    more = _are_others_allowed(t, plan, opened, count)
    for p in range(pool[plan + P_NAMED]):
        if more:
            break
        more = _is_allowed(t, plan, opened, count, p)
    closes = phase != MUST and _required_open(t, plan, opened) == 0
    if closes and pool[plan + P_TRACKED]:
        closes = _members(t, plan, count) >= pool[plan + P_LOW]
    if not more:
        return EMPTY if closes else NOTHING
    return intern(t, K_OBJECT, plan, opened, count, phase, 0, NULLABLE if closes else 0)


@inner(INT, INT)
def after_key(t, n):
    """The object `n`, where a member must come: after its comma."""
    return object_node(t, t.nodes[n, A_], t.nodes[n, B_], t.nodes[n, C_], MUST)


@inner(INT, INT, INT, INT, INT, INT)
def _key(t, plan, opened, count, place, others):
    pool = t.pool
    if others == NOTHING:
        if place == 0:
            return NOTHING
        found = False
        for k in range(pool[place + T_BELOW], pool[place + T_BELOW_END]):
            if _is_allowed(t, plan, opened, count, pool[k]):
                found = True
                break
        if not found:
            return NOTHING
    return intern(t, K_KEY, plan, opened, count, place, others, 0)


@inner(INT, INT)
def key_start(t, n):
    """The object `n` after the quote that begins a key."""
    plan = t.nodes[n, A_]
    opened = t.nodes[n, B_]
    count = t.nodes[n, C_]
    others = t.pool[plan + P_OTHERS] if _are_others_allowed(t, plan, opened, count) else NOTHING
    return _key(t, plan, opened, count, t.pool[plan + P_TRIE], others)


@inner(INT, INT, INT, INT, INT)
def key_node(t, old, ledger, place, others):
    """The key `old`, one byte further. `ledger` is -1 where the plan keeps none."""
    count = t.nodes[old, C_] if ledger < 0 else ledger
    return _key(t, t.nodes[old, A_], t.nodes[old, B_], count, place, others)


@inner(INT, INT, INT)
def key_child(t, n, byte):
    """Where `byte` leads in the trie of names: a place, 0 where nowhere, or -2 - p where it ends the name of p."""
    place = t.nodes[n, D_]
    if place == 0:
        return 0
    pool = t.pool
    for k in range(pool[place + T_CHILDREN]):
        if pool[place + T_EDGES + 2 * k] == byte:
            child = pool[place + T_EDGES + 2 * k + 1]
            ends = pool[child + T_PROPERTY]
            return child if ends < 0 else -2 - ends
    return 0


@plain(INT, WORDS, INT)
def _escaped(items, end):
    """The number of an escape as ``\\u00e9`` that takes the six bytes before `end`; -1 where they are none."""
    if end < 6 or items[end - 6] != 0x5C or items[end - 5] != 0x75:
        return -1
    slashes = 0
    while slashes <= end - 6 and items[end - 6 - slashes] == 0x5C:
        slashes += 1
    if slashes % 2 == 0:  # the last of them is itself escaped
        return -1
    code = 0
    for k in range(end - 4, end):
        digit = np.int64(items[k])
        if 0x30 <= digit <= 0x39:
            code = code * 16 + digit - 0x30
        elif 0x61 <= digit <= 0x66:
            code = code * 16 + digit - 0x61 + 10
        else:
            return -1
    return code


@plain(INT, WORDS, INT)
def _unescape(items, length):
    """Write a character that `items` ends with as UTF-8 where it is escaped and need not be; the new length.

    A key is the same however it is spelled, so its text is kept in one spelling.
    """
    code = _escaped(items, length)
    if code < 0x80 or 0xD800 <= code <= 0xDBFF:
        return length
    end = length - 6
    if 0xDC00 <= code <= 0xDFFF:
        first = _escaped(items, end)
        if not 0xD800 <= first <= 0xDBFF:
            return length
        code = 0x10000 + ((first - 0xD800) << 10) + code - 0xDC00
        end -= 6
    count = 2 if code < 0x800 else 3 if code < 0x10000 else 4
    for k in range(count - 1, 0, -1):
        items[end + k] = 0x80 | (code & 0x3F)
        code >>= 6
    items[end] = code | (0xC0 if count == 2 else 0xE0 if count == 3 else 0xF0)
    return end + count


@inner(INT, INT, INT)
def ledger_of_capture(t, n, byte):
    """The ledger of the key `n` with one more byte in its text; -1 where the plan keeps none."""
    plan = t.nodes[n, A_]
    if t.pool[plan + P_CAPTURES] == 0:
        return -1
    old = t.nodes[n, C_]
    start = t.nodes[old, A_]
    if t.pool[start + 1] < 0:
        return old
    text = t.pool[start + 2]
    length = t.nodes[text, B_] if text else 0
    items = np.empty(length + 1, np.int32)
    for k in range(length):
        items[k] = t.pool[t.nodes[text, A_] + k]
    items[length] = byte
    ledger = np.empty(3, np.int32)
    ledger[0] = t.pool[start]
    ledger[1] = t.pool[start + 1]
    ledger[2] = make_data(t, items, _unescape(items, length + 1))
    return make_data(t, ledger, 3)


@inner(INT, INT, INT)
def _counted(t, plan, count):
    """The count, or ledger, after one more member; its text is among those seen."""
    pool = t.pool
    if pool[plan + P_TRACKED] == 0:
        return count
    if pool[plan + P_CAPTURES] == 0:
        return min(count + 1, pool[plan + P_CAP])
    start = t.nodes[count, A_]
    ledger = np.zeros(3, np.int32)
    ledger[0] = min(pool[start] + 1, pool[plan + P_CAP])
    if ledger[0] >= pool[plan + P_LOW] or pool[start + 1] < 0:
        ledger[1] = -1
    elif pool[start + 2] == 0:
        ledger[1] = pool[start + 1]
    else:
        ledger[1] = with_text(t, pool[start + 1], pool[start + 2])
    return make_data(t, ledger, 3)


@inner(INT, INT, INT)
def _without_text(t, plan, count):
    """The count, or ledger, of a key that turned out to be a name: names are told apart by what is open."""
    if t.pool[plan + P_CAPTURES] == 0:
        return count
    start = t.nodes[count, A_]
    ledger = np.zeros(3, np.int32)
    ledger[0] = t.pool[start]
    ledger[1] = t.pool[start + 1]
    return make_data(t, ledger, 3)


@inner(INT, INT, INT)
def property_done(t, n, p):
    """The name of member `p` was read: its value, and the rest of the object."""
    plan = t.nodes[n, A_]
    opened = t.nodes[n, B_]
    count = t.nodes[n, C_]
    if not _is_allowed(t, plan, opened, count, p):
        return NOTHING
    words = t.nodes[opened, B_]
    items = np.empty(words, np.int32)
    for k in range(words):
        items[k] = t.pool[t.nodes[opened, A_] + k]
    if t.pool[plan + P_ORDERED]:
        for q in range(p):
            items[q >> 5] &= ~np.int32(np.uint32(1) << np.uint32(q & 31))
    items[p >> 5] &= ~np.int32(np.uint32(1) << np.uint32(p & 31))
    rest = object_node(t, plan, make_data(t, items, words), _counted(t, plan, _without_text(t, plan, count)), AFTER)
    return make_seq(t, t.pool[t.pool[plan + P_VALUES] + p], rest)


@inner(INT, INT, INT)
def others_done(t, n, value):
    """A key that is no name was read, or will be: `value`, and the rest of the object."""
    plan = t.nodes[n, A_]
    opened = t.nodes[n, B_]
    count = t.nodes[n, C_]
    if value == NOTHING:
        return NOTHING
    if t.pool[plan + P_CAPTURES]:
        start = t.nodes[count, A_]
        if t.pool[start + 1] > 0 and is_seen(t, t.pool[start + 1], t.pool[start + 2]):
            return NOTHING
        if t.pool[start + 1] >= 0 and t.pool[start + 2] == 0:  # the empty key
            ledger = np.empty(3, np.int32)
            ledger[0] = t.pool[start]
            ledger[1] = t.pool[start + 1]
            ledger[2] = make_data(t, ledger, 0)
            if t.pool[start + 1] > 0 and is_seen(t, t.pool[start + 1], ledger[2]):
                return NOTHING
            count = make_data(t, ledger, 3)
    if t.pool[plan + P_ORDERED]:
        items = np.zeros(t.nodes[opened, B_], np.int32)
        opened = make_data(t, items, len(items))
    return make_seq(t, value, object_node(t, plan, opened, _counted(t, plan, count), AFTER))
