"""masked_sample on CUDA: four launches, five with adjustments; no sort, no host decision that depends on the device.

    adjust      a lane per entry: the adjusted logit into a dense scratch, and its bit into a bitmap
    scan        a program per (row, tile): maxima, sums of exp, the greedy token, the allowed count
    threshold   a program per row: joins the tiles; finds what top-k and top-p cut at (`triton_threshold.py`)
    draw        a program per (row, tile): the greatest d + noise among what is kept
    finish      a program per row: joins the tiles; token and logprob

Every sum is taken in one order or in integers, and ties go to the lower id, so that a row's result depends on nothing
but the row. Greedy rows leave `threshold` and `draw` at once. Offsets are 64 bits wide.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..compile import Build
from .params import Sampled, SamplingTensors
from .triton_threshold import find_threshold, load_tile

TILE = 4096
_UNIT = tl.constexpr(2.0**-32)
_MOST_UNIFORM = tl.constexpr(1 - 2.0**-24)
_SERIES = tl.constexpr(1 / 256)
_LARGEST = tl.constexpr(torch.finfo(torch.float32).max)
_WORD = tl.constexpr(0xFFFFFFFF)


def masked_sample(
    logits: Tensor, mask_table: Tensor, mask_rows: Tensor, params: SamplingTensors, *, tile: int = TILE
) -> Sampled:
    """As `weft.kernels.masked_sample`. `tile` is tokens a program, a power of two from 16; no token depends on it."""
    batch, vocabulary = logits.shape
    device = logits.device
    if logits.stride(1) != 1:
        logits = logits.contiguous()
    mask_table, mask_rows = mask_table.contiguous(), mask_rows.contiguous()
    tiles, words = triton.cdiv(vocabulary, tile), mask_table.shape[1]

    def empty(count: int, dtype: torch.dtype) -> Tensor:
        return torch.empty(batch, count, dtype=dtype, device=device)

    out = Sampled(*(empty(1, dtype).squeeze(1) for dtype in (torch.int64, torch.float32, torch.int32)))
    if not batch:
        return out
    adjust = params.adjust
    changed = values = mask_table  # never read without entries
    if adjust is not None:
        changed = torch.zeros(batch, words, dtype=torch.int32, device=device)
        values = empty(vocabulary, torch.float32)
        entries = (adjust.rows, adjust.tokens, adjust.scale, adjust.add)
        count = len(adjust.rows)
        _launch(
            adjust_kernel,
            (triton.cdiv(count, 256),),
            logits,
            logits.stride(0),
            *entries,
            changed,
            values,
            count,
            vocabulary,
            words,
            BLOCK=256,
        )
    tile_floats = torch.empty(3, batch, tiles, dtype=torch.float32, device=device)
    tile_ints = torch.empty(3, batch, tiles, dtype=torch.int32, device=device)
    row_floats = torch.empty(3, batch, dtype=torch.float32, device=device)
    row_tokens = torch.empty(batch, dtype=torch.int32, device=device)
    source = (logits, logits.stride(0), mask_table, mask_rows, changed, values, vocabulary, words)
    inverse_temperature, log_min_p = params.inverse_temperature(), params.log_min_p()
    sizes = {"ADJUSTED": adjust is not None, "TILE": tile}
    _launch(scan_kernel, (tiles, batch), *source, tile_floats, tile_ints, tiles, **sizes)
    _launch(
        threshold_kernel,
        (batch,),
        *source,
        (params.temperature, inverse_temperature, params.top_k, params.top_p, log_min_p),
        tile_floats,
        tile_ints,
        row_floats,
        row_tokens,
        out.allowed,
        empty(vocabulary, torch.float32),
        tiles,
        **sizes,
        TILES=triton.next_power_of_2(tiles),
    )
    _launch(
        draw_kernel,
        (tiles, batch),
        *source,
        (params.temperature, inverse_temperature, params.seeds, params.positions),
        row_floats,
        row_tokens,
        tile_floats,
        tile_ints,
        tiles,
        **sizes,
    )
    _launch(
        finish_kernel,
        (batch,),
        logits,
        logits.stride(0),
        params.temperature,
        row_floats,
        row_tokens,
        tile_floats,
        tile_ints,
        out.tokens,
        out.logprobs,
        tiles,
        TILES=triton.next_power_of_2(tiles),
    )
    return out


def _launch(kernel: Any, grid: tuple[int, ...], *arguments: Any, **constants: Any) -> None:
    kernel[grid](*arguments, **constants, **_options(kernel))


def _options(kernel: Any) -> dict[str, Any]:
    # A fused multiply and add would round unlike the reference.
    return {"num_warps": _WARPS[kernel], "enable_fp_fusion": False}


@triton.jit
def adjust_kernel(
    logits, stride, rows, tokens, scale, add, changed, values, count, vocabulary, words, BLOCK: tl.constexpr
):
    """One lane an entry of `Adjust`: values[row, token] = the adjusted logit, and bit `token` of changed[row] set."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < count
    row = tl.load(rows + at, mask=inside, other=0)
    token = tl.load(tokens + at, mask=inside, other=0)
    scaled = tl.load(scale + at, mask=inside, other=1.0)
    x = tl.load(logits + row * stride + token, mask=inside, other=0.0).to(tl.float32)
    x = tl.where(x > 0, tl.div_rn(x, scaled), x * scaled) + tl.load(add + at, mask=inside, other=0.0)
    tl.store(values + row * vocabulary + token, tl.minimum(x, _LARGEST), mask=inside)
    bit = (tl.full([BLOCK], 1, tl.int32) << (token & 31).to(tl.int32)).to(tl.int32)
    tl.atomic_or(changed + row * words + (token >> 5), bit, mask=inside)


