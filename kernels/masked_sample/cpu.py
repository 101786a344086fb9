"""masked_sample on a CPU: one compiled pass a row, on one core, without sorting the vocabulary.

The values that top-k and top-p cut at are found through a histogram of the tokens' count and mass over 1/32 nat wide
bins; only the members of the bin that holds the cut are sorted. Exponentials no draw or mass can depend on are skipped.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from ..simd import compiled, exp, float_of, inlined
from .noise import MULTIPLIERS, ROUNDS, WEYL
from .params import Sampled, SamplingTensors
from .reference import MASS_UNIT

_BINS = 1024
_BINS_PER_NAT = np.float32(32)
_NO_MASS = np.float32(-27.8)  # exp(-27.8) is under 2^-40: such a token has no mass
_MOST_NOISE = np.float32(22.9)  # no Gumbel noise of 32 bits is greater than -log(2^-33) = 22.87
_LARGEST = np.float32(np.finfo(np.float32).max)
_NONE = np.float32(-np.inf)
_BLOCK = 1024
_LEAST_KEY, _MAGNITUDE, _INFINITY = np.int32(-(2**31)), np.int32(0x7FFFFFFF), np.int32(0x7F800000)
_HALF, _THIRD, _QUARTER, _ONE = np.float32(1 / 2), np.float32(1 / 3), np.float32(1 / 4), np.float32(1)
_UNIT = np.float32(2.0**-32)
_MOST_UNIFORM = np.float32(1 - 2.0**-24)
_SLACK = np.float32(1.001)
_SERIES = np.float32(1 / 256)
_WORD, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)
_M0, _M1 = np.uint64(MULTIPLIERS[0]), np.uint64(MULTIPLIERS[1])
_W0, _W1 = np.uint64(WEYL[0]), np.uint64(WEYL[1])
_ZERO = np.uint64(0)

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Words = NDArray[np.uint64]


def masked_sample(logits: Tensor, mask_table: Tensor, mask_rows: Tensor, params: SamplingTensors) -> Sampled:
    """As `weft.kernels.masked_sample`."""
    batch, vocabulary = logits.shape
    rows = mask_rows.long()
    if batch and not -1 <= int(rows.min()) <= int(rows.max()) < len(mask_table):
        raise ValueError(f"mask rows {rows.tolist()} must lie in -1 ... {len(mask_table) - 1}")
    entries, starts = params.adjust, np.zeros(batch + 1, np.int64)
    tokens, scale, add = np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32)
    if entries is not None:
        starts = np.searchsorted(entries.rows.numpy(), np.arange(batch + 1))
        tokens, scale, add = entries.tokens.numpy(), entries.scale.numpy(), entries.add.numpy()
        if len(tokens) and not 0 <= tokens.min() <= tokens.max() < vocabulary:
            raise ValueError(f"adjusted tokens must lie in 0 ... {vocabulary - 1}")
    out = Sampled(
        torch.empty(batch, dtype=torch.int64),
        torch.empty(batch, dtype=torch.float32),
        torch.empty(batch, dtype=torch.int32),
    )
    raw = logits.float().contiguous().numpy()
    _sample_rows(
        raw,
        raw.view(np.int32),
        mask_table.contiguous().numpy(),
        rows.numpy(),
        (starts, tokens, scale, add),
        (
            params.temperature.numpy(),
            params.inverse_temperature().numpy(),
            params.top_k.numpy(),
            params.top_p.numpy(),
            params.log_min_p().numpy(),
        ),
        params.seeds.numpy().view(np.uint64),
        params.positions.numpy().view(np.uint64),
        out.tokens.numpy(),
        out.logprobs.numpy(),
        out.allowed.numpy(),
    )
    return out


_compiled = njit(cache=True, nogil=True, error_model="numpy")
"""Without leave to round otherwise than the reference: what is drawn may hang on it."""


@_compiled
def _sample_rows(logits, bits, table, rows, adjust, filters, seeds, positions, tokens, logprobs, allowed):
    starts, adjust_tokens, scale, add = adjust
    temperature, inverse_temperature, top_k, top_p, log_min_p = filters
    batch, vocabulary = logits.shape
    z = np.empty(vocabulary, np.float32)
    members = np.empty(vocabulary, np.float32)
    for row in range(batch):
        raw = logits[row]
        most, token, broken = _greatest(bits[row])
        free = rows[row] < 0
        allowed[row] = vocabulary if free else _apply_mask(raw, table[rows[row]], z)
        adjusted = starts[row] < starts[row + 1]
        best = raw[token]
        if free and (adjusted or temperature[row] > 0):
            for t in range(vocabulary):  # slices would take seconds more to compile
                z[t] = raw[t]
        for entry in range(starts[row], starts[row + 1]):
            token = adjust_tokens[entry]
            if rows[row] < 0 or (table[rows[row], token >> 5] >> (token & 31)) & 1:
                x = raw[token]
                x = (x / scale[entry] if x > 0 else x * scale[entry]) + add[entry]
                z[token] = min(x, _LARGEST)
        if adjusted or not free:
            _, token, _ = _greatest(z.view(np.int32))
            best = z[token]
        if best == _NONE:
            token = -1
        if broken:
            token = -2
        elif token >= 0 and temperature[row] > 0:
            for t in range(vocabulary):
                z[t] = (z[t] - best) * inverse_temperature[row]
            least = log_min_p[row]
            if top_k[row] > 0 or top_p[row] < 1:
                least = max(least, _threshold(z, top_k[row], top_p[row], members))
            token = _draw(z, least, seeds[row], positions[row])
        tokens[row] = token
        logprobs[row] = raw[token] - _log_sum_exp(raw, most) if token >= 0 else _NONE


@_compiled
def _greatest(bits):
    """The greatest of some float32, the first place it stands at, and whether there is a NaN or +inf.

    Floats compare as the integers of their bits do, once those of negative ones are turned round; integers are what a
    compiler compares many of at once. NaN may count as greater or less than all others.
    """
    count = len(bits)
    most, at, broken = _LEAST_KEY, 0, False
    for first in range(0, count, _BLOCK):
        greatest, bad = _LEAST_KEY, np.int32(0)
        for t in range(first, min(first + _BLOCK, count)):
            b = bits[t]
            greatest = max(greatest, _key(b))
            bad |= np.int32((b & _MAGNITUDE) > _INFINITY) | np.int32(b == _INFINITY)
        broken |= bad != 0
        if greatest > most:
            most, at = greatest, first
    for t in range(at, min(at + _BLOCK, count)):
        if _key(bits[t]) == most:
            return float_of(_key(most)), t, broken
    return _NONE, 0, broken


@inlined
def _key(b):
    """From bits to an integer of the same order, 0 for both zeros; and back."""
    return (b ^ ((b >> np.int32(31)) & _MAGNITUDE)) + np.int32(b == _LEAST_KEY)


@compiled
def _log_sum_exp(raw, most):
    """The log of the sum of exp(raw), of which `most` is the greatest, finite."""
    total = 0.0
    for first in range(0, len(raw), _BLOCK):
        part = np.float32(0)
        for t in range(first, min(first + _BLOCK, len(raw))):
            part += exp(raw[t] - most)
        total += part
    return most + np.float32(math.log(total))


@_compiled
def _apply_mask(raw, words, z):
    """Copy the allowed logits to z, -inf for the others; how many are allowed."""
    vocabulary = len(raw)
    count = 0
    for word in range(len(words)):
        bits = words[word]
        first = word * 32
        last = min(first + 32, vocabulary)
        if bits == 0:
            for t in range(first, last):
                z[t] = _NONE
        elif bits == -1:
            for t in range(first, last):
                z[t] = raw[t]
            count += last - first
        else:
            for t in range(first, last):
                open_bit = (bits >> np.int32(t - first)) & np.int32(1)
                z[t] = raw[t] if open_bit else _NONE
                count += open_bit
    return count


@_compiled
def _threshold(d, top_k, top_p, members):
    """The least value that top-k and then top-p keep; `members` is scratch as long as d."""
    least = _NONE
    if top_k > 0:
        counts = np.zeros(_BINS, np.int64)
        for x in d:
            if x > _NONE:
                counts[_bin(x)] += 1
        above = 0
        for at in range(_BINS):
            if above + counts[at] >= top_k:
                found = _members(d, at, least, members)
                least = found[len(found) - (top_k - above)]
                break
            above += counts[at]
    if top_p < 1:
        masses = np.zeros(_BINS, np.int64)
        for x in d:
            if x >= least and x > _NO_MASS:
                masses[_bin(x)] += _mass(x)
        target = np.float64(top_p) * np.float64(masses.sum())
        above = 0
        for at in range(_BINS):
            if np.float64(above + masses[at]) >= target:
                found = _members(d, at, least, members)
                return _cut_by_mass(found, above, target)
            above += masses[at]
    return least


@_compiled
def _cut_by_mass(ascending, above, target):
    """The least of `ascending` that has less than `target` of mass above it, `above` of which is in higher bins."""
    least = ascending[-1]
    run = above  # the mass above the current run of equal values
    for at in range(len(ascending) - 1, -1, -1):
        x = ascending[at]
        if x < least:
            run = above
            if np.float64(run) >= target:
                break
            least = x
        above += _mass(x)
    return least


@_compiled
def _bin(x):
    return min(int(min(-x * _BINS_PER_NAT, np.float32(_BINS))), _BINS - 1)


@_compiled
def _mass(x):
    return np.int64(np.float64(math.exp(x)) * MASS_UNIT)


@_compiled
def _members(d, at, least, members):
    """The values of one bin that are at least `least`, in ascending order."""
    count = 0
    for x in d:
        if x > _NONE and x >= least and _bin(x) == at:
            members[count] = x
            count += 1
    found = members[:count]
    found.sort()
    return found


@_compiled
def _draw(d, least, seed, position):
    """The token at least `least` of the greatest d + noise."""
    best, token = _NONE, -1
    noise = np.empty(4, np.uint64)
    for first in range(0, len(d), 4):
        ready = False
        for t in range(first, min(first + 4, len(d))):
            x = d[t]
            if x >= least and x > _NONE and x + _MOST_NOISE > best:
                if not ready:
                    _philox(np.uint64(first >> 2), position, seed, noise)
                    ready = True
                u = _uniform(noise[t - first])
                behind = best - x
                # -log(-log(1 - u)) < -log(u), and exp(b) > 1 + b + b^2 / 2 for b > 0: no logarithm for a sure loser
                if behind > 0 and u * (_ONE + behind + _HALF * behind * behind) > _SLACK:
                    continue
                x += _gumbel(u)
                if x > best:
                    best, token = x, t
    return token


@_compiled
def _philox(block, position, seed, out):
    c0, c1, c2, c3 = block, position & _WORD, position >> _SHIFT, _ZERO
    k0, k1 = seed & _WORD, seed >> _SHIFT
    for _ in range(ROUNDS):
        first, second = c0 * _M0, c2 * _M1
        c0, c1, c2, c3 = (
            (second >> _SHIFT) ^ c1 ^ k0,
            second & _WORD,
            (first >> _SHIFT) ^ c3 ^ k1,
            first & _WORD,
        )
        k0, k1 = (k0 + _W0) & _WORD, (k1 + _W1) & _WORD
    out[0], out[1], out[2], out[3] = c0, c1, c2, c3


@_compiled
def _uniform(bits):
    return min((np.float32(bits) + _HALF) * _UNIT, _MOST_UNIFORM)


@_compiled
def _gumbel(u):
    """As `noise.gumbel`, of one uniform number."""
    exponential = u * (_ONE + u * (_HALF + u * (_THIRD + u * _QUARTER))) if u < _SERIES else -math.log(_ONE - u)
    return -math.log(exponential)
