"""Questions about a short text that are answered by one of a few options, word for word."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .drawing import Draw, sections
from .example import Example
from .problems import SINGLE, SORTINGS, Problem, document, facts

_PLAIN = {"yes", "no", "positive", "negative", "a", "b"}
"""Options that need no list: the question names them or everybody knows them."""

Messages = list[dict[str, Any]]


def sample(rng: random.Random, split: str) -> Example:
    """One to four questions with options, the last one's being the example's. Deterministic given `rng`."""
    draw = Draw(rng, split)
    roll = rng.random()
    if roll < 0.4:
        sortings, weights = zip(*SORTINGS, strict=True)
        sorting = rng.choices(sortings, weights)[0]
        count = rng.choice((1, 1, 1, 2, 3, 4))
        problems = [_shuffled(draw, problem) for problem in sorting.series(draw, count)]
        messages = _series(draw, problems) if count > 1 else _asked(draw, problems)
    else:
        if roll < 0.53:
            problems = document(draw, rng.choice((1, 2, 3)))
        elif roll < 0.72:
            problems = facts(draw, rng.choice((1, 2, 3)))
        else:
            makers, weights = zip(*SINGLE, strict=True)
            problems = [rng.choices(makers, weights)[0](draw)]
        problems = [_shuffled(draw, problem) for problem in problems]
        messages = _asked(draw, problems)
    return Example("choice", tuple(messages), choices=problems[-1].options)


def _shuffled(draw: Draw, problem: Problem) -> Problem:
    """The problem with its options in another order, half of the time."""
    if draw.chance(0.5):
        return problem
    return replace(problem, options=tuple(draw.rng.sample(problem.options, len(problem.options))))


def _holes(problem: Problem) -> dict[str, str]:
    return {
        "text": problem.text,
        "question": problem.question,
        "noun": problem.noun,
        "commas": ", ".join(problem.options),
        "slashes": " / ".join(problem.options),
        "lines": "\n".join(f"- {option}" for option in problem.options),
        "ors": _ors(problem.options),
    }


def _ors(options: Sequence[str]) -> str:
    return f"{', '.join(options[:-1])} or {options[-1]}"


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _reply(problem: Problem) -> dict[str, Any]:
    return {"role": "assistant", "content": problem.answer}


def _asked(draw: Draw, problems: list[Problem]) -> Messages:
    """Questions about one text, which stands in the first; the later ones bring their own options."""
    messages = [*_prompt(draw, problems[0]), _reply(problems[0])]
    for problem in problems[1:]:
        shape = draw.template(sections("questions.txt")["further"])
        messages += [_user(shape.format(**_holes(problem))), _reply(problem)]
    return messages


def _series(draw: Draw, problems: list[Problem]) -> Messages:
    """One question for several texts: asked in a system message, or with the first text."""
    first = replace(problems[0], options=problems[-1].options)
    systems = [one for one in sections("questions.txt")["systems"] if "{question}" in one]
    noun = f"{first.noun}: " if draw.chance(0.4) else ""
    if draw.chance(0.5):
        messages = [{"role": "system", "content": draw.template(systems).format(**_holes(first))}]
        messages += [_user(noun + first.text), _reply(first)]
    else:
        messages = [_user(draw.template(sections("questions.txt")["shapes"]).format(**_holes(first))), _reply(first)]
    for problem in problems[1:]:
        messages += [_user(noun + problem.text), _reply(problem)]
    return messages


def _prompt(draw: Draw, problem: Problem) -> Messages:
    """The question as one message of the user, or with a part of it, or the text, in a system message."""
    holes = _holes(problem)
    roll = draw.rng.random()
    if roll < 0.17:
        system = draw.template(sections("questions.txt")["systems"])
        user = problem.text if "{question}" in system else f"{problem.text}\n{problem.question}"
        return [{"role": "system", "content": system.format(**holes)}, _user(user)]
    if roll < 0.3:
        context, question = (
            draw.template(sections("questions.txt")[name]) for name in ("context first", "asked after")
        )
        return [{"role": "system", "content": context.format(**holes)}, _user(question.format(**holes))]
    if roll < 0.4 and {option.lower() for option in problem.options} <= _PLAIN:
        joint = draw.rng.choice(("\n", "\n\n", " "))
        return [_user(f"{problem.text}{joint}{problem.question}")]
    shape = draw.template(sections("questions.txt")["shapes"])
    return [_user(shape.format(**holes))]
