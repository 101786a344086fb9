"""Dates, spans of dates and times of day, as people write them."""

from __future__ import annotations

import calendar
import random

from .amounts import in_words, numeral
from .scene import Scene, Value

_MONTHS = calendar.month_name[1:]
_DAYS = tuple(calendar.day_name)


def date_text(rng: random.Random, year: int, month: int, day: int) -> str:
    name = _MONTHS[month - 1]
    short = name[:3]
    weekday = _DAYS[calendar.weekday(year, month, day)]
    shapes = [
        f"{day} {name} {year}",
        f"{day} {name} {year}",
        f"{name} {day}, {year}",
        f"{name} {numeral(day)}, {year}",
        f"{year}-{month:02d}-{day:02d}",
        f"{year}-{month:02d}-{day:02d}",
        f"{day}.{month}.{year}",
        f"{day:02d}.{month:02d}.{year}",
        f"{day} {short} {year}",
        f"{short} {day}, {year}",
        f"{weekday} {day} {name} {year}",
        f"{weekday}, {name} {day}, {year}",
        f"the {numeral(day)} of {name} {year}",
        f"{numeral(day)} {name} {year}",
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
            f"{name} {day}-{end_day}, {year}", f"{name} {numeral(day)} to {numeral(end_day)}, {year}",
            f"from the {numeral(day)} to the {numeral(end_day)} of {name} {year}",
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
        name, after = in_words(twelve), in_words(twelve % 12 + 1)
        spoken = {
            0: f"{name} o'clock",
            15: f"a quarter past {name}",
            30: f"half past {name}",
            45: f"a quarter to {after}",
        }[minute]
        if hour >= 4 and not (minute == 45 and hour == 11):
            shapes += [f"{spoken} {part}", f"{name} {part}" if minute == 0 else f"{spoken} {part}"]
    return Value(value, rng.choice(shapes))