@triton.jit
def scan_kernel(
    logits, stride, table, mask_rows, changed, values, vocabulary, words,
    tile_floats, tile_ints, tiles,
    ADJUSTED: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Of one tile of one row.

    tile_floats[0 ... 2]: the greatest raw logit; the sum of exp(raw - it); the greatest z.
    tile_ints[0 ... 2]: the first token of the greatest z; how many are allowed; whether a raw logit is NaN or +inf.
    """
    part, row = tl.program_id(0), tl.program_id(1).to(tl.int64)
    raw, z, allowed = load_tile(
        logits, stride, table, mask_rows, changed, values, vocabulary, words, row, part * TILE, ADJUSTED, TILE
    )
    most = tl.max(raw, 0)
    total = tl.sum(tl.exp(raw - tl.maximum(most, -_LARGEST)), 0)
    best, where = tl.max(z, 0, return_indices=True)
    at = row * tiles + part
    plane = tl.num_programs(1).to(tl.int64) * tiles
    tl.store(tile_floats + at, most)
    tl.store(tile_floats + plane + at, total)
    tl.store(tile_floats + 2 * plane + at, best)
    tl.store(tile_ints + at, part * TILE + where)
    tl.store(tile_ints + plane + at, tl.sum(allowed.to(tl.int32), 0))
    sound = raw < float("inf")  # NaN compares false
    tl.store(tile_ints + 2 * plane + at, tl.sum(tl.where(sound, 0, 1), 0))


@triton.jit
def threshold_kernel(
    logits, stride, table, mask_rows, changed, values, vocabulary, words,
    filters, tile_floats, tile_ints, row_floats, row_tokens, row_allowed, scratch, tiles,
    ADJUSTED: tl.constexpr, TILE: tl.constexpr, TILES: tl.constexpr,
):  # fmt: skip
    """Of one row, from its tiles.

    row_floats[0 ... 2]: the log of the sum of exp(raw); the greatest z; the least d to keep.
    row_tokens: the greedy token; -1 where all are forbidden, -2 where the logits are broken.
    """
    temperature, inverse_temperature, top_k, top_p, log_min_p = filters
    row, rows = tl.program_id(0).to(tl.int64), tl.num_programs(0).to(tl.int64)
    at = tl.arange(0, TILES)
    inside, place, plane = at < tiles, row * tiles + at, rows * tiles
    tops = tl.load(tile_floats + place, mask=inside, other=-float("inf"))
    sums = tl.load(tile_floats + plane + place, mask=inside, other=0.0)
    most = tl.maximum(tl.max(tops, 0), -_LARGEST)
    total = tl.sum(sums * tl.exp(tops - most), 0)
    best, which = tl.max(
        tl.load(tile_floats + 2 * plane + place, mask=inside, other=-float("inf")), 0, return_indices=True
    )
    token = tl.load(tile_ints + row * tiles + which)
    allowed = tl.sum(tl.load(tile_ints + plane + place, mask=inside, other=0), 0)
    broken = tl.sum(tl.load(tile_ints + 2 * plane + place, mask=inside, other=0), 0) > 0
    token = tl.where(broken, -2, tl.where(best > -float("inf"), token, -1))
    least = tl.load(log_min_p + row)
    k, p = tl.load(top_k + row), tl.load(top_p + row)
    if (token >= 0) & (tl.load(temperature + row) > 0) & ((k > 0) | (p < 1)):
        found = find_threshold(
            logits, stride, table, mask_rows, changed, values, vocabulary, words,
            row, best, tl.load(inverse_temperature + row), k, p, scratch, ADJUSTED, TILE,
        )  # fmt: skip
        least = tl.maximum(least, found)
    tl.store(row_floats + row, most + tl.log(total))
    tl.store(row_floats + rows + row, best)
    tl.store(row_floats + 2 * rows + row, least)
    tl.store(row_tokens + row, token)
    tl.store(row_allowed + row, allowed)


@triton.jit
def draw_kernel(
    logits, stride, table, mask_rows, changed, values, vocabulary, words,
    keys, row_floats, row_tokens, tile_floats, tile_ints, tiles,
    ADJUSTED: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Of one tile of one row. tile_floats[0]: the greatest d + noise kept; tile_ints[0]: its first token."""
    temperature, inverse_temperature, seeds, positions = keys
    part, row, rows = tl.program_id(0), tl.program_id(1).to(tl.int64), tl.num_programs(1).to(tl.int64)
    if (tl.load(row_tokens + row) >= 0) & (tl.load(temperature + row) > 0):
        _, z, _ = load_tile(
            logits, stride, table, mask_rows, changed, values, vocabulary, words, row, part * TILE, ADJUSTED, TILE
        )
        best, least = tl.load(row_floats + rows + row), tl.load(row_floats + 2 * rows + row)
        d = (z - best) * tl.load(inverse_temperature + row)
        noise = gumbel_tile(tl.load(seeds + row), tl.load(positions + row), part, TILE)
        score = tl.where((d >= least) & (d > -float("inf")), d + noise, -float("inf"))
        top, where = tl.max(score, 0, return_indices=True)
        tl.store(tile_floats + row * tiles + part, top)
        tl.store(tile_ints + row * tiles + part, part * TILE + where)


@triton.jit
def bits_tile(seed, position, part, TILE: tl.constexpr):
    """uint32 [TILE]: the random bits of tokens part * TILE ... as `noise.bits` has them."""
    block = part * (TILE // 4) + tl.arange(0, TILE // 4)
    low = (position & _WORD).to(tl.uint32)
    high = ((position >> 32) & _WORD).to(tl.uint32)
    zero = tl.zeros([TILE // 4], tl.uint32)
    w0, w1, w2, w3 = tl.philox(seed, block.to(tl.uint32), zero + low, zero + high, zero)
    return tl.reshape(tl.join(tl.join(w0, w2), tl.join(w1, w3)), [TILE])


@triton.jit
def gumbel_tile(seed, position, part, TILE: tl.constexpr):
    """float32 [TILE]: the noise of tokens part * TILE ... as `noise.gumbel` has it."""
    u = tl.minimum((bits_tile(seed, position, part, TILE).to(tl.float32) + 0.5) * _UNIT, _MOST_UNIFORM)
    series = u * (1 + u * (1 / 2 + u * (1 / 3 + u * (1 / 4))))
    return -tl.log(tl.where(u < _SERIES, series, -tl.log(1 - u)))


@triton.jit
def finish_kernel(
    logits, stride, temperature, row_floats, row_tokens, tile_floats, tile_ints, tokens, logprobs, tiles,
    TILES: tl.constexpr,
):  # fmt: skip
    """Of one row: the drawn token, or the greedy one, and its logprob."""
    row = tl.program_id(0).to(tl.int64)
    token = tl.load(row_tokens + row)
    if (token >= 0) & (tl.load(temperature + row) > 0):
        at = tl.arange(0, TILES)
        scores = tl.load(tile_floats + row * tiles + at, mask=at < tiles, other=-float("inf"))
        _, which = tl.max(scores, 0, return_indices=True)
        token = tl.load(tile_ints + row * tiles + which)
    logit = tl.load(logits + row * stride + tl.maximum(token, 0)).to(tl.float32)
    logprob = tl.where(token >= 0, logit - tl.load(row_floats + row), -float("inf"))
    tl.store(tokens + row, token.to(tl.int64))
    tl.store(logprobs + row, logprob)


_TYPES = {
    "stride": "i64", "table": "*i32", "mask_rows": "*i64", "changed": "*i32", "values": "*fp32", "vocabulary": "i32",
    "words": "i32", "tile_floats": "*fp32", "tile_ints": "*i32", "tiles": "i32", "row_floats": "*fp32",
    "row_tokens": "*i32", "row_allowed": "*i32", "scratch": "*fp32", "temperature": "*fp32", "logprobs": "*fp32",
    "rows": "*i64", "tokens": "*i64", "scale": "*fp32", "add": "*fp32", "count": "i32",
    "filters": ("*fp32", "*fp32", "*i32", "*fp32", "*fp32"), "keys": ("*fp32", "*fp32", "*i64", "*i64"),
}  # fmt: skip


def builds() -> Iterator[Build]:
    """What `weft.kernels.compile` compiles: each kernel for each dtype of logits, with and without adjustments."""
    constants = {"TILE": TILE, "TILES": 64, "BLOCK": 256}
    for dtype in ("bf16", "fp16", "fp32"):
        for kernel in _WARPS:
            for adjusted in (False, True) if "ADJUSTED" in kernel.arg_names else (False,):
                values = {**constants, "ADJUSTED": adjusted}
                values = {name: value for name, value in values.items() if name in kernel.arg_names}
                types = {"logits": f"*{dtype}", **_TYPES, **dict.fromkeys(values, "constexpr")}
                yield Build(
                    kernel,
                    {name: types[name] for name in kernel.arg_names},
                    values,
                    _options(kernel),
                    f"{dtype}, adjusted" if adjusted else dtype,
                )


_WARPS = {adjust_kernel: 4, scan_kernel: 8, threshold_kernel: 16, draw_kernel: 8, finish_kernel: 1}
