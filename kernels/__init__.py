"""The arithmetic of a step: one folder an op, each with its spec, its plain-torch reference and its faster paths.

An op's `__init__.py` states what it computes (loop pseudocode, shapes, dtypes, devices, padding) and dispatches by
device; `reference.py` is the oracle every other path is tested against; `batched.py`, `cpu.py` and `triton.py` stand
beside it where the reference is too slow. `dispatch.choose` says which path runs and why. Nothing here knows of
requests or scheduling, and no op reads ambient state: all it uses is in its arguments.

Read `masked_sample/__init__.py` first: masking, penalties, filters and the draw in one op.
"""

from .attention import AttentionPlan, attention
from .copy_page import copy_page
from .dispatch import Choice, choose, explain
from .gelu_mul import gelu_mul
from .linear import linear
from .masked_sample import Adjust, Sampled, SamplingTensors, masked_sample
from .rms_norm import rms_norm
from .rope import cos_sin_cache, rope
from .silu_mul import silu_mul
from .store_kv import store_kv

__all__ = [
    "Adjust",
    "AttentionPlan",
    "Choice",
    "Sampled",
    "SamplingTensors",
    "attention",
    "choose",
    "copy_page",
    "cos_sin_cache",
    "explain",
    "gelu_mul",
    "linear",
    "masked_sample",
    "rms_norm",
    "rope",
    "silu_mul",
    "store_kv",
]
