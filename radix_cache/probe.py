"""How much of a prompt is cached, asked without changing anything: no edge is split, nothing counts as used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .tree import Node


class Probe(NamedTuple):
    """What a probe found, and where the next one for the same ids may go on.

    Attributes:
        node: the last node whose whole edge the ids go along.
        depth: tokens from the root to that node.
        length: tokens that are cached, in whole pages; past `depth` they stand on a part of the next edge.
    """

    node: Node
    depth: int
    length: int


def probe(root: Node, page_size: int, ids: Sequence[int], limit: int, salt: str, last: Probe | None) -> Probe:
    """The longest cached prefix of ``ids[:limit]``, from `last` on where that is still in the tree."""
    node, depth = root, 0
    if last is not None and (last.node is root or last.node.parent is not None):
        node, depth, _ = last
    while depth + page_size <= limit:
        block = tuple(ids[depth : depth + page_size])
        child = node.children.get((salt if node is root else "", block))
        if child is None:
            break
        end = _common_end(child.blocks, ids, depth, limit, page_size)
        if end < depth + len(child.blocks) * page_size:
            return Probe(node, depth, end)
        node, depth = child, end
    return Probe(node, depth, depth)


def _common_end(edge: list[tuple[int, ...]], ids: Sequence[int], start: int, limit: int, page_size: int) -> int:
    """Where, in tokens, `ids` leave an edge that begins at `start`, its first block being theirs."""
    end = start + page_size
    for block in edge[1:]:
        if end + page_size > limit or tuple(ids[end : end + page_size]) != block:
            break
        end += page_size
    return end
