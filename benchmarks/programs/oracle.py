"""The best that any prefix cache could have done on the prompts that were sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Node = dict[int, "Node"]


class PrefixTrie:
    """A cache without limits: it keeps every token ever seen and matches to the token."""

    def __init__(self) -> None:
        self._root: Node = {}

    def match(self, ids: Sequence[int]) -> int:
        """How many leading tokens of `ids` begin something inserted."""
        node = self._root
        for depth, token in enumerate(ids):
            if token not in node:
                return depth
            node = node[token]
        return len(ids)

    def insert(self, ids: Iterable[int]) -> None:
        """Keep `ids`."""
        node = self._root
        for token in ids:
            node = node.setdefault(token, {})


def most_cached(calls: Iterable[tuple[Sequence[int], Sequence[Sequence[int]]]]) -> int:
    """How many prompt tokens need not be computed, where `calls` come one after the other and all are kept.

    A call is its prompt and its continuations: what was generated, or the choices that were scored. A prompt's last
    token is always computed, since its logits are wanted.
    """
    trie = PrefixTrie()
    total = 0
    for prompt, continuations in calls:
        total += min(trie.match(prompt), len(prompt) - 1)
        trie.insert(prompt)
        for continuation in continuations:
            trie.insert([*prompt, *continuation])
    return total
