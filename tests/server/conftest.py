"""A real server on a free port: uvicorn, the app, the client and the service over ZeroMQ, around a scripted engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest
import uvicorn
import zmq.asyncio

from weft.chat.tool_formats import FORMATS
from weft.server.app import create_app
from weft.server.dialect import Dialect
from weft.server.options import AccessOptions, Limits
from weft.server.served import Served
from weft.server.wire.client import EngineClient
from weft.server.wire.messages import EngineInfo
from weft.server.wire.service import EngineService, bind

from .fake_engine import FakeEngine, FakeTokenizer

INFO = EngineInfo(name="fake", context_length=100, num_pages=8, page_size=16, embedding_size=2)
HERMES = Dialect(FORMATS["hermes_inline"])
LIMITS = Limits(body_bytes=100_000, n=4, prompts=3, generations=6, tokens=1000)


@dataclass
class RunningServer:
    """A server in a thread of its own; `call` runs a coroutine on its loop."""

    url: str
    engine: FakeEngine
    client: EngineClient
    call: Callable[[Coroutine[Any, Any, Any]], Any]


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: threading.Event) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self._started.set()


@contextmanager
def serve(
    tokenizer: FakeTokenizer, dialect: Dialect, limits: Limits = LIMITS, access: AccessOptions | None = None
) -> Iterator[RunningServer]:
    """A server of its own."""
    made: Future[RunningServer] = Future()
    started = threading.Event()
    stop: Future[Callable[[], None]] = Future()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        engine = FakeEngine()
        with zmq.asyncio.Context() as context, bind(context, "inproc://engine") as socket:
            service = EngineService(socket, "secret")
            service.ready(engine, INFO)
            serving = asyncio.create_task(service.run())
            client = EngineClient(context, "inproc://engine", "secret")
            client.start()
            await client.ready()
            salt_by_key = access is not None and access.salt_by_key
            served = Served(client, tokenizer, "fake-model", limits, dialect, salt_by_key=salt_by_key)
            app = create_app(served, access)
            config = uvicorn.Config(app, port=0, lifespan="off", log_level="critical", timeout_graceful_shutdown=1)
            server = _Server(config, started)
            stop.set_result(lambda: loop.call_soon_threadsafe(setattr, server, "should_exit", True))
            running = asyncio.create_task(server.serve())
            await loop.run_in_executor(None, started.wait)
            port = server.servers[0].sockets[0].getsockname()[1]

            def call(work: Coroutine[Any, Any, Any]) -> Any:
                return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=30)

            made.set_result(RunningServer(f"http://127.0.0.1:{port}", engine, client, call))
            await running
            await client.close()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    yield made.result(timeout=30)
    stop.result(timeout=30)()
    thread.join(timeout=30)


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """The server; use `server`, which resets the engine's script. A module may name a `DIALECT`, `LIMITS`, `ACCESS`."""
    module = request.module
    limits = getattr(module, "LIMITS", LIMITS)
    with serve(FakeTokenizer(), getattr(module, "DIALECT", HERMES), limits, getattr(module, "ACCESS", None)) as made:
        yield made


@pytest.fixture
def server(running: RunningServer) -> RunningServer:
    """The module's server, its engine's script as new."""
    running.engine.reset()
    return running


@pytest.fixture
def http(server: RunningServer) -> Iterator[httpx.Client]:
    """A plain HTTP client of the server."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


@pytest.fixture
def client(server: RunningServer) -> Iterator[openai.OpenAI]:
    """OpenAI's own client."""
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=30) as made:
        yield made
