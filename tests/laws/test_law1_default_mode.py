"""Law 1 in the fast default: greedy tokens first differ from the reference's only where its two best are nearly equal.

`CLOSE` is the bound, for each dtype, in nats between the reference's two best logits. Measured on this model with torch
2.13, the largest change that a switch made to a drawn token's log-probability was 1.2e-5 in float32 and 0.061 in
bfloat16; two logits can come closer by twice that, and other CPUs are given some room.
"""

from __future__ import annotations

import random
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from weft.kernels.linear import packed
from weft.request import GenerateRequest, GenerateResult, Sampling
from weft.runtime import Engine

CLOSE = {"float32": 1e-4, "bfloat16": 0.25}
OFF: dict[str, Any] = {"radix_cache": False, "max_running": 1, "speculation": "off"}
SWITCHES: dict[str, dict[str, Any]] = {
    "packed weights": {**OFF, "packed_weights": True},
    "attention on a CPU": {**OFF, "cpu_attention": True},
    "batching": {**OFF, "max_running": 32},
    "lanes": {**OFF, "max_running": 32, "lanes": 2},
    "everything": {"packed_weights": True, "cpu_attention": True, "lanes": 2, "max_running": 32, "prefill_chunk": 24},
}


def run(
    folder: Path,
    dtype: str,
    *,
    packed_weights: bool = False,
    cpu_attention: bool = False,
    lanes: int = 1,
    **options: Any,
) -> list[GenerateResult]:
    """The greedy answers to 32 prompts that partly begin alike."""
    rng = random.Random(7)
    stem = [rng.randrange(300) for _ in range(40)]
    prompts = [tuple(stem[: rng.choice([0, 20, 40])] + [rng.randrange(300) for _ in range(5)]) for _ in range(32)]
    sampling = Sampling(max_tokens=24, ignore_eos=True, top_logprobs=2)
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: lanes)
        if not packed_weights:
            patch.setattr(packed, "why_not", lambda *_: "it is switched off")
        if not cpu_attention:
            attention = import_module("weft.kernels.attention")
            patch.setitem(attention._PATHS, "cpu", attention._PATHS["batched"])
        requests = [GenerateRequest(id=str(at), prompt=ids, sampling=sampling) for at, ids in enumerate(prompts)]
        try:
            with Engine(folder, device="cpu", dtype=dtype, **options) as engine:
                return [ticket.result(120) for ticket in [engine.generate(request) for request in requests]]
        finally:
            torch.set_num_threads(threads)  # lanes set it


def differences(got: GenerateResult, expected: GenerateResult, close: float) -> list[float]:
    """How far log-probabilities differ up to where the texts part; that they part at a near tie only is asserted."""
    found = []
    places = zip(got.token_ids, expected.token_ids, got.logprobs, expected.logprobs, strict=True)
    for place, (token, other, logprob, wanted) in enumerate(places):
        if token != other:
            best, second = expected.top_logprobs[place]
            assert best[1] - second[1] < close
            break
        found.append(abs(logprob - wanted))
    return found


@pytest.fixture(scope="module")
def plain(tiny_folder: Path) -> dict[str, list[GenerateResult]]:
    """By dtype, every answer with everything off, one request after the other."""
    return {dtype: run(tiny_folder, dtype, **OFF) for dtype in CLOSE}


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("switch", SWITCHES)
def test_tokens_first_differ_at_near_ties_only(
    tiny_folder: Path, plain: dict[str, list[GenerateResult]], switch: str, dtype: str
) -> None:
    results = run(tiny_folder, dtype, **SWITCHES[switch])
    pairs = zip(results, plain[dtype], strict=True)
    found = [value for got, expected in pairs for value in differences(got, expected, CLOSE[dtype])]
    assert max(found) < CLOSE[dtype] / 2
    assert len(found) > len(results) * 24 * (0.9 if dtype == "float32" else 0.5)
