"""The backend that programs run on when they are given none."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..errors import ProgramError
from .backend import Backend

_lock = threading.RLock()
_backend: Backend | None = None
_factory: Callable[[], Backend] | None = None


def set_default_backend(backend: Backend | None) -> None:
    """Run programs on `backend` unless told otherwise; None goes back to the factory's."""
    global _backend
    with _lock:
        _backend = backend


def set_default_factory(factory: Callable[[], Backend] | None) -> None:
    """Say how a backend is made, once, when a program is first run without one."""
    global _factory
    with _lock:
        _factory = factory


def default_backend() -> Backend:
    """The default backend, made now if need be. Raises `ProgramError` where there is none and no way to make one."""
    global _backend
    with _lock:
        if _backend is None:
            if _factory is None:
                raise ProgramError("no backend: pass backend=..., or call weft.set_default_backend(...)")
            _backend = _factory()
        return _backend
