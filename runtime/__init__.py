"""The engine: requests in, token events out.

`engine.py` is the loop and the place to begin; `intake.py` checks requests before they enter it, `scheduler.py` decides
what each step computes (plain arithmetic, no torch), `runner.py` turns that plan into tensors, `jobs/` knows what
each kind of request wants of a step, and `models/` holds the architectures. `tokenizer.py` and what it stands on import
no torch, so that an API process which only tokenises stays light. The package knows nothing of HTTP or of programs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import Engine as Engine
    from .tokenizer import Tokenizer as Tokenizer

__all__ = ["Engine", "Tokenizer"]


def __getattr__(name: str) -> Any:
    if name == "Engine":
        from .engine import Engine

        return Engine
    if name == "Tokenizer":
        from .tokenizer import Tokenizer

        return Tokenizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
