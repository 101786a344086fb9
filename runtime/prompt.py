"""A program's state, or chat messages, to prompt ids.

Three things must hold. What stands in a message is text: it never becomes a special token. Generated ids stay
verbatim, so that a state's next prompt extends its last one and forks share by construction. And the template's own
view of the messages is respected. So the template is rendered with a *mark* in the place of each content, the result
is cut at the marks, and template text, content text and generated ids are put together as ids. A template that rewrites
its contents (trims them, say, so that the marks would change the outcome) is rendered with the real contents instead
and tokenised as one text, with a notice. Wherever the name of a special token stands in messages, tools or variables,
be it in a content, a tool call or a description, a mark takes its place too, in either rendering.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from ..chat.template import ChatTemplate
from ..errors import InvalidRequest, TemplateError
from ..request import Segment, SegmentKind

log = logging.getLogger("weft.runtime")

Part = str | tuple[int, ...]
"""A content's piece: text still to tokenise, or ids kept verbatim."""


class Encode(Protocol):
    def __call__(self, text: str, *, special: bool = False, previous: int | None = None) -> list[int]: ...


class Decode(Protocol):
    def __call__(self, ids: Sequence[int], *, special: bool = False) -> str: ...


class Marks:
    """Words that stand in one rendered text for what is tokenised by itself. Nobody can write them beforehand."""

    def __init__(self) -> None:
        self._word = f"mark{secrets.token_hex(8)}n"
        self._pattern = re.compile(f"{self._word}([0-9]+)n")
        self._held: list[list[Part]] = []

    def hold(self, parts: list[Part]) -> str:
        """A new mark, for `parts`."""
        self._held.append(parts)
        return f"{self._word}{len(self._held) - 1}n"

    def replace(self, text: str, texts: Mapping[str, str]) -> str:
        """`text` with those marks that `texts` has replaced by what it says."""
        return self._pattern.sub(lambda found: texts.get(found[0], found[0]), text)

    def split(self, text: str) -> list[str | list[Part]]:
        """The text between the marks, and what they stand for, in order."""
        pieces = self._pattern.split(text)
        return [self._held[int(piece)] if at % 2 else piece for at, piece in enumerate(pieces)]


