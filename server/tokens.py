"""What the API process asks of a tokenizer, and tokens as text for `logprobs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import BaseModel

from ..request import Sampling, TokenEvent

LEAST_LOGPROB = -9999.0
"""What OpenAI writes for a probability of zero: JSON has no infinity."""


class ApiTokenizer(Protocol):
    """`weft.runtime.Tokenizer`, as far as it is used here."""

    vocab_size: int
    eos_ids: tuple[int, ...]
    default_sampling: Sampling

    @property
    def template_source(self) -> str | None: ...

    @property
    def template_variables(self) -> frozenset[str]: ...

    def encode(self, text: str, *, special: bool = False) -> list[int]: ...

    def token_bytes(self, token_id: int, special: bool = False) -> bytes: ...

    def render_chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] = (),
        add_generation_prompt: bool = True,
        variables: Mapping[str, Any] | None = None,
    ) -> list[int]: ...


class TopLogprob(BaseModel):
    """A likely token: its text, log-probability and bytes (null for a special token, which has no text)."""

    token: str
    logprob: float
    bytes: list[int] | None


class TokenLogprob(TopLogprob):
    """A token of the output and its likeliest alternatives."""

    top_logprobs: list[TopLogprob]


class ChatLogprobs(BaseModel):
    """`logprobs` of a chat choice."""

    content: list[TokenLogprob]


class CompletionLogprobs(BaseModel):
    """`logprobs` of a completion choice; `text_offset` counts characters from the text's start."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]] | None
    text_offset: list[int]


def chat_logprobs(tokenizer: ApiTokenizer, events: Sequence[TokenEvent]) -> ChatLogprobs:
    """The logprobs of events that carry tokens."""
    content = []
    for event in events:
        tops = [_top(tokenizer, token, logprob) for token, logprob in event.top_logprobs]
        drawn = _top(tokenizer, event.token_id, event.logprob)
        content.append(TokenLogprob(token=drawn.token, logprob=drawn.logprob, bytes=drawn.bytes, top_logprobs=tops))
    return ChatLogprobs(content=content)


def completion_logprobs(
    tokenizer: ApiTokenizer, events: Sequence[TokenEvent], *, tops: bool, offset: int = 0
) -> CompletionLogprobs:
    """The logprobs of events that carry tokens, the first of them `offset` characters into the text.

    With `tops`, each token's alternatives include the token itself.
    """
    texts = [_text(tokenizer, event.token_id) for event in events]
    offsets = []
    for event in events:
        offsets.append(offset)
        offset += len(event.text)
    alternatives = [
        {
            **{_text(tokenizer, token): _finite(logprob) for token, logprob in event.top_logprobs},
            text: _finite(event.logprob),
        }
        for event, text in zip(events, texts, strict=True)
    ]
    return CompletionLogprobs(
        tokens=texts,
        token_logprobs=[_finite(event.logprob) for event in events],
        top_logprobs=alternatives if tops else None,
        text_offset=offsets,
    )


def _top(tokenizer: ApiTokenizer, token: int, logprob: float | None) -> TopLogprob:
    data = tokenizer.token_bytes(token)
    return TopLogprob(token=_text(tokenizer, token), logprob=_finite(logprob), bytes=list(data) or None)


def _text(tokenizer: ApiTokenizer, token: int) -> str:
    """A token as text; bytes that are no whole characters as OpenAI writes them."""
    data = tokenizer.token_bytes(token)
    if not data:
        return f"<token {token}>"
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)


def _finite(logprob: float | None) -> float:
    return LEAST_LOGPROB if logprob is None else max(logprob, LEAST_LOGPROB)
