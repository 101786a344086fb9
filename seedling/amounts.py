"""Numbers, identifiers and amounts of money."""

from __future__ import annotations

import random

from .scene import CURRENCY_FORMS, Generator, Scene, Value, same

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


_DOZENS = {6: "half a dozen", 12: "a dozen", 24: "two dozen", 36: "three dozen"}


def in_words(number: int) -> str:
    """English for 0 to 99."""
    if number < 20:
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")


def numeral(number: int) -> str:
    """ "3rd"."""
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


_ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()


def ordinal(rng: random.Random, number: int) -> str:
    """ "third" or "3rd"."""
    return _ORDINALS[number] if 0 <= number <= 12 and rng.random() < 0.6 else numeral(number)


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


def clean(number: float) -> int | float:
    return int(number) if number == int(number) else number


def decimal(low: str, high: str, places: str = "1") -> Generator:
    first, last, decimals = float(low), float(high), int(places)

    def generate(scene: Scene) -> Value:
        number = round(scene.rng.uniform(first, last), decimals if scene.rng.random() < 0.75 else 0)
        shown = decimals if scene.rng.random() < 0.4 or number != int(number) else 0
        text = grouped(number, scene.style if number >= 1000 else "plain", shown)
        return Value(
            clean(number), text if number != int(number) or scene.rng.random() < 0.5 else grouped(number, "plain")
        )

    return generate


def money_text(scene: Scene, amount: float) -> str:
    """An amount with its currency, in one of the ways people write it."""
    rng = scene.rng
    whole = amount == int(amount)
    decimals = 0 if whole and rng.random() < 0.6 else 2
    style = scene.style if amount >= 1000 or scene.style == "decimal comma" else "plain"
    return rng.choice(CURRENCY_FORMS[scene.currency]).format(grouped(amount, style, decimals))


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
        return Value(clean(amount), money_text(scene, amount))

    return generate


def salary(scene: Scene) -> Value:
    rng = scene.rng
    amount = rng.randint(22, 140) * 1000 if rng.random() < 0.7 else rng.randint(220, 1400) * 100
    if amount % 1000 == 0 and rng.random() < 0.35:
        digits = f"{amount // 1000}{rng.choice(('k', 'k', 'K', ',000'))}"
        return Value(amount, rng.choice(CURRENCY_FORMS[scene.currency][:3]).format(digits))
    return Value(amount, rng.choice(CURRENCY_FORMS[scene.currency]).format(grouped(amount, scene.style)))


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
    return same(rng.choice(shapes))


def isbn(scene: Scene) -> Value:
    rng = scene.rng
    parts = (978, rng.randint(0, 9), rng.randint(10, 9999), rng.randint(100, 99999), rng.randint(0, 9))
    return same("-".join(map(str, parts)) if rng.random() < 0.7 else "".join(map(str, parts)))


def version(scene: Scene) -> Value:
    rng = scene.rng
    parts = [rng.randint(0, 14) for _ in range(rng.choice((2, 3, 3, 3)))]
    return same(".".join(map(str, parts)) + rng.choice(("", "", "", "", "-beta", "rc1", "b")))


def plate(scene: Scene) -> Value:
    rng = scene.rng

    def letters(count: int) -> str:
        return "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(count))

    return same(
        rng.choice(
            (
                f"{letters(2)} {rng.randint(100, 9999)}",
                f"{letters(2)}{rng.randint(10, 99)} {letters(3)}",
                f"{letters(1)}-{letters(2)} {rng.randint(10, 999)}",
                f"{rng.randint(100, 999)} {letters(3)}",
            )
        )
    )
