"""Compiled grammars by constraint: each compiled once, however many requests ask at the same time."""

from __future__ import annotations

import copy
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

from ..errors import InvalidRequest
from ..request import Constraint
from .compile_worker import CompileWorker
from .compiler import compile, load
from .protocol import Grammar
from .vocabulary import Vocabulary

CAPACITY = 256
MAX_BYTES = 64 * 1024 * 1024
LONG_SOURCE = 32 * 1024
"""Characters from which a constraint is compiled by the worker, if there is one."""


class GrammarCache:
    """A bounded cache of the grammars of one vocabulary, least recently used out first. Thread-safe.

    What is refused is remembered as well, apart from the grammars: asking again costs nothing and is refused alike.

    Args:
        vocabulary: what the grammars are compiled for.
        capacity: most grammars kept, and most refusals. One that leaves lives on in the requests that hold it.
        max_bytes: most bytes that what is kept may take together, as estimated from the sources.
        worker: compiles what is long in another process; None compiles everything in the caller's thread.
        on_compiled: told, in the caller's thread, the seconds that each compilation took, also one that was refused.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        capacity: int = CAPACITY,
        *,
        max_bytes: int = MAX_BYTES,
        worker: CompileWorker | None = None,
        on_compiled: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be 1 or more, not {capacity}")
        self.vocabulary = vocabulary
        self.compiled = 0  # how many compilations were started
        self._worker = worker
        self._on_compiled = on_compiled
        self._grammars = _Kept(capacity, max_bytes)
        self._refused = _Kept(capacity, max_bytes)
        self._lock = threading.Lock()

    def get(self, constraint: Constraint) -> Grammar:
        """The constraint's grammar, compiled now if it is not held. Raises as `compile`."""
        with self._lock:
            future = self._grammars.find(constraint) or self._refused.find(constraint)
            if future is None:
                ours = self._grammars.add(constraint)
                self.compiled += 1
        if future is None:
            self._fill(constraint, ours)
            future = ours
        error = future.exception()
        if isinstance(error, InvalidRequest):
            raise copy.copy(error)  # a copy: one that is raised again and again would collect their traces
        return future.result()

    def _fill(self, constraint: Constraint, ours: Future[Grammar]) -> None:
        """Compile into `ours`. Of failures only refusals, which are for good, are kept."""
        try:
            ours.set_result(self._timed(constraint))
        except BaseException as error:
            with self._lock:
                self._grammars.drop(constraint, ours)
                if isinstance(error, InvalidRequest):
                    self._refused.put(constraint, ours)
            # a copy has no trace: one that is kept would keep its caller's frames, and the request in them
            ours.set_exception(copy.copy(error) if isinstance(error, InvalidRequest) else error)
            if not isinstance(error, Exception):
                raise

    def _timed(self, constraint: Constraint) -> Grammar:
        began = time.monotonic()
        try:
            return self._compile(constraint)
        finally:
            self._on_compiled(time.monotonic() - began)

    def _compile(self, constraint: Constraint) -> Grammar:
        if self._worker is None or len(constraint.source) < LONG_SOURCE:
            return compile(constraint, vocabulary=self.vocabulary)
        return load(self._worker.program(constraint), self.vocabulary)

    def __len__(self) -> int:
        """How many grammars are held."""
        return len(self._grammars)


class _Kept:
    """Outcomes by constraint, bounded by count and bytes; at least the last one is kept. The cache's lock is held."""

    def __init__(self, capacity: int, max_bytes: int) -> None:
        self._capacity = capacity
        self._max_bytes = max_bytes
        self._bytes = 0
        self._futures: OrderedDict[Constraint, Future[Grammar]] = OrderedDict()

    def find(self, constraint: Constraint) -> Future[Grammar] | None:
        future = self._futures.get(constraint)
        if future is not None:
            self._futures.move_to_end(constraint)
        return future

    def add(self, constraint: Constraint) -> Future[Grammar]:
        future: Future[Grammar] = Future()
        self.put(constraint, future)
        return future

    def put(self, constraint: Constraint, future: Future[Grammar]) -> None:
        if constraint in self._futures:
            self.drop(constraint, self._futures[constraint])
        self._futures[constraint] = future
        self._bytes += _bytes_of(constraint)
        while len(self._futures) > self._capacity or (self._bytes > self._max_bytes and len(self._futures) > 1):
            oldest, _ = self._futures.popitem(last=False)
            self._bytes -= _bytes_of(oldest)

    def drop(self, constraint: Constraint, future: Future[Grammar]) -> None:
        if self._futures.get(constraint) is future:
            del self._futures[constraint]
            self._bytes -= _bytes_of(constraint)

    def __len__(self) -> int:
        return len(self._futures)


def _bytes_of(constraint: Constraint) -> int:
    """About what a constraint's source and its grammar take together."""
    return 4096 + 32 * len(constraint.source)
