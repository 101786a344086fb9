"""What stands under a keyword, refused by name and place where it is not of the form that the keyword asks for."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NoReturn

from ...errors import GrammarError

Schema = dict[str, Any]


def refuse(pointer: str, keyword: str, reason: str) -> NoReturn:
    """Raise the error that says what is not taken, where and why."""
    raise GrammarError(f"JSON Schema at {pointer or '/'}: {keyword}: {reason}", pointer=pointer, keyword=keyword)


def join(pointer: str, *parts: str | int) -> str:
    """The JSON pointer of what is found under `parts` in turn."""
    for part in parts:
        name = str(part)
        if "~" in name or "/" in name:
            name = name.replace("~", "~0").replace("/", "~1")
        pointer = f"{pointer}/{name}"
    return pointer


def names_in(value: Any, pointer: str, keyword: str) -> list[str]:
    """An array of property names."""
    if not isinstance(value, list) or any(not isinstance(name, str) for name in value):
        refuse(pointer, keyword, "must be an array of property names")
    return value


def is_number(value: Any) -> bool:
    """Whether this is a JSON number, as `document.load` reads it."""
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def kind_of(value: Any) -> str:
    """The JSON type of a value."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "number")


def identity(value: Any) -> object:
    """Equal for JSON values that are the same."""
    if isinstance(value, list):
        return ("array", *map(identity, value))
    if isinstance(value, dict):
        return ("object", frozenset((name, identity(item)) for name, item in value.items()))
    return (isinstance(value, bool), value)


def number_at(schema: Schema, pointer: str, keyword: str) -> Fraction:
    value = schema[keyword]
    if not is_number(value):
        refuse(join(pointer, keyword), keyword, f"must be a number, not {kind_of(value)}")
    return Fraction(value)


def bound_at(schema: Schema, pointer: str, plain: str, exclusive: str, sign: int) -> tuple[Fraction | None, bool]:
    """The bound on one side and whether it is exclusive, in either spelling of that."""
    bound = number_at(schema, pointer, plain) if plain in schema else None
    other = schema.get(exclusive)
    if other is None or isinstance(other, bool):
        return bound, bound is not None and other is True
    strict = number_at(schema, pointer, exclusive)
    if bound is None or (strict - bound) * sign >= 0:
        return strict, True
    return bound, False


def counts_at(schema: Schema, pointer: str, lowest: str, highest: str) -> tuple[int, int | None]:
    """Two counts; no upper one is None."""
    low = _count(schema, pointer, lowest)
    return low or 0, _count(schema, pointer, highest)


def _count(schema: Schema, pointer: str, keyword: str) -> int | None:
    if keyword not in schema:
        return None
    value = schema[keyword]
    if not is_number(value) or value < 0 or Fraction(value).denominator != 1:
        refuse(join(pointer, keyword), keyword, "must be a whole number, 0 or more")
    return int(value)


def mapping_at(schema: Schema, pointer: str, keyword: str) -> dict[str, Any]:
    value = schema[keyword]
    if not isinstance(value, dict):
        refuse(join(pointer, keyword), keyword, f"must be an object, not {kind_of(value)}")
    return value
