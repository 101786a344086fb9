"""Law 1 as a matrix: random requests of every kind, under each switch alone and all together, against all of them off.

With `batch_invariant=True` every answer is the same bits: ids, texts, log-probabilities, scores and embeddings, greedy
and sampled, with constraints and penalties and without.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from random_traffic import Arrival, RandomTraffic

from weft.errors import WeftError
from weft.request import GenerateRequest, Times
from weft.runtime import Engine, loader
from weft.runtime.mask_pool import MaskPool

SEEDS = (0, 1)
REQUESTS = 30
OFF: dict[str, Any] = {"radix_cache": False, "max_running": 1, "speculation": "off", "overlap": False}
PRESSURE: dict[str, Any] = {"num_pages": 18, "page_size": 8, "prefill_chunk": 16, "max_running": 16}
TIERS: dict[str, Any] = {**PRESSURE, "host_cache_bytes": 1 << 17}
MASK_ROWS = 12
"""Fewer than the constraints of a run ask for, and enough for one step."""

SWITCHES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "batching": ({**OFF, "max_running": 16}, ()),
    "small chunks": ({**OFF, "prefill_chunk": 7}, ()),
    "small pages": ({**OFF, "page_size": 4}, ()),
    "radix cache": ({**OFF, "radix_cache": True}, ("cached_tokens",)),
    "pages taken along in part": ({**OFF, "radix_cache": True, "max_running": 16}, ("taken_in_part",)),
    "eviction by programs": ({**OFF, **PRESSURE, "radix_cache": True}, ("evicted_pages", "retractions")),
    "eviction by use": ({**OFF, **PRESSURE, "radix_cache": True, "eviction": "lru"}, ("evicted_pages", "retractions")),
    "retraction without a cache": ({**OFF, **PRESSURE}, ("retractions",)),
    "host tier": ({**OFF, **TIERS, "radix_cache": True}, ("host_hit_tokens",)),
    "disk tier": ({**OFF, **PRESSURE, "radix_cache": True, "cache_dir": True}, ("disk_hit_tokens",)),
    "guesses": ({**OFF, "speculation": "prompt_lookup"}, ("accepted_tokens",)),
    "guesses that pay": ({**OFF, "speculation": "auto"}, ("drafted_tokens",)),
    "overlap": ({**OFF, "overlap": True, "max_running": 16}, ()),
    "few mask rows": ({**OFF, "max_running": 8}, ("mask_misses",)),
    "everything": (
        {**TIERS, "cache_dir": True, "speculation": "prompt_lookup", "overlap": True},
        ("retractions", "evicted_pages", "host_hit_tokens", "accepted_tokens", "taken_in_part"),
    ),
}


def arrivals(seed: int) -> list[Arrival]:
    """Random requests with seeds of their own and without deadlines."""
    traffic = RandomTraffic(random.Random(seed))
    made: list[Arrival] = []
    while sum(len(arrival.requests) for arrival in made) < REQUESTS:
        arrival = traffic.next()
        requests = []
        for request in arrival.requests:
            request = replace(request, timeout=None)
            if isinstance(request, GenerateRequest) and request.sampling.seed is None:
                request = replace(request, sampling=replace(request.sampling, seed=len(made)))
            requests.append(request)
        made.append(replace(arrival, requests=tuple(requests)))
    return made


def run(folder: Path, seed: int, options: dict[str, Any]) -> tuple[dict[str, object], Counter[str]]:
    """Every request's answer, or what its error says, and the engine's counts; all arrive at once, and then again."""
    taken_in_part = 0
    with Engine(folder, device="cpu", batch_invariant=True, max_context=200, **options) as engine:
        for _ in range(2 if options["radix_cache"] else 1):
            tickets = []
            for arrival in arrivals(seed):
                if arrival.fork is not None:
                    engine.fork(*arrival.fork)
                tickets += [engine.submit(request) for request in arrival.requests]
                for name in arrival.release:
                    engine.release(name)
            answers: dict[str, object] = {}
            for ticket in tickets:
                answers[ticket.request_id], cached = answer_of(ticket)
                taken_in_part += cached % engine.options.page_size
            engine.recount()
        counts = {name: getattr(engine.stats(), name) for name in engine.stats().__slots__}
        return answers, Counter({**counts, "taken_in_part": taken_in_part})


def answer_of(ticket: Any) -> tuple[object, int]:
    """An answer without what may differ, times and the tokens that were cached; and these tokens."""
    try:
        answer = ticket.result(120)
    except WeftError as error:
        return str(error), 0
    return replace(answer, times=Times(), cached_tokens=0), answer.cached_tokens


@pytest.fixture(scope="module")
def plain(tiny_folder: Path) -> dict[int, dict[str, object]]:
    """By seed, every answer with everything off, one request after the other."""
    return {seed: run(tiny_folder, seed, OFF)[0] for seed in SEEDS}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("switch", SWITCHES)
def test_every_answer_is_the_same_bits(
    tiny_folder: Path,
    tmp_path: Path,
    plain: dict[int, dict[str, object]],
    switch: str,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options, happened = SWITCHES[switch]
    if "cache_dir" in options:
        options = {**options, "cache_dir": tmp_path}
    if switch == "few mask rows":
        monkeypatch.setattr(loader, "MaskPool", lambda rows, *rest: MaskPool(MASK_ROWS, *rest))
    answers, counts = run(tiny_folder, seed, {"radix_cache": True, **options})
    for name, expected in plain[seed].items():
        assert answers[name] == expected, name
    assert all(counts[name] > 0 for name in happened), counts
