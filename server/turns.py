"""A conversation's next turn, whatever API asks for it: its prompt, what its answer may be, and how that is read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..chat.answer_form import AnswerForm, AnswerReader
from ..chat.pieces import CallArguments, CallOpened, ContentText, Piece, ReasoningText
from ..chat.reasoning import ReasoningMarkers
from ..errors import InvalidRequest, UnknownOption
from ..grammar.constraints import structural_tag
from ..request import Constraint, ConstraintKind
from .constraint_fields import Asked
from .served import Served

TAIL = 32
"""Tokens at a prompt's end that are looked at for an opened reasoning."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The tools of a conversation, and what may be done with them.

    Attributes:
        offered: what the model is told of, in OpenAI's form.
        allowed: the names of those that it may call; None is all.
        required: its answer must be a call.
        parallel: it may call more than once.
    """

    offered: tuple[Mapping[str, Any], ...] = ()
    allowed: frozenset[str] | None = None
    required: bool = False
    parallel: bool = True

    def callable(self) -> tuple[Mapping[str, Any], ...]:
        """The tools that may be called."""
        if self.allowed is None:
            return self.offered
        return tuple(tool for tool in self.offered if tool["function"]["name"] in self.allowed)


def chosen_tools(
    tools: tuple[Mapping[str, Any], ...], choice: str, allowed: Sequence[str] | None, *, parallel: bool
) -> ToolUse:
    """What a choice of tools comes to. `choice` is auto, none or required; `allowed` names some of the tools.

    Raises `InvalidRequest` for a choice without tools, or a name that none of them has.
    """
    if not tools and (choice == "required" or allowed is not None):
        raise InvalidRequest("tool_choice: there are no tools to choose from", param="tool_choice")
    names = [tool["function"]["name"] for tool in tools]
    for name in allowed or ():
        if name not in names:
            raise InvalidRequest(f"tool_choice: there is no tool {name[:64]!r}", param="tool_choice")
    if choice == "none":
        return ToolUse()
    return ToolUse(tools, None if allowed is None else frozenset(allowed), choice == "required", parallel)


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is to be answered.

    Attributes:
        messages: as chat templates take them.
        asked: what the content must be.
        variables: further names for the chat template.
        messages_param: what the API calls the messages.
        prefill: what the answer begins with already. It goes on from there, and is not told again.
    """

    messages: Sequence[Mapping[str, Any]]
    tools: ToolUse = field(default_factory=ToolUse)
    asked: Asked | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    messages_param: str = "messages"
    prefill: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn ready to be generated.

    Attributes:
        prompt: the conversation as ids, up to where the answer begins.
        constraint: what the answer must be, and `constraint_param` the field which that comes from.
        prompt_param: the field that the prompt comes from.
    """

    prompt: tuple[int, ...]
    form: AnswerForm
    constraint: Constraint | None = None
    constraint_param: str | None = None
    prompt_param: str = "messages"

    def reader(self) -> AnswerReader:
        """A fresh reader, for one answer."""
        return self.form.reader()


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """An answer taken apart: `calls` are (name, arguments as JSON text)."""

    reasoning: str
    content: str
    calls: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> WholeAnswer:
        """What pieces add up to."""
        reasoning: list[str] = []
        content: list[str] = []
        names: list[str] = []
        arguments: dict[int, list[str]] = {}
        for piece in pieces:
            match piece:
                case ReasoningText(text):
                    reasoning.append(text)
                case ContentText(text):
                    content.append(text)
                case CallOpened(_, name):
                    names.append(name)
                case CallArguments(index, text):
                    arguments.setdefault(index, []).append(text)
        calls = tuple((name, "".join(arguments.get(index, ()))) for index, name in enumerate(names))
        return cls("".join(reasoning), "".join(content), calls)


async def prepare(served: Served, conversation: Conversation) -> Turn:
    """The turn that answers a conversation.

    Raises `InvalidRequest` naming the field at fault: too much of something, a template that refuses the messages,
    tools that the model has no way to call, constraints that do not go together.
    """
    tools = conversation.tools
    _check_counts(served, conversation)
    dialect = served.dialect
    if tools.offered and dialect.tool_format is None:
        raise UnknownOption(
            "tools: the chat template of this model shows no way to write calls; the operator can name one "
            "(--tool-parser)",
            param="tools",
        )
    # In a thread: a template is a program of the model's, and a long conversation takes a while to tokenise.
    try:
        prompt = await asyncio.to_thread(
            served.tokenizer.render_chat, conversation.messages, tools.offered, variables=conversation.variables
        )
    except InvalidRequest as error:
        if error.param == "messages":
            error.param = conversation.messages_param
        raise
    reasoning, opened = _reasoning(served, prompt)
    if conversation.prefill:
        prompt = [*prompt, *await _prefill(served, conversation, prompt, opened=opened)]
        reasoning, opened = None, False
    asked = conversation.asked
    shaped = bool(tools.offered) or reasoning is not None
    form = AnswerForm(
        tool_format=dialect.tool_format if tools.offered else None,
        tools=tools.callable(),
        required=tools.required,
        parallel=tools.parallel,
        content=_as_format(asked) if asked is not None and shaped and not tools.required else None,
        reasoning=reasoning,
        reasoning_opened=opened,
    )
    if not shaped:
        constraint = asked.constraint if asked is not None else None
    else:
        tag = form.structural_tag()
        constraint = structural_tag(tag) if tag is not None else None
    param = asked.param if asked is not None and not tools.required else "tools" if tools.offered else None
    return Turn(tuple(prompt), form, constraint, param, conversation.messages_param)


def taken_prefill(messages: list[dict[str, Any]], last: int) -> str:
    """Takes a begun answer off the end of `messages`: the text that the answer goes on from, empty where none is begun.

    `last` is the place of the request's last message. Raises `InvalidRequest` for one that cannot be gone on from.
    """
    if messages[-1]["role"] != "assistant":
        return ""
    place = f"messages[{last}]"
    if "tool_calls" in messages[-1]:
        raise InvalidRequest(f"{place}: tool uses need their results before the answer goes on", param=place)
    if "reasoning_content" in messages[-1]:
        raise InvalidRequest(f"{place}: an answer that is to go on can hold no thinking", param=place)
    if len(messages) == 1:
        raise InvalidRequest(f"{place}: there is nothing to answer before it", param=place)
    prefill: str = messages.pop()["content"]
    return prefill


def effort_variables(effort: str | None, served: Served) -> dict[str, Any]:
    """`reasoning_effort` as this model's chat template takes it. Raises `UnknownOption` where it takes none."""
    if effort is None:
        return {}
    names = served.dialect.template_variables
    if "reasoning_effort" in names:
        return {"reasoning_effort": effort}
    if "enable_thinking" in names:
        return {"enable_thinking": effort not in ("none", "minimal")}
    if effort == "none" and served.dialect.reasoning is None:
        return {}
    raise UnknownOption("reasoning_effort: the chat template of this model has no such thing", param="reasoning_effort")


