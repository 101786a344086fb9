"""What callers are to be told, in order: at once, or held back until the device has work again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Outbox:
    """A queue of deliveries. Waking a caller costs more than deciding what to tell; `holds` moves that off the step.

    Args:
        holds: keep what is put until `flush`; otherwise it is delivered at once.
    """

    def __init__(self, *, holds: bool = False) -> None:
        self._holds = holds
        self._held: deque[Callable[[], None]] = deque()

    def put(self, deliver: Callable[[], None]) -> None:
        """Deliver after all that was put before."""
        if self._holds:
            self._held.append(deliver)
        else:
            deliver()

    def flush(self) -> None:
        """Deliver what is held."""
        while self._held:
            self._held.popleft()()
