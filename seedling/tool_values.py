"""Argument and outcome values for the invented tools: how a value is said, and what it is in JSON."""

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .copying import email, person, phone, words
from .drawing import Draw


@dataclass(frozen=True)
class Value:
    """`said` is how text mentions it, `json` is the argument or result."""

    said: str
    json: Any


Maker = Callable[[Draw], Value]

_CITIES = (
    "Oslo Lisbon Nairobi Osaka Lima Cork Graz Bergen Porto Izmir Lagos Hanoi Quito Turin Ghent Leeds Malmö Kraków Zürich "
    "Tampere Accra Pune Cusco Denver Bologna Utrecht Dakar Riga Tartu Seville Leipzig Montreal Busan Córdoba Split Basel "
    "Aarhus Brno Galway Lyon Antwerp Perth Kyoto Tunis Havana Boston Austin Dresden Palermo Vilnius"
).split()
_COUNTRIES = (
    "Norway Portugal Kenya Japan Peru Ireland Austria Turkey Nigeria Vietnam Ecuador Italy Belgium Sweden Poland Finland "
    "Ghana India Latvia Estonia Spain Germany Canada Croatia Denmark France Tunisia Cuba Lithuania Chile Mexico Greece"
).split()
_ITEMS = (
    "lamp desk chair kettle monitor keyboard notebook backpack tent stove mug clock shelf router printer scarf drill "
    "ladder bicycle helmet blanket pillow teapot speaker camera tripod jacket wallet torch hammer rug mirror vase pan "
    "toaster blender fan heater umbrella suitcase"
).split()
_ADJECTIVES = "red green oak steel small large folding garden travel desk heavy blue paper cotton wooden glass".split()
_FOODS = (
    "rice lentils spinach salmon eggs tofu mushrooms pumpkin chickpeas cheese potatoes chicken beans apples yoghurt leeks "
    "carrots noodles shrimp cabbage avocado oats bread pears"
).split()
_LANGUAGES = (
    "French German Spanish Italian Polish Turkish Japanese Swahili Portuguese Dutch Greek Hindi Arabic Finnish Korean"
).split()
_ROOMS = "kitchen bedroom hall office bathroom garage attic cellar nursery study porch workshop studio pantry".split()
_UNITS = (
    "kilometres miles metres feet inches centimetres kilograms pounds ounces grams litres gallons cups acres hectares "
    "yards tonnes pints"
).split()
_CHORES = (
    "water the plants;call the dentist;pay the rent;buy stamps;clean the oven;feed the cat;renew the passport;fix the "
    "gate;post the letter;charge the battery;book the hall;return the library books;wash the car;order new filters;check "
    "the smoke alarm;sign the contract;collect the parcel;send the minutes;update the price list;empty the bins"
).split(";")
_TROUBLES = (
    "the printer is on fire;the login page stays blank;nobody can open the door;the heating does not start;mails arrive "
    "twice;the screen flickers;the export is empty;the lift is stuck;the password reset fails;the map shows the wrong "
    "street;the backup stopped;the scanner eats paper;the invoice has two totals;the app crashes on start;the phone is "
    "dead;the server room is too hot"
).split(";")
_MESSAGES = (
    "the meeting moved to {t};I will be {n} minutes late;please bring the {i};the {i} has arrived;can you call {p};we "
    "need {n} more {i}s;the door code is {n};thank you for the {i};{p} is ill today;the train leaves at {t};see you in "
    "{c};the {i} is broken;lunch is at {t};the offer ends in {n} days;do not forget the {i};{p} says yes;we land in {c} "
    "at {t};the report is ready;I left the {i} in {c};room {n} is free"
).split(";")
_PHRASES = (
    "lunch with {p};the {w} report;{w} and {w};history of {c};best {i} in {c};{p} live;{i} repair;the {a} {i};dinner in "
    "{c};{w} training;a visit to {c};{w} song;night in {c};call with {p};the {w} of {c};{i} review;{a} {w};old {i}s;"
    "{w} festival;train to {c};the last {i};{p} and the {w};{c} marathon;{w} workshop"
).split(";")


