"""POST /tokenize and POST /detokenize, in vLLM's shape."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from ..errors import EngineClosed, InvalidRequest, UnknownOption
from .answers import json_response
from .fields import Refusals, RequestBody
from .openai.chat_types import ChatMessage, Tool
from .prompts import check_ids
from .served import LONG_TEXT, Served
from .tokens import prompt_text, token_text
from .turns import Conversation, chosen_tools, prepare, template_variables

OutcomeT = TypeVar("OutcomeT")


class TokenizeRequest(RequestBody):
    """A `prompt` as completions take it, or `messages` as chat does, with `tools` and what the chat template reads.

    `add_generation_prompt` false leaves out the beginning of the answer, `add_special_tokens` false the tokens that the
    tokenizer puts before a `prompt`; before `messages` it puts none. `return_token_strs` asks for each token's text as
    well.
    """

    refused: ClassVar[Refusals] = {
        "chat_template": (None,),
        "continue_final_message": (None, False),
        "mm_processor_kwargs": (None,),
    }

    model: str | None = None
    prompt: str | None = None
    messages: list[ChatMessage] | None = Field(default=None, min_length=1)
    tools: list[Tool] | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    add_generation_prompt: bool | None = None
    add_special_tokens: bool | None = None
    return_token_strs: bool | None = None

    def check(self) -> None:
        """Raise `InvalidRequest` naming the field where fields are missing or do not go together."""
        if (self.prompt is None) == (self.messages is None):
            raise InvalidRequest("prompt: either prompt or messages is needed, and not both", param="prompt")
        if self.messages is not None and self.add_special_tokens:
            raise UnknownOption(
                "add_special_tokens: the chat template writes its own; only false is taken with messages",
                param="add_special_tokens",
            )
        if self.messages is None:
            for name in ("tools", "chat_template_kwargs", "add_generation_prompt"):
                if getattr(self, name) is not None:
                    raise InvalidRequest(f"{name}: only messages take it", param=name)


class DetokenizeRequest(RequestBody):
    """Token ids to turn into text."""

    model: str | None = None
    tokens: list[int]


class Tokenized(BaseModel):
    """Tokens, and how many the model's context holds.

    In `token_strs`, what is part of a character is written as `bytes:\\\\x..`, and special tokens by name.
    """

    count: int
    max_model_len: int
    tokens: list[int]
    token_strs: list[str] | None = None


class Detokenized(BaseModel):
    """The text."""

    prompt: str


def tokenization_router(served: Served) -> APIRouter:
    """The routes, for one model."""
    router = APIRouter()

    @router.post("/tokenize", response_model=Tokenized)
    async def tokenize(body: TokenizeRequest) -> Response:
        """The tokens of a prompt or a conversation, exactly those that the model would be given."""
        _check_model(served, body.model)
        body.check()
        if body.messages is None:
            (ids,) = await served.encode([body.prompt or ""], begin=body.add_special_tokens is not False)
        else:
            ids = await _conversation(served, body, body.messages)
        strings = {"token_strs": await _unblocked(_texts, served, ids)} if body.return_token_strs else {}
        answer = Tokenized(count=len(ids), max_model_len=_context_length(served), tokens=list(ids), **strings)
        return json_response(answer)

    @router.post("/detokenize", response_model=Detokenized)
    async def detokenize(body: DetokenizeRequest) -> Response:
        """The text of tokens, special ones by name."""
        _check_model(served, body.model)
        if len(body.tokens) > served.limits.tokens:
            raise InvalidRequest(
                f"tokens: at most {served.limits.tokens} are taken, not {len(body.tokens)}", param="tokens"
            )
        check_ids(body.tokens, "tokens", served.tokenizer.vocab_size)
        return json_response(Detokenized(prompt=await _unblocked(_text, served, body.tokens)))

    return router


async def _conversation(served: Served, body: TokenizeRequest, given: list[ChatMessage]) -> tuple[int, ...]:
    """The ids of a conversation, checked as chat checks it."""
    tools = tuple({"type": tool.type, "function": tool.function.plain()} for tool in body.tools or ())
    conversation = Conversation(
        messages=[message.plain(f"messages[{at}]") for at, message in enumerate(given)],
        tools=chosen_tools(tools, "auto", None, parallel=True),
        variables=template_variables(body.chat_template_kwargs, served),
    )
    turn = await prepare(served, conversation)
    if body.add_generation_prompt is not False:
        return turn.prompt
    render = served.tokenizer.render_chat
    return tuple(await asyncio.to_thread(render, conversation.messages, tools, False, conversation.variables))


async def _unblocked(work: Callable[[Served, Sequence[int]], OutcomeT], served: Served, ids: Sequence[int]) -> OutcomeT:
    """`work(served, ids)`, in a thread where it takes a while, so that others are not held up."""
    return work(served, ids) if len(ids) < LONG_TEXT else await asyncio.to_thread(work, served, ids)


def _text(served: Served, ids: Sequence[int]) -> str:
    return prompt_text(served.tokenizer, ids)


def _texts(served: Served, ids: Sequence[int]) -> list[str]:
    return [token_text(served.tokenizer, token, special=True) for token in ids]


def _check_model(served: Served, name: str | None) -> None:
    if name is not None:
        served.check_model(name)
    served.engine.check()


def _context_length(served: Served) -> int:
    if served.engine.info is None:
        raise EngineClosed("the model is still being loaded", code="engine_loading")
    return served.engine.info.context_length
