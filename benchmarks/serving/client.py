"""The client: OpenAI's streamed completions over plain asyncio, doing next to nothing while answers come in.

The servers measured share the machine with it. While a run lasts, arriving bytes are only kept with their time;
everything is parsed afterwards.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ...errors import EngineError

HEADERS_END = b"\r\n\r\n"
EVENT = b"data: "
DONE = b"[DONE]"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request. Times are seconds of `time.perf_counter`.

    Attributes:
        sent: when the connection was asked for.
        arrivals: when each piece of text came; a piece is a token, or several where the server sends them together.
        text: all pieces.
        prompt_tokens, cached_tokens, output_tokens: the server's own `usage`; cached is None where it does not say.
    """

    sent: float
    arrivals: tuple[float, ...]
    text: str
    prompt_tokens: int
    cached_tokens: int | None
    output_tokens: int

    @property
    def first_token(self) -> float:
        """Seconds from sending to the first piece."""
        return self.arrivals[0] - self.sent

    @property
    def gaps(self) -> list[float]:
        """Seconds between each piece and the next."""
        return [later - sooner for sooner, later in zip(self.arrivals, self.arrivals[1:], strict=False)]


@dataclass(frozen=True, slots=True)
class Load:
    """Answers to a number of requests, `seconds` from the first one sent to the last one answered.

    `client_share` is how much of one core the client itself took meanwhile.
    """

    answers: list[Answer]
    seconds: float
    client_share: float


async def run_load(url: str, bodies: Sequence[dict[str, Any]], concurrency: int) -> Load:
    """POST every body to ``url``/v1/completions, always `concurrency` at once until they run out.

    Raises `EngineError` where an answer is no success, or no stream with usage.
    """
    calls = [_Call(url, body) for body in bodies]
    waiting = iter(calls)

    async def work() -> None:
        for call in waiting:
            await call.run()

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(concurrency)))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return Load([call.answer() for call in calls], seconds, cpu / seconds)


class _Call(asyncio.Protocol):
    """One request on a connection of its own: its bytes go out, and what comes in is kept with its time."""

    def __init__(self, url: str, body: dict[str, Any]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        payload = json.dumps(body).encode()
        head = (
            f"POST {parts.path.rstrip('/')}/v1/completions HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\nConnection: close\r\n\r\n"
        )
        self._request = head.encode() + payload
        self._pieces: list[tuple[float, bytes]] = []
        self._sent = 0.0
        self._ended: asyncio.Future[None] | None = None
        self._transport: asyncio.BaseTransport | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        self._sent = time.perf_counter()
        transport, _ = await loop.create_connection(lambda: self, self._host, self._port)
        transport.write(self._request)
        await self._ended
        transport.close()

    def data_received(self, data: bytes) -> None:
        self._pieces.append((time.perf_counter(), data))
        if DONE in data:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def answer(self) -> Answer:
        """Read what came."""
        return read_stream(self._sent, self._pieces)


def read_stream(sent: float, pieces: Sequence[tuple[float, bytes]]) -> Answer:
    """Read a whole HTTP answer, given as pieces with the times they came at."""
    arrivals, texts = [], []
    usage: dict[str, Any] = {}
    for when, event in _events(pieces):
        if "error" in event:
            raise EngineError(f"the stream failed: {event['error']}")
        usage = event.get("usage") or usage
        text = "".join(choice.get("text") or "" for choice in event.get("choices") or ())
        if text:
            arrivals.append(when)
            texts.append(text)
    if not usage or not arrivals:
        raise EngineError("the answer is no stream of text that ends with usage")
    details = usage.get("prompt_tokens_details") or {}
    return Answer(
        sent,
        tuple(arrivals),
        "".join(texts),
        prompt_tokens=usage["prompt_tokens"],
        cached_tokens=details.get("cached_tokens"),
        output_tokens=usage["completion_tokens"],
    )


def _events(pieces: Sequence[tuple[float, bytes]]) -> Iterator[tuple[float, dict[str, Any]]]:
    """Server-sent events as JSON, each with the time at which its line was complete."""
    line = b""
    for when, data in _body(pieces):
        line += data
        *whole, line = line.split(b"\n")
        for text in whole:
            text = text.strip()
            if text.startswith(EVENT) and DONE not in text:
                yield when, json.loads(text.removeprefix(EVENT))


def _body(pieces: Sequence[tuple[float, bytes]]) -> Iterator[tuple[float, bytes]]:
    """The answer's body in pieces, without headers and chunk lengths. Raises `EngineError` for a status but 200."""
    whole = b"".join(data for _, data in pieces)
    head, _, body = whole.partition(HEADERS_END)
    status = head.split(b"\r\n", 1)[0]
    if b" 200" not in status:
        raise EngineError(f"the server answered {status.decode(errors='replace')!r}: {body[:500]!r}")
    ends = []
    end = 0
    for when, data in pieces:
        end += len(data)
        ends.append((end, when))
    times = iter(ends)
    until, when = next(times)
    for start, stop in _spans(whole, len(head) + len(HEADERS_END), b"chunked" in head.lower()):
        while until < stop:
            until, when = next(times)
        yield when, whole[start:stop]


def _spans(whole: bytes, start: int, chunked: bool) -> Iterator[tuple[int, int]]:
    """Where the body's parts lie: (first byte, past the last)."""
    if not chunked:
        for line in whole[start:].splitlines(keepends=True):
            yield start, start + len(line)
            start += len(line)
        return
    while (end := whole.find(b"\r\n", start)) >= 0 and (length := int(whole[start:end].split(b";")[0], 16)):
        yield end + 2, end + 2 + length
        start = end + 2 + length + 2
