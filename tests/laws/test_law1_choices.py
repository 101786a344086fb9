"""Law 1 for choices scored as one trie: each scores as it does alone, whatever its model makes of positions.

Windows, caps, experts and rope scalings that look at positions: branches have positions that are not their places.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from families import FAMILIES

from weft.request import ScoreRequest
from weft.runtime import Engine

CHOSEN = ["gemma2", "llama-dynamic", "mixtral", "phi3-long", "qwen2-window", "smollm3-window"]


def choices_of(seed: int) -> list[tuple[int, ...]]:
    """Choices of up to 70 tokens that part in several places, long before and after a window is full."""
    generator = torch.Generator().manual_seed(seed)
    tokens: list[int] = torch.randint(0, 300, (200,), generator=generator).tolist()
    stem = tuple(tokens[:20])
    arms = [stem + tuple(tokens[start : start + 25]) for start in (20, 45)]
    tails = [tuple(tokens[start : start + 25]) for start in (70, 95, 120)]
    return [*(arm + tail for arm in arms for tail in tails), stem, arms[0], tuple(tokens[150:158])]


@pytest.mark.parametrize("name", CHOSEN)
def test_choices_score_together_as_alone(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]
    folder = family.write(tmp_path / name)
    prompt, choices = tuple(range(40, 51)), choices_of(4)
    with Engine(folder, device="cpu", batch_invariant=True, radix_cache=False, **family.options) as engine:
        alone = [
            engine.score(ScoreRequest(id=f"{at}", prompt=prompt, choices=(choice,))).result(60).token_logprobs[0]
            for at, choice in enumerate(choices)
        ]
    for batch_invariant in (True, False):
        with Engine(
            folder,
            device="cpu",
            dtype="float32",
            batch_invariant=batch_invariant,
            prefill_chunk=64,
            page_size=8,
            **family.options,
        ) as engine:
            got = engine.score(ScoreRequest(id="all", prompt=prompt, choices=tuple(choices))).result(60)
            nodes = {choice[:end] for choice in choices for end in range(1, len(choice))}
            assert engine.stats().computed_tokens == len(prompt) + len(nodes)
            if batch_invariant:
                assert list(got.token_logprobs) == alone  # the same bits
            for mine, wanted in zip(got.token_logprobs, alone, strict=True):
                assert mine == pytest.approx(wanted, abs=2e-4)
