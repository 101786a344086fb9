"""What a call gave, and how it is read back: text, JSON, a pydantic model, a choice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..errors import IncompleteOutput, InvalidOutput
from ..request import Constraint, ConstraintKind, FinishReason, GenerateResult, ScoreResult, Times
from .choice_methods import Decision
from .ir import Gen, Select


@dataclass(frozen=True, slots=True)
class ChoiceScore:
    """What is known of one of a selection's choices.

    Attributes:
        score: what the method compares (`choice_methods.Decision`); for the default its probability.
        logprob: natural log of the whole text's own probability, not normalised over the choices.
        token_logprobs: of each of its tokens, given all before.
        unconditional_logprobs: of each token given only the choice's own before it; empty unless the method wants it.
    """

    score: float
    logprob: float
    token_logprobs: tuple[float, ...]
    unconditional_logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Meta:
    """What is known of a call beside its value.

    Attributes:
        text: the text as generated, or the choice taken.
        finish: why the generation ended; None for a selection.
        stop_reason: the stop string or stop token id that ended it, where one did.
        token_ids: the generated tokens, forced ones included; empty where the backend works on text.
        prompt_tokens: the prompt's length in tokens, and cached_tokens of them were not computed anew.
        forced_tokens: how many of `token_ids` the constraint left no choice about.
        logprobs: natural log-probability of each token, where asked for.
        top_logprobs: per token the likeliest (id, logprob), where asked for.
        probabilities: a selection's choices with their probabilities, which sum to 1; empty for a generation.
        choices: a selection's choices with what is known of each; empty for a generation.
        times: when the request arrived, was admitted, gave its first token and ended.
    """

    text: str
    finish: FinishReason | None = None
    stop_reason: str | int | None = None
    token_ids: tuple[int, ...] = ()
    prompt_tokens: int = 0
    cached_tokens: int = 0
    forced_tokens: int = 0
    logprobs: tuple[float, ...] = ()
    top_logprobs: tuple[tuple[tuple[int, float], ...], ...] = ()
    probabilities: Mapping[str, float] = field(default_factory=dict)
    choices: Mapping[str, ChoiceScore] = field(default_factory=dict)
    times: Times = field(default_factory=Times)

    @classmethod
    def of_generation(cls, result: GenerateResult) -> Meta:
        return cls(
            text=result.text,
            finish=result.finish,
            stop_reason=result.stop_reason,
            token_ids=result.token_ids,
            prompt_tokens=result.prompt_tokens,
            cached_tokens=result.cached_tokens,
            forced_tokens=result.forced_tokens,
            logprobs=result.logprobs,
            top_logprobs=result.top_logprobs,
            times=result.times,
        )

    @classmethod
    def of_selection(cls, choice: str, choices: Sequence[str], decision: Decision, result: ScoreResult) -> Meta:
        unconditional = result.unconditional_logprobs or ((),) * len(choices)
        known = zip(decision.scores, result.logprobs, result.token_logprobs, unconditional, strict=True)
        return cls(
            text=choice,
            prompt_tokens=result.prompt_tokens,
            cached_tokens=result.cached_tokens,
            probabilities=dict(zip(choices, result.shares, strict=True)),
            choices={text: ChoiceScore(*each) for text, each in zip(choices, known, strict=True)},
            times=result.times,
        )


class Variable:
    """A named result. `value` is read from the text when first asked for."""

    def __init__(self, node: Gen | Select, meta: Meta) -> None:
        self.node = node
        self.meta = meta

    @cached_property
    def value(self) -> Any:
        """The Python object. Raises `IncompleteOutput`, or `InvalidOutput` for text that breaks its constraint."""
        if isinstance(self.node, Select) or self.node.constraint is None:
            return self.meta.text
        constraint = self.node.constraint
        read = _READERS.get(constraint.kind, _read_text)
        try:
            return read(self.node, constraint, self.meta)
        except ValueError as error:
            raise self._unreadable(str(error)) from error

    def _unreadable(self, reason: str) -> InvalidOutput:
        text = self.meta.text
        shown = text if len(text) <= 80 else "…" + text[-80:]
        name = self.node.name
        stop = self.meta.stop_reason
        if self.meta.finish is FinishReason.LENGTH or stop is not None:
            cut = "ran out of tokens" if stop is None else f"was ended by {stop!r}"
            return IncompleteOutput(f"{name!r} {cut} after {len(text)} characters: {shown!r}", text=text, param=name)
        return InvalidOutput(f"{name!r} cannot be read back ({reason}): {shown!r}", text=text, param=name)


def _read_text(node: Gen, constraint: Constraint, meta: Meta) -> str:
    return meta.text


def _read_json(node: Gen, constraint: Constraint, meta: Meta) -> Any:
    if meta.finish is FinishReason.LENGTH and meta.text[-1:].isdigit():
        raise ValueError("a number that was cut short still reads as one")
    if node.model is None:
        return json.loads(meta.text)
    from ..grammar.python_types import read_json

    return read_json(node.model, meta.text)


def _read_choice(node: Gen, constraint: Constraint, meta: Meta) -> str:
    if meta.text not in json.loads(constraint.source):
        raise ValueError("not one of the choices")
    return meta.text


def _read_match(node: Gen, constraint: Constraint, meta: Meta) -> str:
    # Only a text that ran out of tokens is wrongly cut: what the caller's own stop string ended is what was asked for.
    if meta.finish is FinishReason.LENGTH and not re.fullmatch(constraint.source, meta.text):
        raise ValueError("the regex does not match it")
    return meta.text


_READERS: dict[ConstraintKind, Callable[[Gen, Constraint, Meta], Any]] = {
    ConstraintKind.JSON_SCHEMA: _read_json,
    ConstraintKind.CHOICES: _read_choice,
    ConstraintKind.REGEX: _read_match,
}
