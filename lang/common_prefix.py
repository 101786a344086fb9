"""What the prompts of a batch's items begin with, learnt from the prompts as they come."""

from __future__ import annotations

import logging
import threading
import uuid
from bisect import bisect_left
from dataclasses import replace

from ..request import GenerateRequest, ScoreRequest
from .backend import Backend

log = logging.getLogger("weft.lang")

Prompt = tuple[int, ...] | str


class Batch:
    """One batch of items, as its requests tell the backend of it.

    Attributes:
        id: what requests call it.
        backend: whom its items call.
    """

    def __init__(self, backend: Backend) -> None:
        self.id = uuid.uuid4().hex
        self.backend = backend
        self._lock = threading.Lock()
        self._item: str | None = None  # the one whose prompt was seen first
        self._begin: Prompt = ""
        self._known = False

    def tell(self, call: GenerateRequest | ScoreRequest, item: str) -> GenerateRequest | ScoreRequest:
        """`call`, saying what it has in common with the calls of other items; nothing before two items have called."""
        with self._lock:
            if self._item is None:
                self._item, self._begin = item, call.prompt
            self._known = self._known or item != self._item
            self._begin = self._begin[: common_length(self._begin, call.prompt)]
            common = len(self._begin) if self._known else 0
        return replace(call, hints=replace(call.hints, common_prefix=common))

    def end(self) -> None:
        """No item comes any more."""
        try:
            self.backend.release(self.id)
        except Exception:  # a hint that fails has no bearing on the results
            log.warning("the backend failed to release batch %s", self.id, exc_info=True)


def common_length(one: Prompt, other: Prompt) -> int:
    """How many tokens, or characters, two prompts have in common from their beginning on."""
    most = min(len(one), len(other))
    if one[:most] == other[:most]:
        return most
    return bisect_left(range(1, most + 1), True, key=lambda length: one[:length] != other[:length])
