"""Law 7: logits equal `transformers`' on the same weights, in float32: prefill, chunked prefill and decode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from families import FAMILIES, Family

from weft.request import GenerateRequest, Sampling, ScoreRequest
from weft.runtime import Engine

TOLERANCE = 2e-4  # absolute, on log-probabilities of float32 models of a few layers


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def family(request: pytest.FixtureRequest) -> Family:
    return FAMILIES[request.param]


@pytest.fixture(scope="module")
def folder(family: Family, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return family.write(tmp_path_factory.mktemp("law7") / family.name)


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.fixture(scope="module", params=[512, 7])
def engine(request: pytest.FixtureRequest, family: Family, folder: Path) -> Iterator[Engine]:
    options = {"prefill_chunk": request.param, **family.options}
    with Engine(folder, device="cpu", dtype="float32", **options) as engine:
        yield engine


def logprobs_of(reference: Any, ids: list[int]) -> torch.Tensor:
    """transformers' log-probabilities after each of `ids`.

    All at once; but where rope grows with the sequence past the trained length, from there on as while generating.
    """
    rope = reference.config.rope_parameters
    # One less than the trained length: at that length itself transformers does not forget a longer sequence before.
    first = reference.config.max_position_embeddings - 1 if rope.get("rope_type") == "dynamic" else len(ids)
    prompt = torch.tensor([ids[:first]])
    with torch.inference_mode():
        logits = reference(prompt).logits[0]
        if first < len(ids):
            made = reference.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=len(ids) - first + 1,
                prefix_allowed_tokens_fn=lambda _, made: [([*ids, 0])[len(made)]],
                do_sample=False,
                eos_token_id=None,
                pad_token_id=0,
                return_dict_in_generate=True,
                output_logits=True,
            )
            logits = torch.cat([logits[:-1], *made.logits])
    return logits.log_softmax(-1)


def ids_of(length: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    tokens: list[int] = torch.randint(0, 300, (length,), generator=generator).tolist()
    return tokens


def test_every_position_has_the_same_logprob(engine: Engine, reference: Any) -> None:
    ids = ids_of(90, 1)
    logprobs = logprobs_of(reference, ids)
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
    logprobs = logprobs_of(reference, prompt + expected)
    wanted = [logprobs[len(prompt) - 1 + at, token].item() for at, token in enumerate(expected)]
    assert result.logprobs == pytest.approx(wanted, abs=TOLERANCE)
