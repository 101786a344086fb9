"""Synthetic text: sentences, questions and facts drawn from a seed, so that every run is about the same things."""

from __future__ import annotations

import random

NAMES = "Ada Bruno Chiara Deniz Emil Farah Goran Hana Ivan Jana Kofi Lena Mira Noor Otto Pia".split()
PLACES = "Lyon Oslo Porto Turin Ghent Bergen Split Graz Cork Vigo Basel Lund".split()
THINGS = "lamp kettle chair notebook bridge garden engine letter window ticket bottle clock market violin".split()
ACTIONS = "bought repaired painted sold found carried forgot measured borrowed described opened ordered".split()
WHEN = (
    "on Monday,in the morning,before the meeting,after lunch,last week,in the spring,at nine,for the third time".split(
        ","
    )
)


class Writer:
    """Draws text from a seed."""

    def __init__(self, seed: str) -> None:
        self._draw = random.Random(seed)

    def name(self) -> str:
        return self._draw.choice(NAMES)

    def thing(self) -> str:
        return self._draw.choice(THINGS)

    def sentence(self) -> str:
        """About ten tokens."""
        parts = (self.name(), self._draw.choice(ACTIONS), "the", self.thing(), "in", self._draw.choice(PLACES))
        return " ".join((*parts, self._draw.choice(WHEN))) + "."

    def paragraph(self, sentences: int) -> str:
        return " ".join(self.sentence() for _ in range(sentences))

    def question(self) -> str:
        return f"What did {self.name()} do with the {self.thing()} in {self._draw.choice(PLACES)}?"

    def endings(self, count: int) -> list[str]:
        """Different ends of a story."""
        things = self._draw.sample(THINGS, count)
        return [f" Then {self.name()} {self._draw.choice(ACTIONS)} the {thing}." for thing in things]
