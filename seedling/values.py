"""Values: each generator returns what the record must hold and one of several ways to write it in a text.

A generator is called with a `Scene`, which keeps what the values of one document share: the split, the currency, the
number style, the person and company already drawn (so that an e-mail address can match its owner). `draw` serves
callers that need a single value, for instance `draw("person", rng, "train").text`.
"""

from __future__ import annotations

import calendar
import random
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import words
from .words import Words, made_up


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
    return rng.choice((word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:], word[:at] + word[at + 1] + word[at] + word[at + 2 :]))


Generator = Callable[[Scene], Value]


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


# Names of people, companies and places.


def _same(text: str) -> Value:
    return Value(text, text)


def _plain_word(scene: Scene, low: int = 2, high: int = 3) -> str:
    return made_up(scene.rng, scene.split, low, high)


def invented(scene: Scene, low: int = 2, high: int = 3) -> str:
    """A made-up name: a capitalised word."""
    return _plain_word(scene, low, high).capitalize()


def listed_or_made_up(scene: Scene, listed: Words, share: float = 0.33) -> str:
    if scene.rng.random() < share:
        return invented(scene)
    return listed.draw(scene.rng, scene.split)


def first_name(scene: Scene) -> Value:
    return _same(listed_or_made_up(scene, words.FIRST_NAMES, 0.25))


def surname(scene: Scene) -> Value:
    return _same(listed_or_made_up(scene, words.SURNAMES))


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
    return _same(scene.person)


def other_person(scene: Scene) -> Value:
    return _same(any_person(scene))


def titled_person(scene: Scene) -> Value:
    """A person whose title, if one is written, does not belong to the name."""
    name = person(scene).text
    if scene.rng.random() < 0.2:
        return Value(
            name, f"{scene.rng.choice(('Dr.', 'Prof.', 'Ms', 'Mr', 'Mrs', 'Dr', 'Sir', 'Herr', 'Frau', 'Mme'))} {name}"
        )
    return _same(name)


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
    return _same(scene.company)


def other_company(scene: Scene) -> Value:
    return _same(any_company(scene))


def city(scene: Scene) -> Value:
    if scene.rng.random() < 0.25:
        name = invented(scene) + scene.rng.choice(("", "", "", "stad", "ton", "burg", " Falls", " Bay", "ville", "ham"))
        return _same(scene.rng.choice(("", "", "", "", "Port ", "Bad ", "New ", "San ", "St ")) + name)
    return _same(words.CITIES.draw(scene.rng, scene.split))


def listed(items: Words, share: float = 0.0) -> Generator:
    """A generator that takes a word from a list as it stands, or (by `share`) makes one up."""

    def generate(scene: Scene) -> Value:
        return _same(listed_or_made_up(scene, items, share))

    return generate


def street(scene: Scene) -> Value:
    """Street and house number, as one string."""
    rng = scene.rng
    number = f"{rng.randint(1, 220)}{rng.choice(('', '', '', 'a', 'B', '/2'))}"
    name = listed_or_made_up(scene, words.STREETS)
    roll = rng.random()
    if roll < 0.5:
        return _same(
            f"{number} {name} {rng.choice(('Street', 'Road', 'Lane', 'Avenue', 'Way', 'St', 'Close', 'Drive'))}"
        )
    if roll < 0.7:
        return _same(f"{name}{rng.choice(('straße', 'weg', 'gatan', 'gasse', 'laan', 'gate'))} {number}")
    if roll < 0.85:
        return _same(f"{rng.choice(('Rue', 'Calle', 'Via', 'Rua', 'Avenida', 'ul.', 'Plaza'))} {name} {number}")
    return _same(f"{name} {rng.choice(('Square', 'Quay', 'Court', 'House'))} {number}")


