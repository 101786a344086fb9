"""What the values of one document share, and the helpers of all value generators."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .words import Words, made_up

#: How people write an amount of each currency.
CURRENCY_FORMS: dict[str, tuple[str, ...]] = {
    "EUR": ("€{}", "{} €", "{} EUR", "EUR {}", "{} euros", "{} euro"),
    "USD": ("${}", "US${}", "{} USD", "USD {}", "{} dollars", "{} US dollars"),
    "GBP": ("£{}", "{} GBP", "GBP {}", "{} pounds"),
    "CHF": ("CHF {}", "{} CHF", "{} Swiss francs", "Fr. {} CHF"),
    "JPY": ("¥{}", "{} yen", "JPY {}"),
    "INR": ("₹{}", "{} rupees", "INR {}"),
    "PLN": ("{} zł", "{} PLN", "{} zloty"),
    "SEK": ("{} SEK", "SEK {}", "{} Swedish kronor"),
    "NOK": ("{} NOK", "NOK {}", "{} Norwegian kroner"),
    "DKK": ("{} DKK", "DKK {}", "{} Danish kroner"),
    "CAD": ("CAD {}", "{} CAD", "{} Canadian dollars", "C${}"),
    "AUD": ("AUD {}", "{} AUD", "{} Australian dollars", "A${}"),
    "CZK": ("{} CZK", "{} Kč", "{} Czech crowns"),
    "KES": ("KES {}", "{} Kenyan shillings"),
    "BRL": ("R${}", "{} reais", "BRL {}"),
}
_COMMON_CURRENCIES = ("EUR", "EUR", "USD", "USD", "GBP", "CHF")
CURRENCIES = tuple(CURRENCY_FORMS)


class Value(NamedTuple):
    """`json` stands in the record, `text` in the document."""

    json: Any
    text: str


@dataclass(slots=True)
class Scene:
    """What the values of one document share.

    manner: how the writer types: "plain", "lower" (no capitals) or "careless" (slips). Values are never changed by it.
    """

    rng: random.Random
    split: str
    currency: str = ""
    style: str = "plain"
    person: str = ""
    company: str = ""
    year: int = 2024
    manner: str = "plain"

    @classmethod
    def new(cls, rng: random.Random, split: str) -> Scene:
        currency = rng.choice(_COMMON_CURRENCIES) if rng.random() < 0.7 else rng.choice(CURRENCIES)
        style = rng.choices(("plain", "comma", "space", "decimal comma"), (47, 24, 22, 7))[0]
        manner = rng.choices(("plain", "lower", "careless"), (90, 5, 5))[0]
        return cls(rng, split, currency, style, year=rng.randint(2015, 2030), manner=manner)

    def aside(self) -> Scene:
        """A scene for values that no field asks for: the same writer, other people."""
        return Scene(self.rng, self.split, self.currency, self.style, year=self.year, manner=self.manner)

    def texture(self, text: str) -> str:
        """Template text as this writer types it."""
        if self.manner == "lower":
            return text.lower()
        if self.manner == "careless":
            return " ".join(_slip(self.rng, word) for word in text.split(" "))
        return text


def _slip(rng: random.Random, word: str) -> str:
    """The word, now and then with a letter lost, doubled or swapped."""
    if len(word) < 4 or not word.isalpha() or rng.random() > 0.08:
        return word
    at = rng.randrange(1, len(word) - 1)
    return rng.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        )
    )


Generator = Callable[[Scene], Value]


def same(text: str) -> Value:
    return Value(text, text)


def plain_word(scene: Scene, low: int = 2, high: int = 3) -> str:
    return made_up(scene.rng, scene.split, low, high)


def invented(scene: Scene, low: int = 2, high: int = 3) -> str:
    """A made-up name: a capitalised word."""
    return plain_word(scene, low, high).capitalize()


def listed_or_made_up(scene: Scene, listed: Words, share: float = 0.33) -> str:
    if scene.rng.random() < share:
        return invented(scene)
    return listed.draw(scene.rng, scene.split)


def listed(items: Words, share: float = 0.0) -> Generator:
    """A generator that takes a word from a list as it stands, or (by `share`) makes one up."""

    def generate(scene: Scene) -> Value:
        return same(listed_or_made_up(scene, items, share))

    return generate
