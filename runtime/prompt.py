"""A program's state, or chat messages, to prompt ids.

Three things must hold. What stands in a message is text: it never becomes a special token. Generated ids stay
verbatim, so that a state's next prompt extends its last one and forks share by construction. And the template's own
view of the messages is respected. So the template is rendered with a *mark* in the place of each content, the result
is cut at the marks, and template text, content text and generated ids are put together as ids. A template that rewrites
its contents (trims them, say, so that the marks would change the outcome) is rendered with the real contents instead
and tokenised as one text, with a notice.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ..chat.template import ChatTemplate
from ..errors import InvalidRequest
from ..request import Segment, SegmentKind

log = logging.getLogger("weft.runtime")

# Private-use characters around a number: never produced by a template of its own accord.
_MARK = re.compile("\uf8f0([0-9]+)\uf8f1")

Part = str | tuple[int, ...]
"""A content's piece: text still to tokenise, or ids kept verbatim."""


class Encode(Protocol):
    def __call__(self, text: str, *, special: bool = False) -> list[int]: ...


class PromptRenderer:
    """Renders states and messages for one tokenizer."""

    def __init__(self, encode: Encode, decode: Callable[[Sequence[int]], str], template: ChatTemplate | None) -> None:
        self._encode = encode
        self._decode = decode
        self._template = template
        self._noticed: set[str] = set()

    def messages(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], add_generation_prompt: bool
    ) -> list[int]:
        """Ids of OpenAI chat messages."""
        plain = [{**message, "content": _content_text(message)} for message in messages]
        contents: list[list[Part]] = [[message["content"]] for message in plain]
        return self._conversation(plain, contents, tools, add_generation_prompt, [])

    def segments(self, segments: Sequence[Segment], tools: Sequence[Mapping[str, Any]]) -> list[int]:
        """Ids of a program's state. Raises `InvalidRequest` where roles stand beside text outside any role."""
        if all(segment.turn < 0 for segment in segments):
            if tools:
                raise InvalidRequest(
                    "tools need chat turns to stand in: none of this state's text has a role", param="tools"
                )
            return self._encode_parts(self._parts(segments))
        if any(segment.turn < 0 for segment in segments):
            raise InvalidRequest("a state holds text outside any role beside chat turns", param="segments")
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
        return self._conversation(messages, contents, tools, True, open_parts)

    def _parts(self, segments: Sequence[Segment]) -> list[Part]:
        """Adjacent texts joined; generated ids verbatim, unless a stop string cut their text short."""
        parts: list[Part] = []
        for segment in segments:
            ids = segment.token_ids
            if segment.kind is SegmentKind.GENERATED and ids and self._decode(ids) == segment.text:
                parts.append(ids)
            elif parts and isinstance(parts[-1], str):
                parts[-1] += segment.text
            elif segment.text:
                parts.append(segment.text)
        return parts

    def _conversation(
        self,
        messages: Sequence[Mapping[str, Any]],
        contents: list[list[Part]],
        tools: Sequence[Mapping[str, Any]],
        add_generation_prompt: bool,
        open_parts: list[Part],
    ) -> list[int]:
        if self._template is None:
            raise InvalidRequest("this model has no chat template: use plain text without roles", param="messages")
        marked = [
            {**message, "content": f"\uf8f0{place}\uf8f1"} if contents[place] != [""] else message
            for place, message in enumerate(messages)
        ]
        skeleton = self._template.render(marked, tools, add_generation_prompt)
        real = self._template.render(messages, tools, add_generation_prompt)
        pieces = _MARK.split(skeleton)
        texts = [self._text(parts) for parts in contents]
        filled = "".join(texts[int(piece)] if at % 2 else piece for at, piece in enumerate(pieces))
        if filled != real:
            self._notice("the chat template rewrites its contents: the conversation is tokenised as one text")
            return self._encode(real, special=True) + self._encode_parts(open_parts)
        ids: list[int] = []
        for at, piece in enumerate(pieces):
            ids += self._encode_parts(contents[int(piece)]) if at % 2 else self._encode(piece, special=True)
        return ids + self._encode_parts(open_parts)

    def _text(self, parts: list[Part]) -> str:
        return "".join(part if isinstance(part, str) else self._decode(part) for part in parts)

    def _encode_parts(self, parts: list[Part]) -> list[int]:
        ids: list[int] = []
        for part in parts:
            ids += self._encode(part) if isinstance(part, str) else part
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
    texts = []
    for part in content:
        if not isinstance(part, Mapping) or part.get("type") != "text":
            kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
            raise InvalidRequest(f"content part of type {kind!r}: this model takes text only", param="messages")
        texts.append(str(part["text"]))
    return "".join(texts)
