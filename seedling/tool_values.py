"""Argument and outcome values for the invented tools, by spec: what a request says and what stands in JSON."""

from __future__ import annotations

from collections.abc import Callable

from . import words as lists
from .arithmetic import expression
from .copying import words
from .drawing import Draw, listed
from .values import Value

_UNITS = listed(
    """
    kilometres miles metres feet inches centimetres kilograms pounds ounces grams litres gallons cups acres hectares
    yards tonnes pints millimetres stones
    """
)
_ROOMS = listed("kitchen bedroom hall office bathroom garage attic cellar nursery study porch workshop studio pantry")
_CHORES = listed(
    """
    water the plants; call the dentist; pay the rent; buy stamps; clean the oven; feed the cat; renew the passport;
    fix the gate; post the letter; charge the battery; book the hall; return the library books; wash the car; order
    new filters; check the smoke alarm; sign the contract; collect the parcel; send the minutes; empty the bins;
    take the pills; walk the dog; phone grandmother; turn off the sprinkler; back up the photos; bake the cake
    """,
    ";",
)
_MESSAGES = listed(
    """
    the meeting moved to {t}; I will be {n} minutes late; please bring the {i}; the {i} has arrived; can you call
    {p}; we need {n} more {i.plural}; the door code is {n}; thank you for the {i}; {p} is ill today; the train
    leaves at {t}; see you in {c}; the {i} is broken; lunch is at {t}; the offer ends in {n} days; do not forget the
    {i}; {p} says yes; we land in {c} at {t}; the report is ready; I left the {i} in {c}; room {n} is free; where
    are you; {p} wants to talk to you; the invoice is paid; good luck in {c}; the {i} costs {n} euros; happy
    birthday; we won the contract with {o}
    """,
    ";",
)
_PHRASES = listed(
    """
    lunch with {p}; the {w} report; {w} and {w}; history of {c}; best {i} in {c}; {p} live; {i} repair; the {a} {i};
    dinner in {c}; {w} training; a visit to {c}; {w} song; night in {c}; call with {p}; the {w} of {c}; {i} review;
    {a} {w}; old {i.plural}; {w} festival; train to {c}; the last {i}; {p} and the {w}; {c} marathon; {w} workshop;
    meeting with {o}; {o} presentation; dentist; yoga; piano lesson; how to clean a {i}; jobs at {o}; cheap
    {i.plural}
    """,
    ";",
)
_MEANINGS = listed(
    """
    a small boat; very tired; to walk slowly; a kind of bread; a loud noise; without end; a narrow path; to fold
    paper; an old coin; full of light; a long coat; to speak softly; a wet field; quick and clever; a stone wall
    """,
    ";",
)
_HEADLINES = listed(
    """
    {c} opens a new bridge; {o} hires {n} people; {p} wins in {c}; storm reaches {c}; {o} and {w} to merge; {c}
    votes on Sunday; {p} leaves {o}; prices of {i.plural} fall; {w} found near {c}; strike at {o} ends; {n} flats
    for {c}
    """,
    ";",
)


class Said(str):
    """A value as a text has it; `{item.plural}` in a template is its plural."""

    @property
    def plural(self) -> str:
        """The English plural of the last word."""
        if self.endswith("s") and not self.endswith("ss"):
            return str(self)
        if self.endswith(("ss", "x", "ch", "sh", "z")):
            return f"{self}es"
        if self.endswith(("lf", "arf", "ife")):
            return f"{self.removesuffix('e')[:-1]}ves"
        if self.endswith("y") and self[-2:-1] not in "aeiou":
            return f"{self[:-1]}ies"
        return f"{self}s"


def item(draw: Draw) -> str:
    """A product: a plain noun, one with an adjective or a brand, or a made-up one."""
    kind = draw.rng.random()
    if kind < 0.15:
        return draw.word()
    noun = lists.NOUNS.draw(draw.rng, draw.split)
    if kind < 0.6:
        return noun
    if kind < 0.9:
        return f"{lists.ADJECTIVES.draw(draw.rng, draw.split)} {noun}"
    return f"{draw.text('brand')} {noun}"


