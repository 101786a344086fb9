"""weft: a structured-generation language and the runtime that serves it.

The public names are loaded when they are first used, so that `import weft` costs next to nothing and a program that
runs on a remote backend never loads torch. docs/api.md lists them by subject; docs/architecture.md says what stands
where.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import errors as errors
    from . import grammar as grammar
    from .errors import WeftError as WeftError
    from .grammar.constraints import choices as choices
    from .grammar.constraints import json_schema as json_schema
    from .grammar.constraints import regex as regex
    from .grammar.constraints import structural_tag as structural_tag
    from .lang import Answer as Answer
    from .lang import Backend as Backend
    from .lang import Forks as Forks
    from .lang import Meta as Meta
    from .lang import Program as Program
    from .lang import ScriptedBackend as ScriptedBackend
    from .lang import State as State
    from .lang import assistant as assistant
    from .lang import default_backend as default_backend
    from .lang import function as function
    from .lang import gen as gen
    from .lang import select as select
    from .lang import set_default_backend as set_default_backend
    from .lang import system as system
    from .lang import tool as tool
    from .lang import tools as tools
    from .lang import user as user
    from .request import Constraint as Constraint
    from .request import EmbedRequest as EmbedRequest
    from .request import FinishReason as FinishReason
    from .request import GenerateRequest as GenerateRequest
    from .request import Sampling as Sampling
    from .request import ScoreRequest as ScoreRequest
    from .runtime.engine import Engine as Engine

# Where each public name is found; a test holds this against the imports above and the list in docs/api.md.
_HOMES = {
    ".errors": ("WeftError",),
    ".grammar.constraints": ("choices", "json_schema", "regex", "structural_tag"),
    ".lang": (
        "Answer",
        "Backend",
        "Forks",
        "Meta",
        "Program",
        "ScriptedBackend",
        "State",
        "assistant",
        "default_backend",
        "function",
        "gen",
        "select",
        "set_default_backend",
        "system",
        "tool",
        "tools",
        "user",
    ),
    ".request": ("Constraint", "EmbedRequest", "FinishReason", "GenerateRequest", "Sampling", "ScoreRequest"),
    ".runtime.engine": ("Engine",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

_MODULES = ("errors", "grammar")

__all__ = ["__version__", *_MODULES, *_HOME_OF]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(".errors", __name__)
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(home, __name__)
    if home == ".lang":
        module.set_default_factory(_built_in_engine)
    globals()[name] = value = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _built_in_engine() -> Backend:
    """The backend of programs that are given none: the built-in model, in this process, until it ends."""
    import atexit

    from .runtime.engine import Engine

    engine = Engine()
    atexit.register(engine.close)
    return engine
