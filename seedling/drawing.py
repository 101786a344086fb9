"""Drawing values and templates so that each split sees only what it may, and reading the task files.

Every list is divided by the same stable hash as all words (`words.held_out`): about 15% are held out. Split "train"
draws from the rest; "values" draws values from the held-out part; "templates" draws sentence templates from the
held-out part as well. Made-up words are divided in the same way.
"""

import random
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import TypeVar

from .values import Scene, Value, generator
from .words import held_out, made_up

T = TypeVar("T", bound=Hashable)

_ALTERNATIVES = re.compile(r"\(([^()|]*\|[^()]*)\)")


def listed(text: str, separator: str | None = None) -> tuple[str, ...]:
    """The parts of a list written as one string, between spaces or another separator, lines joined."""
    return tuple(" ".join(part.split()) for part in text.split(separator) if part.strip())


def task_lines(name: str) -> list[str]:
    """The lines of `tasks/<name>`, without empty ones."""
    text = resources.files(__package__).joinpath("tasks", name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip()]


@cache
def sections(name: str) -> dict[str, tuple[str, ...]]:
    """The lines of a task file by their `== section`, "\\n" being a line break."""
    found: dict[str, list[str]] = {}
    for line in task_lines(name):
        if line.startswith("== "):
            lines = found[line[3:]] = []
        else:
            lines.append(line.replace("\\n", "\n"))
    return {section: tuple(lines) for section, lines in found.items()}


@lru_cache(maxsize=8192)
def divide(items: tuple[T, ...]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """`items` as (trained on, held out), neither empty.

    Raises ValueError for fewer than two distinct items, which cannot be divided.
    """
    unique = sorted(dict.fromkeys(items), key=str)
    if len(unique) < 2:
        raise ValueError(f"cannot divide {items!r}: at least two distinct items are needed")
    held = tuple(item for item in unique if held_out(str(item))) or (unique[-1],)
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

    def make(self, spec: str) -> Value:
        """A value by its generator's spec, such as "person" or "int 1 9" (see `values.generator`)."""
        return generator(spec)(Scene.new(self.rng, self.split))

    def text(self, spec: str) -> str:
        """A value by its generator's spec, as a text has it."""
        return self.make(spec).text

    def word(self) -> str:
        """A made-up lower-case word."""
        while True:
            word = made_up(self.rng, self.split, *self.rng.choice(((1, 2), (2, 2), (2, 3))))
            if len(word) > 2:
                return word

    def proper(self) -> str:
        """A made-up capitalised word."""
        return self.word().capitalize()

    def number(self) -> int:
        """A whole number of one to five digits, small ones being as frequent as large ones."""
        digits = self.rng.randint(1, 5)
        return self.rng.randint(10 ** (digits - 1) if digits > 1 else 0, 10**digits - 1)

    def decimal(self) -> float:
        """A number with one or two places."""
        return round(self.rng.uniform(0, 10 ** self.rng.randint(1, 4)), self.rng.choice((1, 2, 2)))

    def vary(self, template: str) -> str:
        """The template with each "(a|b|)" replaced by one of its wordings."""
        return _ALTERNATIVES.sub(lambda match: self.rng.choice(match[1].split("|")), template)


def upper_first(text: str) -> str:
    """`text` with a capital first letter and the rest as it is."""
    return text[:1].upper() + text[1:]
