"""Thinking and effort, as far as the model's chat template lets them be chosen."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ...errors import InvalidRequest, UnknownOption
from ..fields import ApiModel
from ..served import Served
from ..turns import effort_variables

Effort = Literal["low", "medium", "high", "xhigh", "max"]

_HIGHEST = "high"
"""What templates call the highest effort, and Anthropic its usual one."""


class Thinking(ApiModel):
    """Whether the model writes to itself before it answers.

    `enabled` needs a model that can; `adaptive` leaves it to the model, so that any will do. `budget_tokens` is a
    target that nothing here enforces: what bounds thinking is `max_tokens`, which thinking and answer share. `omitted`
    leaves the thinking out of the answer.
    """

    type: Literal["enabled", "adaptive", "disabled"]
    budget_tokens: int | None = Field(default=None, ge=1024)
    display: Literal["summarized", "omitted"] | None = None

    def check(self, max_tokens: int | None) -> None:
        """Raise `InvalidRequest` where its parts do not fit its type, or the budget not `max_tokens`."""
        budget = self.budget_tokens
        if (budget is not None) != (self.type == "enabled"):
            _refuse("budget_tokens", "the type 'enabled' needs it, and no other takes it")
        if budget is not None and max_tokens is not None and budget >= max_tokens:
            _refuse("budget_tokens", "must be less than max_tokens")
        if self.display is not None and self.type == "disabled":
            _refuse("display", "the type 'disabled' does not take it")


def _refuse(part: str, problem: str) -> None:
    raise InvalidRequest(f"thinking.{part}: {problem}", param=f"thinking.{part}")


def thinking_variables(thinking: Thinking | None, effort: Effort | None, served: Served) -> dict[str, Any]:
    """What to tell the chat template. A request that says nothing of thinking wants none, where that can be chosen.

    Raises `UnknownOption` for what the model cannot do.
    """
    chosen = _effort(effort, served)
    names = served.dialect.template_variables
    if thinking is None:
        return chosen | ({"enable_thinking": False} if "enable_thinking" in names else {})
    if thinking.type == "disabled":
        return chosen | _without_thinking(bool(chosen), served)
    if "enable_thinking" in names:
        return chosen | {"enable_thinking": True}
    if thinking.type == "enabled" and served.dialect.reasoning is None and "reasoning_effort" not in names:
        raise UnknownOption("thinking: this model does not think", param="thinking")
    return chosen


def _effort(effort: Effort | None, served: Served) -> dict[str, Any]:
    if effort is None:
        return {}
    if "reasoning_effort" in served.dialect.template_variables:
        return {"reasoning_effort": _HIGHEST if effort in ("xhigh", "max") else effort}
    if effort == _HIGHEST:
        return {}
    raise UnknownOption(
        "output_config.effort: the chat template of this model has no such thing", param="output_config.effort"
    )


def _without_thinking(has_effort: bool, served: Served) -> dict[str, Any]:
    if "enable_thinking" in served.dialect.template_variables:
        return {"enable_thinking": False}
    if has_effort:
        raise InvalidRequest(
            "output_config.effort: this model has no other effort than its thinking, which is disabled",
            param="output_config.effort",
        )
    try:
        return effort_variables("none", served)
    except UnknownOption as error:
        raise UnknownOption("thinking: this model always thinks", param="thinking") from error
