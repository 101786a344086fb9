"""OpenAI's streamed completions in front of a library, over plain asyncio: just what the client here asks for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

OK = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n\r\n"

Put = Callable[[Sequence[str] | None], None]
"""Takes the texts of tokens as they come, from any thread; None at the end."""


class Library(Protocol):
    """What is behind the face."""

    def submit(self, body: dict[str, Any], put: Put) -> None:
        """Begin a request of `/v1/completions`; its tokens go to `put`."""


def readable(symbols: str) -> str:
    """A token of a byte-level vocabulary with its spaces and line ends; other bytes stay as they stand there."""
    return symbols.replace("Ġ", " ").replace("Ċ", "\n")


def serve(library: Library, port: int) -> None:
    """Answer on a port of 127.0.0.1 until the process is ended."""

    async def forever() -> None:
        async with answering(library, port) as server:
            await server.serve_forever()

    asyncio.run(forever())


@asynccontextmanager
async def answering(library: Library, port: int) -> AsyncIterator[asyncio.Server]:
    """`serve` for as long as the block runs; port 0 takes a free one."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"POST"):
                await _complete(library, json.loads(await reader.readexactly(_length(head))), writer)
            else:
                writer.write(OK % b"application/json" + b"{}")
        finally:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port) as server:
        yield server


def _length(head: bytes) -> int:
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    return next(int(value) for name, _, value in lines if name == b"content-length")


async def _complete(library: Library, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[Sequence[str] | None] = asyncio.Queue()

    def put(texts: Sequence[str] | None) -> None:
        loop.call_soon_threadsafe(arrived.put_nowait, texts)

    library.submit(body, put)
    writer.write(OK % b"text/event-stream")
    tokens = 0
    while (texts := await arrived.get()) is not None:
        tokens += len(texts)
        _event(writer, {"choices": [{"index": 0, "text": "".join(texts)}]})
    prompt = len(body["prompt"])
    _event(writer, {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": tokens}})
    writer.write(b"data: [DONE]\n\n")
    await writer.drain()


def _event(writer: asyncio.StreamWriter, value: dict[str, Any]) -> None:
    writer.write(b"data: " + json.dumps(value).encode() + b"\n\n")
