"""Compiled grammars by constraint: each compiled once, however many requests ask at the same time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future

from ..request import Constraint
from .compiler import compile
from .protocol import Grammar
from .vocabulary import Vocabulary


class GrammarCache:
    """A bounded cache of the grammars of one vocabulary, least recently used out first. Thread-safe.

    Args:
        vocabulary: what the grammars are compiled for.
        capacity: most grammars kept. One that leaves lives on in the requests that hold it.
    """

    def __init__(self, vocabulary: Vocabulary, capacity: int = 256) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be 1 or more, not {capacity}")
        self.vocabulary = vocabulary
        self.capacity = capacity
        self.compiled = 0  # how many compilations were started
        self._grammars: OrderedDict[Constraint, Future[Grammar]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, constraint: Constraint) -> Grammar:
        """The constraint's grammar, compiled now if it is not held. Raises as `compile`; failures are not kept."""
        with self._lock:
            future = self._grammars.get(constraint)
            if future is not None:
                self._grammars.move_to_end(constraint)
            else:
                ours: Future[Grammar] = Future()
                self._grammars[constraint] = ours
                self.compiled += 1
                if len(self._grammars) > self.capacity:
                    self._grammars.popitem(last=False)
        if future is not None:
            return future.result()
        try:
            ours.set_result(compile(constraint, vocabulary=self.vocabulary))
        except BaseException as error:
            with self._lock:
                if self._grammars.get(constraint) is ours:
                    del self._grammars[constraint]
            ours.set_exception(error)
            raise
        return ours.result()

    def __len__(self) -> int:
        return len(self._grammars)
