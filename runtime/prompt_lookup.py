"""Where the last tokens of a growing sequence stood before: what followed there is a guess at what follows now.

Text that is extracted, edited or repeated goes on as it went on before (prompt lookup decoding, Saxena 2023, "Prompt
Lookup Decoding", github.com/apoorvumang/prompt-lookup-decoding). No second model is asked.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 8
"""Most tokens that are compared: what agrees this far nearly always goes on alike."""
SHORTEST = 2
"""Fewest tokens: one token alone says little about the next."""
CANDIDATES = 16
"""Most places that are compared, the latest first, so that a look-up costs the same however often text repeats."""


@dataclass(frozen=True, slots=True)
class Match:
    """An earlier place that reads like the end.

    Attributes:
        place: the position after the earlier occurrence; the token there is the guess.
        length: how many tokens agree, `LONGEST` at most.
    """

    place: int
    length: int


class PromptLookup:
    """An index of a sequence's n-grams of `shortest` tokens: the last place of each, and of each place the one before.

    A token costs one entry, once; a look-up one question and at most `candidates` comparisons. Nothing is scanned.
    Reads `ids`, which only ever grows, and never changes it.

    Args:
        ids: the sequence's tokens, prompt and output; the owner appends.
        longest, shortest: how many tokens are compared, and how many have to agree.
        candidates: how many places are compared.
    """

    def __init__(
        self, ids: list[int], *, longest: int = LONGEST, shortest: int = SHORTEST, candidates: int = CANDIDATES
    ) -> None:
        if not 0 < shortest <= longest:
            raise ValueError(f"n-grams need lengths 0 < shortest <= longest, not {shortest} and {longest}")
        self._ids = ids
        self._longest = longest
        self._shortest = shortest
        self._candidates = candidates
        self._last: dict[tuple[int, ...], int] = {}
        self._before = array("i")  # by position: the place before it of the n-gram that ends there, or -1

    def find(self, ahead: Sequence[int] = ()) -> Match | None:
        """The longest run that ends `ids + ahead` and stood in `ids` before with something behind it; its last place.

        Of more than `candidates` places, the latest are compared.
        """
        self._index()
        ids, before = self._ids, self._before
        tail = (*ids[-self._longest :], *ahead[-self._longest :])[-self._longest :]
        place = self._last.get(tail[-self._shortest :], -1)
        best, length = -1, 0
        for _ in range(self._candidates):
            if place < 0:
                break
            agreed = self._shortest
            while agreed < min(len(tail), place) and ids[place - 1 - agreed] == tail[-1 - agreed]:
                agreed += 1
            if agreed > length:
                best, length = place, agreed
                if length == self._longest:
                    break
            place = before[place]
        return Match(best, length) if length else None

    def token(self, place: int, ahead: Sequence[int] = ()) -> int:
        """The token at `place` of `ids + ahead`: a guess that runs past the end repeats what was guessed before."""
        known = len(self._ids)
        return self._ids[place] if place < known else ahead[place - known]

    def _index(self) -> None:
        """Enter the n-grams that something follows by now."""
        ids, last, before, shortest = self._ids, self._last, self._before, self._shortest
        for end in range(len(before), len(ids)):
            if end < shortest:
                before.append(-1)
                continue
            run = tuple(ids[end - shortest : end])
            before.append(last.get(run, -1))
            last[run] = end
