"""What the first constraint of a process would wait for, done beforehand.

The grammar engine's functions are compiled by Numba when they are first imported on a machine, which takes about a
minute of one core, and are kept on disk for every process after that.
"""

from __future__ import annotations

import functools
import logging
import time

from numba.core import event

from ..errors import EngineError
from .vocabulary import Vocabulary

log = logging.getLogger("weft.grammar")


def warm_up(vocabulary: Vocabulary) -> str:
    """Load the engine and prepare what all constraints over `vocabulary` share.

    A warning is logged where functions have to be compiled, before they are. Otherwise it takes a second or two in a
    process that has not done it yet.

    Returns:
        Where the compiled functions came from, a line for people.

    Raises:
        EngineError: there is no folder to keep them in.
    """
    told = _load_engine()
    from .engine.matcher import store_of

    store_of(vocabulary)
    return told


@functools.cache
def _load_engine() -> str:
    compiling = _Compiling()
    started = time.perf_counter()
    try:
        with event.install_listener("numba:compile", compiling):
            from .engine import matcher  # noqa: F401  (compiles, where there is something to compile)
    except RuntimeError as error:
        if "no locator" not in str(error):
            raise
        raise EngineError(
            "the grammar engine finds no folder that it may keep compiled functions in: "
            "set NUMBA_CACHE_DIR to one that can be written"
        ) from error
    if not compiling.count:
        return "grammar engine: kept from an earlier start"
    seconds = time.perf_counter() - started
    return f"grammar engine: {compiling.count} functions compiled in {seconds:.0f} s, because none were kept on disk"


class _Compiling(event.Listener):
    """Counts the functions that Numba compiles; tells when the first comes."""

    def __init__(self) -> None:
        self.count = 0

    def on_start(self, begun: object) -> None:
        if not self.count:
            log.warning("grammar engine: compiling (about a minute, once; later starts keep it)")
        self.count += 1

    def on_end(self, ended: object) -> None:
        """Nothing to do: only beginnings are counted."""