def template_variables(given: Mapping[str, Any] | None, served: Served) -> dict[str, Any]:
    """`chat_template_kwargs`, checked. Raises `UnknownOption` for a name that the chat template does not read."""
    for name in given or {}:
        if name not in served.dialect.template_variables:
            place = f"chat_template_kwargs.{name[:64]}"
            raise UnknownOption(f"{place}: the chat template of this model does not read it", param=place)
    _check_numbers(given or {}, "chat_template_kwargs")
    return dict(given or {})


def _check_numbers(value: object, param: str) -> None:
    """Raise `InvalidRequest` where a value of any shape holds NaN or Infinity, which Python's reader of JSON takes."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise InvalidRequest(f"{param}: holds NaN or Infinity, which are not JSON", param=param) from error


def _check_counts(served: Served, conversation: Conversation) -> None:
    limits = served.limits
    counts = (
        (conversation.messages_param, len(conversation.messages), limits.messages),
        ("tools", len(conversation.tools.offered), limits.tools),
    )
    for name, count, limit in counts:
        if count > limit:
            raise InvalidRequest(f"{name}: at most {limit} are taken, not {count}", param=name)
    _check_numbers(conversation.tools.offered, "tools")
    names = [tool["function"]["name"] for tool in conversation.tools.offered]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise InvalidRequest(f"tools: two of them have the name {twice[:64]!r}", param="tools")


async def _prefill(
    served: Served, conversation: Conversation, prompt: Sequence[int], *, opened: bool
) -> tuple[int, ...]:
    """The ids of a begun answer behind `prompt`.

    Raises `InvalidRequest` where the prompt has begun a reasoning: it would go there.
    """
    if opened:
        param = conversation.messages_param
        raise InvalidRequest(
            f"{param}: this model begins by reasoning, so that its answer cannot be begun for it", param=param
        )
    previous = prompt[-1] if prompt else None
    return tuple(await asyncio.to_thread(served.tokenizer.encode, conversation.prefill, previous=previous))


def _reasoning(served: Served, prompt: Sequence[int]) -> tuple[ReasoningMarkers | None, bool]:
    """(what stands around the reasoning that may come, whether the prompt has begun it).

    A template that was told not to reason ends the prompt with a reasoning already closed.
    """
    markers = served.dialect.reasoning
    if markers is None:
        return None, False
    tail = b"".join(served.tokenizer.token_bytes(token, special=True) for token in prompt[-TAIL:])
    end = tail.decode(errors="replace").rstrip()
    if end.endswith(markers.closing):
        return None, False
    return markers, end.endswith(markers.opening)


def _as_format(asked: Asked) -> dict[str, Any]:
    """A constraint as a format inside a structural tag. Raises `InvalidRequest` for one that must be the whole text."""
    source = asked.constraint.source
    match asked.constraint.kind:
        case ConstraintKind.JSON_SCHEMA:
            return {"json_schema": source}
        case ConstraintKind.CHOICES:
            return {"choices": json.loads(source)}
        case ConstraintKind.REGEX:
            return {"regex": source}
        case ConstraintKind.GRAMMAR:
            return {"grammar": source}
        case ConstraintKind.STRUCTURAL_TAG:
            return _inner_format(source, asked.param)


def _inner_format(source: str, param: str) -> dict[str, Any]:
    try:
        tag = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{param}: the structural tag is not JSON", param=param) from error
    inner = tag.get("format") if isinstance(tag, dict) else None
    if not isinstance(inner, dict):
        raise InvalidRequest(
            f"{param}: together with tools or reasoning, a structural tag needs to be a 'format'", param=param
        )
    return inner
