"""`prompt_logprobs`, vLLM's extension: how likely the tokens of a prompt were, beside the answer to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, Field

from ...errors import InvalidRequest
from ..fields import EXTENSIONS_REFUSED, Refusals
from ..prompt_scores import PromptScore
from ..tokens import LEAST_LOGPROB, ApiTokenizer, token_text

PromptLogprobsField = Annotated[int | None, Field(ge=0, le=20)]
"""How many of the likeliest tokens in each place are told, beside the prompt's own."""

OTHER_EXTENSIONS_REFUSED: Refusals = {
    name: values for name, values in EXTENSIONS_REFUSED.items() if name != "prompt_logprobs"
}


class PromptTokenLogprob(BaseModel):
    """A token in its place: its log-probability, its text, and its rank, known among the likeliest told only."""

    logprob: float
    rank: int | None
    decoded_token: str


PromptLogprobs = list[Mapping[str, PromptTokenLogprob] | None]
"""For each token of the prompt it and the likeliest in its place, by their ids; null for the first token."""


def check_prompt_logprobs(wanted: int | None, *, stream: bool | None) -> None:
    """Raise `InvalidRequest` where they are asked for in a stream, whose chunks have no place for them."""
    if wanted is not None and stream:
        raise InvalidRequest("prompt_logprobs: not together with stream", param="prompt_logprobs")


MOST_TOLD = 200_000
"""Tokens told by one answer, in all places and choices: each takes hundreds of bytes."""


def check_amount(wanted: int | None, prompts: Iterable[Sequence[int]], choices: int) -> None:
    """Raise `InvalidRequest` where more than `MOST_TOLD` tokens would be told: only lengths bound them else."""
    if wanted is None:
        return
    told = sum(map(len, prompts)) * (1 + wanted) * choices
    if told > MOST_TOLD:
        raise InvalidRequest(
            f"prompt_logprobs: {told} tokens would be told; at most {MOST_TOLD} are in one answer",
            param="prompt_logprobs",
        )


def prompt_logprobs_of(tokenizer: ApiTokenizer, score: PromptScore, most: int) -> PromptLogprobs:
    """A whole prompt's, with `most` of the likeliest in each place."""
    told: PromptLogprobs = []
    for token, logprob, top in zip(score.token_ids, score.logprobs, score.tops, strict=True):
        if logprob is None:
            told.append(None)
            continue
        likeliest = {each: _entry(tokenizer, each, value, rank) for rank, (each, value) in enumerate(top[:most], 1)}
        own = likeliest.get(token) or _entry(tokenizer, token, logprob, None)
        told.append({str(each): entry for each, entry in ({token: own} | likeliest).items()})
    return told


def _entry(tokenizer: ApiTokenizer, token: int, logprob: float, rank: int | None) -> PromptTokenLogprob:
    return PromptTokenLogprob(
        logprob=max(logprob, LEAST_LOGPROB), rank=rank, decoded_token=token_text(tokenizer, token, special=True)
    )
