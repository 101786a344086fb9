"""Prompts that stand in a request as they are: a text, token ids, or several of either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ..errors import InvalidRequest
from .served import Served

Prompt = str | list[int]
Prompts = str | list[int] | list[str] | list[list[int]]


def each_prompt(given: Prompts) -> list[Prompt]:
    """The prompts one by one. A list that begins with a number is one prompt of ids."""
    if isinstance(given, str) or (given and isinstance(given[0], int)):
        return [given]
    return cast(list[Prompt], given)


def check_prompts(served: Served, prompts: Sequence[Prompt], param: str, most: int) -> None:
    """Raise `InvalidRequest` naming the place where there are none or more than `most`, or where one is no prompt."""
    if not 1 <= len(prompts) <= most:
        raise InvalidRequest(f"{param}: 1 to {most} are taken, not {len(prompts)}", param=param)
    for at, prompt in enumerate(prompts):
        place = prompt_place(param, at, len(prompts))
        if not prompt:
            raise InvalidRequest(f"{place} is empty: at least one token is needed", param=place)
        if not isinstance(prompt, str):
            check_ids(prompt, place, served.tokenizer.vocab_size)


def check_ids(ids: Sequence[int], place: str, vocab_size: int) -> None:
    """Raise `InvalidRequest` naming `place` where an id is outside the vocabulary."""
    if ids and not 0 <= min(ids) <= max(ids) < vocab_size:
        raise InvalidRequest(f"{place}: token ids lie in [0, {vocab_size - 1}]", param=place)


def prompt_place(param: str, at: int, count: int) -> str:
    """What the `at`-th of `count` prompts is called."""
    return param if count == 1 else f"{param}[{at}]"
