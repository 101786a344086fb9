"""Where a program's results will be, from the moment their calls are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import ProgramError
from .feed import Feed, Wait, new_signal
from .ir import Gen, Select
from .values import Variable


class Slot:
    """One call's result: settled or failed exactly once. `feed` is where its text passes by."""

    def __init__(self, node: Gen | Select, feed: Feed[Any]) -> None:
        self.node = node
        self.feed = feed
        self.done = new_signal()
        self._variable: Variable | None = None
        self._error: BaseException | None = None

    def settle(self, variable: Variable) -> None:
        self._variable = variable
        self.done.set_result(None)

    def fail(self, error: BaseException) -> None:
        self._error = error
        self.done.set_result(None)

    def outcome(self) -> Variable:
        """The result, once done. Raises the call's error."""
        if self._variable is None:
            raise self._error or ProgramError(f"{self.node.name!r} is not there yet")
        return self._variable


@dataclass(frozen=True, slots=True)
class Gathered:
    """What several forks wrote under one name, in the forks' order."""

    name: str
    parts: tuple[Entry, ...]


Entry = Slot | Gathered


def until_done(entry: Entry) -> Wait[None]:
    """Wait for all of an entry's calls."""
    if isinstance(entry, Slot):
        yield (entry.done,)
    else:
        for part in entry.parts:
            yield from until_done(part)


def value_of(entry: Entry) -> Any:
    """The value of an entry whose calls are done; a list where it was gathered. Raises the first error in it."""
    if isinstance(entry, Slot):
        return entry.outcome().value
    return [value_of(part) for part in entry.parts]


def variable_of(entry: Entry) -> Variable:
    """The one result of an entry. Raises `ProgramError` where it was gathered from forks."""
    if isinstance(entry, Gathered):
        raise ProgramError(
            f"{entry.name!r} was gathered from {len(entry.parts)} forks: ask the forks themselves", param=entry.name
        )
    return entry.outcome()
