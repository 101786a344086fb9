"""The radix tree: every prefix that requests share is kept once, as runs of KV-cache pages.

Page numbers in, page numbers out: this package never sees a tensor, a model or a request. `PagePool` says which pages
are free; `RadixTree` remembers which pages hold which tokens, and its whole protocol is
`match -> lock -> (the caller extends) -> insert -> unlock`; an `EvictionPolicy` says which leaf goes first.

Below the device, `Tiers` keeps evicted pages in host memory and in a directory (`tiers.py`), as opaque bytes.

Begin with `tree.py`: its module docstring says who owns which page, before and after each call.
"""

from __future__ import annotations

from .disk_store import DiskStore
from .disk_tier import DiskTier
from .errors import IntegrityError
from .keys import PageKeys
from .pages import PagePool
from .policy import LRU, EvictionPolicy
from .probe import Probe
from .program_policy import ProgramLRU, Strength
from .tiers import PageMover, TierCounts, Tiers
from .tree import Insertion, Match, Node, RadixTree

__all__ = [
    "LRU",
    "DiskStore",
    "DiskTier",
    "EvictionPolicy",
    "Insertion",
    "IntegrityError",
    "Match",
    "Node",
    "PageKeys",
    "PageMover",
    "PagePool",
    "Probe",
    "ProgramLRU",
    "RadixTree",
    "Strength",
    "TierCounts",
    "Tiers",
]