class PromptRenderer:
    """Renders states and messages for one tokenizer.

    Args:
        special_names: the texts that `encode` reads as special tokens where asked to.
        begin: ids that stand before a state without roles; a chat template writes its own.
    """

    def __init__(
        self,
        encode: Encode,
        decode: Decode,
        template: ChatTemplate | None,
        special_names: Iterable[str] = (),
        begin: Sequence[int] = (),
    ) -> None:
        self._encode = encode
        self._decode = decode
        self._template = template
        self._begin = tuple(begin)
        names = sorted(special_names, key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, names))) if names else None
        self._noticed: set[str] = set()

    def messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        add_generation_prompt: bool,
        variables: Mapping[str, Any] | None = None,
    ) -> list[int]:
        """Ids of OpenAI chat messages; `variables` are further names for the template."""
        plain = [{**message, "content": _content_text(message)} for message in messages]
        contents: list[list[Part]] = [[message["content"]] for message in plain]
        return self._conversation(plain, contents, tools, add_generation_prompt, [], variables or {})

    def segments(self, segments: Sequence[Segment], tools: Sequence[Mapping[str, Any]]) -> list[int]:
        """Ids of a program's state. Raises `InvalidRequest` where roles stand beside text outside any role."""
        if all(segment.turn < 0 for segment in segments):
            if tools:
                raise InvalidRequest(
                    "tools need chat turns to stand in: none of this state's text has a role", param="tools"
                )
            return [*self._begin, *self._encode_parts(self._parts(segments), None)]
        outside = next((segment for segment in segments if segment.turn < 0), None)
        if outside is not None:
            what = "generated text" if outside.kind is SegmentKind.GENERATED else "text"
            raise InvalidRequest(
                f"a state holds {what} outside any role beside chat turns: {outside.text[:40]!r} belongs inside a turn "
                "such as assistant(...)",
                param="segments",
            )
        messages: list[dict[str, Any]] = []
        contents: list[list[Part]] = []
        open_parts: list[Part] = []
        turns: dict[int, list[Segment]] = {}
        for segment in segments:
            turns.setdefault(segment.turn, []).append(segment)
        for turn in turns.values():
            parts = self._parts(turn)
            if turn[-1].closed:
                messages.append({"role": turn[0].role, "content": "".join(segment.text for segment in turn)})
                contents.append(parts)
            elif turn[0].role != "assistant":
                raise InvalidRequest(
                    f"a call inside an open {turn[0].role} turn: only the assistant's can be continued", param="role"
                )
            else:
                open_parts = parts
        return self._conversation(messages, contents, tools, True, open_parts, {})

    def _parts(self, segments: Sequence[Segment]) -> list[Part]:
        """Adjacent texts joined; generated ids verbatim, unless a stop string cut their text short."""
        parts: list[Part] = []
        for segment in segments:
            ids = segment.token_ids
            if segment.kind is SegmentKind.GENERATED and ids and self._spells(ids, segment.text):
                parts.append(ids)
            elif parts and isinstance(parts[-1], str):
                parts[-1] += segment.text
            elif segment.text:
                parts.append(segment.text)
        return parts

    def _spells(self, ids: tuple[int, ...], text: str) -> bool:
        """Whether `text` is all that `ids` gave, be it with the names of special tokens, as under a constraint."""
        return self._decode(ids) == text or self._decode(ids, special=True) == text

    def _conversation(
        self,
        messages: Sequence[Mapping[str, Any]],
        contents: list[list[Part]],
        tools: Sequence[Mapping[str, Any]],
        add_generation_prompt: bool,
        open_parts: list[Part],
        variables: Mapping[str, Any],
    ) -> list[int]:
        if self._template is None:
            raise InvalidRequest("this model has no chat template: use plain text without roles", param="messages")
        marks = Marks()
        try:
            plain, tools = self._without_special(messages, marks), self._without_special(tools, marks)
            variables = {name: self._without_special(value, marks) for name, value in variables.items()}
        except RecursionError as error:
            raise TemplateError("messages, tools or variables nest too deeply", param="messages") from error
        marked = list(plain)
        texts: dict[str, str] = {}
        for place, parts in enumerate(contents):
            if any(parts):
                mark = marks.hold(parts)
                texts[mark] = plain[place]["content"]
                marked[place] = {**plain[place], "content": mark}
        text = self._template.render(marked, tools, add_generation_prompt, variables)
        whole = self._template.render(plain, tools, add_generation_prompt, variables)
        if marks.replace(text, texts) != whole:
            self._notice("the chat template rewrites its contents: the conversation is tokenised as one text")
            text = whole
        ids: list[int] = []
        for piece in marks.split(text):
            previous = ids[-1] if ids else None
            if isinstance(piece, str):
                ids += self._encode(piece, special=True, previous=previous)
            else:
                ids += self._encode_parts(piece, previous)
        return ids + self._encode_parts(open_parts, ids[-1] if ids else None)

    def _without_special(self, value: Any, marks: Marks) -> Any:
        """Messages or tools with a mark for each name of a special token in their texts."""
        if isinstance(value, str) and self._special is not None:
            return self._special.sub(lambda found: marks.hold([found[0]]), value)
        if isinstance(value, Mapping):
            return {
                self._without_special(key, marks): self._without_special(each, marks) for key, each in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._without_special(each, marks) for each in value]
        return value

    def _encode_parts(self, parts: list[Part], previous: int | None) -> list[int]:
        """Ids of a content that follows the token `previous`, or None."""
        ids: list[int] = []
        for part in parts:
            ids += self._encode(part, previous=ids[-1] if ids else previous) if isinstance(part, str) else part
        return ids

    def _notice(self, text: str) -> None:
        if text not in self._noticed:
            self._noticed.add(text)
            log.warning(text)


def _content_text(message: Mapping[str, Any]) -> str:
    """A message's content as text; text parts are joined. Raises `InvalidRequest` for other parts."""
    content = message.get("content")
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list | tuple):
        raise InvalidRequest(
            f"a message's content must be text or a list of parts, not {type(content).__name__}", param="messages"
        )
    texts = []
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
        if kind != "text" or not isinstance(part.get("text"), str):
            raise InvalidRequest(f"content part of type {kind!r}: this model takes text only", param="messages")
        texts.append(part["text"])
    return "".join(texts)
