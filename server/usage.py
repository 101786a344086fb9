"""Counting tokens for `usage`."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import BaseModel

from ..request import FinishReason, TokenEvent
from .calls import current_call


class PromptTokensDetails(BaseModel):
    """`cached_tokens` of the prompt's tokens came from the prefix cache."""

    cached_tokens: int


class Usage(BaseModel):
    """OpenAI's usage object."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails


class Meter:
    """Counts the tokens of one HTTP call: each prompt once, whatever `n`, and every choice's output.

    The call's line in the log says the same numbers.

    Args:
        n: choices for each prompt; request ``i`` belongs to prompt ``i // n``.
        eos_ids: the model's end-of-sequence tokens.

    Attributes:
        finishes: why those ended that have.
    """

    def __init__(self, n: int, eos_ids: Collection[int]) -> None:
        self._n = n
        self._eos_ids = eos_ids
        self._prompts: dict[int, tuple[int, int]] = {}
        self._completion = 0
        self._found: dict[int, int] = {}
        self.finishes: list[FinishReason] = []
        current_call().meters.append(self)

    def count(self, index: int, event: TokenEvent) -> bool:
        """Take an event of request `index`. Whether it carries a token of the output."""
        if index % self._n == 0:
            self._prompts[index] = (event.prompt_tokens, event.cached_tokens)
        if event.finish is not None:
            self.finishes.append(event.finish)
        carries = self._carries_token(event)
        self._completion += carries
        return carries

    def count_prompt(self, index: int, prompt_tokens: int, cached_tokens: int) -> None:
        """Take the prompt of request `index`, which generates nothing: it is scored or embedded."""
        self._prompts[index] = (prompt_tokens, cached_tokens)

    def found(self, index: int, cached_tokens: int) -> None:
        """Of the prompt of request `index` so many tokens were cached before this call computed it itself."""
        self._found[index] = cached_tokens

    def usage(self) -> Usage:
        """The usage so far."""
        prompt = sum(tokens for tokens, _ in self._prompts.values())
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=self._completion,
            total_tokens=prompt + self._completion,
            prompt_tokens_details=PromptTokensDetails(
                cached_tokens=sum(self._found.get(index, cached) for index, (_, cached) in self._prompts.items()),
            ),
        )

    def _carries_token(self, event: TokenEvent) -> bool:
        """An end-of-sequence token, or stop token id, that ended the request is no part of its output."""
        if event.token_id < 0:
            return False
        if event.finish is not FinishReason.STOP:
            return True
        if event.stop_reason is None:
            return event.token_id not in self._eos_ids
        return event.stop_reason != event.token_id
