"""The corpus: one mixture of tasks, drawn example by example, deterministic given the random generator.

Splits. "train" is what the model is trained on. "values" fills the same sentence templates with words never trained
on. "templates" uses such words and, as far as there are any, sentence templates, kinds of document and combinations
of schema fields never trained on.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from functools import cache

from .example import Example
from .words import SPLITS

__all__ = ["MIXTURE", "SPLITS", "Example", "sample"]

Sampler = Callable[[random.Random, str], Example]

#: Share of each task in the mixture, with the module that draws it.
MIXTURE = {
    "extraction": (0.55, "extraction"),
    "tools": (0.17, "tools"),
    "choice": (0.13, "choices"),
    "answer": (0.08, "answers"),
    "copy": (0.07, "copying"),
}


@cache
def _sampler(task: str) -> Sampler:
    if task not in MIXTURE:
        raise ValueError(f"task must be one of {', '.join(MIXTURE)}, not {task!r}")
    sampler: Sampler = importlib.import_module(f".{MIXTURE[task][1]}", __package__).sample
    return sampler


def sample(rng: random.Random, split: str = "train", task: str | None = None) -> Example:
    """Draw one example of `task`, or of the mixture.

    Raises ValueError for an unknown split or task.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
    if task is None:
        shares = [share for share, _ in MIXTURE.values()]
        task = rng.choices(list(MIXTURE), shares)[0]
    return _sampler(task)(rng, split)
