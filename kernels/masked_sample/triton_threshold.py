"""Where top-k and top-p cut, found on the GPU without sorting.

    1. Count the tokens in bins of d, 1/32 nat wide.
    2. From the counts alone, bound the mass above each bin, and so bracket the cuts by a few bins.
    3. Sum the exact mass above the bracket, and gather the tokens inside it.
    4. Bisect over the gathered tokens' float bits: the exact cut.

One program does this for a row. All masses are integers, so that no order of summing can change the cut.
"""

from __future__ import annotations

import triton
import triton.language as tl

_BINS = tl.constexpr(1024)
_BINS_PER_NAT = tl.constexpr(32.0)
_MASS_UNIT = tl.constexpr(2.0**40)
_SLACK = tl.constexpr(1e-3)  # for the rounding of float32 sums over the bins, which is a tenth of this
_INFINITY = tl.constexpr(0x7F800000)  # the bits of +inf


@triton.jit
def load_tile(
    logits, stride, table, mask_rows, changed, values, vocabulary, words, row, first, ADJUSTED: tl.constexpr,
    TILE: tl.constexpr,
):  # fmt: skip
    """Tokens first ... first + TILE - 1 of a row: raw and z (-inf past the vocabulary), and what the mask allows."""
    t = first + tl.arange(0, TILE)
    inside = t < vocabulary
    raw = tl.load(logits + row * stride + t, mask=inside, other=-float("inf")).to(tl.float32)
    mask_row = tl.load(mask_rows + row).to(tl.int64)
    masked = tl.where(mask_row >= 0, vocabulary, 0)  # tokens that have a mask
    word = tl.load(table + mask_row * words + (t >> 5), mask=t < masked, other=-1)
    allowed = inside & (((word >> (t & 31)) & 1) != 0)
    z = raw
    if ADJUSTED:
        word = tl.load(changed + row * words + (t >> 5), mask=inside, other=0)
        is_changed = ((word >> (t & 31)) & 1) != 0
        z = tl.where(is_changed, tl.load(values + row * vocabulary + t, mask=is_changed, other=0.0), raw)
    return raw, tl.where(allowed, z, -float("inf")), allowed


