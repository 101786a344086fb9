"""Drawing values and templates so that each split sees only what it may.

Every list is divided by a stable hash of its items: about 15% are held out. Split "train" draws from the rest;
"values" draws values (names, places, words) from the held-out part; "templates" draws sentence templates from the
held-out part as well. Made-up words come from random syllables and may turn up in every split.
"""

import hashlib
import random
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

_HELD_OUT = 0.15
_ONSETS = "b br c d dr f fl g gr h j k kl l m n p pl pr qu r s sh sk st t th tr v w z".split()
_VOWELS = "a a e e i i o o u ai ea ou ia".split()
_CODAS = ["", "", "", "", "l", "n", "r", "s", "t", "x", "nd", "rk", "m", "lt"]


def _share(item: Hashable) -> float:
    """A number in [0, 1) that depends on nothing but the item's text."""
    digest = hashlib.sha256(repr(item).encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


@lru_cache(maxsize=4096)
def divide(items: tuple[T, ...]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """`items` as (trained on, held out), neither empty. Raises ValueError for fewer than two distinct items."""
    unique = tuple(dict.fromkeys(items))
    if len(unique) < 2:
        raise ValueError(f"cannot divide {items!r}: at least two distinct items are needed")
    held = tuple(item for item in unique if _share(item) < _HELD_OUT) or (min(unique, key=_share),)
    kept = tuple(item for item in unique if item not in held)
    return (kept, held) if kept else (held[1:], held[:1])


@dataclass(frozen=True)
class Draw:
    """Random choices of one example. `split` is "train", "values" or "templates"."""

    rng: random.Random
    split: str

    def values(self, items: Sequence[T]) -> tuple[T, ...]:
        """The items that this split may use as values."""
        return divide(tuple(items))[self.split != "train"]

    def value(self, items: Sequence[T]) -> T:
        """One item of a list of values."""
        return self.rng.choice(self.values(items))

    def templates(self, items: Sequence[T]) -> tuple[T, ...]:
        """The items that this split may use as templates."""
        return divide(tuple(items))[self.split == "templates"]

    def template(self, items: Sequence[T]) -> T:
        """One item of a list of templates."""
        return self.rng.choice(self.templates(items))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.rng.random() < probability

    def some(self, items: Sequence[T], low: int, high: int) -> list[T]:
        """Between `low` and `high` different items (fewer where the list is shorter), in random order."""
        return self.rng.sample(list(items), min(len(items), self.rng.randint(low, high)))

    def word(self, syllables: int = 0) -> str:
        """A made-up lower-case word."""
        count = syllables or self.rng.choice((1, 2, 2, 2, 3))
        pick = self.rng.choice
        text = "".join(pick(_ONSETS) + pick(_VOWELS) for _ in range(count)) + pick(_CODAS)
        return text if len(text) > 2 else text + pick("lnrst")

    def proper(self, syllables: int = 0) -> str:
        """A made-up capitalised word."""
        return self.word(syllables).capitalize()

    def number(self) -> int:
        """A whole number of one to five digits, small ones being as frequent as large ones."""
        digits = self.rng.randint(1, 5)
        return self.rng.randint(10 ** (digits - 1) if digits > 1 else 0, 10**digits - 1)

    def decimal(self) -> float:
        """A number with one or two places."""
        places = self.rng.choice((1, 2, 2))
        return round(self.rng.uniform(0, 10 ** self.rng.randint(1, 4)), places)

    def code(self) -> str:
        """An identifier such as A-1043, 2024/118, #88120 or kx91."""
        pick, digits = self.rng.choice, self.rng.randint
        letters = "".join(pick("ABCDEFGHKLMNPRSTUVWXZ") for _ in range(digits(1, 3)))
        form = digits(0, 4)
        if form == 0:
            return f"{letters}-{digits(100, 99999)}"
        if form == 1:
            return f"{digits(2015, 2027)}/{digits(10, 999)}"
        if form == 2:
            return f"#{digits(100, 99999)}"
        if form == 3:
            return f"{letters.lower()}{digits(10, 9999)}"
        return f"{letters}{digits(10, 999)}-{pick('ABCDEFGHKLM')}"
