"""Which implementation of an op runs on a device, and why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec

import torch

OPS = (
    "masked_sample",
    "attention",
    "linear",
    "rms_norm",
    "rope",
    "silu_mul",
    "gelu_mul",
    "store_kv",
    "copy_page",
)
_TRITON = frozenset({"masked_sample"})
_CPU = {
    "masked_sample": "one compiled pass a row; the reference takes some two hundred torch calls",
    "attention": "one compiled pass a token over its pages; torch would gather them first",
    "rms_norm": "one compiled pass; torch takes several calls",
    "rope": "one compiled pass; torch takes a dozen calls",
    "silu_mul": "one compiled pass; torch takes several calls",
    "store_kv": "one compiled pass; torch takes several calls",
}
_BATCHED = {"attention": "torch calls batched over sequences; the reference loops over them"}
_INVARIANT = {
    "attention": "batch_invariant asks for fixed tiles of queries and keys",
    "linear": "batch_invariant asks for fixed tiles of rows",
    "silu_mul": "batch_invariant asks for calls that round alike everywhere",
    "gelu_mul": "batch_invariant asks for calls that round alike everywhere",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """The path an op takes.

    Attributes:
        op: the op's name.
        path: the module that runs: "reference", "batched", "invariant", "cpu" or "triton".
        reason: why, to be read after "because".
    """

    op: str
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.op}: {self.path}, because {self.reason}"


def choose(op: str, device: torch.device | str, *, batch_invariant: bool = False) -> Choice:
    """The path `op` takes on `device`. Raises ValueError for an unknown op."""
    return _choose(op, torch.device(device).type, batch_invariant)


def explain(device: torch.device | str, *, batch_invariant: bool = False) -> dict[str, Choice]:
    """Every op's choice on `device`, by op name: what a server prints once when it starts."""
    return {op: choose(op, device, batch_invariant=batch_invariant) for op in OPS}


@lru_cache(maxsize=256)
def _choose(op: str, device: str, batch_invariant: bool) -> Choice:
    if op not in OPS:
        raise ValueError(f"unknown op {op!r}; the ops are {', '.join(OPS)}")
    if batch_invariant and op in _INVARIANT:
        return Choice(op, "invariant", _INVARIANT[op])
    if device == "cuda" and op in _TRITON:
        if find_spec("triton") is not None:
            return Choice(op, "triton", "the device is cuda")
        return Choice(op, "reference", "the device is cuda but triton is not installed")
    if device == "cpu" and op in _CPU:
        return Choice(op, "cpu", f"the device is cpu ({_CPU[op]})")
    if op in _BATCHED:
        return Choice(op, "batched", f"the device is {device}, where it has no kernel ({_BATCHED[op]})")
    return Choice(op, "reference", f"the device is {device}, where it has no kernel")
