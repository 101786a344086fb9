"""Law 7 in bfloat16: our log-probabilities are as near to float32's as those of `transformers`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from families import FAMILIES

from weft.request import ScoreRequest
from weft.runtime import Engine


@pytest.mark.parametrize("name", ["gemma2", "gemma3", "mixtral", "phi3-long", "qwen3"])
def test_bfloat16_is_as_near_as_transformers(name: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    family = FAMILIES[name]
    folder = family.write(tmp_path / name)
    ids = torch.randint(0, 300, (90,), generator=torch.Generator().manual_seed(1)).tolist()

    def ours(dtype: str) -> torch.Tensor:
        with Engine(folder, device="cpu", dtype=dtype, prefill_chunk=32, **family.options) as engine:
            request = ScoreRequest(id=dtype, prompt=tuple(ids[:1]), choices=(tuple(ids[1:]),))
            return torch.tensor(engine.score(request).result(60).token_logprobs[0])

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    with torch.inference_mode():
        logprobs = model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
    theirs = logprobs[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    exact = ours("float32")
    assert (ours("bfloat16") - exact).abs().mean() <= 1.3 * (theirs - exact).abs().mean()