def city(draw: Draw) -> str:
    """A city, real or made up."""
    return draw.proper() if draw.chance(0.35) else draw.value(_CITIES)


def country(draw: Draw) -> str:
    """A country, real or made up."""
    return draw.proper(2) + draw.rng.choice(("", "ia", "land")) if draw.chance(0.4) else draw.value(_COUNTRIES)


def item(draw: Draw) -> str:
    """A product: a plain noun, one with an adjective, or a made-up one."""
    kind = draw.rng.random()
    if kind < 0.25:
        return draw.word()
    noun = draw.value(_ITEMS)
    return noun if kind < 0.65 else f"{draw.value(_ADJECTIVES)} {noun}"


def date(draw: Draw) -> str:
    """An ISO date."""
    return f"{draw.rng.randint(2023, 2029)}-{draw.rng.randint(1, 12):02}-{draw.rng.randint(1, 28):02}"


def time(draw: Draw) -> str:
    """A time, HH:MM."""
    return f"{draw.rng.randint(0, 23):02}:{draw.rng.choice((0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55)):02}"


def company(draw: Draw) -> str:
    """A company or a house of that name."""
    ending = draw.rng.choice(("", "", " & Sons", " Ltd", " House", " GmbH", " Group", " Foods"))
    return (draw.proper() if draw.chance(0.6) else draw.value(_CITIES)) + ending


def street(draw: Draw) -> str:
    """A street address."""
    name = draw.proper()
    number = draw.rng.randint(1, 240)
    return draw.rng.choice(
        (f"{number} {name} Street", f"{name} Road {number}", f"{name}straat {number}", f"{number} {name} Lane")
    )


def _fill(draw: Draw, pattern: str) -> str:
    makers: dict[str, Callable[[], str]] = {
        "{t}": lambda: time(draw),
        "{n}": lambda: str(draw.rng.randint(2, 90)),
        "{i}": lambda: draw.value(_ITEMS),
        "{p}": lambda: person(draw),
        "{c}": lambda: city(draw),
        "{w}": lambda: draw.word(),
        "{a}": lambda: draw.value(_ADJECTIVES),
    }
    for hole, make in makers.items():
        while hole in pattern:
            pattern = pattern.replace(hole, make(), 1)
    return pattern


def message(draw: Draw) -> str:
    """A short sentence without a full stop."""
    return _fill(draw, draw.value(_MESSAGES)) if draw.chance(0.8) else words(draw, 3, 7)


def phrase(draw: Draw) -> str:
    """A title or a search phrase."""
    return _fill(draw, draw.value(_PHRASES)) if draw.chance(0.75) else words(draw, 1, 3)


def path(draw: Draw) -> str:
    """A file's path."""
    stem = draw.word()
    folder = draw.rng.choice(("", "/home/", "docs/", "/var/log/", "data/", f"{draw.word()}/"))
    return folder + stem + draw.rng.choice((".txt", ".csv", ".json", ".md", ".log", ".toml"))


def site(draw: Draw) -> str:
    """A host name."""
    return f"{draw.word()}.example"


def ticker(draw: Draw) -> str:
    """A share's symbol of three to five capitals."""
    return "".join(draw.rng.choice("ABCDEFGHIKLMNOPRSTUVWXYZ") for _ in range(draw.rng.randint(3, 5)))


_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def calculate(expression: str) -> str:
    """The value of an arithmetic expression of numbers, + - * / and brackets, with at most two places.

    Raises ValueError for anything else.
    """

    def value(node: ast.expr) -> Fraction:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return Fraction(str(node.value))
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](value(node.left), value(node.right))
        raise ValueError(f"not arithmetic: {expression!r}")

    result = round(value(ast.parse(expression, mode="eval").body), 2)
    return str(int(result)) if result.denominator == 1 else f"{float(result):.2f}".rstrip("0")


_SPOKEN = {
    "+": ("plus", "plus", "added to", "+"),
    "-": ("minus", "minus", "less", "-"),
    "*": ("times", "times", "multiplied by", "x", "*"),
    "/": ("divided by", "divided by", "over", "/"),
}


