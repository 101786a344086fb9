"""Many requests at once, and what the server holds afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
from serving import SECONDS, Serving, stats, wait_until

BODY: dict[str, Any] = {
    "model": "seedling",
    "messages": [{"role": "user", "content": "Tell me about the lamp."}],
    "temperature": 1.0,
    "max_tokens": 24,
    "ignore_eos": True,
}
CHAT = "/v1/chat/completions"


def connections(served: Serving) -> httpx.AsyncClient:
    """A client without a bound on its connections."""
    return httpx.AsyncClient(base_url=served.url, timeout=SECONDS, limits=httpx.Limits(max_connections=None))


async def whole_stream(client: httpx.AsyncClient, body: dict[str, Any]) -> tuple[str, str]:
    """(text, finish reason) of one streamed answer."""
    text, finish = "", ""
    async with client.stream("POST", CHAT, json=body | {"stream": True}) as response:
        assert response.status_code == 200, await response.aread()
        last = ""
        async for line in response.aiter_lines():
            if not line.startswith("data: ") or line == "data: [DONE]":
                last = line or last
                continue
            (choice,) = json.loads(line[6:])["choices"]
            text += choice["delta"].get("content") or ""
            finish = choice["finish_reason"] or finish
        assert last == "data: [DONE]"
    return text, finish


async def vanish(client: httpx.AsyncClient, body: dict[str, Any], after: int) -> None:
    """Leave a stream after some of its chunks."""
    async with client.stream("POST", CHAT, json=body | {"stream": True}) as response:
        seen = 0
        async for line in response.aiter_lines():
            seen += line.startswith("data: ")
            if seen > after:
                return


def at_rest(served: Serving) -> dict[str, int]:
    """The engine's counters, once nothing runs or waits any more."""
    wait_until(lambda: stats(served)["running"] == stats(served)["waiting"] == 0)
    return stats(served)


def check_books(served: Serving) -> None:
    """Nothing is held, every page is accounted for, and the next request is served."""
    found = at_rest(served)
    assert found["pages_in_use"] == 0
    assert found["pages_free"] + found["pages_cached"] == found["pages_total"]
    answer = served.http.post(CHAT, json=BODY | {"max_tokens": 2})
    assert answer.status_code == 200, answer.text
    assert served.http.get("/health").status_code == 200


def resident(served: Serving) -> int:
    """Bytes that both processes hold in memory."""
    pages = 0
    for pid in (served.process.pid, served.engine_pid):
        pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096
