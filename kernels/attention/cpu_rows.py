"""Attention of single query tokens over paged keys and values, compiled for a CPU.

The query heads that share a key head are taken together, so that each key and value is read, and widened to float32,
once for all of them. Widths and group sizes are constants of the compiled code: registers hold the running sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from ..simd import (
    LANES,
    compiled,
    exp,
    load,
    load_floats,
    multiply_add,
    number,
    read,
    splat,
    store_float,
    store_floats,
    total,
    write,
)

_BLOCK = 4
"""Keys taken at once: sums stay in registers meanwhile."""
_NONE = np.float32(-np.inf)
_NAN = np.float32(np.nan)


def shape(groups: int, width: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What tells `attend` how many query heads share a key head and how wide they are: by lengths, which are types.

    `width` is a multiple of sixteen.
    """
    return (0,) * groups, (0,) * (width // LANES)


@compiled
def attend(kind, shape, q, q_stride, keys, values, out, kv_heads, num_pages, page_size, work, table, limits):
    """Attend.

    Args:
        kind: the dtype's, of `simd.KINDS`.
        shape: of `shape`: G query heads a key head, D wide.
        q: address of [T, KV * G, D], rows of `q_stride` elements.
        keys, values: addresses of [KV, P, page_size, D].
        out: address of [T, KV * G, D].
        work: int64 [N, 4]: a query's row in q, its sequence's row in `table`, the first key it sees, and the end.
        table: int64 [B, M], page numbers.
        limits: float32 scale, and cap on the scores (0 for none).
    """
    groups, width = len(shape[0]), len(shape[1]) * LANES
    scale, cap = limits
    most = 1
    for item in range(len(work)):
        most = max(most, work[item, 3] - work[item, 2])
    query = np.empty(groups * width, np.float32)
    sums = np.empty(groups * width, np.float32)
    scores = np.empty(groups * most, np.float32)
    query_at, sums_at, scores_at = query.ctypes.data, sums.ctypes.data, scores.ctypes.data
    for item in range(len(work)):
        row, sequence, first, end = work[item]
        for head in range(kv_heads):
            at = row * q_stride + head * groups * width
            for i in range(groups * width):
                query[i] = read(kind, q, at + i) * scale
                sums[i] = 0
            place = first
            while place < end:
                key, count = _run(place, end, head * num_pages, table[sequence], page_size, width * kind.itemsize)
                _score_run(kind, shape, query_at, keys + key, scores_at, most, place - first, count)
                place += count
            for group in range(groups):
                _softmax(scores[group * most : group * most + end - first], cap)
            place = first
            while place < end:
                value, count = _run(place, end, head * num_pages, table[sequence], page_size, width * kind.itemsize)
                _add_run(kind, shape, sums_at, values + value, scores_at, most, place - first, count)
                place += count
            at = (row * kv_heads + head) * groups * width
            for i in range(groups * width):
                write(kind, out, at + i, sums[i])


@compiled
def _run(place, end, first_page, table, page_size, size):
    """Where the key at `place` lies, in bytes of keys of `size`, and how many before `end` follow it in its page."""
    inside = place % page_size
    page = first_page + table[place // page_size]
    return (page * page_size + inside) * size, min(page_size - inside, end - place)


@compiled
def _score_run(kind, shape, query, keys, scores, most, place, count):
    """Scores of `count` keys that follow each other, to `place` of each query head's `most` scores."""
    size = len(shape[1]) * LANES * kind.itemsize
    whole = count - count % _BLOCK
    for i in range(0, whole, _BLOCK):
        _score_block(kind, shape, query, keys + i * size, scores, most, place + i)
    for i in range(whole, count):
        _score_key(kind, shape, query, keys + i * size, scores, most, place + i)


@compiled
def _add_run(kind, shape, sums, values, scores, most, place, count):
    """Add `count` values that follow each other, weighted, to each query head's sum."""
    size = len(shape[1]) * LANES * kind.itemsize
    whole = count - count % _BLOCK
    for i in range(0, whole, _BLOCK):
        _add_block(kind, shape, sums, values + i * size, scores, most, place + i)
    for i in range(whole, count):
        _add_key(kind, shape, sums, values + i * size, scores, most, place + i)


@compiled
def _softmax(scores, cap):
    """Scores to weights, in place; all NaN where one score is NaN or +inf."""
    if cap > 0:
        for i in range(len(scores)):
            scores[i] = cap * np.tanh(scores[i] / cap)
    best = _NONE
    for i in range(len(scores)):
        best = max(best, scores[i])
    mass = np.float32(0)
    broken = 0
    for i in range(len(scores)):
        behind = scores[i] - best
        broken += not behind <= 0
        weight = exp(behind)
        scores[i] = weight
        mass += weight
    share = _NAN if broken else np.float32(1) / mass
    for i in range(len(scores)):
        scores[i] *= share


def _sizes(shape: Any) -> tuple[int, int]:
    """G, and vectors a head."""
    return len(shape[0]), len(shape[1])


def _signature(kind: Any, shape: Any) -> Any:
    return types.void(kind, shape, *[types.int64] * 5)


def _scores(keys: int) -> Any:
    """Emits the scores of `keys` keys that follow each other, for each query head of a group."""

    def typed(_context: Any, kind: Any, shape: Any, query: Any, key: Any, scores: Any, row: Any, place: Any) -> Any:
        groups, vectors = _sizes(shape)

        def emit(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            _, _, query, key, scores, row, place = arguments
            for one in range(keys):
                parts = [load(builder, key, number((one * vectors + i) * LANES), kind) for i in range(vectors)]
                for group in range(groups):
                    dots = None
                    for i, part in enumerate(parts):
                        x = load_floats(builder, query, number((group * vectors + i) * LANES))
                        dots = builder.fmul(x, part) if dots is None else multiply_add(builder, x, part, dots)
                    at = builder.add(builder.mul(row, number(group)), builder.add(place, number(one)))
                    store_float(builder, scores, at, total(builder, dots))
            return context.get_dummy_value()

        return _signature(kind, shape), emit

    return typed


def _added(keys: int) -> Any:
    """Emits the weighted sum of `keys` values that follow each other, for each query head of a group."""

    def typed(_context: Any, kind: Any, shape: Any, sums: Any, value: Any, scores: Any, row: Any, place: Any) -> Any:
        groups, vectors = _sizes(shape)

        def emit(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            _, _, sums, value, scores, row, place = arguments
            for i in range(vectors):
                held = [load_floats(builder, sums, number((group * vectors + i) * LANES)) for group in range(groups)]
                for one in range(keys):
                    part = load(builder, value, number((one * vectors + i) * LANES), kind)
                    for group in range(groups):
                        at = builder.add(builder.mul(row, number(group)), builder.add(place, number(one)))
                        held[group] = multiply_add(builder, splat(builder, scores, at), part, held[group])
                for group in range(groups):
                    store_floats(builder, sums, number((group * vectors + i) * LANES), held[group])
            return context.get_dummy_value()

        return _signature(kind, shape), emit

    return typed


_score_key, _score_block = intrinsic(_scores(1)), intrinsic(_scores(_BLOCK))
_add_key, _add_block = intrinsic(_added(1)), intrinsic(_added(_BLOCK))
