"""What an API process counts of its own calls, kept until the engine, which shows the metrics, can be told."""

from __future__ import annotations

from collections import Counter

from .messages import Counted


class Tally:
    """Counts since the last `take`."""

    def __init__(self) -> None:
        self._rejections: Counter[str] = Counter()
        self._disconnects = 0

    def reject(self, reason: str) -> None:
        """A call was answered by an error."""
        self._rejections[reason] += 1

    def disconnect(self) -> None:
        """A client went away before its answer's end."""
        self._disconnects += 1

    def take(self) -> Counted | None:
        """What to tell the engine; None where there is nothing."""
        counted = Counted(dict(self._rejections), self._disconnects)
        self._rejections, self._disconnects = Counter(), 0
        return counted if counted.rejections or counted.disconnects else None
