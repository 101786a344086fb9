"""What goes over the wire between API processes and the engine process: tagged msgspec Structs as msgpack.

Requests, events and results are `weft.request`'s own dataclasses inside a small envelope. A connection begins with
`Hello` (the protocol's version and a secret) and is answered by `Ready` (perhaps after some `Progress`), or by
`Refused`; before that nothing else is read. A message over `MAX_MESSAGE` bytes is refused by its sender.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from ...errors import InvalidRequest, WeftError
from ...request import EmbedRequest, EmbedResult, GenerateRequest, ScoreRequest, ScoreResult, TokenEvent
from .faults import Fault

VERSION = 2
MAX_MESSAGE = 64 * 1024 * 1024
MAX_EVENTS = 1024
"""Most token events in one message."""


class Message(msgspec.Struct, frozen=True, tag=True):
    """Base of all messages; the class's name is its tag."""


# API process to engine process


class Hello(Message, frozen=True):
    """Opens a connection."""

    version: int
    secret: str


class Generate(Message, frozen=True):
    """Answered by `Events` up to one whose `finish` is set, or by `Failed`."""

    request: GenerateRequest


class Score(Message, frozen=True):
    """Answered by `Scored` or `Failed`."""

    request: ScoreRequest


class Embed(Message, frozen=True):
    """Answered by `Embedded` or `Failed`."""

    request: EmbedRequest


class Abort(Message, frozen=True):
    """Gives a request up; not answered. Unknown ids are ignored."""

    request_id: str


class Bye(Message, frozen=True):
    """The last message of a connection: whatever is still in flight on it is given up. Not answered."""


Question = Literal["stats", "metrics", "flush_cache", "recount"]
"""What can be asked of the engine beside requests, answered between two steps: its counters, all metrics as text."""


class Ask(Message, frozen=True):
    """Answered by `Told` with the same number."""

    number: int
    question: Question


class Counted(Message, frozen=True):
    """What the sender counted of its HTTP calls since it last said so; not answered.

    Attributes:
        rejections: calls answered by an error, by its code.
        disconnects: calls whose client went away.
    """

    rejections: dict[str, int]
    disconnects: int


# engine process to API process


class EngineInfo(msgspec.Struct, frozen=True):
    """What the engine loaded.

    Attributes:
        name: the model's name.
        context_length: most tokens of prompt and output together.
        num_pages, page_size: the KV pool; a page holds `page_size` tokens.
        embedding_size: how many numbers an embedding has.
        choices: what was chosen and why (device, dtype, kernels ...), a line each, for people.
        pid: its process, which tells it from the one before.
    """

    name: str
    context_length: int
    num_pages: int
    page_size: int
    embedding_size: int = 0
    choices: tuple[str, ...] = ()
    pid: int = 0


class Progress(Message, frozen=True):
    """The engine is being loaded: what it is at, for people. Comes any number of times before `Ready`."""

    stage: str


class Ready(Message, frozen=True):
    """The engine is loaded and takes requests."""

    info: EngineInfo


class Refused(Message, frozen=True):
    """The engine will never take this connection's requests: it could not load, or the `Hello` was wrong."""

    fault: Fault


class Events(Message, frozen=True):
    """Token events of any requests of this connection, in order."""

    events: list[TokenEvent]


class Scored(Message, frozen=True):
    result: ScoreResult


class Embedded(Message, frozen=True):
    result: EmbedResult


class Failed(Message, frozen=True):
    """A request's end by an error."""

    request_id: str
    fault: Fault


Knowledge = dict[str, int | float] | str | None
"""Counters by name (see `weft.runtime`'s `EngineStats`), a text, or nothing where the question was an order."""


class Told(Message, frozen=True):
    """The answer to a question, or why there is none."""

    number: int
    answer: Knowledge = None
    fault: Fault | None = None


ToEngine = Hello | Generate | Score | Embed | Abort | Ask | Counted | Bye
FromEngine = Progress | Ready | Refused | Events | Scored | Embedded | Failed | Told

MessageT = TypeVar("MessageT")

_encoder = msgspec.msgpack.Encoder()
_to_engine: msgspec.msgpack.Decoder[ToEngine] = msgspec.msgpack.Decoder(ToEngine)
_from_engine: msgspec.msgpack.Decoder[FromEngine] = msgspec.msgpack.Decoder(FromEngine)


class BadMessage(WeftError):
    """Bytes that are not one of the wire's messages."""

    code = "bad_message"


def encode(message: Message) -> bytes:
    """A message's bytes. Raises `InvalidRequest` where they exceed `MAX_MESSAGE` or hold text that is not UTF-8."""
    try:
        data = _encoder.encode(message)
    except (UnicodeEncodeError, OverflowError) as error:
        raise InvalidRequest(f"the request cannot be sent to the engine: {error}") from error
    if len(data) > MAX_MESSAGE:
        raise InvalidRequest(f"the request takes {len(data)} bytes, at most {MAX_MESSAGE}", code="too_large")
    return data


def decode_to_engine(data: bytes) -> ToEngine:
    """Raises `BadMessage`."""
    return _decode(_to_engine, data)


def decode_from_engine(data: bytes) -> FromEngine:
    """Raises `BadMessage`."""
    return _decode(_from_engine, data)


def _decode(decoder: msgspec.msgpack.Decoder[MessageT], data: bytes) -> MessageT:
    if len(data) > MAX_MESSAGE:
        raise BadMessage(f"a message of {len(data)} bytes, at most {MAX_MESSAGE}")
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadMessage(f"not a message of version {VERSION}: {error}") from error
