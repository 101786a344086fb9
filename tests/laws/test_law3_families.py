"""Law 3 for what sets families apart: windows, caps, experts, rope scalings.

With `batch_invariant` a request gives the same bits alone, in chunks and in a batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from families import FAMILIES

from weft.request import GenerateRequest, GenerateResult, Sampling, ScoreRequest
from weft.runtime import Engine

CHOSEN = [
    "gemma2",
    "gemma3",
    "llama-dynamic",
    "mistral",
    "mixtral",
    "phi3-long",
    "qwen2-window",
    "qwen3-moe",
    "smollm3",
]


def requests() -> list[GenerateRequest]:
    generator = torch.Generator().manual_seed(5)
    prompts = [torch.randint(0, 300, (length,), generator=generator).tolist() for length in (1, 18, 40, 90, 33, 64)]
    prompts.append(prompts[3][:70] + prompts[1])  # shares a prefix
    sampling = Sampling(max_tokens=20, ignore_eos=True, logprobs=True, temperature=0.9, seed=1)
    return [GenerateRequest(id=str(at), prompt=tuple(prompt), sampling=sampling) for at, prompt in enumerate(prompts)]


def bits(result: GenerateResult) -> tuple[object, ...]:
    return result.token_ids, result.logprobs


@pytest.mark.parametrize("name", CHOSEN)
def test_alone_and_together_are_the_same_bits(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]
    folder = family.write(tmp_path / name)
    with Engine(folder, device="cpu", batch_invariant=True, radix_cache=False, **family.options) as engine:
        alone = [bits(engine.generate(request).result(60)) for request in requests()]
    with Engine(folder, device="cpu", batch_invariant=True, prefill_chunk=13, **family.options) as engine:
        tickets = [engine.generate(request) for request in requests()]
        assert [bits(ticket.result(60)) for ticket in tickets] == alone


@pytest.mark.parametrize("name", ["gemma2", "llama-dynamic", "mistral", "mixtral"])
def test_choices_scored_as_one_trie_are_the_same_bits_one_by_one(name: str, tmp_path: Path) -> None:
    """Windows and positions count along each choice, wherever its tokens lie."""
    family = FAMILIES[name]
    generator = torch.Generator().manual_seed(6)
    prompt, *tails = (torch.randint(0, 300, (size,), generator=generator).tolist() for size in (45, 12, 12, 3, 25))
    choices = [tuple(tails[0] + tails[1]), tuple(tails[0] + tails[3]), tuple(tails[2]), tuple(tails[2] + tails[0])]
    with Engine(family.write(tmp_path / name), device="cpu", batch_invariant=True, **family.options) as engine:
        together = engine.score(ScoreRequest(id="all", prompt=tuple(prompt), choices=tuple(choices))).result(60)
        for choice, logprobs in zip(choices, together.token_logprobs, strict=True):
            alone = engine.score(ScoreRequest(id="one", prompt=tuple(prompt), choices=(choice,))).result(60)
            assert alone.token_logprobs == (logprobs,)
