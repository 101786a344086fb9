"""The `input` of POST /v1/responses: its items, and the conversation that they are.

Items that this server cannot serve, such as images and files, are read as far as their kind and refused by it, with
their place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from ...errors import InvalidRequest, UnknownOption
from ..fields import ApiModel, Refusals

OTHER = "<other>"
ItemStatus = Literal["in_progress", "completed", "incomplete"]


class OtherKind(BaseModel):
    """A thing of a kind that is not served, whatever it holds."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: str

    def refuse(self, place: str, served: str) -> NoReturn:
        """Raise `UnknownOption` naming kind and place; `served` says what is."""
        raise UnknownOption(f"{place}: {self.type[:64]!r} is not supported here, only {served}", param=place)


class InputText(ApiModel):
    """Text from outside."""

    refused: ClassVar[Refusals] = {"prompt_cache_breakpoint": (None,)}

    type: Literal["input_text"]
    text: str


class OutputText(ApiModel):
    """Text of an earlier answer. Its logprobs, and what OpenAI's client read in it, may come back unread."""

    refused: ClassVar[Refusals] = {"annotations": (None, [])}

    type: Literal["output_text"]
    text: str
    logprobs: list[Any] | None = None
    parsed: Any = None


class Refusal(ApiModel):
    """An earlier answer that was a refusal: to the model, its text."""

    type: Literal["refusal"]
    refusal: str

    @property
    def text(self) -> str:
        """What was said."""
        return self.refusal


class SummaryText(ApiModel):
    """A summary of a reasoning."""

    type: Literal["summary_text"]
    text: str


class ReasoningPart(ApiModel):
    """A reasoning's own text."""

    type: Literal["reasoning_text"]
    text: str


def kind_of(value: Any, served: Sequence[str], default: str = OTHER) -> str:
    """The tag of a thing: its `type` where that is one of `served`, `default` where it has none.

    In angle brackets, so that it is no field's name: errors tell places by those.
    """
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    if kind is None:
        return default
    return f"<{kind}>" if kind in served else OTHER


def _part_kind(value: Any) -> str:
    return kind_of(value, ("input_text", "output_text", "refusal"))


ContentPart = Annotated[
    Annotated[InputText, Tag("<input_text>")]
    | Annotated[OutputText, Tag("<output_text>")]
    | Annotated[Refusal, Tag("<refusal>")]
    | Annotated[OtherKind, Tag(OTHER)],
    Discriminator(_part_kind),
]


class MessageItem(ApiModel):
    """A message, in the short form or an answer's own."""

    refused: ClassVar[Refusals] = {"phase": (None,)}

    type: Literal["message"] | None = None
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[ContentPart]
    id: str | None = None
    status: ItemStatus | None = None


class CallItem(ApiModel):
    """A call that the model made. OpenAI's client adds what it read in the arguments; that is not read."""

    refused: ClassVar[Refusals] = {"caller": (None,), "namespace": (None,)}

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: ItemStatus | None = None
    parsed_arguments: Any = None

    def plain(self, place: str) -> dict[str, Any]:
        """The call as chat templates take it. Raises `InvalidRequest` where its arguments are no JSON object."""
        try:
            arguments = json.loads(self.arguments or "{}")
        except (ValueError, RecursionError):
            arguments = None
        if not isinstance(arguments, dict):
            place += ".arguments"
            raise InvalidRequest(f"{place}: must be a JSON object as text", param=place)
        return {"id": self.call_id, "type": "function", "function": {"name": self.name, "arguments": arguments}}


class CallOutputItem(ApiModel):
    """What a call gave."""

    refused: ClassVar[Refusals] = {"caller": (None,), "namespace": (None,)}

    type: Literal["function_call_output"]
    call_id: str
    output: str | list[ContentPart]
    id: str | None = None
    name: str | None = None
    status: ItemStatus | None = None


