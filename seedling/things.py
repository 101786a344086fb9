"""Products, titles, events, and other things with names."""

from __future__ import annotations

from . import words
from .names import city, first_name
from .scene import Scene, Value, invented, listed_or_made_up, plain_word, same


def product(scene: Scene) -> Value:
    rng, split = scene.rng, scene.split
    noun = words.NOUNS.draw(rng, split) if rng.random() < 0.8 else plain_word(scene)
    roll = rng.random()
    if roll < 0.3:
        return same(f"{words.ADJECTIVES.draw(rng, split)} {noun}")
    if roll < 0.5:
        return same(noun)
    brand = listed_or_made_up(scene, words.BRANDS, 0.5)
    if roll < 0.65:
        return same(f"{brand} {noun}")
    if roll < 0.8:
        return same(
            f"{brand} {rng.choice(('X', 'S', 'Pro ', 'Mini ', 'T', 'Air ', '', 'Max ', 'G'))}{rng.randint(1, 900)}"
        )
    if roll < 0.9:
        return same(f"{words.ADJECTIVES.draw(rng, split).capitalize()} {noun.title()}")
    return same(f"{noun} {rng.choice(('A', 'B', 'C', 'K', 'M', 'R'))}{rng.randint(1, 99)}")


def title(scene: Scene) -> Value:
    """A title of a book, film, song or talk: several capitalised words."""
    rng, split = scene.rng, scene.split

    def noun() -> str:
        return words.TITLE_WORDS.draw(rng, split) if rng.random() < 0.8 else invented(scene)

    adjective = words.TITLE_ADJECTIVES.draw(rng, split)
    roll = rng.randrange(9)
    shapes = (
        f"The {adjective} {noun()}",
        f"{adjective} {noun()}",
        f"{noun()} and {noun()}",
        f"The {noun()} of {noun()}",
        f"A {noun()} for {first_name(scene).text}",
        f"{noun()} without {noun()}",
        f"The {noun()}'s {noun()}",
        f"{rng.choice(('After', 'Before', 'Under', 'Beyond', 'Against', 'Behind'))} the {noun()}",
        f"{invented(scene)}: A {adjective} {noun()}",
    )
    return same(shapes[roll])


_GATHERINGS = ("Concert", "Fair", "Night", "Market", "Run", "Summit")
_CITY_EVENTS = ("Book Fair", "Marathon", "Jazz Days", "Film Week", "Open Studios", "Science Slam", "Flea Market")


def event_name(scene: Scene) -> Value:
    """What an event, a course or a meeting is called."""
    rng, split = scene.rng, scene.split
    topic = words.TOPIC_WORDS.draw(rng, split)
    adjective, noun = words.TITLE_ADJECTIVES.draw(rng, split), words.TITLE_WORDS.draw(rng, split)
    shapes = (
        lambda: f"{invented(scene)} Festival",
        lambda: f"Introduction to {topic.title()}",
        lambda: f"{adjective} {noun} {rng.choice(_GATHERINGS)}",
        lambda: f"{topic.capitalize()} workshop",
        lambda: f"{city(scene).text} {rng.choice(_CITY_EVENTS)}",
        lambda: f"{topic.capitalize()} for Beginners",
        lambda: f"{noun} & {words.TITLE_WORDS.draw(rng, split)}",
        lambda: f"{rng.choice(_SEASONS)} {topic} {rng.choice(('day', 'meeting', 'evening', 'fair'))}",
    )
    return same(rng.choice(shapes)())


_SEASONS = ("Annual", "Spring", "Summer", "Autumn", "Winter", "Open")
_CLUB_ENDINGS = "Rovers;United;FC;Town;Wanderers;SC;Athletic;Chess Club;Rowing Club;Sports Club".split(";")


def club(scene: Scene) -> Value:
    """A sports or other club."""
    rng = scene.rng
    place = city(scene).text
    if rng.random() < 0.3:
        return same(f"{rng.choice(('FC', 'SV', 'AC', 'IK', 'SK'))} {place}")
    return same(f"{place} {rng.choice(_CLUB_ENDINGS)}")


_SOFTWARE_ENDINGS = ";;Desk;Mail;Sync;Base;Note;Pad; Cloud; Mail;-api; Studio;Flow".split(";")


def product_word(scene: Scene) -> Value:
    """The name of a piece of software or a service."""
    return same(listed_or_made_up(scene, words.COMPANY_STEMS, 0.5) + scene.rng.choice(_SOFTWARE_ENDINGS))


def flight(scene: Scene) -> Value:
    rng = scene.rng
    return same(
        f"{rng.choice('ABDEFKLNQSTUWX')}{rng.choice('ABCDFGHKLNQSTXYZ')}{rng.choice(('', ' '))}{rng.randint(10, 9899)}"
    )


def seat(scene: Scene) -> Value:
    return same(f"{scene.rng.randint(1, 42)}{scene.rng.choice('ABCDEFK')}")


def room(scene: Scene) -> Value:
    rng = scene.rng
    return same(
        rng.choice(
            (
                f"Room {rng.randint(1, 499)}",
                f"{rng.choice('ABCDE')}{rng.randint(1, 4)}.{rng.randint(1, 30):02d}",
                f"{rng.randint(1, 499)}",
                f"Hall {rng.choice('ABCD')}",
                f"{invented(scene)} Room",
            )
        )
    )


_HOUSES = ("Hall", "Arena", "Theatre", "Museum", "Gallery", "Library", "Centre", "Park", "Club", "Hotel")


def venue(scene: Scene) -> Value:
    """A place where something happens."""
    rng, split = scene.rng, scene.split
    roll = rng.random()
    if roll < 0.5:
        return same(words.VENUES.draw(rng, split).removeprefix("the "))
    return same(f"{invented(scene) if roll < 0.8 else city(scene).text} {rng.choice(_HOUSES)}")
