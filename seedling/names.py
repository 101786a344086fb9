"""People, companies, places, and ways to reach them."""

from __future__ import annotations

import re
import unicodedata

from . import words
from .scene import Scene, Value, invented, listed_or_made_up, plain_word, same


def first_name(scene: Scene) -> Value:
    return same(listed_or_made_up(scene, words.FIRST_NAMES, 0.25))


def surname(scene: Scene) -> Value:
    return same(listed_or_made_up(scene, words.SURNAMES))


def any_person(scene: Scene) -> str:
    first, last = first_name(scene).text, surname(scene).text
    roll = scene.rng.random()
    if roll < 0.06:
        return f"{first} {scene.rng.choice('ABCDEFGHJKLMPRSTW')}. {last}"
    if roll < 0.12:
        return (
            f"{first} {scene.rng.choice(('van', 'de', 'von', 'van der', 'bin', 'di', 'dos', 'el', 'Mc', 'La'))} {last}"
        )
    if roll < 0.16:
        return f"{first} {last}-{surname(scene).text}"
    if roll < 0.2:
        return f"{first} {first_name(scene).text} {last}"
    return f"{first} {last}"


def person(scene: Scene) -> Value:
    scene.person = any_person(scene)
    return same(scene.person)


def other_person(scene: Scene) -> Value:
    return same(any_person(scene))


def titled_person(scene: Scene) -> Value:
    """A person whose title, if one is written, does not belong to the name."""
    name = person(scene).text
    if scene.rng.random() < 0.2:
        return Value(
            name, f"{scene.rng.choice(('Dr.', 'Prof.', 'Ms', 'Mr', 'Mrs', 'Dr', 'Sir', 'Herr', 'Frau', 'Mme'))} {name}"
        )
    return same(name)


def any_company(scene: Scene) -> str:
    rng, split = scene.rng, scene.split
    stem = listed_or_made_up(scene, words.COMPANY_STEMS)
    roll = rng.random()
    if roll < 0.4:
        return f"{stem} {words.INDUSTRIES.draw(rng, split)}"
    if roll < 0.6:
        return f"{stem} {words.COMPANY_SUFFIXES.draw(rng, split)}"
    if roll < 0.7:
        return f"{stem} {words.INDUSTRIES.draw(rng, split)} {words.COMPANY_SUFFIXES.draw(rng, split)}"
    if roll < 0.78:
        return f"{surname(scene).text} & {surname(scene).text}"
    if roll < 0.86:
        return f"{surname(scene).text} {words.INDUSTRIES.draw(rng, split)}"
    if roll < 0.92:
        return f"{words.INDUSTRIES.draw(rng, split)} {stem}"
    return stem


def company(scene: Scene) -> Value:
    scene.company = any_company(scene)
    return same(scene.company)


def other_company(scene: Scene) -> Value:
    return same(any_company(scene))


def city(scene: Scene) -> Value:
    if scene.rng.random() < 0.25:
        name = invented(scene) + scene.rng.choice(("", "", "", "stad", "ton", "burg", " Falls", " Bay", "ville", "ham"))
        return same(scene.rng.choice(("", "", "", "", "Port ", "Bad ", "New ", "San ", "St ")) + name)
    return same(words.CITIES.draw(scene.rng, scene.split))


def street(scene: Scene) -> Value:
    """Street and house number, as one string."""
    rng = scene.rng
    number = f"{rng.randint(1, 220)}{rng.choice(('', '', '', 'a', 'B', '/2'))}"
    name = listed_or_made_up(scene, words.STREETS)
    roll = rng.random()
    if roll < 0.5:
        return same(
            f"{number} {name} {rng.choice(('Street', 'Road', 'Lane', 'Avenue', 'Way', 'St', 'Close', 'Drive'))}"
        )
    if roll < 0.7:
        return same(f"{name}{rng.choice(('straße', 'weg', 'gatan', 'gasse', 'laan', 'gate'))} {number}")
    if roll < 0.85:
        return same(f"{rng.choice(('Rue', 'Calle', 'Via', 'Rua', 'Avenida', 'ul.', 'Plaza'))} {name} {number}")
    return same(f"{name} {rng.choice(('Square', 'Quay', 'Court', 'House'))} {number}")


