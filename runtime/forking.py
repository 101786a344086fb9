"""Forking: a newcomer takes a partly filled page along from a running sequence that begins as it does.

The radix tree shares whole pages only, so of a prompt that runs already the last page would be computed again: by each
of the `n` choices of a call, and by each branch of a program. Such a page is copied instead. Then the choices compute
their prompt once between them, but for its last token: each computes that one anew, to draw what follows it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from .sequence import Sequence


class Fork(NamedTuple):
    """The first `tokens` of `page`, which is another sequence's, are those that come next."""

    page: int
    tokens: int


def find_fork(
    sequence: Sequence, running: Iterable[Sequence], unfilled: Collection[Sequence], page_size: int
) -> Fork | None:
    """The page with the most of what `sequence` lacks behind its whole pages; None where no page has any.

    Never a whole page's worth: whole pages are the tree's to share. What may come from the cache is bounded by the
    sequence's `match_limit`, and comes under an equal salt only.

    Args:
        sequence: it holds the whole pages that the cache has of it, and is not computed any further.
        running: whose pages may be copied.
        unfilled: those of them whose own partial page is still to be copied.
        page_size: tokens a page.
    """
    start = sequence.computed
    whole = start // page_size
    end = min(start + page_size - 1, sequence.match_limit)
    best = Fork(-1, 0)
    for other in running:
        if other.computed <= start or other.salt != sequence.salt or other is sequence or other in unfilled:
            continue
        if other.ids[start] != sequence.ids[start] or start >= end:
            continue
        if whole and other.pages[whole - 1] != sequence.pages[whole - 1]:
            continue  # a page of the tree stands for one prefix, so a common page is a common beginning
        common = _common(sequence.ids, other.ids, start, min(end, other.computed, other.plain))
        if common > best.tokens:
            best = Fork(other.pages[whole], common)
    return best if best.tokens else None


def _common(first: list[int], second: list[int], start: int, end: int) -> int:
    at = start
    while at < end and first[at] == second[at]:
        at += 1
    return at - start
