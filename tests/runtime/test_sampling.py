"""Every sampling option against plain Python over the logits of `transformers`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from slow_sampler import SlowSampler

from weft.kernels.masked_sample.noise import gumbel
from weft.request import FinishReason, GenerateRequest, GenerateResult, Sampling
from weft.runtime import Engine

PROMPT = "name: the thing"

_ids = itertools.count()


@pytest.fixture(scope="module")
def engine(tiny_folder: Path) -> Iterator[Engine]:
    with Engine(tiny_folder, device="cpu", dtype="float32") as engine:
        yield engine


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32).eval()


def generate(engine: Engine, sampling: Sampling, prompt: str = PROMPT) -> GenerateResult:
    return engine.generate(GenerateRequest(id=f"r{next(_ids)}", prompt=prompt, sampling=sampling)).result(60)


tokens = st.integers(0, 269)
biases = st.dictionaries(tokens, st.sampled_from([-100.0, -3.0, 4.0, 9.0]), max_size=6)
texts = st.sampled_from(["e", "ing", "a", "the", "q", "\x05", "na", "é"])
samplings = st.builds(
    Sampling,
    max_tokens=st.integers(1, 24),
    temperature=st.sampled_from([0.0, 0.0, 0.7, 1.0, 1.6]),
    top_k=st.sampled_from([0, 0, 1, 3, 40]),
    top_p=st.sampled_from([1.0, 1.0, 0.9, 0.3]),
    min_p=st.sampled_from([0.0, 0.0, 0.05, 0.5]),
    seed=st.integers(-(2**63), 2**63 - 1),
    stop=st.lists(texts, max_size=2).map(tuple),
    stop_token_ids=st.lists(tokens, max_size=3).map(tuple),
    min_tokens=st.sampled_from([0, 0, 2, 30]),
    ignore_eos=st.booleans(),
    bad_words=st.lists(texts, max_size=3).map(tuple),
    logit_bias=biases.map(lambda given: tuple(sorted(given.items()))),
    presence_penalty=st.sampled_from([0.0, 1.5, -0.5]),
    frequency_penalty=st.sampled_from([0.0, 1.0, -0.5]),
    repetition_penalty=st.sampled_from([1.0, 1.4, 0.8]),
    logprobs=st.just(True),
    top_logprobs=st.sampled_from([0, 2, 5]),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(samplings)
@example(Sampling(max_tokens=12, logprobs=True, stop=("in",), seed=0))
@example(Sampling(max_tokens=24, temperature=1.0, seed=3, bad_words=("e", "ing", "the"), logprobs=True))
def test_each_token_is_the_one_that_plain_python_draws(engine: Engine, reference: Any, sampling: Sampling) -> None:
    result = generate(engine, sampling)
    prompt = engine.tokenizer.encode(PROMPT)
    with torch.inference_mode():
        logits = reference(torch.tensor([prompt + list(result.token_ids)])).logits[0]
    noise = gumbel(torch.tensor([sampling.seed] * 64), torch.arange(64), logits.shape[1]).tolist()
    slow = SlowSampler(sampling, engine.tokenizer, prompt, noise)
    for at, token in enumerate(result.token_ids):
        place = slow.place(result.token_ids[:at], logits[len(prompt) - 1 + at].tolist())
        assert token in place.tokens
        assert result.logprobs[at] == pytest.approx(place.logprobs[token], abs=1e-3)  # raw, whatever the options
        likeliest = sorted(place.logprobs, reverse=True)[: sampling.top_logprobs]
        assert [logprob for _, logprob in result.top_logprobs[at]] == pytest.approx(likeliest, abs=1e-3)
    check_end(slow, result)


def check_end(slow: SlowSampler, result: GenerateResult) -> None:
    """The text ends at the first thing that ends it, and is everything before that."""
    output, reason = list(result.token_ids), result.stop_reason
    for length in range(1, len(output)):
        assert slow.end(output[:length]) is None
    text = slow.tokenizer.decode(output)
    if result.finish is FinishReason.LENGTH:
        assert len(output) == slow.sampling.max_tokens
        assert slow.end(output) is None
    elif isinstance(reason, str):
        assert slow.end(output) == reason
        text = text[: text.index(reason)]
    else:  # the token that ended it is no part of the output
        assert len(output) >= slow.sampling.min_tokens
        assert reason is None or reason in slow.sampling.stop_token_ids
    assert result.text == text


def test_a_stop_string_is_found_across_token_borders(engine: Engine) -> None:
    whole = generate(engine, Sampling(max_tokens=30, ignore_eos=True))
    pieces = [engine.tokenizer.decode([token]) for token in whole.token_ids]
    at = next(at for at in range(2, 28) if all("�" not in piece and piece for piece in pieces[at : at + 3]))
    stop = pieces[at][-1] + pieces[at + 1] + pieces[at + 2][0]
    result = generate(engine, Sampling(max_tokens=30, ignore_eos=True, stop=("never", stop)))
    assert (result.text, result.stop_reason) == (whole.text[: whole.text.index(stop)], stop)


def test_a_stop_string_is_found_in_what_an_unfinished_character_becomes(engine: Engine) -> None:
    (half,) = engine.tokenizer.encode("ÿ")[:1]  # its first byte
    result = generate(engine, Sampling(max_tokens=1, logit_bias=((half, 100.0),), stop=("\ufffd",)))
    assert (result.text, result.finish, result.stop_reason) == ("", FinishReason.STOP, "\ufffd")


def test_a_stop_id_that_is_end_of_sequence_ends_the_text_where_that_is_ignored(engine: Engine) -> None:
    (end,) = engine.tokenizer.eos_ids
    bias = ((end, 100.0),)
    options: dict[str, Any] = {"max_tokens": 5, "logit_bias": bias, "ignore_eos": True}
    assert generate(engine, Sampling(**options)).token_ids == (end,) * 5
    stopped = generate(engine, Sampling(**options, stop_token_ids=(end,)))
    assert (stopped.token_ids, stopped.stop_reason) == ((), end)


def test_a_bad_word_of_several_tokens_is_not_written(engine: Engine) -> None:
    options: dict[str, Any] = {"max_tokens": 40, "ignore_eos": True, "temperature": 0.7, "seed": 5}
    free = generate(engine, Sampling(**options))
    bad = next(free.text[at : at + 3] for at in range(5, 30) if free.text[at : at + 3].isascii())
    ids = engine.tokenizer.encode(bad)
    assert len(ids) > 1
    result = generate(engine, Sampling(**options, bad_words=(bad,)))
    assert bad in free.text
    places = range(len(result.token_ids))
    assert all(list(result.token_ids[at : at + len(ids)]) != ids for at in places)
    assert result.token_ids[:5] == free.token_ids[:5]
