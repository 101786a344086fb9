"""Tokens that may not be drawn at a place: ends that would come too early, and what would complete a bad word."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ...grammar.protocol import MaskBits
from ...request import Sampling


class Bans:
    """The bans of one request. They depend on the output so far and on nothing else, so any place can be asked for.

    A constraint has the last word: where all that it allows is banned, ends are let through first, then everything.

    Args:
        bad_words: token sequences that are not to be drawn.
        constrained: whether a constraint says where the text ends. `ignore_eos` then means that end-of-sequence is not
            drawn while there is another way on.
    """

    def __init__(
        self,
        sampling: Sampling,
        *,
        eos_ids: Sequence[int],
        bad_words: Sequence[tuple[int, ...]] = (),
        constrained: bool = False,
    ) -> None:
        stop_ids = frozenset(sampling.stop_token_ids)
        self._min_tokens = sampling.min_tokens
        self._early = stop_ids | frozenset(eos_ids)
        self._always = frozenset(eos_ids) - stop_ids if constrained and sampling.ignore_eos else frozenset()
        self._single = frozenset(word[0] for word in bad_words if len(word) == 1)
        self._longer: dict[int, list[tuple[int, ...]]] = defaultdict(list)
        for word in bad_words:
            if len(word) > 1:
                self._longer[word[-2]].append(word)

    def __bool__(self) -> bool:
        """Whether anything is banned anywhere."""
        return bool(self._min_tokens or self._always or self._single or self._longer)

    def at(self, output: Sequence[int], allowed: MaskBits | None = None) -> list[int]:
        """The tokens banned after `output`, in order, where a constraint allows `allowed`; None for no constraint."""
        ends = self._early if len(output) < self._min_tokens else self._always
        words = self._words(output)
        banned = ends | words
        if allowed is None or not banned or _any_beside(allowed, banned):
            return sorted(banned)
        return sorted(words - ends) if words and _any_beside(allowed, words - ends) else []

    def _words(self, output: Sequence[int]) -> frozenset[int]:
        if not self._longer or not output:
            return self._single
        ending = self._longer.get(output[-1], ())
        return self._single.union(word[-1] for word in ending if tuple(output[1 - len(word) :]) == word[:-1])


def _any_beside(allowed: MaskBits, banned: frozenset[int]) -> bool:
    """Whether `allowed` has a token that is not banned."""
    bits = allowed.view(np.uint32).copy()
    for token in banned:
        if token // 32 < len(bits):
            bits[token // 32] &= np.uint32(~(1 << token % 32) & 0xFFFFFFFF)
    return bool(bits.any())
