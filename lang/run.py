"""One run of a program: its chains, and how it ends."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Sequence
from typing import Any

from ..errors import Aborted, ProgramError
from ..request import ProgramHints, Sampling
from .backend import Backend
from .chain import Chain
from .common_prefix import Batch
from .feed import new_signal

log = logging.getLogger("weft.lang")


class Run:
    """A program being run, or run already.

    It has ended when its body has returned (or raised) and every node that was written has been run; then `finished`
    is done.

    Attributes:
        backend: what runs its calls; `capabilities` are the backend's.
        sampling: the options of calls that do not give their own.
        stream: calls are followed token by token.
        batch: the batch that it is an item of.
        id: names its root's session.
        root: the chain of the body's own state.
        error: what the body raised.
        returned: what the body returned.
    """

    def __init__(self, backend: Backend, sampling: Sampling, *, stream: bool, batch: Batch | None = None) -> None:
        self.backend = backend
        self.capabilities = backend.capabilities()
        self.sampling = sampling
        self.stream = stream
        self.batch = batch
        self.error: BaseException | None = None
        self.returned: Any = None
        self.finished = new_signal()
        self._lock = threading.Lock()
        self._chains: list[Chain] = []
        self._open = 0
        self._ended = False
        self.id = uuid.uuid4().hex
        (self.root,) = self.add_chains([ProgramHints(self.id, batch=None if batch is None else batch.id)])

    def add_chains(self, hints: Sequence[ProgramHints], parent: Chain | None = None) -> tuple[Chain, ...]:
        """New chains, all or none, one for each of `hints`; branches of `parent` if there is one."""
        with self._lock:
            if self._ended:
                raise ProgramError("the program has ended: its state can be read, no longer written")
            chains = tuple(Chain(self, hint, parent) for hint in hints)
            self._chains += chains
            self._open += len(chains)
            return chains

    def end(self, error: BaseException | None = None) -> None:
        """The body has returned, or raised `error`, which gives up all that is still running."""
        with self._lock:
            self._ended = True
            self.error = error
        if error is not None:
            self.abort(f"the program ended with {type(error).__name__}: {error}")
        for chain in self._chains:
            chain.close("the program has ended")

    def abort(self, reason: str) -> None:
        """Give up every call that has no result yet: reading it raises `Aborted`."""
        with self._lock:
            chains = list(self._chains)
        for chain in chains:
            chain.abort(Aborted(reason))

    def chain_finished(self, chain: Chain) -> None:
        """A chain is closed and has nothing left to do."""
        try:
            self.backend.release(chain.session)
        except Exception:  # a hint that fails has no bearing on the results
            log.warning("the backend failed to release session %s", chain.session, exc_info=True)
        with self._lock:
            self._open -= 1
            finished = self._open == 0
        if finished:
            self.finished.set_result(None)