def _filled(draw: Draw, pattern: str) -> str:
    return pattern.format_map(_Holes(draw))


class _Holes(dict[str, str]):
    """Values for the holes of a phrase, made when asked for."""

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self.draw = draw

    def __missing__(self, key: str) -> str:
        draw = self.draw
        made: dict[str, Callable[[], str]] = {
            "t": lambda: draw.make("time").json,
            "n": lambda: str(draw.rng.randint(2, 90)),
            "i": lambda: item(draw),
            "p": lambda: draw.text("person" if draw.chance(0.5) else "first_name"),
            "c": lambda: draw.text("city"),
            "o": lambda: draw.text("company"),
            "w": draw.word,
            "a": lambda: lists.ADJECTIVES.draw(draw.rng, draw.split),
        }
        return Said(made[key]())


def _phrase(options: tuple[str, ...], share: float = 0.8, low: int = 2, high: int = 5) -> Callable[[Draw], str]:
    """A maker of filled phrases, some of them random words."""
    return lambda draw: _filled(draw, draw.value(options)) if draw.chance(share) else words(draw, low, high)


def _path(draw: Draw) -> str:
    folder = draw.rng.choice(("", "/srv/", "docs/", "/var/log/", "data/", f"{draw.word()}/", "C:/", "./"))
    stem = draw.rng.choice((draw.word(), f"{draw.word()}_{draw.rng.randint(1, 2030)}", f"{draw.word()}-{draw.word()}"))
    return folder + stem + draw.rng.choice((".txt", ".csv", ".json", ".md", ".log", ".toml", ".pdf"))


def _ticker(draw: Draw) -> str:
    return "".join(draw.rng.choice("ABCDEFGHIKLMNOPRSTUVWXYZ") for _ in range(draw.rng.randint(3, 5)))


_TEXTS: dict[str, Callable[[Draw], str]] = {
    "item": item,
    "message": _phrase(_MESSAGES, 0.85, 3, 7),
    "phrase": _phrase(_PHRASES, 0.75, 1, 3),
    "meaning": _phrase(_MEANINGS, 0.9),
    "headline": _phrase(_HEADLINES, 0.9, 3, 6),
    "chore": lambda draw: draw.value(_CHORES) if draw.chance(0.7) else f"{draw.word()} the {item(draw)}",
    "trouble": lambda draw: draw.text("problem") if draw.chance(0.8) else f"the {item(draw)} does not {draw.word()}",
    "path": _path,
    "site": lambda draw: f"{draw.word()}.example",
    "ticker": _ticker,
    "unit": lambda draw: draw.value(_UNITS),
    "room": lambda draw: draw.value(_ROOMS) if draw.chance(0.85) else f"{draw.word()} room",
    "food": lambda draw: draw.text("ingredient") if draw.chance(0.8) else draw.word(),
    "land": lambda draw: (
        draw.text("country") if draw.chance(0.6) else draw.proper() + draw.rng.choice(("", "ia", "land"))
    ),
    "iso": lambda draw: draw.make("date").json,
    "clock": lambda draw: draw.make("time").json,
}


def make(draw: Draw, spec: str) -> Value:
    """A value by its spec.

    "pick a/b/c" is one of the options in every split, "flag on/off" a boolean said so, "amount 1 9 2" a number with up
    to so many places, "expression" a sum; else a text of this module, or a generator of `values`. Raises KeyError for
    an unknown one.
    """
    name, _, rest = spec.partition(" ")
    if name == "pick":
        chosen = draw.rng.choice(rest.split("/"))
        return Value(chosen, chosen)
    if name == "flag":
        yes, no = rest.split("/")
        return Value(True, yes) if draw.chance(0.5) else Value(False, no)
    if name == "amount":
        return _amount(draw, *rest.split())
    if name == "expression":
        return expression(draw)
    if name in _TEXTS:
        text = _TEXTS[name](draw)
        return Value(text, text)
    return draw.make(spec)


def _amount(draw: Draw, low: str, high: str, places: str = "2") -> Value:
    number = round(draw.rng.uniform(float(low), float(high)), 0 if draw.chance(0.4) else int(places))
    plain = int(number) if number == int(number) else number
    return Value(plain, str(plain))
