"""Where the last tokens of a growing sequence stood before: what followed there is a guess at what follows now.

Text that is extracted, edited or repeated goes on as it went on before (prompt lookup decoding, Saxena 2023, "Prompt
Lookup Decoding", github.com/apoorvumang/prompt-lookup-decoding). No second model is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 5
"""Most tokens that are compared: what agrees this far nearly always goes on alike, and each length costs an entry."""
SHORTEST = 2
"""Fewest tokens: one token alone says little about the next."""


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
    """An index of a sequence's n-grams by their last place. Reads `ids`, which only ever grows, and never changes it.

    A token costs one entry for each length, once; a look-up one question for each. Nothing is scanned.

    Args:
        ids: the sequence's tokens, prompt and output; the owner appends.
        longest, shortest: lengths of the n-grams.
    """

    def __init__(self, ids: list[int], *, longest: int = LONGEST, shortest: int = SHORTEST) -> None:
        if not 0 < shortest <= longest:
            raise ValueError(f"n-grams need lengths 0 < shortest <= longest, not {shortest} and {longest}")
        self._ids = ids
        self._longest = longest
        self._shortest = shortest
        self._places: dict[tuple[int, ...], int] = {}
        self._indexed = 0  # n-grams that end before this position are entered

    def find(self, ahead: Sequence[int] = ()) -> Match | None:
        """The longest n-gram that ends `ids + ahead` and has an earlier, followed occurrence in `ids`; its last one."""
        self._index()
        tail = (*self._ids[-self._longest :], *ahead[-self._longest :])
        for length in range(min(self._longest, len(tail)), self._shortest - 1, -1):
            place = self._places.get(tail[-length:])
            if place is not None:
                return Match(place, length)
        return None

    def token(self, place: int, ahead: Sequence[int] = ()) -> int:
        """The token at `place` of `ids + ahead`: a guess that runs past the end repeats what was guessed before."""
        known = len(self._ids)
        return self._ids[place] if place < known else ahead[place - known]

    def _index(self) -> None:
        """Enter the n-grams that something follows by now."""
        ids = self._ids
        for end in range(self._indexed, len(ids)):
            for length in range(self._shortest, min(self._longest, end) + 1):
                self._places[tuple(ids[end - length : end])] = end
        self._indexed = len(ids)
