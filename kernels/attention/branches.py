"""Branches: the last tokens of a sequence as a tree, so that many continuations are computed in one pass.

Tree attention (Miao et al. 2024, SpecInfer, section 4.2). A sequence of `context` tokens whose last m are branches has
``context - m`` plain tokens, which all of them continue. The tree is given by *parents*: for each branch token the
place of the one before it among the m, or -1 where the last plain token is; a parent stands before its children. A
branch token sees the plain tokens, its ancestors and itself, and its position is that of its depth:

    position[i] = plain + depth[i]            depth[i] = 0 where parents[i] == -1, else depth[parents[i]] + 1

Its keys and values lie where its place in the sequence says, not its position.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Parents = Sequence[int]


def depths(parents: Parents) -> list[int]:
    """How many branch tokens stand before each one on its way from the plain tokens."""
    found: list[int] = []
    for parent in parents:
        found.append(found[parent] + 1 if parent >= 0 else 0)
    return found


def ancestors(parents: Parents) -> NDArray[np.bool_]:
    """bool [m, m]: row i is True at i and at its ancestors."""
    seen = np.zeros((len(parents), len(parents)), np.bool_)
    for place, parent in enumerate(parents):
        if parent >= 0:
            seen[place] = seen[parent]
        seen[place, place] = True
    return seen


def visible(new: int, context: int, parents: Parents, window: int | None = None) -> NDArray[np.bool_]:
    """bool [new, context]: which tokens each of the last `new` sees, of the `window` positions up to its own."""
    seen = np.arange(context) <= np.arange(context - new, context)[:, None]
    branches = min(new, len(parents))
    if branches:
        seen[new - branches :, context - len(parents) :] = ancestors(parents)[-branches:]
    if window is not None:
        position = np.arange(context)
        if parents:
            position[-len(parents) :] = context - len(parents) + np.array(depths(parents))
        seen &= position > position[context - new :, None] - window
    return seen


def paths(parents: Parents) -> list[list[int]]:
    """The way from the plain tokens to each branch token that is nobody's parent, both ends included."""
    inner = set(parents)
    found = []
    for place in range(len(parents)):
        if place not in inner:
            path = [place]
            while (parent := parents[path[-1]]) >= 0:
                path.append(parent)
            found.append(path[::-1])
    return found


def check_parents(parents: Parents, context: int) -> None:
    """Raise ValueError where `parents` is no tree among a sequence's last tokens."""
    if len(parents) > context:
        raise ValueError(f"{len(parents)} branch tokens of {context}")
    for place, parent in enumerate(parents):
        if not -1 <= parent < place:
            raise ValueError(f"the parent of branch token {place} stands in place {parent}, which is not before it")
