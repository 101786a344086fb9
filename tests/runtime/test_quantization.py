"""Engines with quantised weights: what they answer is near what the float model answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.errors import InvalidRequest
from weft.kernels.linear.quantized import KINDS
from weft.request import GenerateRequest, Sampling, ScoreRequest
from weft.runtime import Engine

NEAR = {"int8": 0.1, "dynamic-int8": 0.15, "int4": 1.0}
"""Mean difference of log-probabilities in nats: the tiny model's weights are random and large."""


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_log_probabilities_are_near_the_float_models(tiny_folder: Path, kind: str, dtype: str) -> None:
    text = tuple(range(40, 90))
    request = ScoreRequest(id="x", prompt=text[:1], choices=(text[1:],))
    found = []
    for quantization in (None, kind):
        with Engine(tiny_folder, device="cpu", dtype=dtype, quantization=quantization) as engine:
            found.append(engine.score(request).result(60).token_logprobs[0])
            sampling = Sampling(max_tokens=8, ignore_eos=True)
            answer = engine.generate(GenerateRequest(id="y", prompt="the name", sampling=sampling)).result(60)
            assert len(answer.token_ids) == 8
    differences = [abs(ours - theirs) for ours, theirs in zip(*found, strict=True)]
    assert 0 < sum(differences) / len(differences) < NEAR[kind]


@pytest.mark.parametrize(("kind", "layers"), [("int4", 8), ("int8", 8), ("dynamic-int8", 9)])
def test_the_choice_is_told(tiny_folder: Path, kind: str, layers: int) -> None:
    with Engine(tiny_folder, device="cpu", quantization=kind) as engine:
        assert any(line.startswith(f"quantization: {kind} ({layers} of {layers} layers: ") for line in engine.choices)


def test_an_unknown_kind_is_refused_by_name(tiny_folder: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"int8, int4, dynamic-int8, not 'int3'") as caught:
        Engine(tiny_folder, device="cpu", quantization="int3")
    assert caught.value.param == "quantization"


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_what_is_not_exact_does_not_go_with_batch_invariance(tiny_folder: Path, kind: str) -> None:
    with pytest.raises(InvalidRequest, match=f"batch_invariant does not go with quantization '{kind}'"):
        Engine(tiny_folder, device="cpu", batch_invariant=True, quantization=kind)


def test_dynamic_int8_is_batch_invariant(tiny_folder: Path) -> None:
    options = {"device": "cpu", "batch_invariant": True, "quantization": "dynamic-int8"}
    sampling = Sampling(max_tokens=12, ignore_eos=True, logprobs=True)
    requests = [
        GenerateRequest(id=f"r{number}", prompt=tuple(range(30 + number, 60 + 3 * number)), sampling=sampling)
        for number in range(6)
    ]
    with Engine(tiny_folder, radix_cache=False, max_running=1, **options) as engine:  # type: ignore[arg-type]
        alone = [engine.generate(request).result(60) for request in requests]
    with Engine(tiny_folder, prefill_chunk=7, **options) as engine:  # type: ignore[arg-type]
        together = [ticket.result(60) for ticket in [engine.generate(request) for request in requests]]
    assert [each.token_ids for each in together] == [each.token_ids for each in alone]
    assert [each.logprobs for each in together] == [each.logprobs for each in alone]
