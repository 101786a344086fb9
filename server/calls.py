"""The HTTP call that a task works for, as far as the log and the metrics want to know of it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .usage import Meter


@dataclass(slots=True)
class Call:
    """One HTTP call.

    Attributes:
        id: the client's name for it, or ours.
        answer_id: the answer's id, with which the ids of its requests to the engine begin.
        key: the id of the API key that was shown, where keys are asked for.
        deadline: when it is given up, by the loop's clock, after `seconds` in all.
        error_code: why it was answered by an error.
        meters: what counts its tokens.
    """

    id: str
    answer_id: str | None = None
    key: str | None = None
    deadline: float | None = None
    seconds: float = 0.0
    error_code: str | None = None
    meters: list[Meter] = field(default_factory=list)


_call: ContextVar[Call | None] = ContextVar("call", default=None)


def begin_call(call: Call) -> None:
    """From now on `call` is what this task works for, and every task that it starts."""
    _call.set(call)


def current_call() -> Call:
    """The call that this task works for. Outside any, one that nobody asks for."""
    return _call.get() or Call("")
