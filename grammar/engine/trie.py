"""A vocabulary as a trie of bytes in depth-first order, with what lets a walk leave most of it out.

A walk goes through the nodes in order and, where a byte cannot follow, jumps over what begins so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

ILL_FORMED = 255
"""The byte, never found in UTF-8, that stands for "is no whole number of characters" in sets of bytes."""


class Trie(NamedTuple):
    """Tokens by their bytes, in depth-first order.

    Attributes:
        byte: uint8 [N]; the byte that leads to node i. Node 0 is the root.
        depth: int32 [N]; bytes from the root.
        skip: int32 [N]; the first node that does not begin as node i does.
        start: int32 [N + 1]; the tokens that end at node i are ``order[start[i]:start[i + 1]]``, those that begin as it
            does ``order[start[i]:start[skip[i]]]``.
        order: int32 [tokens]; token ids, sorted by bytes.
        below: uint64 [N, 4]; bytes on the way from node i to the tokens beyond it, and `ILL_FORMED`.
        tops: int32 [256]; the children of the root by their bytes, 0 where there is none.
        deepest: depth of the deepest node.
    """

    byte: NDArray[np.uint8]
    depth: NDArray[np.int32]
    skip: NDArray[np.int32]
    start: NDArray[np.int32]
    order: NDArray[np.int32]
    below: NDArray[np.uint64]
    tops: NDArray[np.int32]
    deepest: int


def build_trie(pairs: Sequence[tuple[bytes, int]]) -> Trie:
    """The trie of (text, token id) pairs; ids of one text may be several. Texts are not empty."""
    ordered = sorted(pairs)
    flat = np.frombuffer(b"".join(content for content, _ in ordered), dtype=np.uint8)
    lengths = np.fromiter((len(content) for content, _ in ordered), dtype=np.int64, count=len(ordered))
    offsets = np.zeros(len(ordered) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    order = np.fromiter((index for _, index in ordered), dtype=np.int32, count=len(ordered))
    bad = np.fromiter((not _is_well_formed(content) for content, _ in ordered), dtype=np.bool_, count=len(ordered))
    shared = np.zeros(len(ordered), dtype=np.int64)
    count = _shared_prefixes(flat, offsets, shared)
    byte = np.zeros(count + 1, np.uint8)
    depth = np.zeros(count + 1, np.int32)
    skip = np.zeros(count + 1, np.int32)
    start = np.zeros(count + 2, np.int32)
    below = np.zeros((count + 1, 4), np.uint64)
    _fill(flat, offsets, shared, bad, byte, depth, skip, start, below)
    tops = np.zeros(256, np.int32)
    children = np.flatnonzero(depth == 1)
    tops[byte[children]] = children
    return Trie(byte, depth, skip, start, order, below, tops, int(lengths.max(initial=0)))


def _is_well_formed(content: bytes) -> bool:
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


@njit(cache=True, nogil=True)
def _shared_prefixes(flat, offsets, shared):
    """How many bytes each text shares with the one before it; how many nodes there are below the root."""
    nodes = 0
    for k in range(len(shared)):
        length = offsets[k + 1] - offsets[k]
        same = 0
        if k > 0:
            before = offsets[k] - offsets[k - 1]
            while same < length and same < before and flat[offsets[k - 1] + same] == flat[offsets[k] + same]:
                same += 1
        shared[k] = same
        nodes += length - same
    return nodes


@njit(cache=True, nogil=True)
def _fill(flat, offsets, shared, bad, byte, depth, skip, start, below):
    path = np.zeros(len(flat) + 2, np.int32)
    node = 0
    for k in range(len(shared)):
        length = offsets[k + 1] - offsets[k]
        for position in range(shared[k], length):
            node += 1
            byte[node] = flat[offsets[k] + position]
            depth[node] = position + 1
            path[position + 1] = node
            start[node] = k
        start[node + 1] = k + 1
        if bad[k]:
            for position in range(1, length + 1):
                below[path[position], 3] |= np.uint64(1) << np.uint64(63)
    total = len(byte)
    start[total] = len(shared)
    # From the end backwards: where each subtree stops, and which bytes are in it.
    last = np.full(len(flat) + 2, total, np.int32)
    for node in range(total - 1, -1, -1):
        level = depth[node]
        stop = total
        if node + 1 < total:
            follower = node + 1
            while follower < total and depth[follower] > level:
                follower = skip[follower]
            stop = follower
        skip[node] = stop
        child = node + 1
        while child < stop:
            b = byte[child]
            below[node, b >> 6] |= np.uint64(1) << np.uint64(b & 63)
            for word in range(4):
                below[node, word] |= below[child, word]
            child = skip[child]
    last[0] = total


@njit(cache=True, nogil=True)
def sets_of_tokens(flat, offsets, ids, contains, lengths):
    """Bit sets of tokens by the bytes they hold, and by their length in plain string characters.

    Args:
        flat, offsets, ids: the texts' bytes, one after another, where each begins, and its token.
        contains: uint32 [256, words], filled: bit t of row b is set where token t holds byte b.
        lengths: int32 [tokens], filled: characters of each token (bytes that begin one).
    """
    for k in range(len(ids)):
        token = ids[k]
        bit = np.uint32(1) << np.uint32(token & 31)
        for position in range(offsets[k], offsets[k + 1]):
            b = flat[position]
            contains[b, token >> 5] |= bit
            if b & 0xC0 != 0x80:
                lengths[token] += 1
