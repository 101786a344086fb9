"""Many clients at once, among them such as leave, stall, or ask for the impossible."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from typing import Any

import httpx
from hostile_constraints import GRAMMARS, KEYWORDS, REGEXES, SCHEMAS, TAGS
from serving import Serving, serving

from .burden import BODY, CHAT, at_rest, check_books, connections, resident, vanish, whole_stream

STREAMS = 256
ROOM = 48 * 2**20
"""Bytes that allocators may keep between two equal rounds of load."""


def test_a_third_of_256_streams_vanish(served: Serving) -> None:
    rng = random.Random(0)

    async def round_of_streams() -> list[Any]:
        async with connections(served) as client:
            bodies = [BODY | {"seed": seed % 16} for seed in range(STREAMS)]
            leaving = set(rng.sample(range(STREAMS), STREAMS // 3))
            return await asyncio.gather(
                *(
                    vanish(client, body, rng.randrange(20)) if at in leaving else whole_stream(client, body)
                    for at, body in enumerate(bodies)
                )
            )

    answers = [answer for answer in asyncio.run(round_of_streams()) if answer is not None]
    assert len(answers) == STREAMS - STREAMS // 3
    assert {finish for _, finish in answers} == {"length"}
    assert len({text for text, _ in answers}) <= 16, "one seed, one text"
    check_books(served)
    held = resident(served)
    asyncio.run(round_of_streams())
    check_books(served)
    assert resident(served) < held + ROOM


def test_those_that_leave_at_once_leave_nothing(served: Serving) -> None:
    async def main() -> None:
        async with connections(served) as client:
            await asyncio.gather(*(vanish(client, BODY | {"max_tokens": 400}, 0) for _ in range(64)))

    before = at_rest(served).get("requests_abort", 0)
    asyncio.run(main())
    check_books(served)
    assert at_rest(served)["requests_abort"] == before + 64


def test_slow_readers_hold_nobody_up(served: Serving) -> None:
    host, port = served.url.removeprefix("http://").split(":")
    body = json.dumps(BODY | {"stream": True, "max_tokens": 1500, "n": 4}).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    stalled = []
    for _ in range(8):
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((host, int(port)))
        reader.sendall(head.encode() + body)
        stalled.append(reader)

    async def main() -> list[tuple[str, str]]:
        async with connections(served) as client:
            return await asyncio.gather(*(whole_stream(client, BODY) for _ in range(16)))

    assert {finish for _, finish in asyncio.run(main())} == {"length"}
    for reader in stalled:
        reader.close()
    check_books(served)


def test_a_body_of_100_megabytes_is_refused_and_not_kept(served: Serving) -> None:
    def pieces() -> Any:
        for _ in range(100):
            yield b"x" * 2**20

    held = resident(served)
    for headers in ({"Content-Length": str(100 * 2**20)}, {}):
        try:
            answer = served.http.post(CHAT, content=pieces(), headers=headers)
        except httpx.TransportError:
            continue  # the connection was closed while we went on sending
        assert answer.status_code == 413
    assert resident(served) < held + ROOM
    check_books(served)


def hostile() -> list[dict[str, Any]]:
    """500 constraints as request fields: what has brought engines down, and random nonsense."""
    rng = random.Random(1)
    bodies: list[dict[str, Any]] = []
    for source in (*REGEXES.values(), *(f"({regex}){{0,3}}" for regex in REGEXES.values())):
        bodies.append({"guided_regex": source})
    for schema in SCHEMAS.values():
        source = schema if isinstance(schema, str) else json.dumps(schema)
        bodies += [{"json_schema": source}, {"guided_json": f'{{"anyOf": [{source}, {{"type": "null"}}]}}'}]
    bodies += [{"guided_grammar": source} for source in GRAMMARS.values()]
    bodies += [{"structural_tag": source} for source in TAGS.values()]
    while len(bodies) < 500:
        if rng.random() < 0.5:
            bodies.append({"guided_regex": "".join(rng.choices("ab()[]{}|*+?.^$\\d01,-=!<:P", k=20))})
        else:
            schema = {rng.choice(KEYWORDS): rng.choice([1, -1, "a", [], {}, None, ["a"], {"a": {}}]) for _ in range(3)}
            bodies.append({"json_schema": json.dumps(schema)})
    return bodies


def test_500_hostile_constraints_among_others(served: Serving) -> None:
    fine = BODY | {"max_tokens": 8}
    bad = {name: value for name, value in fine.items() if name != "ignore_eos"}

    async def ask(client: httpx.AsyncClient, body: dict[str, Any], turn: asyncio.Semaphore) -> httpx.Response:
        async with turn:
            # Lone surrogates are part of the game, and JSON can escape them.
            return await client.post(CHAT, content=json.dumps(body))

    async def main() -> tuple[list[httpx.Response], list[tuple[str, str]]]:
        turn = asyncio.Semaphore(16)
        async with connections(served) as client:
            attack = asyncio.gather(*(ask(client, bad | body, turn) for body in hostile()))
            others = await asyncio.gather(*(whole_stream(client, fine | {"seed": seed}) for seed in range(64)))
            return await attack, others

    answers, others = asyncio.run(main())
    assert {finish for _, finish in others} == {"length"}
    for answer in answers:
        assert answer.status_code in (200, 400, 413), answer.text
        if answer.status_code != 200:
            error = answer.json()["error"]
            assert error["type"] == "invalid_request_error"
            assert len(error["message"]) < 1000
    check_books(served)


def test_a_full_queue_says_when_to_come_again() -> None:
    with serving("--max-running", "1", "--max-queue", "2") as small:
        small.notice("serving")

        async def main() -> list[httpx.Response]:
            async with connections(small) as client:
                return await asyncio.gather(*(client.post(CHAT, json=BODY) for _ in range(32)))

        answers = asyncio.run(main())
        refused = [answer for answer in answers if answer.status_code != 200]
        assert 0 < len(refused) < 32
        for answer in refused:
            assert answer.status_code in (429, 503)
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json()["error"]["code"] == "overloaded"
        check_books(small)
