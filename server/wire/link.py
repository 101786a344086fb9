"""One connection of an API process to an engine process, from its opening to its loss."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import zmq
import zmq.asyncio
from zmq.utils.monitor import recv_monitor_message

RETRY_MILLISECONDS = 50
"""How often it is tried to reach an engine that does not listen yet."""

LINGER_MILLISECONDS = 200
"""How long the last message of a connection may take to leave."""


class Link:
    """A DEALER socket that lives no longer than the process at its other end.

    ZeroMQ itself would connect again in silence and hand what is queued to the next process at the same address, which
    knows nothing of it. So a link whose other end goes away is over, and whoever holds it opens another.
    """

    def __init__(self, context: zmq.asyncio.Context, address: str) -> None:
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._broken = asyncio.Event()
        self._socket = context.socket(zmq.DEALER)
        for option, value in (
            (zmq.SNDHWM, 0),
            (zmq.RCVHWM, 0),
            (zmq.LINGER, 0),
            (zmq.RECONNECT_IVL, RETRY_MILLISECONDS),
        ):
            self._socket.setsockopt(option, value)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)  # not sent for inproc
        self._socket.connect(address)

    def send(self, data: bytes) -> None:
        """Queue a message. It is lost with the link."""
        self._outgoing.put_nowait(data)

    def cut(self) -> None:
        """Let `run` return: the other end is known to be gone."""
        self._broken.set()

    async def run(self, receive: Callable[[bytes], None]) -> None:
        """Send, and give `receive` each message that comes, until the other end is gone. Raises what `receive` does."""
        ways = (self._send_all(), self._receive_all(receive), self._watch(), self._wait_cut())
        works = [asyncio.create_task(way) for way in ways]
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
        for work in done:
            work.result()
        await self._receive_rest(receive)

    def leave(self, last: bytes) -> None:
        """Send what is queued and a last message; then close, giving it a moment to leave."""
        while not self._outgoing.empty():
            self._send_now(self._outgoing.get_nowait())
        self._send_now(last)
        self._socket.setsockopt(zmq.LINGER, LINGER_MILLISECONDS)

    def close(self) -> None:
        """Disconnect; what is still queued is forgotten, unless `leave` was called."""
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close()

    def _send_now(self, data: bytes) -> None:
        with contextlib.suppress(zmq.Again):  # no connection was ever made
            zmq.Socket.shadow(self._socket).send(data, zmq.NOBLOCK)

    async def _send_all(self) -> None:
        while True:
            await self._socket.send(await self._outgoing.get())

    async def _receive_all(self, receive: Callable[[bytes], None]) -> None:
        while True:
            receive(await self._socket.recv())

    async def _receive_rest(self, receive: Callable[[bytes], None]) -> None:
        """What the other end said before it went: it may have answered somebody."""
        while await self._socket.poll(0):
            receive(await self._socket.recv())

    async def _wait_cut(self) -> None:
        await self._broken.wait()

    async def _watch(self) -> None:
        await recv_monitor_message(self._monitor)
