"""What the API process asks of a tokenizer, and tokens as text for `logprobs`."""

from __future__ import annotations

import codecs
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

    def encode(
        self, text: str, *, special: bool = False, begin: bool = False, previous: int | None = None
    ) -> list[int]: ...

    def prompt_bytes(self, ids: Sequence[int]) -> list[bytes]: ...

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
    """`logprobs` of a completion choice; `text_offset` counts characters from the text's start.

    Where the prompt is echoed its first token has none (null), since nothing stands before it.
    """

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None] | None
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
    texts = [token_text(tokenizer, event.token_id) for event in events]
    offsets = []
    for event in events:
        offsets.append(offset)
        offset += len(event.text)
    alternatives: list[dict[str, float] | None] = [
        _alternatives(tokenizer, event.top_logprobs, text, event.logprob)
        for event, text in zip(events, texts, strict=True)
    ]
    return CompletionLogprobs(
        tokens=texts,
        token_logprobs=[_finite(event.logprob) for event in events],
        top_logprobs=alternatives if tops else None,
        text_offset=offsets,
    )


def prompt_logprobs(
    tokenizer: ApiTokenizer,
    token_ids: Sequence[int],
    logprobs: Sequence[float | None],
    tops: Sequence[Sequence[tuple[int, float]]] | None,
) -> CompletionLogprobs:
    """The logprobs of an echoed prompt, from its first token on. With `tops`, alternatives as above."""
    texts = [token_text(tokenizer, token) for token in token_ids]
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    offsets, offset = [], 0
    for added in tokenizer.prompt_bytes(token_ids):
        offsets.append(offset)
        offset += len(decoder.decode(added))
    alternatives = None
    if tops is not None:
        alternatives = [
            None if logprob is None else _alternatives(tokenizer, top, text, logprob)
            for text, logprob, top in zip(texts, logprobs, tops, strict=True)
        ]
    return CompletionLogprobs(
        tokens=texts,
        token_logprobs=[None if logprob is None else _finite(logprob) for logprob in logprobs],
        top_logprobs=alternatives,
        text_offset=offsets,
    )


def prompt_text(tokenizer: ApiTokenizer, token_ids: Sequence[int]) -> str:
    """A prompt as text, special tokens by name, but for those that stand before every text."""
    return b"".join(tokenizer.prompt_bytes(token_ids)).decode(errors="replace")


def joined(first: CompletionLogprobs, second: CompletionLogprobs) -> CompletionLogprobs:
    """One after the other; the offsets of `second` are right already."""
    tops = None
    if first.top_logprobs is not None and second.top_logprobs is not None:
        tops = first.top_logprobs + second.top_logprobs
    return CompletionLogprobs(
        tokens=first.tokens + second.tokens,
        token_logprobs=first.token_logprobs + second.token_logprobs,
        top_logprobs=tops,
        text_offset=first.text_offset + second.text_offset,
    )


def token_text(tokenizer: ApiTokenizer, token: int, *, special: bool = False) -> str:
    """A token as text; bytes that are no whole characters as OpenAI writes them. With `special`, such have names."""
    data = tokenizer.token_bytes(token, special)
    if not data:
        return f"<token {token}>"
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)


def _alternatives(
    tokenizer: ApiTokenizer, top: Sequence[tuple[int, float]], text: str, logprob: float | None
) -> dict[str, float]:
    return {**{token_text(tokenizer, token): _finite(each) for token, each in top}, text: _finite(logprob)}


def _top(tokenizer: ApiTokenizer, token: int, logprob: float | None) -> TopLogprob:
    data = tokenizer.token_bytes(token)
    return TopLogprob(token=token_text(tokenizer, token), logprob=_finite(logprob), bytes=list(data) or None)


def _finite(logprob: float | None) -> float:
    return LEAST_LOGPROB if logprob is None else max(logprob, LEAST_LOGPROB)