class ReasoningItem(ApiModel):
    """What the model wrote to itself before an answer."""

    refused: ClassVar[Refusals] = {"encrypted_content": (None,)}

    type: Literal["reasoning"]
    summary: list[SummaryText] = Field(default_factory=list)
    content: list[ReasoningPart] | None = None
    id: str | None = None
    status: ItemStatus | None = None

    @property
    def text(self) -> str:
        """The reasoning, or its summary where only that is known."""
        return "\n".join(part.text for part in self.content or self.summary)


def _item_kind(value: Any) -> str:
    """An item without a type is a message, or OpenAI's short form of a reference."""
    reference = isinstance(value, dict) and "role" not in value and "id" in value
    served = ("message", "function_call", "function_call_output", "reasoning")
    return kind_of(value, served, "<reference>" if reference else "<message>")


class ReferenceItem(ApiModel):
    """An item that a server would have kept, by its id alone."""

    id: str
    type: None = None


InputItem = Annotated[
    Annotated[MessageItem, Tag("<message>")]
    | Annotated[CallItem, Tag("<function_call>")]
    | Annotated[CallOutputItem, Tag("<function_call_output>")]
    | Annotated[ReasoningItem, Tag("<reasoning>")]
    | Annotated[ReferenceItem, Tag("<reference>")]
    | Annotated[OtherKind, Tag(OTHER)],
    Discriminator(_item_kind),
]


def messages_of(instructions: str | None, items: str | Sequence[InputItem]) -> list[dict[str, Any]]:
    """The conversation as chat templates take it, the instructions as its first message.

    What the assistant did in one go, which is reasoning, text and calls, becomes one message. Raises `InvalidRequest`
    naming the item at fault.
    """
    first = [{"role": "system", "content": instructions}] if instructions is not None else []
    if isinstance(items, str):
        return [*first, {"role": "user", "content": items}]
    return [*first, *_Messages().of(items)]


class _Messages:
    """Puts items together to messages."""

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._names: dict[str, str] = {}

    def of(self, items: Iterable[InputItem]) -> list[dict[str, Any]]:
        """All of them."""
        for at, item in enumerate(items):
            place = f"input[{at}]"
            match item:
                case MessageItem():
                    self._message(item, place)
                case ReasoningItem():
                    self._messages.append({"role": "assistant", "content": "", "reasoning_content": item.text})
                case CallItem():
                    self._call(item, place)
                case CallOutputItem():
                    self._output(item, place)
                case ReferenceItem():
                    _refuse_reference(place)
                case OtherKind():
                    if item.type == "item_reference":
                        _refuse_reference(place)
                    item.refuse(place, "messages, function calls and their outputs, and reasoning")
        return self._messages

    def _message(self, item: MessageItem, place: str) -> None:
        text = _text(item.content, f"{place}.content")
        last = self._messages[-1] if self._messages else {}
        begun = item.role == "assistant" and last.get("role") == "assistant"
        if begun and ("tool_calls" in last or not last["content"]):
            last["content"] += text
        else:
            self._messages.append({"role": item.role, "content": text})

    def _call(self, item: CallItem, place: str) -> None:
        if not self._messages or self._messages[-1]["role"] != "assistant":
            self._messages.append({"role": "assistant", "content": ""})
        self._messages[-1].setdefault("tool_calls", []).append(item.plain(place))
        self._names[item.call_id] = item.name

    def _output(self, item: CallOutputItem, place: str) -> None:
        name = self._names.get(item.call_id)
        if name is None:
            problem = f"there is no function_call {item.call_id[:64]!r} before it; this server keeps no responses"
            raise InvalidRequest(f"{place}.call_id: {problem}", param=f"{place}.call_id")
        text = _text(item.output, f"{place}.output")
        self._messages.append({"role": "tool", "tool_call_id": item.call_id, "name": name, "content": text})


def _text(content: str | Sequence[ContentPart], place: str) -> str:
    if isinstance(content, str):
        return content
    texts = []
    for at, part in enumerate(content):
        if isinstance(part, OtherKind):
            part.refuse(f"{place}[{at}]", "text")
        texts.append(part.text)
    return "".join(texts)


def _refuse_reference(place: str) -> NoReturn:
    raise UnknownOption(f"{place}: an item by reference: this server keeps no responses", param=place)