@triton.jit
def find_threshold(
    logits, stride, table, mask_rows, changed, values, vocabulary, words,
    row, best, inverse_temperature, top_k, top_p, scratch, ADJUSTED: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """The least d that top-k and then top-p keep; `scratch` holds a float32 for each token of each row."""
    counts = tl.zeros([_BINS], tl.int32)
    for first in range(0, vocabulary, TILE):
        _, z, _ = load_tile(
            logits, stride, table, mask_rows, changed, values, vocabulary, words, row, first, ADJUSTED, TILE
        )
        d = (z - best) * inverse_temperature
        counts += tl.histogram(_bin(d), _BINS, mask=d > -float("inf"))
    low, high, by_k = _bracket(counts, top_k, top_p)

    members = scratch + row * vocabulary
    held, above, above_mass, all_mass = 0, 0, tl.cast(0, tl.int64), tl.cast(0, tl.int64)
    for first in range(0, vocabulary, TILE):
        _, z, _ = load_tile(
            logits, stride, table, mask_rows, changed, values, vocabulary, words, row, first, ADJUSTED, TILE
        )
        d = (z - best) * inverse_temperature
        finite, bin, mass = d > -float("inf"), _bin(d), _mass(d)
        higher = finite & (bin < low)
        member = finite & (bin >= low) & (bin <= high)
        place = held + tl.cumsum(member.to(tl.int32), 0) - 1
        tl.store(members + place, d, mask=member)
        held += tl.sum(member.to(tl.int32), 0)
        above += tl.sum(higher.to(tl.int32), 0)
        above_mass += tl.sum(tl.where(higher, mass, 0), 0)
        all_mass += tl.sum(mass, 0)
    tl.debug_barrier()  # the members were written by other threads than will read them

    # Ascending bits of |d| are descending d.
    start = (low / _BINS_PER_NAT).to(tl.int32, bitcast=True)
    stop = tl.where(high == _BINS - 1, _INFINITY, ((high + 1) / _BINS_PER_NAT).to(tl.int32, bitcast=True) - 1)
    cut = tl.cast(_INFINITY, tl.int32)
    if by_k:
        cut = _last_key(
            members, held, start, stop, tl.cast(above, tl.int64), top_k.to(tl.float64), _INFINITY, False, TILE
        )
        all_mass = above_mass + _below(members, held, cut + 1, cut, True, TILE)
    if top_p < 1:
        target = top_p.to(tl.float64) * all_mass.to(tl.float64)
        by_p = _last_key(members, held, start, stop, above_mass, target, cut, True, TILE)
        cut = tl.minimum(cut, by_p)
    return -tl.cast(cut, tl.float32, bitcast=True)


@triton.jit
def _bin(d):
    """The bin of each d <= 0: its distance from 0 in bins, the last one taking all beyond."""
    return tl.minimum(tl.abs(d) * _BINS_PER_NAT, _BINS - 1).to(tl.int32)


@triton.jit
def _mass(d):
    return (tl.exp(d) * _MASS_UNIT).to(tl.int64)


@triton.jit
def _bracket(counts, top_k, top_p):
    """The first and last bin that either cut may lie in, and whether top-k cuts at all."""
    bin = tl.arange(0, _BINS)
    running = tl.cumsum(counts, 0)
    by_k = (top_k > 0) & (top_k < tl.sum(counts, 0))
    k_bin = tl.where(by_k, tl.sum((running < top_k).to(tl.int32), 0), _BINS - 1)
    low, high = k_bin, k_bin
    if top_p < 1:
        edge = bin.to(tl.float32) / _BINS_PER_NAT
        most = tl.where(bin <= k_bin, counts, 0)
        fewest = tl.where(by_k & (bin == k_bin), top_k - running + counts, most)
        fewest = tl.where(bin == _BINS - 1, 0, fewest)  # nothing bounds the last bin's tokens from below
        upper = tl.cumsum(most.to(tl.float32) * tl.exp(-edge), 0) * (1 + _SLACK)
        lower = tl.cumsum(fewest.to(tl.float32) * tl.exp(-edge - 1 / _BINS_PER_NAT), 0) * (1 - _SLACK)
        # A bin is kept whole if even with it the mass is too little, and cut whole if that above it is enough.
        kept = tl.sum((upper < top_p * tl.max(lower, 0)).to(tl.int32), 0)
        reached = tl.sum((lower < top_p * tl.max(upper, 0)).to(tl.int32), 0)
        high = tl.minimum(reached, k_bin)
        low = tl.minimum(kept, high)
        high = tl.where(by_k, k_bin, high)
    return low, high, by_k


@triton.jit
def _last_key(members, held, low, high, above, target, cut, MASS: tl.constexpr, TILE: tl.constexpr):
    """The greatest key of low ... high with less than `target` above it: `above`, and the members of lesser keys."""
    while low < high:
        middle = low + (high - low + 1) // 2
        if (above + _below(members, held, middle, cut, MASS, TILE)).to(tl.float64) < target:
            low = middle
        else:
            high = middle - 1
    return low


@triton.jit
def _below(members, held, key, cut, MASS: tl.constexpr, TILE: tl.constexpr):
    """The mass, or count, of the members of lesser keys than `key` and keys of at most `cut`; int64."""
    total = tl.cast(0, tl.int64)
    for first in range(0, held, TILE):
        at = first + tl.arange(0, TILE)
        d = tl.load(members + at, mask=at < held, other=-float("inf"))
        keys = tl.abs(d).to(tl.int32, bitcast=True)
        counted = (at < held) & (keys < key) & (keys <= cut)
        total += tl.sum(tl.where(counted, _mass(d) if MASS else 1, 0).to(tl.int64), 0)
    return total
