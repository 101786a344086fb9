"""The two ends of the wire together, in one process, around a scripted engine."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zmq.asyncio

from weft.errors import Aborted, EngineClosed, EngineError, GrammarError, InvalidRequest, ModelError, WeftError
from weft.request import (
    Constraint,
    ConstraintKind,
    EmbedRequest,
    FinishReason,
    GenerateRequest,
    ProgramHints,
    Sampling,
    ScoreRequest,
    Times,
    TokenEvent,
)
from weft.server.supervisor import private_address
from weft.server.wire import messages
from weft.server.wire.client import EngineClient, RemoteStream
from weft.server.wire.faults import Fault
from weft.server.wire.messages import BadMessage, EngineInfo, Hello
from weft.server.wire.service import EngineService, bind

from .fake_engine import FakeEngine, Hold

INFO = EngineInfo(name="fake", context_length=100, num_pages=8, page_size=16, choices=("a", "b"))
REQUEST = GenerateRequest(id="r", prompt=(1, 2))


@asynccontextmanager
async def wire(engine: FakeEngine) -> AsyncIterator[tuple[EngineService, Callable[..., EngineClient]]]:
    """A running service, and a maker of clients connected to it."""
    clients: list[EngineClient] = []
    with zmq.asyncio.Context() as context, bind(context, "inproc://engine") as socket:
        service = EngineService(socket, "secret")
        running = asyncio.create_task(service.run())

        def connect(secret: str = "secret") -> EngineClient:
            client = EngineClient(context, "inproc://engine", secret)
            client.start()
            clients.append(client)
            return client

        try:
            yield service, connect
        finally:
            for client in clients:
                await client.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def over_the_wire(test: Callable[[FakeEngine, EngineClient], Awaitable[None]]) -> None:
    """Run a test on a client of a ready engine."""

    async def main() -> None:
        engine = FakeEngine()
        async with asyncio.timeout(30), wire(engine) as (service, connect):
            service.ready(engine, INFO)
            client = connect()
            assert await client.ready() == INFO
            await test(engine, client)

    asyncio.run(main())


async def text_of(stream: RemoteStream) -> str:
    return "".join([event.text async for event in stream])


async def error_of(work: Awaitable[Any]) -> WeftError:
    """The typed error that `work` ends by."""
    try:
        await work
    except WeftError as error:
        return error
    raise AssertionError("no error came")


@pytest.mark.parametrize(
    "message",
    [
        messages.Generate(
            GenerateRequest(
                id="é",
                prompt=(1, 2),
                cache_salt="s",
                priority=-1,
                hints=ProgramHints(session="x", fork_size=3),
                sampling=Sampling(max_tokens=3, stop=("a",), logit_bias=((1, -2.5),), seed=-(2**63)),
                constraint=Constraint(ConstraintKind.REGEX, "a+", (("whitespace", "compact"),)),
                forced_text=False,
            )
        ),
        messages.Generate(GenerateRequest(id="a", prompt="text")),
        messages.Score(ScoreRequest(id="a", prompt="b", choices=((1, 2), "c"))),
        messages.Embed(EmbedRequest(id="a", prompt=(1,))),
        messages.Abort("a"),
        messages.Ask(7, "stats"),
    ],
)
def test_messages_to_the_engine_arrive_as_they_were(message: messages.Message) -> None:
    assert messages.decode_to_engine(messages.encode(message)) == message


def test_events_arrive_as_they_were() -> None:
    event = TokenEvent(
        "r", 5, "é", -0.25, ((1, -0.5),), 3, True, 2, 9, FinishReason.STOP, 7, ("a", "b", None), Times(1.5, 2.5)
    )
    plain = TokenEvent("r", -1)
    batch = messages.Events([event, plain])
    assert messages.decode_from_engine(messages.encode(batch)) == batch


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x91" * 5000, messages.encode(Hello(1, "x"))[:-1]])
def test_bytes_that_are_no_message(data: bytes) -> None:
    with pytest.raises(BadMessage):
        messages.decode_to_engine(data)


def test_too_large_a_message_is_refused_by_its_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_MESSAGE", 1000)
    with pytest.raises(InvalidRequest, match="at most 1000"):
        messages.encode(messages.Generate(GenerateRequest(id="r", prompt="a" * 1000)))


@pytest.mark.parametrize(
    "error",
    [
        GrammarError("m", pointer="/a", keyword="k", param="p"),
        ModelError("m"),
        EngineError("m", code="own"),
        InvalidRequest("m", param="p"),
    ],
)
def test_errors_keep_their_class_and_what_they_carry(error: WeftError) -> None:
    again = Fault.of(error).error()
    assert type(again) is type(error)
    assert {**vars(again), "code": again.code} == {**vars(error), "code": error.code}


def test_an_error_class_unknown_here_is_named_by_its_base() -> None:
    assert type(Fault.of(BadMessage("m")).error()) is WeftError
    assert type(Fault("NeverHeardOf", "c", "m").error()) is EngineError


def test_events_come_in_order() -> None:
    async def test(engine: FakeEngine, client: EngineClient) -> None:
        streams = [client.generate(replace(REQUEST, id=str(at))) for at in range(50)]
        engine.script = lambda request: [f"{at}," for at in range(200)]
        assert await asyncio.gather(*map(text_of, streams)) == ["".join(f"{at}," for at in range(200))] * 50
        assert engine.aborted.empty()

    over_the_wire(test)


def test_score_embed_and_stats() -> None:
    async def test(engine: FakeEngine, client: EngineClient) -> None:
        scored = await client.score(ScoreRequest(id="s", prompt=(1, 2, 3), choices=("ab", "c")))
        assert (scored.logprobs, scored.prompt_tokens) == ((-2.0, -1.0), 3)
        assert (await client.embed(EmbedRequest(id="e", prompt=(1,)))).embedding == (0.6, 0.8)
        stats = await client.stats()
        assert (stats["running"], stats["requests_stop"]) == (3, 7)
        engine.counters = EngineError("no counters")
        assert (await error_of(client.stats())).message == "no counters"
        engine.refusal = InvalidRequest("no such choice", param="choices")
        error = await error_of(client.score(ScoreRequest(id="s", prompt=(1,), choices=("a",))))
        assert (type(error), error.message, error.param) == (InvalidRequest, "no such choice", "choices")

    over_the_wire(test)


def test_the_engines_errors_reach_the_stream() -> None:
    async def test(engine: FakeEngine, client: EngineClient) -> None:
        engine.refusal = GrammarError("minimum", pointer="/minimum")
        error = await error_of(text_of(client.generate(REQUEST)))
        assert isinstance(error, GrammarError)
        assert error.pointer == "/minimum"
        engine.reset()
        engine.script = lambda request: ["a", RuntimeError("a secret path")]
        error = await error_of(text_of(client.generate(REQUEST)))
        assert isinstance(error, EngineError)
        assert "secret" not in error.message
        engine.reset()
        assert await text_of(client.generate(REQUEST)) == "Hello!"

    over_the_wire(test)


def test_an_id_in_flight_cannot_be_used_again() -> None:
    async def test(engine: FakeEngine, client: EngineClient) -> None:
        engine.script = lambda request: ["a", Hold()]
        stream = client.generate(REQUEST)
        with pytest.raises(InvalidRequest, match="in flight"):
            client.generate(REQUEST)
        with pytest.raises(InvalidRequest, match="in flight"):
            await client.score(ScoreRequest(id=REQUEST.id, prompt=(1,), choices=("a",)))
        assert (await anext(stream)).text == "a"

    over_the_wire(test)


def test_abort() -> None:
    async def test(engine: FakeEngine, client: EngineClient) -> None:
        engine.script = lambda request: ["a", Hold()]
        stream = client.generate(REQUEST)
        assert (await anext(stream)).text == "a"
        stream.abort()
        assert isinstance(await error_of(text_of(stream)), Aborted)
        assert await asyncio.to_thread(engine.aborted.get, timeout=30) == "r"
        stream.abort()
        client.abort("unknown")
        engine.reset()
        assert await text_of(client.generate(replace(REQUEST, id="next"))) == "Hello!"
        assert engine.aborted.empty()
        assert await text_of(client.generate(REQUEST)) == "Hello!", "the id is free again"

    over_the_wire(test)


def test_an_abort_during_compilation_is_not_lost() -> None:
    async def test(engine: FakeEngine, client: EngineClient) -> None:
        compiling, go_on = threading.Event(), threading.Event()
        generate = engine.generate

        def slow(request: GenerateRequest) -> Any:
            compiling.set()
            go_on.wait(30)
            return generate(request)

        engine.generate = slow  # type: ignore[method-assign]
        engine.script = lambda request: [Hold()]
        stream = client.generate(replace(REQUEST, constraint=Constraint(ConstraintKind.REGEX, "a")))
        await asyncio.to_thread(compiling.wait, 30)
        assert await client.stats(), "others are served meanwhile"
        stream.abort()
        go_on.set()
        assert await asyncio.to_thread(engine.aborted.get, timeout=30) == "r"

    over_the_wire(test)


def test_a_lost_engine_ends_every_wait_at_once() -> None:
    async def test(engine: FakeEngine, client: EngineClient) -> None:
        engine.script = lambda request: ["a", Hold()]
        stream = client.generate(REQUEST)
        assert (await anext(stream)).text == "a"
        waits = [asyncio.create_task(error_of(wait)) for wait in (anext(stream), client.stats())]
        await asyncio.sleep(0)
        client.lose(EngineClosed("killed"))
        for wait in waits:
            assert (await wait).message == "killed"
        assert client.lost is not None
        with pytest.raises(EngineClosed, match="killed"):
            client.generate(REQUEST)
        with pytest.raises(EngineClosed, match="killed"):
            await client.ready()

    over_the_wire(test)


def test_an_unreadable_engine_is_a_lost_one() -> None:
    async def main() -> None:
        with zmq.asyncio.Context() as context, context.socket(zmq.ROUTER) as socket:
            socket.bind("inproc://engine")
            client = EngineClient(context, "inproc://engine", "")
            client.start()
            identity, _ = await socket.recv_multipart()
            await socket.send_multipart([identity, b"garbage"])
            error = await error_of(client.ready())
            assert "unreadable" in error.message
            await client.close()

    asyncio.run(main())


def test_requests_wait_for_the_engine_and_learn_why_there_is_none() -> None:
    async def main() -> None:
        async with asyncio.timeout(30), wire(FakeEngine()) as (service, connect):
            early = connect()
            with pytest.raises(EngineClosed) as caught:
                early.generate(REQUEST)
            assert caught.value.code == "engine_loading"
            service.refuse(ModelError("no tensor lm_head.weight"))
            late = connect()
            for client in (early, late):
                error = await error_of(client.ready())
                assert isinstance(error, ModelError)
                assert "lm_head" in error.message

    asyncio.run(main())


def test_who_does_not_say_hello_rightly_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        engine = FakeEngine()
        async with asyncio.timeout(30), wire(engine) as (service, connect):
            service.ready(engine, INFO)
            assert "secret" in (await error_of(connect("wrong").ready())).message
            monkeypatch.setattr("weft.server.wire.client.VERSION", messages.VERSION + 1)
            assert "version" in (await error_of(connect().ready())).message
            monkeypatch.undo()
            good = connect()
            await good.ready()
            assert await text_of(good.generate(REQUEST)) == "Hello!"

    asyncio.run(main())


def test_one_peers_abort_or_garbage_is_nothing_to_another() -> None:
    async def main() -> None:
        engine = FakeEngine()
        engine.script = lambda request: ["a", Hold()] if request.id == "mine" else ["b"]
        async with asyncio.timeout(30), wire(engine) as (service, connect):
            service.ready(engine, INFO)
            mine, other = connect(), connect()
            await asyncio.gather(mine.ready(), other.ready())
            stream = mine.generate(replace(REQUEST, id="mine"))
            await anext(stream)
            assert other._link is not None
            other._link.send(b"garbage")
            other._send(messages.Abort("mine"))
            assert await text_of(other.generate(REQUEST)) == "b"
            assert engine.aborted.empty()
            stream.abort()

    asyncio.run(main())


def test_a_vanished_peers_requests_are_aborted() -> None:
    async def main() -> None:
        engine = FakeEngine()
        engine.script = lambda request: itertools.repeat("a")
        async with asyncio.timeout(30), wire(engine) as (service, connect):
            service.ready(engine, INFO)
            client = connect()
            await client.ready()
            await anext(client.generate(REQUEST))
            await client.close()
            assert await asyncio.to_thread(engine.aborted.get, timeout=30) == "r"

    asyncio.run(main())


def test_an_engine_that_ends_by_itself_ends_the_service() -> None:
    async def main() -> None:
        engine = FakeEngine()
        engine.refusal = EngineClosed("the engine is closed")
        with zmq.asyncio.Context() as context, bind(context, "inproc://engine") as socket:
            service = EngineService(socket, "secret")
            service.ready(engine, INFO)
            running = asyncio.create_task(service.run())
            client = EngineClient(context, "inproc://engine", "secret")
            client.start()
            await client.ready()
            assert isinstance(await error_of(text_of(client.generate(REQUEST))), EngineClosed)
            with pytest.raises(EngineClosed):
                await running
            await client.close()

    asyncio.run(main())


def test_a_folder_too_deep_for_a_unix_socket_is_replaced_by_loopback(tmp_path: Path) -> None:
    assert private_address(Path("/tmp/weft-x")) == "ipc:///tmp/weft-x/engine"
    deep = tmp_path / ("d" * 120)
    address = private_address(deep)
    assert address.startswith("tcp://127.0.0.1:")

    async def main() -> None:
        engine = FakeEngine()
        with zmq.asyncio.Context() as context, bind(context, address) as socket:
            service = EngineService(socket, "secret")
            service.ready(engine, INFO)
            running = asyncio.create_task(service.run())
            client = EngineClient(context, address, "secret")
            client.start()
            await client.ready()
            assert await text_of(client.generate(REQUEST)) == "Hello!"
            await client.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())
