"""The metrics of a real engine behind the wire, against what its requests say of themselves."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import zmq.asyncio
from tiny import write_llama

from weft.errors import Aborted
from weft.grammar import regex
from weft.request import EmbedRequest, GenerateRequest, Pooling, Sampling, ScoreRequest, TokenEvent
from weft.runtime import Engine
from weft.server.engine_process import describe
from weft.server.wire.client import EngineClient
from weft.server.wire.service import EngineService, bind

from .test_metrics import Told

OUTPUT = 6


@asynccontextmanager
async def served(engine: Engine, clients: int = 1) -> AsyncIterator[list[EngineClient]]:
    with zmq.asyncio.Context() as context, bind(context, "inproc://engine") as socket:
        service = EngineService(socket, "secret")
        service.ready(engine, describe(engine))
        running = asyncio.create_task(service.run())
        made = [EngineClient(context, "inproc://engine", "secret") for _ in range(clients)]
        for client in made:
            client.start()
            await client.ready()
        try:
            yield made
        finally:
            for client in made:
                await client.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def with_engine(folder: Path, test: Callable[[EngineClient], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(120), served(engine) as (client,):
            await test(client)

    with Engine(folder, name="tiny", device="cpu", dtype="float32", page_size=4, **options) as engine:
        asyncio.run(main())


def request(name: str, prompt: str, **fields: Any) -> GenerateRequest:
    sampling = Sampling(max_tokens=fields.pop("max_tokens", OUTPUT), ignore_eos="constraint" not in fields)
    ids = tuple(prompt.encode())  # text would be tokenised in a thread, and the order of requests be open
    return GenerateRequest(id=name, prompt=ids, sampling=sampling, **fields)


async def events_of(client: EngineClient, *requests: GenerateRequest) -> list[list[TokenEvent]]:
    async def follow(one: GenerateRequest) -> list[TokenEvent]:
        return [event async for event in client.generate(one)]

    return await asyncio.gather(*(follow(one) for one in requests))


async def scrape(client: EngineClient) -> Told:
    """The metrics, with what must hold of them at any time."""
    shown = Told(await client.metrics())
    pages = {state: shown.value("kv_cache_pages", state=state) for state in ("free", "cached", "in_use")}
    assert sum(pages.values()) == (await client.stats())["pages_total"]
    assert 0 <= shown.value("kv_cache_usage_perc") <= 1
    assert shown.value("prefix_cache_hits_total") <= shown.value("prefix_cache_queries_total")
    assert shown.value("forced_tokens_total") <= shown.value("generation_tokens_total")
    return shown


def test_every_histogram_sums_what_the_events_say(tiny_folder: Path) -> None:
    async def test(client: EngineClient) -> None:
        outputs = await events_of(client, *(request(f"r{at}", "word " * (at + 1)) for at in range(5)))
        shown = await scrape(client)
        last = [events[-1].times for events in outputs]
        gaps = [b.times.last_token - a.times.last_token for events in outputs for a, b in pairwise(events)]
        expected = {
            "time_to_first_token_seconds": [times.first_token - times.arrived for times in last],
            "inter_token_latency_seconds": gaps,
            "e2e_request_latency_seconds": [times.finished - times.arrived for times in last],
            "request_queue_time_seconds": [times.admitted - times.arrived for times in last],
            "request_prefill_time_seconds": [times.prefilled - times.admitted for times in last],
            "request_decode_time_seconds": [times.finished - times.prefilled for times in last],
            "request_prompt_tokens": [events[-1].prompt_tokens for events in outputs],
            "request_generation_tokens": [OUTPUT] * 5,
        }
        for name, values in expected.items():
            assert shown.histogram(name) == (len(values), pytest.approx(math.fsum(values), abs=1e-9)), name
        assert len(gaps) == 5 * (OUTPUT - 1)
        assert shown.value("generation_tokens_total") == 5 * OUTPUT
        assert shown.value("prompt_tokens_total") == sum(events[-1].prompt_tokens for events in outputs)
        assert shown.value("request_success_total", finished_reason="length") == 5

    with_engine(tiny_folder, test)


def test_a_prompt_that_comes_again_is_found_in_the_cache(tiny_folder: Path) -> None:
    async def test(client: EngineClient) -> None:
        await events_of(client, request("first", "x" * 30))
        cold = await scrape(client)
        assert cold.value("prefix_cache_queries_total") == 30
        assert cold.value("prefix_cache_hits_total") == 0
        assert cold.value("computed_tokens_total") == 30 + OUTPUT - 1, "the last token is not fed back"
        ((*_, last),) = await events_of(client, request("again", "x" * 30))
        warm = await scrape(client)
        assert warm.value("prefix_cache_queries_total") == warm.value("prompt_tokens_total") == 60
        assert warm.value("prefix_cache_hits_total") == last.cached_tokens == 28, "whole pages, and not the last token"
        assert warm.value("computed_tokens_total") == 2 * (30 + OUTPUT - 1) - 28

    with_engine(tiny_folder, test)


def test_a_prompt_that_an_earlier_engine_had_is_found_on_disk(tiny_folder: Path, tmp_path: Path) -> None:
    async def cold(client: EngineClient) -> None:
        await events_of(client, request("first", "x" * 30))

    async def warm(client: EngineClient) -> None:
        await events_of(client, request("again", "x" * 30))
        shown = await scrape(client)
        assert shown.value("prefix_cache_hits_total") == shown.value("promoted_tokens_total", tier="disk") == 28
        assert shown.value("cache_tier_bytes", tier="disk") > 0

    with_engine(tiny_folder, cold, cache_dir=str(tmp_path))
    with_engine(tiny_folder, warm, cache_dir=str(tmp_path))


def test_what_the_cache_is_not_asked_for_is_no_query(tiny_folder: Path) -> None:
    async def mean(client: EngineClient) -> None:
        await client.embed(EmbedRequest(id="e", prompt=(1, 2, 3), pooling=Pooling.MEAN))
        shown = await scrape(client)
        assert (shown.value("prompt_tokens_total"), shown.value("prefix_cache_queries_total")) == (3, 0)

    async def off(client: EngineClient) -> None:
        await events_of(client, request("one", "x" * 30))
        await events_of(client, request("two", "x" * 30))
        shown = await scrape(client)
        assert (shown.value("prompt_tokens_total"), shown.value("prefix_cache_queries_total")) == (60, 0)

    with_engine(tiny_folder, mean)
    with_engine(tiny_folder, off, radix_cache=False)


def test_running_and_waiting_rise_and_fall_and_aborts_are_counted(tmp_path: Path) -> None:
    async def test(client: EngineClient) -> None:
        streams = [client.generate(request(f"r{at}", f"{at} long", max_tokens=8000)) for at in range(3)]
        await anext(streams[0])
        busy = await scrape(client)
        assert busy.value("num_requests_running") == 1
        assert busy.value("num_requests_waiting") == 2
        assert busy.value("kv_cache_usage_perc") > 0
        for stream in streams:
            stream.abort()
            with pytest.raises(Aborted):
                async for _ in stream:
                    pass
        quiet = await scrape(client)
        assert quiet.value("num_requests_running") == quiet.value("num_requests_waiting") == 0
        assert quiet.value("kv_cache_usage_perc") == 0
        assert quiet.value("kv_cache_pages", state="in_use") == 0
        assert quiet.value("request_success_total", finished_reason="abort") == 3
        assert quiet.histogram("e2e_request_latency_seconds") == (0, 0)
        assert quiet.value("time_to_first_token_seconds_count") == 1

    roomy = write_llama(tmp_path / "roomy", max_position_embeddings=8192)  # not to end before it is asked
    with_engine(roomy, test, max_running=1, num_pages=8192 // 4)


def test_a_small_pool_preempts_and_evicts(tiny_folder: Path) -> None:
    async def test(client: EngineClient) -> None:
        await events_of(client, *(request(f"r{at}", f"{at}" * 20, max_tokens=40) for at in range(4)))
        shown = await scrape(client)
        stats = await client.stats()
        assert shown.value("num_preemptions_total") == stats["retractions"] > 0
        assert shown.value("evicted_pages_total") == stats["evicted_pages"] > 0
        assert shown.value("generation_tokens_total") == 160, "what is computed again is no new output"
        assert shown.value("prompt_tokens_total") == 80
        assert shown.histogram("request_prefill_time_seconds")[0] == 4

    with_engine(tiny_folder, test, num_pages=24)


def test_constraints_count_compilations_masks_and_forced_tokens(tiny_folder: Path) -> None:
    async def test(client: EngineClient) -> None:
        constraint = regex("name: [xy] true")
        for name in ("one", "two"):
            ((*_, last),) = await events_of(client, request(name, "Go: ", constraint=constraint, max_tokens=50))
            assert last.finish == "stop"
        shown = await scrape(client)
        assert shown.histogram("grammar_compile_seconds")[0] == 1, "the second one found it compiled"
        assert shown.histogram("grammar_compile_seconds")[1] > 0
        forced = shown.value("forced_tokens_total")
        drawn = shown.value("generation_tokens_total") - forced
        assert forced > 0
        assert drawn == shown.value("mask_cache_hits_total") + shown.value("mask_cache_misses_total"), "a mask a draw"
        assert shown.value("request_success_total", finished_reason="stop") == 2
        assert shown.histogram("inter_token_latency_seconds")[0] == shown.value("generation_tokens_total") - 2

    with_engine(tiny_folder, test)


def test_scores_and_embeddings_are_requests(tiny_folder: Path) -> None:
    async def test(client: EngineClient) -> None:
        scored = await client.score(ScoreRequest(id="s", prompt="Say: ", choices=("a", "b")))
        embedded = await client.embed(EmbedRequest(id="e", prompt="Hello"))
        shown = await scrape(client)
        assert shown.value("request_success_total", finished_reason="score") == 1
        assert shown.value("request_success_total", finished_reason="embed") == 1
        both = sum(result.times.finished - result.times.arrived for result in (scored, embedded))
        assert shown.histogram("e2e_request_latency_seconds") == (2, pytest.approx(both))
        assert shown.value("generation_tokens_total") == 0

    with_engine(tiny_folder, test)


def test_counts_of_several_api_processes_add_up_in_the_engine(tiny_folder: Path) -> None:
    async def main() -> None:
        async with asyncio.timeout(120), served(engine, clients=2) as (one, other):
            one.count_rejection("overloaded")
            other.count_rejection("overloaded")
            other.count_disconnect()
            await one.stats()
            shown = await scrape(other)
            assert shown.value("rejections_total", reason="overloaded") == 2
            assert shown.value("client_disconnects_total") == 1
            assert (await scrape(one)).samples.keys() == shown.samples.keys()

    with Engine(tiny_folder, name="tiny", device="cpu", dtype="float32") as engine:
        asyncio.run(main())


def test_what_is_counted_before_there_is_an_engine_is_told_when_there_is(tiny_folder: Path) -> None:
    async def main() -> None:
        with zmq.asyncio.Context() as context, bind(context, "inproc://engine") as socket:
            service = EngineService(socket, "secret")
            running = asyncio.create_task(service.run())
            client = EngineClient(context, "inproc://engine", "secret")
            client.start()
            client.count_rejection("engine_loading")
            client.count_rejection("engine_loading")
            service.ready(engine, describe(engine))
            await client.ready()
            assert (await scrape(client)).value("rejections_total", reason="engine_loading") == 2
            await client.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    with Engine(tiny_folder, name="tiny", device="cpu", dtype="float32") as engine:
        asyncio.run(asyncio.wait_for(main(), 120))