def postcode(scene: Scene) -> Value:
    rng = scene.rng
    letters = "ABCDEFGHJKLMNPRSTUVWXY"
    shapes = (
        lambda: f"{rng.randint(10000, 99999)}",
        lambda: (
            f"{rng.choice(letters)}{rng.choice(letters)}{rng.randint(1, 20)} {rng.randint(1, 9)}{rng.choice(letters)}{rng.choice(letters)}"
        ),
        lambda: f"{rng.randint(1000, 9999)}",
        lambda: f"{rng.randint(100, 999)} {rng.randint(10, 99)}",
        lambda: f"{rng.randint(1000, 9999)} {rng.choice(letters)}{rng.choice(letters)}",
        lambda: f"{rng.randint(10, 99)}-{rng.randint(100, 999)}",
    )
    return _same(rng.choice(shapes)())


def address(scene: Scene) -> Value:
    return _same(f"{street(scene).text}, {postcode(scene).text} {city(scene).text}")


# Ways to reach someone.


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
        stem = _ascii(_plain_word(scene)) + rng.choice(("", "", "-" + _ascii(words.INDUSTRIES.draw(rng, scene.split))))
    ending = rng.choice(
        ("example", "example", "example", "example", "example.com", "example.org", "test", "example.net")
    )
    return f"{stem}.{ending}"


def email(scene: Scene) -> Value:
    rng = scene.rng
    if rng.random() < 0.2:
        return _same(f"{rng.choice(_BOXES)}@{_domain(scene)}")
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
    return _same(f"{local}@{_domain(scene)}")


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
    return _same(text)


def url(scene: Scene) -> Value:
    rng = scene.rng
    path = rng.choice(
        (
            "",
            "",
            f"/{_ascii(_plain_word(scene))}",
            f"/{rng.choice(('shop', 'jobs', 'events', 'blog', 'help', 'apply'))}",
        )
    )
    return _same(rng.choice(("https://", "https://www.", "www.", "http://", "")) + _domain(scene) + path)


def handle(scene: Scene) -> Value:
    rng = scene.rng
    base = _ascii(first_name(scene).text if rng.random() < 0.4 else _plain_word(scene))
    ending = rng.choice(("", str(rng.randint(1, 99)), _ascii(_plain_word(scene, 1, 1))))
    return _same(base + rng.choice(("", "", "_", "-", ".")) + ending if ending else base)


# Numbers, identifiers, codes.


def code(scene: Scene) -> Value:
    """An identifier: an order number, a reference, a ticket."""
    rng = scene.rng
    letters = "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(rng.randint(1, 3)))
    number = rng.randint(100, 99999)
    shapes = (
        f"{letters}-{number}",
        f"{letters}{number}",
        f"{scene.year}/{rng.randint(1, 999)}",
        f"#{number}",
        f"{number}",
        f"{letters}-{scene.year}-{rng.randint(1, 999):03d}",
        f"{scene.year}-{rng.randint(1, 9999):04d}",
        f"{rng.randint(10, 99)}-{rng.randint(1000, 9999)}-{letters}",
        f"{letters} {number}",
        f"{number}/{letters}",
        f"{letters}{rng.randint(1, 99)}/{rng.randint(1, 99)}",
        f"{letters}-{rng.randint(10, 99)}.{rng.randint(1, 9)}",
    )
    return _same(rng.choice(shapes))


def isbn(scene: Scene) -> Value:
    rng = scene.rng
    parts = (978, rng.randint(0, 9), rng.randint(10, 9999), rng.randint(100, 99999), rng.randint(0, 9))
    return _same("-".join(map(str, parts)) if rng.random() < 0.7 else "".join(map(str, parts)))


def version(scene: Scene) -> Value:
    rng = scene.rng
    parts = [rng.randint(0, 14) for _ in range(rng.choice((2, 3, 3, 3)))]
    return _same(".".join(map(str, parts)) + rng.choice(("", "", "", "", "-beta", "rc1", "b")))


def plate(scene: Scene) -> Value:
    rng = scene.rng

    def letters(count: int) -> str:
        return "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(count))

    return _same(
        rng.choice(
            (
                f"{letters(2)} {rng.randint(100, 9999)}",
                f"{letters(2)}{rng.randint(10, 99)} {letters(3)}",
                f"{letters(1)}-{letters(2)} {rng.randint(10, 999)}",
                f"{rng.randint(100, 999)} {letters(3)}",
            )
        )
    )


