"""Choices as a trie of their tokens: what they have in common is computed once, in one run of tokens.

Of a prompt followed by a choice only the tokens that something comes after are computed: each says how likely the next
one is. Over all choices these are the trie's inner nodes. Where they follow one another without branching they are
plain tokens behind the prompt, the *stem*; the others are branches (`kernels.attention.branches`), parents first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Layout:
    """Some of a request's choices, laid out behind a prompt.

    Places count from the prompt's last token, which is place 0; then come the stem's tokens and the branches.

    Attributes:
        stem: plain tokens.
        branches: the tokens after them, a tree.
        parents: for each of `branches` the place among them of the one before it, -1 for the last plain token.
        wanted: per place, the tokens whose probability is wanted there, at least one.
        ways: for each choice, by its number in the request, the place in which each of its tokens is wanted.
    """

    stem: tuple[int, ...]
    branches: tuple[int, ...]
    parents: tuple[int, ...]
    wanted: tuple[tuple[int, ...], ...]
    ways: dict[int, tuple[int, ...]]


def lay_out(choices: Sequence[Sequence[int]], *, budget: int, room: int) -> list[Layout]:
    """Cut `choices` into as few runs of tokens as fit, those that begin alike together.

    Args:
        choices: each choice's tokens, at least one; equal ones are taken once.
        budget: most branches of a run.
        room: most tokens of a run, stem and branches together. What a single choice needs is always granted.
    """
    order = sorted(range(len(choices)), key=lambda number: tuple(choices[number]))
    runs: list[list[int]] = []
    nodes = 0
    for number in order:
        choice = choices[number]
        if runs:
            last = choices[runs[-1][-1]]
            more = len(choice) - 1 - min(_common(last, choice), len(last) - 1, len(choice) - 1)
            stem = _common(choices[runs[-1][0]], choice)  # or longer, where the first choice ends inside it
            if nodes + more <= room and nodes + more - min(stem, nodes) <= budget:
                runs[-1].append(number)
                nodes += more
                continue
        runs.append([number])
        nodes = len(choice) - 1
    return [_run({number: choices[number] for number in run}) for run in runs]


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    """How many leading tokens two choices share."""
    count = 0
    for mine, theirs in zip(left, right, strict=False):
        if mine != theirs:
            break
        count += 1
    return count


@dataclass(slots=True, eq=False)
class _Node:
    token: int
    place: int = 0
    children: dict[int, _Node] = field(default_factory=dict)

    def inner(self) -> list[_Node]:
        """The children that have children."""
        return [child for child in self.children.values() if child.children]


def _run(choices: dict[int, Sequence[int]]) -> Layout:
    root = _Node(-1)
    for choice in choices.values():
        node = root
        for token in choice:
            node = node.children.setdefault(token, _Node(token))
    order = [root]
    while len(inner := order[-1].inner()) == 1:
        order += inner
    plain = len(order)
    parents: list[int] = []
    waiting = [(child, -1) for child in reversed(order[-1].inner())]
    while waiting:
        node, parent = waiting.pop()
        place = len(parents)
        parents.append(parent)
        order.append(node)
        waiting += [(child, place) for child in reversed(node.inner())]
    for place, node in enumerate(order):
        node.place = place
    return Layout(
        stem=tuple(node.token for node in order[1:plain]),
        branches=tuple(node.token for node in order[plain:]),
        parents=tuple(parents),
        wanted=tuple(tuple(node.children) for node in order),
        ways={number: _way(root, choice) for number, choice in choices.items()},
    )


def _way(root: _Node, choice: Sequence[int]) -> tuple[int, ...]:
    places = []
    node = root
    for token in choice:
        places.append(node.place)
        node = node.children[token]
    return tuple(places)
