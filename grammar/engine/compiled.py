"""How the functions of this package are compiled: ahead, for one signature each, and kept on disk.

One signature keeps the number of versions at one; all numbers are 64 bits wide at the borders between functions.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import njit, types

from ...numba_cache import drop_stale
from .layout import Tables
from .trie import Trie

drop_stale(Path(__file__).parent)

Function = TypeVar("Function", bound=Callable[..., Any])

INT = types.int64
BOOL = types.boolean
NONE = types.void
INTS = types.int64[::1]
WORDS = types.int32[::1]
PAIRS = types.int32[:, ::1]
TABLE = types.int64[:, ::1]
BITS = types.uint32[::1]
BYTES = types.Array(types.uint8, 1, "C", readonly=True)
FLAGS = types.boolean[::1]
SET = types.uint64[::1]
U64 = types.uint64
PAIR = types.UniTuple(types.int64, 2)
TRIPLE = types.UniTuple(types.int64, 3)
OCTETS = types.uint8[::1]
CODE = types.Array(types.int32, 1, "C", readonly=True)
TABLES = types.NamedTuple((PAIRS, WORDS, WORDS, PAIRS, INTS, INTS, INTS), Tables)
TRIE = types.NamedTuple((types.uint8[::1], WORDS, WORDS, WORDS, WORDS, types.uint64[:, ::1], WORDS, types.int64), Trie)


def inner(result: Any, *arguments: Any) -> Callable[[Function], Function]:
    """A function over `Tables` that only compiled functions call."""
    return _compiled(result(TABLES, *arguments), no_cpython_wrapper=True)


def entry(result: Any, *arguments: Any) -> Callable[[Function], Function]:
    """A function over `Tables` that Python calls too."""
    return _compiled(result(TABLES, *arguments))


def plain(result: Any, *arguments: Any) -> Callable[[Function], Function]:
    """A function over arrays alone."""
    return _compiled(result(*arguments))


def _compiled(signature: Any, **options: bool) -> Callable[[Function], Function]:
    decorate: Callable[[Function], Function] = njit(  # type: ignore[call-overload]
        signature, cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True, **options
    )
    return decorate
