"""Law 7: logits equal `transformers`' on the same weights, in float32: prefill, chunked prefill and decode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import write_llama

from weft.request import GenerateRequest, Sampling, ScoreRequest
from weft.runtime import Engine

TOLERANCE = 2e-4  # absolute, on log-probabilities of float32 models of a few layers

SHAPES: dict[str, dict[str, object]] = {
    "gqa": {},
    "mha": {"num_key_value_heads": 4},
    "mqa": {"num_key_value_heads": 1, "hidden_size": 96, "head_dim": 16},
    "tied": {"tie_word_embeddings": True},
    "biased": {"attention_bias": True, "mlp_bias": True},
    "theta": {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
}


@pytest.fixture(scope="module", params=sorted(SHAPES))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("law7") / request.param, seed=3, **SHAPES[request.param])


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.fixture(scope="module", params=[512, 7])
def engine(request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    with Engine(folder, device="cpu", dtype="float32", prefill_chunk=request.param) as engine:
        yield engine


def ids_of(length: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    tokens: list[int] = torch.randint(0, 300, (length,), generator=generator).tolist()
    return tokens


def test_every_position_has_the_same_logprob(engine: Engine, reference: Any) -> None:
    ids = ids_of(90, 1)
    with torch.inference_mode():
        logprobs = reference(torch.tensor([ids])).logits[0].log_softmax(-1)
    expected = [logprobs[at, ids[at + 1]].item() for at in range(len(ids) - 1)]
    request = ScoreRequest(id="all", prompt=tuple(ids[:1]), choices=(tuple(ids[1:]),), top_logprobs=3)
    result = engine.score(request).result(60)
    assert result.token_logprobs[0] == pytest.approx(expected, abs=TOLERANCE)
    likeliest = logprobs[:-1].topk(3, dim=-1)
    for tops, values in zip(result.top_logprobs[0], likeliest.values.tolist(), strict=True):
        assert [logprob for _, logprob in tops] == pytest.approx(values, abs=TOLERANCE)
    first = [tops[0][0] for tops in result.top_logprobs[0]]
    gap = likeliest.values[:, 0] - likeliest.values[:, 1] > 2 * TOLERANCE
    pairs = zip(first, likeliest.indices[:, 0].tolist(), gap, strict=True)
    clear = [(ours, theirs) for ours, theirs, is_clear in pairs if is_clear]
    assert clear
    assert all(ours == theirs for ours, theirs in clear)


def test_greedy_decoding_draws_the_same_64_tokens(engine: Engine, reference: Any) -> None:
    prompt = ids_of(33, 2)
    with torch.inference_mode():
        expected = reference.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=64,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )[0, len(prompt) :].tolist()
    sampling = Sampling(max_tokens=64, ignore_eos=True, logprobs=True)
    result = engine.generate(GenerateRequest(id="greedy", prompt=tuple(prompt), sampling=sampling)).result(60)
    assert list(result.token_ids) == expected
    with torch.inference_mode():
        logits = reference(torch.tensor([prompt + expected])).logits[0].log_softmax(-1)
    wanted = [logits[len(prompt) - 1 + at, token].item() for at, token in enumerate(expected)]
    assert result.logprobs == pytest.approx(wanted, abs=TOLERANCE)