_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


_DOZENS = {6: "half a dozen", 12: "a dozen", 24: "two dozen", 36: "three dozen"}


def in_words(number: int) -> str:
    """English for 0 to 99."""
    if number < 20:
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")


_ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()


def ordinal(rng: random.Random, number: int) -> str:
    """ "third" or "3rd"."""
    return _ORDINALS[number] if 0 <= number <= 12 and rng.random() < 0.6 else _ordinal(number)


_SWAPPED = str.maketrans(",.", ".,")


def grouped(number: float, style: str, decimals: int = 0) -> str:
    """Digits with thousands separators: "plain" none, "comma", "space", or "decimal comma" ("1.250,00")."""
    text = f"{number:,.{decimals}f}"
    if style == "decimal comma":  # Without decimals "1.250" would be read as a fraction.
        return text.translate(_SWAPPED) if decimals == 2 else text.replace(",", "")
    return text.replace(",", {"plain": "", "comma": ",", "space": " "}[style])


def integer(low: str, high: str) -> Generator:
    first, last = int(low), int(high)

    def generate(scene: Scene) -> Value:
        rng = scene.rng
        # Small numbers are likelier, as in life, but the whole range comes.
        number = (
            rng.randint(first, last)
            if rng.random() < 0.6
            else rng.randint(first, max(first, min(last, first + (last - first) // 4)))
        )
        if number <= 99 and rng.random() < (0.35 if number <= 12 else 0.12):
            if number in _DOZENS and rng.random() < 0.3:
                return Value(number, _DOZENS[number])
            return Value(number, in_words(number))
        return Value(number, grouped(number, scene.style if number >= 1000 else "plain"))

    return generate


def whole_year(low: str, high: str) -> Generator:
    """A year, which nobody writes with a thousands separator or in words."""
    first, last = int(low), int(high)

    def generate(scene: Scene) -> Value:
        year = scene.rng.randint(first, last)
        return Value(year, str(year))

    return generate


def _clean(number: float) -> int | float:
    return int(number) if number == int(number) else number


def decimal(low: str, high: str, places: str = "1") -> Generator:
    first, last, decimals = float(low), float(high), int(places)

    def generate(scene: Scene) -> Value:
        number = round(scene.rng.uniform(first, last), decimals if scene.rng.random() < 0.75 else 0)
        shown = decimals if scene.rng.random() < 0.4 or number != int(number) else 0
        text = grouped(number, scene.style if number >= 1000 else "plain", shown)
        return Value(
            _clean(number), text if number != int(number) or scene.rng.random() < 0.5 else grouped(number, "plain")
        )

    return generate


_CURRENCIES: dict[str, tuple[str, ...]] = {
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
CURRENCIES = tuple(_CURRENCIES)


def money_text(scene: Scene, amount: float) -> str:
    """An amount with its currency, in one of the ways people write it."""
    rng = scene.rng
    whole = amount == int(amount)
    decimals = 0 if whole and rng.random() < 0.6 else 2
    style = scene.style if amount >= 1000 or scene.style == "decimal comma" else "plain"
    return rng.choice(_CURRENCIES[scene.currency]).format(grouped(amount, style, decimals))


def money(low: str, high: str) -> Generator:
    first, last = float(low), float(high)

    def generate(scene: Scene) -> Value:
        rng = scene.rng
        roll = rng.random()
        amount = rng.uniform(first, last)
        if amount >= 1000 and roll < 0.5:
            amount = round(amount, -1) if roll < 0.4 else round(amount, -2)
        elif roll < 0.6:
            amount = round(amount)
        elif roll < 0.75:
            amount = round(amount * 2) / 2
        else:
            amount = round(amount, 2)
        amount = max(amount, 1.0) if first >= 1 else amount
        return Value(_clean(amount), money_text(scene, amount))

    return generate


def salary(scene: Scene) -> Value:
    rng = scene.rng
    amount = rng.randint(22, 140) * 1000 if rng.random() < 0.7 else rng.randint(220, 1400) * 100
    if amount % 1000 == 0 and rng.random() < 0.35:
        digits = f"{amount // 1000}{rng.choice(('k', 'k', 'K', ',000'))}"
        return Value(amount, rng.choice(_CURRENCIES[scene.currency][:3]).format(digits))
    return Value(amount, rng.choice(_CURRENCIES[scene.currency]).format(grouped(amount, scene.style)))


# Dates and times.

_MONTHS = calendar.month_name[1:]
_DAYS = tuple(calendar.day_name)


def _ordinal(day: int) -> str:
    if 10 <= day % 100 <= 20:
        return f"{day}th"
    return f"{day}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th') }"


def date_text(rng: random.Random, year: int, month: int, day: int) -> str:
    name = _MONTHS[month - 1]
    short = name[:3]
    weekday = _DAYS[calendar.weekday(year, month, day)]
    shapes = [
        f"{day} {name} {year}",
        f"{day} {name} {year}",
        f"{name} {day}, {year}",
        f"{name} {_ordinal(day)}, {year}",
        f"{year}-{month:02d}-{day:02d}",
        f"{year}-{month:02d}-{day:02d}",
        f"{day}.{month}.{year}",
        f"{day:02d}.{month:02d}.{year}",
        f"{day} {short} {year}",
        f"{short} {day}, {year}",
        f"{weekday} {day} {name} {year}",
        f"{weekday}, {name} {day}, {year}",
        f"the {_ordinal(day)} of {name} {year}",
        f"{_ordinal(day)} {name} {year}",
        f"{day:02d} {short} {year}",
        f"{weekday[:3]} {day} {short} {year}",
        f"{year}/{month:02d}/{day:02d}",
        f"{day}-{short}-{year}",
    ]
    if day > 12:  # Otherwise nobody can tell the day from the month.
        shapes += [f"{day}/{month:02d}/{year}", f"{month}/{day}/{year}", f"{day}/{month}/{year}"]
    return rng.choice(shapes)


def span_text(rng: random.Random, first: str, last: str) -> str:
    """Two ISO dates as a span, naming a shared month or year once."""
    (year, month, day), (end_year, end_month, end_day) = (map(int, iso.split("-")) for iso in (first, last))
    name, end_name = _MONTHS[month - 1], _MONTHS[end_month - 1]
    if (year, month) == (end_year, end_month):
        shapes = [
            f"{day}-{end_day} {name} {year}", f"{day} to {end_day} {name} {year}", f"{day}–{end_day} {name} {year}",
            f"{name} {day}-{end_day}, {year}", f"{name} {_ordinal(day)} to {_ordinal(end_day)}, {year}",
            f"from the {_ordinal(day)} to the {_ordinal(end_day)} of {name} {year}",
        ]  # fmt: skip
    elif year == end_year:
        shapes = [
            f"{day} {name} to {end_day} {end_name} {year}", f"{day} {name[:3]} - {end_day} {end_name[:3]} {year}",
            f"{name} {day} to {end_name} {end_day}, {year}", f"{day}.{month}. - {end_day}.{end_month}.{year}",
        ]  # fmt: skip
    else:
        shapes = [f"{day} {name} {year} to {end_day} {end_name} {end_year}", f"{first} to {last}"]
    return rng.choice(shapes)


def date(scene: Scene) -> Value:
    rng = scene.rng
    year = scene.year if rng.random() < 0.7 else rng.randint(2012, 2032)
    month = rng.randint(1, 12)
    day = rng.randint(1, calendar.monthrange(year, month)[1])
    return Value(f"{year}-{month:02d}-{day:02d}", date_text(rng, year, month, day))


def time(scene: Scene) -> Value:
    rng = scene.rng
    hour = rng.randint(7, 22) if rng.random() < 0.9 else rng.randint(0, 23)
    minute = rng.choice((0, 0, 0, 15, 30, 30, 45, rng.randint(0, 59)))
    value = f"{hour:02d}:{minute:02d}"
    half, twelve = ("am" if hour < 12 else "pm"), (hour - 1) % 12 + 1
    shapes = [
        value,
        value,
        value,
        f"{twelve}.{minute:02d} {half}",
        f"{twelve}:{minute:02d} {half}",
        f"{twelve}:{minute:02d}{half}",
        f"{twelve}:{minute:02d} {half.upper()}",
        f"{hour:02d}.{minute:02d}",
        f"{hour}h{minute:02d}",
    ]
    if minute == 0:
        shapes += [f"{twelve} {half}", f"{twelve}{half}", f"{twelve} {half.upper()}"]
        if hour in (12, 0):
            shapes = ["noon", "midday", "12 noon", "12:00"] if hour else ["midnight", "00:00"]
    if hour not in (0, 12) and minute in (0, 15, 30, 45):
        part = (
            "in the morning"
            if hour < 12
            else "in the afternoon"
            if hour < 18
            else "in the evening"
            if hour < 22
            else "at night"
        )
        name, after = _ONES[twelve], _ONES[twelve % 12 + 1]
        spoken = {
            0: f"{name} o'clock",
            15: f"a quarter past {name}",
            30: f"half past {name}",
            45: f"a quarter to {after}",
        }[minute]
        if hour >= 4 and not (minute == 45 and hour == 11):
            shapes += [f"{spoken} {part}", f"{name} {part}" if minute == 0 else f"{spoken} {part}"]
    return Value(value, rng.choice(shapes))


# Things.


def product(scene: Scene) -> Value:
    rng, split = scene.rng, scene.split
    noun = words.NOUNS.draw(rng, split) if rng.random() < 0.8 else _plain_word(scene)
    roll = rng.random()
    if roll < 0.3:
        return _same(f"{words.ADJECTIVES.draw(rng, split)} {noun}")
    if roll < 0.5:
        return _same(noun)
    brand = listed_or_made_up(scene, words.BRANDS, 0.5)
    if roll < 0.65:
        return _same(f"{brand} {noun}")
    if roll < 0.8:
        return _same(
            f"{brand} {rng.choice(('X', 'S', 'Pro ', 'Mini ', 'T', 'Air ', '', 'Max ', 'G'))}{rng.randint(1, 900)}"
        )
    if roll < 0.9:
        return _same(f"{words.ADJECTIVES.draw(rng, split).capitalize()} {noun.title()}")
    return _same(f"{noun} {rng.choice(('A', 'B', 'C', 'K', 'M', 'R'))}{rng.randint(1, 99)}")


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
    return _same(shapes[roll])


def event_name(scene: Scene) -> Value:
    rng, split = scene.rng, scene.split
    topic = words.TOPIC_WORDS.draw(rng, split)
    roll = rng.randrange(8)
    shapes = (
        f"{invented(scene)} Festival",
        f"Introduction to {topic.title()}",
        f"{words.TITLE_ADJECTIVES.draw(rng, split)} {words.TITLE_WORDS.draw(rng, split)} {rng.choice(('Concert', 'Fair', 'Night', 'Market', 'Run', 'Summit'))}",
        f"{topic.capitalize()} workshop",
        f"{city(scene).text} {rng.choice(('Book Fair', 'Marathon', 'Jazz Days', 'Film Week', 'Open Studios', 'Science Slam', 'Flea Market'))}",
        f"{topic.capitalize()} for Beginners",
        f"{words.TITLE_WORDS.draw(rng, split)} & {words.TITLE_WORDS.draw(rng, split)}",
        f"{rng.choice(('Annual', 'Spring', 'Summer', 'Autumn', 'Winter', 'Open'))} {topic} {rng.choice(('day', 'meeting', 'evening', 'fair'))}",
    )
    return _same(shapes[roll])


def sentence_case(scene: Scene, items: Words) -> Value:
    return _same(items.draw(scene.rng, scene.split))


def club(scene: Scene) -> Value:
    """A sports or other club."""
    rng = scene.rng
    place = city(scene).text
    suffix = rng.choice(("Rovers", "United", "FC", "Town", "Wanderers", "SC", "Athletic", "Chess Club", "Rowing Club", "Sports Club"))
    return _same(rng.choice((f"{place} {suffix}", f"{place} {suffix}", f"{rng.choice(('FC', 'SV', 'AC', 'IK', 'SK'))} {place}")))


def product_word(scene: Scene) -> Value:
    """The name of a piece of software or a service."""
    rng = scene.rng
    base = listed_or_made_up(scene, words.COMPANY_STEMS, 0.5)
    ending = rng.choice(("", "", "Desk", "Mail", "Sync", "Base", "Note", "Pad", " Cloud", " Mail", "-api", " Studio", "Flow"))
    return _same(base + ending)


def flight(scene: Scene) -> Value:
    rng = scene.rng
    return _same(
        f"{rng.choice('ABDEFKLNQSTUWX')}{rng.choice('ABCDFGHKLNQSTXYZ')}{rng.choice(('', ' '))}{rng.randint(10, 9899)}"
    )


def seat(scene: Scene) -> Value:
    return _same(f"{scene.rng.randint(1, 42)}{scene.rng.choice('ABCDEFK')}")


def room(scene: Scene) -> Value:
    rng = scene.rng
    return _same(
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


def venue(scene: Scene) -> Value:
    rng, split = scene.rng, scene.split
    roll = rng.random()
    if roll < 0.5:
        return _same(words.VENUES.draw(rng, split).removeprefix("the "))
    return _same(
        f"{invented(scene) if roll < 0.8 else city(scene).text} {rng.choice(('Hall', 'Arena', 'Theatre', 'Museum', 'Gallery', 'Library', 'Centre', 'Park', 'Club', 'Hotel'))}"
    )


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


_PLAIN: dict[str, Generator] = {
    "first_name": first_name, "surname": surname, "person": person, "titled_person": titled_person,
    "other_person": other_person, "company": company, "other_company": other_company, "city": city,
    "country": listed(words.COUNTRIES), "street": street, "postcode": postcode, "address": address, "email": email,
    "other_email": other_email, "phone": phone, "url": url, "handle": handle, "code": code, "version": version,
    "plate": plate, "date": date, "time": time, "salary": salary, "product": product, "title": title,
    "event_name": event_name, "flight": flight, "seat": seat, "room": room, "venue": venue,
    "role": listed(words.ROLES), "skill": listed(words.SKILLS), "topic": listed(words.TOPIC_WORDS),
    "colour": listed(words.COLOURS), "material": listed(words.MATERIALS), "department": listed(words.DEPARTMENTS, 0.15),
    "dish": listed(words.DISHES), "ingredient": listed(words.INGREDIENTS), "animal": listed(words.ANIMALS),
    "breed": listed(words.BREEDS, 0.2), "pet_name": listed(words.PET_NAMES, 0.3), "language": listed(words.LANGUAGES),
    "car": listed(words.CAR_MAKES, 0.1), "genre": listed(words.GENRES), "airline": listed(words.AIRLINES, 0.3),
    "lost_thing": listed(words.LOST_THINGS), "problem": listed(words.PROBLEMS), "hobby": listed(words.HOBBIES),
    "subject": listed(words.SUBJECTS), "task": listed(words.TASKS),
    "feature": listed(words.FEATURES), "extra": listed(words.EXTRAS), "pro": listed(words.PROS),
    "con": listed(words.CONS), "step": listed(words.STEPS), "isbn": isbn, "enum_free": listed(words.DIETS), "club": club, "product_word": product_word, "cause": listed(words.CAUSES),
    "action": listed(words.ACTIONS), "software_feature": listed(words.SOFTWARE_FEATURES),
    "problem_short": listed(words.SHORT_PROBLEMS), "service": listed(words.SERVICES), "office": listed(words.OFFICES),
    "industry": listed(words.INDUSTRIES),
    "brand": listed(words.BRANDS, 0.4), "word": lambda scene: _same(_plain_word(scene)),
    "name_word": lambda scene: _same(invented(scene)),
}  # fmt: skip

_FACTORIES: dict[str, Callable[..., Generator]] = {"int": integer, "year": whole_year, "number": decimal, "money": money, "list": list_of}
