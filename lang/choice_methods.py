"""How one of several scored choices is taken, by name.

`probability` is ours: the likeliest text. The others are SGLang's (its ``sglang.lang.choices``), with its arithmetic:

- `token_length_normalized`: the highest mean of the tokens' log-probabilities.
- `greedy_token_selection`: token by token, only the choices that are likeliest in that place stay in; a choice that
  has ended stands in later places with its mean.
- `unconditional_likelihood_normalized`: the highest mean of what each token's log-probability gains by the prompt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import EngineError, UnknownOption
from ..request import ScoreResult

DEFAULT_METHOD = "probability"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a method made of some choices.

    Attributes:
        index: the choice taken: the first of those with the highest score.
        scores: per choice, by the method: its share of the probabilities; its mean log-probability; in how many places
            it was the likeliest that was left; its mean gain in log-probability.
    """

    index: int
    scores: tuple[float, ...]


def decide(method: str, result: ScoreResult) -> Decision:
    """Take one of `result`'s choices.

    Raises:
        UnknownOption: there is no such method.
        EngineError: the log-probabilities are such that no choice is better than another.
    """
    scores = _find(method)(result)
    best = max(scores)
    if any(map(math.isnan, scores)) or not math.isfinite(best):
        raise EngineError(f"these choices cannot be compared by {method}: their scores are {list(scores)}")
    return Decision(scores.index(best), scores)


def needs_unconditional(method: str) -> bool:
    """Whether `decide` wants the choices' unconditional scores too. Raises `UnknownOption` for an unknown method."""
    return _find(method) is _unconditional_likelihood_normalized


def check_method(method: object) -> str:
    """`method`, where there is one of that name. Raises `UnknownOption` otherwise."""
    if not isinstance(method, str) or method not in METHODS:
        raise UnknownOption(f"method: there is no {method!r}; there are {', '.join(METHODS)}", param="method")
    return method


def _find(method: str) -> Callable[[ScoreResult], tuple[float, ...]]:
    return METHODS[check_method(method)]


def _probability(result: ScoreResult) -> tuple[float, ...]:
    return result.shares


def _token_length_normalized(result: ScoreResult) -> tuple[float, ...]:
    return tuple(map(_mean, result.token_logprobs))


def _greedy_token_selection(result: ScoreResult) -> tuple[float, ...]:
    longest = max(map(len, result.token_logprobs))
    rows = [(*tokens, *[_mean(tokens)] * (longest - len(tokens))) for tokens in result.token_logprobs]
    if any(math.isnan(logprob) for row in rows for logprob in row):
        raise EngineError("these choices cannot be compared: there are log-probabilities that are not numbers")
    survived = [0.0] * len(rows)
    remaining = list(range(len(rows)))
    for place in range(longest):
        best = max(rows[at][place] for at in remaining)
        remaining = [at for at in remaining if rows[at][place] == best]
        for at in remaining:
            survived[at] += 1
        if len(remaining) == 1:
            break
    return tuple(survived)


def _unconditional_likelihood_normalized(result: ScoreResult) -> tuple[float, ...]:
    if [*map(len, result.unconditional_logprobs)] != [*map(len, result.token_logprobs)]:
        raise EngineError("the backend did not give each token of the choices an unconditional log-probability")
    return tuple(
        _mean([given - alone for given, alone in zip(tokens, unconditional, strict=True)])
        for tokens, unconditional in zip(result.token_logprobs, result.unconditional_logprobs, strict=True)
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


METHODS: dict[str, Callable[[ScoreResult], tuple[float, ...]]] = {
    DEFAULT_METHOD: _probability,
    "token_length_normalized": _token_length_normalized,
    "greedy_token_selection": _greedy_token_selection,
    "unconditional_likelihood_normalized": _unconditional_likelihood_normalized,
}
