"""Errors as plain values, so that the class raised in the engine process is the class raised in the API process."""

from __future__ import annotations

import inspect

import msgspec

from ... import errors
from ...errors import EngineError, GrammarError, WeftError
from ...request import TokenEvent

_CLASSES = {name: kind for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, WeftError)}
_BY_CODE = {kind.code: kind for kind in _CLASSES.values()}


class Fault(msgspec.Struct, frozen=True):
    """A `WeftError`: its class's name and what it carries. `pointer` and `keyword` are `GrammarError`'s."""

    kind: str
    code: str
    message: str
    param: str | None = None
    pointer: str | None = None
    keyword: str | None = None

    @classmethod
    def of(cls, error: WeftError) -> Fault:
        """The fault that says what `error` says; a class this file does not know is named by its nearest base."""
        kind = next(base.__name__ for base in type(error).__mro__ if _CLASSES.get(base.__name__) is base)
        pointer = keyword = None
        if isinstance(error, GrammarError):
            pointer, keyword = error.pointer, error.keyword
        return cls(kind, error.code, error.message, error.param, pointer, keyword)

    def error(self) -> WeftError:
        """The error again. A class unknown here is an `EngineError`."""
        kind = _CLASSES.get(self.kind, EngineError)
        if issubclass(kind, GrammarError):
            return kind(self.message, pointer=self.pointer, keyword=self.keyword, param=self.param, code=self.code)
        return kind(self.message, param=self.param, code=self.code)


def event_error(event: TokenEvent) -> WeftError:
    """The error of an event whose `finish` is `error`. Its class is told by its code."""
    if event.error is None:
        return EngineError("the engine gave no reason for this failure")
    code, message, param = event.error
    return _BY_CODE.get(code, EngineError)(message, param=param, code=code)
