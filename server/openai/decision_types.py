"""What goes into and comes out of POST /v1/decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from ...errors import InvalidRequest
from ...lang.choice_methods import DEFAULT_METHOD, check_method
from ...request import MAX_CHOICES
from ..fields import RequestBody
from ..usage import Usage
from .chat_types import ChatMessage

DecisionType = Literal["choice", "predicate", "score"]

LARGEST = 1_000_000_000
"""The largest level of a score."""

_OPTIONS = {"choice": ("choices",), "predicate": ("labels",), "score": ("min", "max")}


class DecisionRequest(RequestBody):
    """Something to decide: what is given, and the texts that it may go on with.

    Given is either a `prompt` (text or token ids), or `messages` as chat has them; of these the last may be the
    assistant's, whose turn the decision then continues. `type` says what is decided, and which fields go with it:

    - `choice`: one of `choices`.
    - `predicate`: whether something is so; `labels` are the words for true and for false.
    - `score`: a whole number from `min` to `max`.

    `method` says how the choices are compared. `probability`, the default, takes the likeliest text. SGLang's methods
    are there too: `token_length_normalized` takes the highest mean log-probability of a token,
    `greedy_token_selection` goes token by token and keeps the likeliest in each place, and
    `unconditional_likelihood_normalized` takes the highest mean gain over the tokens' log-probabilities without the
    prompt.
    """

    model: str
    prompt: str | list[int] | None = None
    messages: list[ChatMessage] | None = Field(default=None, min_length=1)
    type: DecisionType | None = None
    choices: list[str] | None = None
    labels: list[str] | None = None
    min: int | None = Field(default=None, ge=-LARGEST, le=LARGEST)
    max: int | None = Field(default=None, ge=-LARGEST, le=LARGEST)
    method: str | None = Field(default=None, max_length=64)
    cache_salt: str | None = None
    priority: int | None = None
    reasoning_effort: str | None = Field(default=None, max_length=32)
    chat_template_kwargs: dict[str, Any] | None = None
    user: str | None = None

    def check(self) -> None:
        """Raise `InvalidRequest` naming the field where fields are missing or do not go together."""
        if (self.prompt is None) == (self.messages is None):
            raise InvalidRequest("prompt: either prompt or messages is needed, and not both", param="prompt")
        if self.messages is None:
            for name in ("reasoning_effort", "chat_template_kwargs"):
                if getattr(self, name) is not None:
                    raise InvalidRequest(f"{name}: only messages take it", param=name)
        kind = self.type or "choice"
        for other, names in _OPTIONS.items():
            for name in names:
                if other != kind and getattr(self, name) is not None:
                    raise InvalidRequest(f"{name}: goes with type {other!r} only", param=name)
        if self.method is not None:
            check_method(self.method)

    def by(self) -> str:
        """The method's name."""
        return self.method or DEFAULT_METHOD

    def options(self) -> tuple[str, ...]:
        """The texts to choose from. Raises `InvalidRequest` naming the field at fault."""
        match self.type:
            case "predicate":
                labels = ["yes", "no"] if self.labels is None else self.labels
                if len(labels) != 2:
                    raise InvalidRequest(
                        f"labels: two are needed, for true and false, not {len(labels)}", param="labels"
                    )
                return _distinct(labels, "labels")
            case "score":
                return tuple(map(str, self._levels()))
            case _:
                if self.choices is None:
                    raise InvalidRequest("choices: this field is required", param="choices", code="missing_field")
                return _distinct(self.choices, "choices")

    def options_param(self) -> str:
        """The field that the texts come from."""
        return _OPTIONS[self.type or "choice"][0]

    def verdict(self, index: int, shares: Sequence[float]) -> dict[str, Any]:
        """`value` and `level` of the answer, where `index` is the text taken and `shares` are all probabilities."""
        match self.type:
            case "predicate":
                return {"value": index == 0}
            case "score":
                levels = self._levels()
                mean = sum(level * share for level, share in zip(levels, shares, strict=True))
                return {"value": mean, "level": levels[index]}
            case _:
                return {}

    def _levels(self) -> range:
        low = 1 if self.min is None else self.min
        high = 5 if self.max is None else self.max
        if not 0 < high - low < MAX_CHOICES:
            param = "min" if self.max is None else "max"
            raise InvalidRequest(f"{param}: {low} to {high} are not 2 to {MAX_CHOICES} levels", param=param)
        return range(low, high + 1)


def _distinct(texts: Sequence[str], param: str) -> tuple[str, ...]:
    if not 1 <= len(texts) <= MAX_CHOICES:
        raise InvalidRequest(f"{param}: 1 to {MAX_CHOICES} are taken, not {len(texts)}", param=param)
    seen: set[str] = set()
    for at, text in enumerate(texts):
        if not text or text in seen:
            what = "is given twice" if text else "is empty"
            raise InvalidRequest(f"{param}[{at}] {what}", param=f"{param}[{at}]")
        seen.add(text)
    return tuple(texts)


class ChoiceProbability(BaseModel):
    """How likely one of the texts is.

    `logprob` is the natural log of its own probability as the continuation, `probability` its share of the sum over
    all texts, `token_logprobs` what its tokens add to `logprob`. `score` is what the method compares: by default the
    share; else the mean log-probability, in how many places it was the likeliest that was left, or the mean gain.
    """

    choice: str
    logprob: float
    probability: float
    score: float
    token_logprobs: list[float]


class Decision(BaseModel):
    """The text that the method takes, its place among those given, and how likely each is.

    `value` is the answer as a value: of a predicate whether it is true, of a score the mean over its levels, weighted
    by their probabilities; `level` is the one that the method takes. Nothing is generated, so that the usage counts a
    prompt only.
    """

    id: str
    object: Literal["decision"]
    created: int
    model: str
    type: DecisionType
    method: str
    choice: str
    index: int
    value: bool | float | None = None
    level: int | None = None
    probabilities: list[ChoiceProbability]
    usage: Usage
