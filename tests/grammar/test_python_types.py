"""Python types and signatures as constraints: the schema they become takes what pydantic takes."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict

import jsonschema
import pydantic
import pytest

from weft.errors import GrammarError
from weft.grammar import json_schema
from weft.grammar.python_types import schema_of


@dataclass
class Point:
    x: float
    label: str = "here"


class Movie(TypedDict, total=False):
    title: str
    year: int


class Shelf(TypedDict):
    movies: Annotated[list[Movie] | None, "in order"]


class Pair(NamedTuple):
    left: int
    right: str


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Node(pydantic.BaseModel):
    name: str
    children: list[Node] = []


Identifier = NewType("Identifier", int)


@pytest.mark.parametrize(
    ("thing", "valid", "invalid"),
    [
        (Point, [{"x": 1.5}, {"x": 1, "label": "a"}], [{}, {"x": "a"}, 3]),
        (Movie, [{}, {"title": "a", "year": 3}], [{"year": "a"}]),
        (Shelf, [{"movies": [{"year": 1}]}, {"movies": None}], [{}, {"movies": [1]}]),
        (dict[str, Movie], [{"a": {}}], [{"a": {"year": "a"}}]),
        (Pair, [[1, "a"]], [[1], ["a", 1]]),
        (Colour, ["red"], ["green", 1]),
        (Size, [1, 2], [3, "SMALL"]),
        (Node, [{"name": "a", "children": [{"name": "b"}]}], [{"children": []}, {"name": "a", "children": [{}]}]),
        (list[int], [[], [1, 2]], [["a"], {}]),
        (dict[str, bool], [{"a": True}], [{"a": 1}]),
        (int | None, [None, 3], ["a"]),
        (Optional[str], ["a", None], [1]),  # noqa: UP045
        (Literal["a", 2], ["a", 2], ["b"]),
        (Annotated[int, pydantic.Field(ge=3)], [3], [2]),
        (Identifier, [7], ["a"]),
        (bool, [True], [1]),
    ],
    ids=str,
)
def test_types(thing: Any, valid: list[Any], invalid: list[Any]) -> None:
    constraint = json_schema(thing)
    schema = json.loads(constraint.source)
    for value in valid:
        jsonschema.validate(value, schema)
        if sys.version_info >= (3, 12) or thing not in (Movie, Shelf, dict[str, Movie]):  # pydantic's own limit
            pydantic.TypeAdapter(thing).validate_json(json.dumps(value))
    for value in invalid:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(value, schema)


def plain(city, days: int = 3, *, unit: Literal["C", "F"] = "C"):
    """The weather."""


def open_ended(first: Point, second: Point | None, **others: int) -> None: ...


class Tools:
    def call(self, text: str) -> None: ...

    def __call__(self, number: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "valid", "invalid"),
    [
        (
            plain,
            [{"city": "x"}, {"city": [1], "days": 2, "unit": "F"}],
            [{}, {"city": 1, "days": "a"}, {"city": 1, "x": 1}],
        ),
        (
            open_ended,
            [{"first": {"x": 1}, "second": None, "more": 3}],
            [{"first": {"x": 1}, "second": None, "more": "a"}],
        ),
        (Tools().call, [{"text": "a"}], [{"text": "a", "self": 1}, {}]),
        (Tools(), [{"number": 1}], [{"text": "a"}]),
    ],
    ids=["plain", "open", "method", "callable"],
)
def test_signatures(function: Any, valid: list[Any], invalid: list[Any]) -> None:
    schema = schema_of(function)
    for value in valid:
        jsonschema.validate(value, schema)
    for value in invalid:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(value, schema)


def starred(*numbers: int) -> None: ...


def positional(number: int, /) -> None: ...


def dangling(number: NoSuchType) -> None: ...  # noqa: F821


class Empty(Enum):
    pass


class Opaque:
    pass


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (starred, "parameter numbers cannot be given by name"),
        (positional, "parameter number cannot be given by name"),
        (dangling, "NoSuchType"),
        (Empty, "no members"),
        (Opaque, "Opaque"),
        ([1, 2], "list"),
        (3, "int"),
    ],
    ids=str,
)
def test_what_no_schema_can_say(thing: Any, message: str) -> None:
    with pytest.raises(GrammarError, match=message) as caught:
        json_schema(thing)
    assert caught.value.param == "json_schema"
