"""attention whose result for a token is the same bits whatever the batch and however its prompt was chunked.

Queries stand in tiles and keys in blocks at places fixed by their positions; every product has one shape; blocks are
taken in order of position with a running maximum and sum, so that a block a query does not see changes nothing: its
weights are exactly 0. In float32.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .parts import TILE, Tiles
from .plan import AttentionPlan


def attention(q: Tensor, k_pages: Tensor, v_pages: Tensor, plan: AttentionPlan, softcap: float = 0.0) -> Tensor:
    """As `weft.kernels.attention`."""
    out = torch.empty_like(q)
    for tiles in plan.tiles:
        _tiled(out, q, k_pages, v_pages, tiles, plan.scale, softcap)
    return out


def _tiled(
    out: Tensor, q: Tensor, k_pages: Tensor, v_pages: Tensor, tiles: Tiles, scale: float, softcap: float
) -> None:
    heads, width = q.shape[1:]
    kv = k_pages.shape[0]
    count, groups = len(tiles.positions), heads // kv
    # [N, TILE, KV, G, D] -> [N, KV, G, TILE, D]: tiles outermost, so that the active ones are a prefix
    query = (q.index_select(0, tiles.rows).float() * scale).view(count, TILE, kv, groups, width)
    query = query.permute(0, 2, 3, 1, 4).reshape(count, kv, groups * TILE, width)
    # Not -inf: a window may hide all of a query's first blocks, and -inf - -inf is NaN.
    top = query.new_full((count, kv, groups * TILE, 1), torch.finfo(torch.float32).min)
    mass = query.new_zeros(count, kv, groups * TILE, 1)
    total = query.new_zeros(count, kv, groups * TILE, width)
    for index, active in enumerate(tiles.active):
        keys, values = (_block(pages, tiles, index, active) for pages in (k_pages, v_pages))
        scores = torch.bmm(query[:active].flatten(0, 1), keys.transpose(1, 2)).view(active, kv, groups, TILE, -1)
        if softcap:
            scores = scores.div_(softcap).tanh_().mul_(softcap)
        hidden = _hidden(tiles, index, active)[:, None, None]
        scores = scores.masked_fill_(hidden, -torch.inf).view(active, kv, groups * TILE, -1)
        previous = top[:active].clone()
        torch.maximum(previous, scores.amax(-1, keepdim=True), out=top[:active])
        weights = torch.exp(scores.sub_(top[:active]))
        shrink = torch.exp(previous.sub_(top[:active]))
        mass[:active].mul_(shrink).add_(weights.sum(-1, keepdim=True))
        added = torch.bmm(weights.flatten(0, 1), values).view(active, kv, groups * TILE, width)
        total[:active].mul_(shrink).add_(added)
    result = total.div_(mass).view(count, kv, groups, TILE, width).permute(0, 3, 1, 2, 4)
    result = result.reshape(count * TILE, heads, width).index_select(0, tiles.real).to(q.dtype)
    out.index_copy_(0, tiles.sources, result)


def _hidden(tiles: Tiles, index: int, active: int) -> Tensor:
    """bool [active, TILE, block]: which keys of block `index` a query does not see."""
    key, query = _positions(tiles, index, active)[:, None], tiles.positions[:active, :, None]
    return key > query if tiles.window is None else (key > query) | (key <= query - tiles.window)


def _positions(tiles: Tiles, index: int, active: int) -> Tensor:
    """int64 [active, block]: the positions of block `index`."""
    start = index * tiles.block
    return tiles.firsts[:active, None] + torch.arange(start, start + tiles.block, device=tiles.firsts.device)


def _block(pages: Tensor, tiles: Tiles, index: int, active: int) -> Tensor:
    """Block `index` of the active tiles' keys or values: float32 [active * KV, block, D], zero past the ends."""
    per_block = tiles.block // tiles.page_size
    pages = pages.view(pages.shape[0], -1, tiles.page_size, pages.shape[3])
    wanted = tiles.pages[:active, index * per_block : (index + 1) * per_block].reshape(-1)
    rows = pages.index_select(1, wanted).view(pages.shape[0], active, tiles.block, pages.shape[3])
    stale = _positions(tiles, index, active) >= tiles.contexts[:active, None]
    return rows.masked_fill_(stale[:, :, None], 0.0).transpose(0, 1).flatten(0, 1).float()