def postcode(scene: Scene) -> Value:
    rng = scene.rng

    def letters(count: int) -> str:
        return "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXY") for _ in range(count))

    shapes = (
        lambda: f"{rng.randint(10000, 99999)}",
        lambda: f"{letters(2)}{rng.randint(1, 20)} {rng.randint(1, 9)}{letters(2)}",
        lambda: f"{rng.randint(1000, 9999)}",
        lambda: f"{rng.randint(100, 999)} {rng.randint(10, 99)}",
        lambda: f"{rng.randint(1000, 9999)} {letters(2)}",
        lambda: f"{rng.randint(10, 99)}-{rng.randint(100, 999)}",
    )
    return same(rng.choice(shapes)())


def address(scene: Scene) -> Value:
    return same(f"{street(scene).text}, {postcode(scene).text} {city(scene).text}")


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ø", "o").replace("ł", "l").replace("Ł", "L"))
    return re.sub(r"[^a-z0-9]", "", plain.encode("ascii", "ignore").decode().lower()) or "mail"


_BOXES = (
    "info",
    "office",
    "hello",
    "contact",
    "service",
    "sales",
    "support",
    "team",
    "booking",
    "jobs",
    "desk",
    "orders",
)


def _domain(scene: Scene) -> str:
    rng = scene.rng
    if scene.company and rng.random() < 0.6:
        stem = _ascii(scene.company.split()[0]) if rng.random() < 0.5 else _ascii(scene.company)[:18]
    elif rng.random() < 0.5:
        stem = _ascii(listed_or_made_up(scene, words.COMPANY_STEMS))
    else:
        stem = _ascii(plain_word(scene)) + rng.choice(("", "", "-" + _ascii(words.INDUSTRIES.draw(rng, scene.split))))
    ending = rng.choice(
        ("example", "example", "example", "example", "example.com", "example.org", "test", "example.net")
    )
    return f"{stem}.{ending}"


def email(scene: Scene) -> Value:
    rng = scene.rng
    if rng.random() < 0.2:
        return same(f"{rng.choice(_BOXES)}@{_domain(scene)}")
    owner = scene.person if scene.person and rng.random() < 0.7 else any_person(scene)
    first, last = _ascii(owner.split()[0]), _ascii(owner.split()[-1])
    local = rng.choice(
        (
            f"{first}.{last}",
            f"{first}.{last}",
            f"{first[0]}.{last}",
            f"{first}",
            f"{first}_{last}",
            f"{first[0]}{last}",
            f"{last}{rng.randint(1, 99)}",
            f"{first}-{last}",
            f"{last}.{first}",
        )
    )
    return same(f"{local}@{_domain(scene)}")


def other_email(scene: Scene) -> Value:
    return email(Scene(scene.rng, scene.split))


def phone(scene: Scene) -> Value:
    rng = scene.rng

    def digits(count: int) -> str:
        return "".join(str(rng.randint(0, 9)) for _ in range(count))

    code = rng.choice(
        (
            "1",
            "31",
            "33",
            "34",
            "39",
            "44",
            "45",
            "46",
            "47",
            "48",
            "49",
            "52",
            "55",
            "61",
            "81",
            "91",
            "254",
            "351",
            "353",
            "358",
            "420",
            "90",
            "971",
        )
    )
    roll = rng.randrange(10)
    if roll < 3:
        text = f"+{code} {digits(2)} {digits(3)} {digits(2)} {digits(2)}"
    elif roll == 3:
        text = f"+{code} {digits(3)} {digits(3)} {digits(3)}"
    elif roll == 4:
        text = f"({digits(3)}) {digits(3)}-{digits(4)}"
    elif roll == 5:
        text = f"0{digits(2)} {digits(4)} {digits(4)}"
    elif roll == 6:
        text = f"{digits(3)}-{digits(4)}"
    elif roll == 7:
        text = f"+{code}-{digits(3)}-{digits(3)}-{digits(4)}"
    elif roll == 8:
        text = f"0{digits(3)}/{digits(6)}"
    else:
        text = f"+{code}{digits(9)}" if rng.random() < 0.5 else f"{digits(3)} {digits(4)}"
    return same(text)


def url(scene: Scene) -> Value:
    rng = scene.rng
    path = rng.choice(
        (
            "",
            "",
            f"/{_ascii(plain_word(scene))}",
            f"/{rng.choice(('shop', 'jobs', 'events', 'blog', 'help', 'apply'))}",
        )
    )
    return same(rng.choice(("https://", "https://www.", "www.", "http://", "")) + _domain(scene) + path)


def handle(scene: Scene) -> Value:
    rng = scene.rng
    base = _ascii(first_name(scene).text if rng.random() < 0.4 else plain_word(scene))
    ending = rng.choice(("", str(rng.randint(1, 99)), _ascii(plain_word(scene, 1, 1))))
    return same(base + rng.choice(("", "", "_", "-", ".")) + ending if ending else base)
