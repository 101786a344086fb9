"""Value generators by name: each returns what the record must hold and one of several ways to write it in a text.

A generator is called with a `Scene`, which keeps what the values of one document share. `draw` serves callers that
need a single value, for instance `draw("person", rng, "train").text`.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from . import amounts, dates, names, things, words
from .scene import Generator, Scene, Value, invented, listed, plain_word, same

__all__ = ["Generator", "Scene", "Value", "draw", "generator", "join_list"]


def draw(spec: str, rng: random.Random, split: str) -> Value:
    """One value of the kind that `spec` names (see `generator`)."""
    return generator(spec)(Scene.new(rng, split))


def generator(spec: str) -> Generator:
    """The generator for a spec: a name and its arguments, such as "date", "int 1 40" or "list skill 2 5".

    Raises KeyError for an unknown name.
    """
    name, *arguments = spec.split()
    if name in _FACTORIES:
        return _FACTORIES[name](*arguments)
    return _PLAIN[name]


def join_list(rng: random.Random, items: list[str]) -> str:
    """Items as prose or as a comma-joined list, on one line."""
    if len(items) == 1:
        return items[0]
    head, last = ", ".join(items[:-1]), items[-1]
    return rng.choice(
        (
            f"{head} and {last}",
            f"{head} and {last}",
            f"{head}, and {last}",
            ", ".join(items),
            ", ".join(items),
            " and ".join(items) if len(items) == 2 else f"{head} & {last}",
        )
    )


def list_of(item: str, low: str = "2", high: str = "4", *arguments: str) -> Generator:
    inner, first, last = generator(" ".join((item, *arguments))), int(low), int(high)

    def generate(scene: Scene) -> Value:
        items: dict[str, None] = {}
        for _ in range(scene.rng.randint(first, last)):
            items[inner(scene).text] = None
        return Value(list(items), join_list(scene.rng, list(items)))

    return generate


#: Generators by name.
_PLAIN: dict[str, Generator] = {
    "word": lambda scene: same(plain_word(scene)),
    "name_word": lambda scene: same(invented(scene)),
    # People, companies, places and ways to reach them.
    "first_name": names.first_name,
    "surname": names.surname,
    "person": names.person,
    "titled_person": names.titled_person,
    "other_person": names.other_person,
    "company": names.company,
    "other_company": names.other_company,
    "city": names.city,
    "country": listed(words.COUNTRIES),
    "street": names.street,
    "postcode": names.postcode,
    "address": names.address,
    "email": names.email,
    "other_email": names.other_email,
    "phone": names.phone,
    "url": names.url,
    "handle": names.handle,
    "role": listed(words.ROLES),
    "department": listed(words.DEPARTMENTS, 0.15),
    # Numbers, identifiers and times.
    "code": amounts.code,
    "version": amounts.version,
    "isbn": amounts.isbn,
    "plate": amounts.plate,
    "salary": amounts.salary,
    "date": dates.date,
    "time": dates.time,
    # Things.
    "product": things.product,
    "title": things.title,
    "event_name": things.event_name,
    "flight": things.flight,
    "seat": things.seat,
    "room": things.room,
    "venue": things.venue,
    "club": things.club,
    "product_word": things.product_word,
    "brand": listed(words.BRANDS, 0.4),
    "breed": listed(words.BREEDS, 0.2),
    "pet_name": listed(words.PET_NAMES, 0.3),
    "car": listed(words.CAR_MAKES, 0.1),
    "airline": listed(words.AIRLINES, 0.3),
    "action": listed(words.ACTIONS),
    "animal": listed(words.ANIMALS),
    "cause": listed(words.CAUSES),
    "colour": listed(words.COLOURS),
    "con": listed(words.CONS),
    "diet": listed(words.DIETS),
    "dish": listed(words.DISHES),
    "extra": listed(words.EXTRAS),
    "feature": listed(words.FEATURES),
    "genre": listed(words.GENRES),
    "hobby": listed(words.HOBBIES),
    "industry": listed(words.INDUSTRIES),
    "ingredient": listed(words.INGREDIENTS),
    "language": listed(words.LANGUAGES),
    "lost_thing": listed(words.LOST_THINGS),
    "material": listed(words.MATERIALS),
    "office": listed(words.OFFICES),
    "pro": listed(words.PROS),
    "problem": listed(words.PROBLEMS),
    "problem_short": listed(words.SHORT_PROBLEMS),
    "service": listed(words.SERVICES),
    "skill": listed(words.SKILLS),
    "software_feature": listed(words.SOFTWARE_FEATURES),
    "step": listed(words.STEPS),
    "subject": listed(words.SUBJECTS),
    "task": listed(words.TASKS),
    "topic": listed(words.TOPIC_WORDS),
}

_FACTORIES: dict[str, Callable[..., Generator]] = {
    "int": amounts.integer,
    "year": amounts.whole_year,
    "number": amounts.decimal,
    "money": amounts.money,
    "list": list_of,
}
