"""A set of JSON values, type by type."""

from __future__ import annotations

from typing import Any, NamedTuple

from .arrays import ANY_ARRAY, ArrayShape
from .nodes import FALSE, TRUE
from .objects import ANY_OBJECT, ObjectShape
from .scalars import ANY_INTEGER, ANY_NUMBER, ANY_STRING, NumberShape, StringShape

NULL, FALSEHOOD, TRUTH = 1, 2, 4


class ValueSet(NamedTuple):
    """The union of all these; no shape in it is plainly empty.

    Attributes:
        words: which of null, false and true are in it, as bits `NULL`, `FALSEHOOD` and `TRUTH`.
    """

    words: int = 0
    numbers: tuple[NumberShape, ...] = ()
    strings: tuple[StringShape, ...] = ()
    arrays: tuple[ArrayShape, ...] = ()
    objects: tuple[ObjectShape, ...] = ()

    def shapes(self) -> tuple[tuple[Any, ...], ...]:
        """The shapes of numbers, of strings, of arrays and of objects."""
        return self[1:]


EVERYTHING = ValueSet(NULL | FALSEHOOD | TRUTH, (ANY_NUMBER,), (ANY_STRING,), (ANY_ARRAY,), (ANY_OBJECT,))
NONE = ValueSet()
TRUE.give(EVERYTHING)
FALSE.give(NONE)

OF_TYPE: dict[str, ValueSet] = {
    "null": ValueSet(words=NULL),
    "boolean": ValueSet(words=FALSEHOOD | TRUTH),
    "integer": ValueSet(numbers=(ANY_INTEGER,)),
    "number": ValueSet(numbers=(ANY_NUMBER,)),
    "string": ValueSet(strings=(ANY_STRING,)),
    "array": ValueSet(arrays=(ANY_ARRAY,)),
    "object": ValueSet(objects=(ANY_OBJECT,)),
}
"""By the name of a JSON Schema type, all values of that type."""


def of_word(value: object) -> int:
    """The bit of null, false or true; 0 for any other value."""
    if value is None:
        return NULL
    return 0 if not isinstance(value, bool) else TRUTH if value else FALSEHOOD
