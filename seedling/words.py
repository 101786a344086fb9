"""Word lists, each divided by a stable hash into words to train on and words held out, and made-up words.

A list is a `Words`; `draw` takes from the part that a split may use. About a third of all names are not in any list
but composed of random syllables (`made_up`), so that the model learns to copy anything rather than to know names.
"""

from __future__ import annotations

import hashlib
import random
from functools import cache, lru_cache
from importlib import resources

SPLITS = ("train", "values", "templates")

HELD_OUT_PERCENT = 15


@lru_cache(maxsize=1 << 16)
def held_out(text: str) -> bool:
    """Whether a word, template or combination is kept from training: the same on every machine and run."""
    digest = hashlib.blake2b(text.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % 100 < HELD_OUT_PERCENT


class Words:
    """A list of words in two parts: `train`, and `held` for the other splits (never empty)."""

    def __init__(self, items: list[str]) -> None:
        unique = list(dict.fromkeys(items))
        self.train = [word for word in unique if not held_out(word)]
        self.held = [word for word in unique if held_out(word)]
        if not self.held:  # A short list may have none by chance.
            self.held = [self.train.pop()]

    def draw(self, rng: random.Random, split: str) -> str:
        return rng.choice(self.train if split == "train" else self.held)


@cache
def _lists() -> dict[str, Words]:
    """The lists of `phrases/words.lists` by name."""
    text = (resources.files(__package__) / "phrases" / "words.lists").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("== "):
            found[line[3:]] = items = []
        elif not line.startswith("#"):
            items += [item.strip() for item in line.split(";") if item.strip()]
    return {name: Words(items) for name, items in found.items()}


_ONSETS = (
    *("b c d f g h j k l m n p r s t v w z " * 4).split(),
    *"br cl cr dr fl fr gl gr kl kr pl pr qu sh sk sl sm sn sp st sv th tr tw y ch zh".split(),
)
_NUCLEI = (*("a e i o u " * 12).split(), *"ai au ea ee ei ia ie io oa oo ou ue y á é í ö ü å ø ã".split())
_CODAS = (*[""] * 22, *"n r l s k t m d x n r l s ck ld ll lm nd ng nt rd rk rn rt st th".split())


def made_up(rng: random.Random, split: str, low: int = 2, high: int = 3) -> str:
    """A pronounceable lower-case word of `low`, sometimes `high` syllables that no list holds."""
    choice = rng.choice
    while True:
        syllables = low if rng.random() < 0.7 else high
        word = "".join(choice(_ONSETS) + choice(_NUCLEI) + choice(_CODAS) for _ in range(syllables))
        if held_out(word) != (split == "train"):
            return word


FIRST_NAMES = _lists()["first names"]
SURNAMES = _lists()["surnames"]
CITIES = _lists()["cities"]
COUNTRIES = _lists()["countries"]
STREETS = _lists()["streets"]
INDUSTRIES = _lists()["industries"]
COMPANY_STEMS = _lists()["company stems"]
COMPANY_SUFFIXES = _lists()["company suffixes"]
ADJECTIVES = _lists()["adjectives"]
NOUNS = _lists()["nouns"]
BRANDS = _lists()["brands"]
ROLES = _lists()["roles"]
SKILLS = _lists()["skills"]
TOPIC_WORDS = _lists()["topic words"]
TITLE_WORDS = _lists()["title words"]
TITLE_ADJECTIVES = _lists()["title adjectives"]
COLOURS = _lists()["colours"]
MATERIALS = _lists()["materials"]
DEPARTMENTS = _lists()["departments"]
DISHES = _lists()["dishes"]
INGREDIENTS = _lists()["ingredients"]
ANIMALS = _lists()["animals"]
BREEDS = _lists()["breeds"]
PET_NAMES = _lists()["pet names"]
LANGUAGES = _lists()["languages"]
VENUES = _lists()["venues"]
CAR_MAKES = _lists()["car makes"]
GENRES = _lists()["genres"]
AIRLINES = _lists()["airlines"]
LOST_THINGS = _lists()["lost things"]
PROBLEMS = _lists()["problems"]
HOBBIES = _lists()["hobbies"]
SUBJECTS = _lists()["subjects"]
TASKS = _lists()["tasks"]
FEATURES = _lists()["features"]
EXTRAS = _lists()["extras"]
PROS = _lists()["pros"]
CONS = _lists()["cons"]
STEPS = _lists()["steps"]
CAUSES = _lists()["causes"]
ACTIONS = _lists()["actions"]
SOFTWARE_FEATURES = _lists()["software features"]
SHORT_PROBLEMS = _lists()["short problems"]
SERVICES = _lists()["services"]
OFFICES = _lists()["offices"]
DIETS = _lists()["diets"]
