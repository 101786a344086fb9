"""How likely the tokens of a prompt itself are."""

from __future__ import annotations

from dataclasses import dataclass

from ..request import ScoreRequest
from .served import Served

Top = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class PromptScore:
    """A prompt's tokens from some place on.

    Attributes:
        token_ids: the tokens.
        logprobs: each one's natural log-probability given all before; None for a prompt's first token, before which
            nothing stands.
        tops: the likeliest (id, logprob) in each place; empty where none were asked for.
        cached_tokens: so many of the whole prompt's tokens were in the prefix cache already.
    """

    token_ids: tuple[int, ...]
    logprobs: tuple[float | None, ...]
    tops: tuple[Top, ...]
    cached_tokens: int = 0


async def score_prompt(
    served: Served,
    prompt: tuple[int, ...],
    request_id: str,
    *,
    start: int = 0,
    top: int = 0,
    salt: str = "",
    priority: int = 0,
) -> PromptScore:
    """The tokens of `prompt` from `start` on.

    A generation after it finds the prompt in the prefix cache, so that it is computed once. Cancelling aborts it.
    """
    given = max(1, start)
    if len(prompt) <= given:
        return PromptScore(prompt[start:], (None,) * len(prompt[start:]), ((),) * len(prompt[start:]))
    request = ScoreRequest(
        id=request_id,
        prompt=prompt[:given],
        choices=(prompt[given:],),
        top_logprobs=top,
        cache_salt=salt,
        priority=priority,
    )
    result = await served.engine.score(request)
    logprobs: tuple[float | None, ...] = result.token_logprobs[0]
    tops = result.top_logprobs[0] if result.top_logprobs else ((),) * len(logprobs)
    if start == 0:
        return PromptScore(prompt, (None, *logprobs), ((), *tops), result.cached_tokens)
    return PromptScore(prompt[start:], logprobs, tops, result.cached_tokens)
