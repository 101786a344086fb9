"""The answers that are on their way, by the names that /abort_request knows them by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ..calls import current_call

Abort = Callable[[], None]


class Running:
    """Answers of this process, by their `rid`; calls that are given one name for several answers have that one too.

    Where API keys are asked for, a call knows the answers of its own key and no others.
    """

    def __init__(self) -> None:
        self._aborts: dict[tuple[str | None, str], list[Abort]] = {}

    @contextmanager
    def known(self, answers: Sequence[tuple[str, Abort]]) -> Iterator[None]:
        """Within, each (name, abort) can be aborted. A name may stand for several, of one call or of many."""
        named = [((current_call().key, name), abort) for name, abort in answers]
        for name, abort in named:
            self._aborts.setdefault(name, []).append(abort)
        try:
            yield
        finally:
            for name, abort in named:
                self._aborts[name].remove(abort)
                if not self._aborts[name]:
                    del self._aborts[name]

    def abort(self, name: str) -> None:
        """Abort what has this name; nothing where there is none, since it may just have ended."""
        for abort in list(self._aborts.get((current_call().key, name), ())):
            abort()

    def abort_all(self) -> None:
        """Abort everything."""
        for owner, name in list(self._aborts):
            if owner == current_call().key:
                self.abort(name)
