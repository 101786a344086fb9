"""A client that outlives its engine: over a socket file, since in-process transports have no ends that go away."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zmq.asyncio

from weft.errors import EngineClosed, ModelError, WeftError
from weft.request import GenerateRequest, ScoreRequest
from weft.server.child import Restarts
from weft.server.wire.client import EngineClient, RemoteStream
from weft.server.wire.messages import EngineInfo
from weft.server.wire.service import EngineService, bind

from .fake_engine import FakeEngine, Hold

INFO = EngineInfo(name="fake", context_length=100, num_pages=8, page_size=16)
REQUEST = GenerateRequest(id="r", prompt=(1, 2))

Life = Callable[[], Any]


def lives(test: Callable[[EngineClient, Life, list[str]], Awaitable[None]], folder: Path) -> None:
    """Run a test on a client, a maker of engines at its address, one after the other, and what loading was told."""
    address = f"ipc://{folder}/engine"

    async def main() -> None:
        stages: list[str] = []
        async with asyncio.timeout(60):
            with zmq.asyncio.Context() as context:
                client = EngineClient(context, address, "secret", stages.append)
                client.start()
                try:
                    await test(client, lambda: life(address), stages)
                finally:
                    await client.close()

    asyncio.run(main())


@asynccontextmanager
async def life(address: str) -> AsyncIterator[tuple[EngineService, FakeEngine, asyncio.Task[None]]]:
    """An engine that listens at the address, and then does not any more."""
    with zmq.asyncio.Context() as context, bind(context, address) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        service = EngineService(socket, "secret")
        running = asyncio.create_task(service.run())
        try:
            yield service, FakeEngine(), running
        finally:
            service._post = lambda *_: None  # type: ignore[method-assign]  # who was killed says nothing
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def text_of(stream: RemoteStream) -> str:
    return "".join([event.text async for event in stream])


async def error_of(work: Awaitable[Any]) -> WeftError:
    """The typed error that `work` ends by."""
    try:
        await work
    except WeftError as error:
        return error
    raise AssertionError("no error came")


def test_everyone_waiting_is_told_and_the_next_engine_is_served_from(tmp_path: Path) -> None:
    async def test(client: EngineClient, begin: Life, stages: list[str]) -> None:
        async with begin() as (service, engine, _):
            service.ready(engine, INFO)
            await client.ready()
            engine.script = lambda request: ["a", Hold()]
            streams = [client.generate(replace(REQUEST, id=str(at))) for at in range(20)]
            for stream in streams:
                assert (await anext(stream)).text == "a"
        for stream in streams:
            assert isinstance(await error_of(anext(stream)), EngineClosed)
        with pytest.raises(EngineClosed) as caught:
            client.generate(REQUEST)
        assert caught.value.code == "engine_restarting"
        assert client.info == INFO, "what it was is known meanwhile"
        async with begin() as (service, engine, _):
            service.progress("reading the weights")
            service.ready(engine, replace_info(name="next"))
            assert (await client.ready()).name == "next"
            assert await text_of(client.generate(replace(REQUEST, id="0"))) == "Hello!"
            assert [request.id for request in engine.requests] == ["0"], "it hears nothing of what was asked before"
            assert engine.aborted.empty()

    lives(test, tmp_path)


def replace_info(**fields: Any) -> EngineInfo:
    return EngineInfo(**{"name": "fake", "context_length": 100, "num_pages": 8, "page_size": 16} | fields)


def test_what_had_no_last_word_yet_is_forgotten(tmp_path: Path) -> None:
    async def test(client: EngineClient, begin: Life, stages: list[str]) -> None:
        async with begin() as (service, engine, running):
            service.ready(engine, INFO)
            await client.ready()
            running.cancel()  # it is there, but answers no more
            client.generate(REQUEST).abort()
            score = ScoreRequest(id="s", prompt=(1,), choices=("a",))
            waits = [asyncio.create_task(error_of(wait)) for wait in (client.score(score), client.stats())]
            await asyncio.sleep(0)
        assert [type(error) for error in await asyncio.gather(*waits)] == [EngineClosed] * 2
        async with begin() as (service, engine, _):
            service.ready(engine, INFO)
            await client.ready()
            assert await text_of(client.generate(REQUEST)) == "Hello!", "the id is free"
            assert (await client.score(score)).logprobs == (-1.0,)
            assert await client.stats()

    lives(test, tmp_path)


def test_an_engine_that_cannot_be_loaded_again_may_be_followed_by_one_that_can(tmp_path: Path) -> None:
    async def test(client: EngineClient, begin: Life, stages: list[str]) -> None:
        async with begin() as (service, _, _):
            service.refuse(ModelError("no tensor"))
            assert isinstance(await error_of(client.ready()), ModelError)
            assert client.lost is None
        client.reconnect()
        async with begin() as (service, engine, _):
            service.ready(engine, INFO)
            while (await asyncio.gather(client.ready(), return_exceptions=True))[0] != INFO:
                await asyncio.sleep(0)  # it may still know the first one's refusal
            assert await text_of(client.generate(REQUEST)) == "Hello!"

    lives(test, tmp_path)


def test_what_is_being_loaded_is_known(tmp_path: Path) -> None:
    async def test(client: EngineClient, begin: Life, stages: list[str]) -> None:
        with pytest.raises(EngineClosed, match=r"still being loaded$"):
            client.check()
        async with begin() as (service, engine, _):
            service.progress("reading the weights")
            while not stages:
                await asyncio.sleep(0)
            with pytest.raises(EngineClosed, match="reading the weights") as caught:
                client.check()
            assert caught.value.code == "engine_loading"
            service.ready(engine, INFO)
            await client.ready()
            client.check()
            assert stages == ["reading the weights"]

    lives(test, tmp_path)


def test_a_connection_that_is_cut_gives_up_its_requests(tmp_path: Path) -> None:
    async def test(client: EngineClient, begin: Life, stages: list[str]) -> None:
        async with begin() as (service, engine, _):
            service.ready(engine, INFO)
            await client.ready()
            engine.script = lambda request: itertools.repeat("a")
            stream = client.generate(REQUEST)
            await anext(stream)
            client.reconnect()
            assert isinstance(await error_of(text_of(stream)), EngineClosed)
            assert await asyncio.to_thread(engine.aborted.get, timeout=30) == "r", "the engine notices by itself"
            await client.ready()
            engine.reset()
            assert await text_of(client.generate(replace(REQUEST, id="next"))) == "Hello!"

    lives(test, tmp_path)


def test_a_client_that_closes_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test(client: EngineClient, begin: Life, stages: list[str]) -> None:
        async with begin() as (service, engine, _):
            service.ready(engine, INFO)
            await client.ready()
            engine.script = lambda request: ["a", Hold()]  # nothing more is sent, so nothing could fail to be
            await anext(client.generate(REQUEST))
            await client.close()
            assert await asyncio.to_thread(engine.aborted.get, timeout=30) == "r"

    with caplog.at_level(logging.WARNING):
        lives(test, tmp_path)
    assert not caplog.records


def test_a_final_loss_is_final(tmp_path: Path) -> None:
    async def test(client: EngineClient, begin: Life, stages: list[str]) -> None:
        client.lose(EngineClosed("no more"))
        async with begin() as (service, engine, _):
            service.ready(engine, INFO)
            for _ in range(2):
                assert (await error_of(client.ready())).message == "no more"
                with pytest.raises(EngineClosed, match="no more"):
                    client.check()
                client.reconnect()
            await client.given_up()

    lives(test, tmp_path)


def test_restarts_are_bounded_within_a_window() -> None:
    now = 0.0
    restarts = Restarts(2, window=10.0, clock=lambda: now)
    assert [restarts.another() for _ in range(3)] == [1, 2, None]
    now = 9.9
    assert restarts.another() is None
    now = 10.0
    assert [restarts.another() for _ in range(3)] == [1, 2, None]
    assert Restarts(0).another() is None
