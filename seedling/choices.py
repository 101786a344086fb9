"""Questions about a short text that are answered by one of a few options, word for word."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .drawing import Draw, sections
from .example import Example
from .problems import PROBLEMS, Problem

_PLAIN = {"yes", "no", "positive", "negative", "a", "b"}
"""Options that need no list: the question names them or everybody knows them."""


def sample(rng: random.Random, split: str) -> Example:
    """One question with its options, two to six. Deterministic given `rng`."""
    draw = Draw(rng, split)
    makers, weights = zip(*PROBLEMS, strict=True)
    problem = rng.choices(makers, weights)[0](draw)
    if draw.chance(0.5):
        problem = replace(problem, options=tuple(rng.sample(problem.options, len(problem.options))))
    messages = (*_prompt(draw, problem), {"role": "assistant", "content": problem.answer})
    return Example("choice", messages, choices=problem.options)


def _prompt(draw: Draw, problem: Problem) -> list[dict[str, Any]]:
    """The question as one message of the user, or with a part of it in a system message."""
    holes = {
        "text": problem.text,
        "question": problem.question,
        "noun": problem.noun,
        "commas": ", ".join(problem.options),
        "slashes": " / ".join(problem.options),
        "lines": "\n".join(f"- {option}" for option in problem.options),
        "ors": _ors(problem.options),
    }
    roll = draw.rng.random()
    if roll < 0.17:
        system = draw.template(sections("questions.txt")["systems"])
        user = problem.text if "{question}" in system else f"{problem.text}\n{problem.question}"
        return [{"role": "system", "content": system.format(**holes)}, {"role": "user", "content": user}]
    if roll < 0.27 and {option.lower() for option in problem.options} <= _PLAIN:
        joint = draw.rng.choice(("\n", "\n\n", " "))
        return [{"role": "user", "content": f"{problem.text}{joint}{problem.question}"}]
    shape = draw.template(sections("questions.txt")["shapes"])
    return [{"role": "user", "content": shape.format(**holes)}]


def _ors(options: Sequence[str]) -> str:
    return f"{', '.join(options[:-1])} or {options[-1]}"
