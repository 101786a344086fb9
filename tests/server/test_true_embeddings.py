"""Embeddings of a true server, against `transformers`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import torch
from serving import serving

TEXTS = ["The naïve tree", "a longer text, one that fills more than a single page of the cache"]


@pytest.fixture(scope="module")
def client(tiny_folder: Path) -> Iterator[openai.OpenAI]:
    with serving(str(tiny_folder), "--dtype", "float32", "--num-pages", "64") as served:
        served.notice("serving")
        with openai.OpenAI(base_url=f"{served.url}/v1", api_key="-", max_retries=0, timeout=120) as made:
            yield made


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32).eval()


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_they_are_the_models_hidden_states(
    client: openai.OpenAI, reference: Any, tiny_folder: Path, pooling: str
) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tiny_folder / "tokenizer.json"))
    answer = client.embeddings.create(model="tiny", input=TEXTS, dimensions=64, extra_body={"pooling": pooling})
    for text, item in zip(TEXTS, answer.data, strict=True):
        with torch.inference_mode():
            hidden = reference.model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state[0]
        pooled = hidden[-1] if pooling == "last" else hidden.mean(dim=0)
        assert item.embedding == pytest.approx((pooled / pooled.norm()).tolist(), abs=1e-4)
    assert answer.usage.prompt_tokens == sum(len(tokenizer.encode(text).ids) for text in TEXTS)


def test_an_input_over_the_context_is_named(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="tiny", input=["fine", "x" * 600])
    assert (caught.value.param, caught.value.code) == ("input[1]", "context_length_exceeded")