def expression(draw: Draw) -> Value:
    """A sum as spoken in the request, and as written for a calculator."""
    rng = draw.rng

    def number() -> str:
        return str(draw.number() + 1) if draw.chance(0.7) else f"{rng.uniform(0, 200):.{rng.choice((1, 2))}f}"

    first, second = number(), number()
    sign = rng.choice("+-**/")
    kind = rng.random()
    if kind < 0.12:
        percent, whole_number = rng.choice((5, 10, 12, 15, 20, 25, 30, 40, 50, 75)), str(rng.randint(1, 999))
        return Value(f"{percent} percent of {whole_number}", f"{whole_number} * {percent} / 100")
    if kind < 0.2:
        word, sign = rng.choice((("the sum of", "+"), ("the product of", "*"), ("the difference of", "-")))
        return Value(f"{word} {first} and {second}", f"{first} {sign} {second}")
    if kind < 0.26:
        word, sign = rng.choice((("half of", "/ 2"), ("twice", "* 2"), ("a third of", "/ 3"), ("three times", "* 3")))
        return Value(f"{word} {first}", f"{first} {sign}")
    if kind < 0.34:
        text = f"{first} {sign} {second}"
        return Value(text, text)
    said, written = f"{first} {rng.choice(_SPOKEN[sign])} {second}", f"{first} {sign} {second}"
    if draw.chance(0.4):
        third, sign = number(), rng.choice("+-*")
        if draw.chance(0.15):
            return Value(f"({said}) {rng.choice(_SPOKEN[sign])} {third}", f"({written}) {sign} {third}")
        said, written = f"{said} {rng.choice(_SPOKEN[sign])} {third}", f"{written} {sign} {third}"
    return Value(said, written)


_TEXTS: dict[str, Callable[[Draw], str]] = {
    "city": city,
    "country": country,
    "item": item,
    "date": date,
    "time": time,
    "company": company,
    "street": street,
    "message": message,
    "phrase": phrase,
    "path": path,
    "site": site,
    "ticker": ticker,
    "person": person,
    "email": email,
    "phone": phone,
    "code": Draw.code,
    "word": Draw.word,
    "proper": Draw.proper,
    "food": lambda draw: draw.value(_FOODS) if draw.chance(0.8) else draw.word(),
    "language": lambda draw: draw.value(_LANGUAGES) if draw.chance(0.85) else draw.proper(2) + "ish",
    "room": lambda draw: draw.value(_ROOMS) if draw.chance(0.85) else f"{draw.word()} room",
    "unit": lambda draw: draw.value(_UNITS),
    "chore": lambda draw: draw.value(_CHORES) if draw.chance(0.7) else f"{draw.word()} the {item(draw)}",
    "trouble": lambda draw: draw.value(_TROUBLES) if draw.chance(0.7) else f"the {item(draw)} does not {draw.word()}",
}


def text_of(name: str) -> Maker:
    """A maker of strings that are said as they are written; "expression" is the exception."""
    if name == "expression":
        return expression
    make = _TEXTS[name]

    def made(draw: Draw) -> Value:
        text = make(draw)
        return Value(text, text)

    return made


_NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()


def whole(low: int, high: int) -> Maker:
    """A maker of whole numbers from `low` to `high`, small ones sometimes said as words."""

    def made(draw: Draw) -> Value:
        number = draw.rng.randint(low, high)
        if 2 <= number < len(_NUMBER_WORDS) and draw.chance(0.25):
            return Value(_NUMBER_WORDS[number], number)
        return Value(str(number), number)

    return made


def amount(low: float, high: float, places: int = 2) -> Maker:
    """A maker of numbers with up to `places` decimals; whole ones are written without a point."""

    def made(draw: Draw) -> Value:
        number = round(draw.rng.uniform(low, high), 0 if draw.chance(0.4) else places)
        plain = int(number) if number == int(number) else number
        return Value(str(plain), plain)

    return made


def one_of(*options: str) -> Maker:
    """A maker that picks one of the options, in every split."""

    def made(draw: Draw) -> Value:
        chosen = draw.rng.choice(options)
        return Value(chosen, chosen)

    return made
