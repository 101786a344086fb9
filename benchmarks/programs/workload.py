"""A program with the items that it runs on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...lang import Program

Items = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Workload:
    """A program, and what makes its items.

    Attributes:
        name: what it is called in tables.
        program: run once for each item; what its body returns is its output.
        items: as many items as it is told.
        count, quick: how many to measure with, and to try it with.
    """

    name: str
    program: Program[..., Any]
    items: Callable[[int], Items]
    count: int
    quick: int = 2
