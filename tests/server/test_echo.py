"""Completions that echo their prompt, with its log-probabilities, as evaluation harnesses ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from serving import Serving, serving, stats

MODEL = "tiny"
PROMPT = "The naïve tree"


@pytest.fixture(scope="module")
def served(tiny_folder: Path) -> Iterator[Serving]:
    with serving(str(tiny_folder), "--dtype", "float32", "--num-pages", "64") as made:
        made.notice("serving")
        yield made


@pytest.fixture(scope="module")
def client(served: Serving) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="-", max_retries=0, timeout=120) as made:
        yield made


def complete(client: openai.OpenAI, **options: Any) -> Any:
    return client.completions.create(**{"model": MODEL, "prompt": PROMPT, "temperature": 0, "max_tokens": 4, **options})


def test_an_echo_is_the_prompt_and_then_the_answer(client: openai.OpenAI) -> None:
    plain = complete(client).choices[0].text
    answer = complete(client, echo=True)
    assert answer.choices[0].text == PROMPT + plain
    assert answer.usage.completion_tokens == 4


@pytest.mark.parametrize("stream", [False, True])
def test_an_echo_has_the_prompts_logprobs(client: openai.OpenAI, stream: bool) -> None:
    answer = complete(client, echo=True, logprobs=2, stream=stream)
    choices = [chunk.choices[0] for chunk in answer] if stream else [answer.choices[0]]
    parts = [choice.logprobs for choice in choices if choice.logprobs]
    text = "".join(choice.text for choice in choices)
    tokens = [token for part in parts for token in part.tokens]
    logprobs = [value for part in parts for value in part.token_logprobs]
    tops = [top for part in parts for top in part.top_logprobs]
    offsets = [offset for part in parts for offset in part.text_offset]
    assert logprobs[0] is None
    assert tops[0] is None
    assert all(value < 0 for value in logprobs[1:])
    assert all(top[token] == value for token, value, top in zip(tokens[1:], logprobs[1:], tops[1:], strict=True))
    assert all(len(top) in (2, 3) for top in tops[1:])
    assert offsets == sorted(offsets)
    for token, offset in zip(tokens, offsets, strict=True):
        assert token.startswith(("bytes:", "<token")) or text.startswith(token, offset)


def test_a_prompt_is_judged_as_it_would_have_been_generated(client: openai.OpenAI) -> None:
    generated = complete(client, max_tokens=6, logprobs=0)
    text = PROMPT + generated.choices[0].text
    judged = complete(client, prompt=text, echo=True, logprobs=0, max_tokens=0)
    assert judged.choices[0].text == text
    assert judged.choices[0].finish_reason == "length"
    values = generated.choices[0].logprobs.token_logprobs
    if judged.usage.prompt_tokens == generated.usage.prompt_tokens + len(values):  # the text has the same tokens again
        assert judged.choices[0].logprobs.token_logprobs[-len(values) :] == pytest.approx(values, abs=1e-4)


def test_the_generation_finds_the_echoed_prompt_in_the_cache(client: openai.OpenAI, served: Serving) -> None:
    prompt = "one long prompt of its own, of many tokens: " * 3

    def ask() -> Any:
        return complete(client, prompt=prompt, echo=True, logprobs=1, max_tokens=1).usage

    before = stats(served)["cached_tokens"]
    usage = ask()
    assert usage.prompt_tokens_details.cached_tokens == 0, "nobody had asked for it"
    assert stats(served)["cached_tokens"] - before >= usage.prompt_tokens - 32, "it was computed once"
    assert ask().prompt_tokens == usage.prompt_tokens


def test_a_prompt_of_one_token_has_no_logprob(client: openai.OpenAI) -> None:
    answer = complete(client, prompt=[65], echo=True, logprobs=1, max_tokens=0)
    assert answer.choices[0].logprobs.token_logprobs == [None]


def test_several_prompts_and_choices_are_echoed_each(client: openai.OpenAI) -> None:
    answer = complete(client, prompt=["one", "two"], echo=True, n=2, max_tokens=1)
    assert [choice.text[:3] for choice in answer.choices] == ["one", "one", "two", "two"]


def post(served: Serving, path: str, **body: Any) -> Any:
    response = httpx.post(f"{served.url}{path}", json={"model": MODEL, "max_tokens": 3, **body}, timeout=120)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("most", [0, 3])
def test_prompt_logprobs_of_a_completion_are_those_of_an_echo(
    client: openai.OpenAI, served: Serving, echo: bool, most: int
) -> None:
    parts = complete(client, echo=True, logprobs=1, max_tokens=0).choices[0].logprobs
    answer = post(served, "/v1/completions", prompt=PROMPT, prompt_logprobs=most, echo=echo, n=2, temperature=0)
    assert answer["choices"][0]["prompt_logprobs"] == answer["choices"][1]["prompt_logprobs"]
    first, *places = answer["choices"][0]["prompt_logprobs"]
    assert first is None
    assert len(places) == answer["usage"]["prompt_tokens"] - 1
    for place, logprob in zip(places, parts.token_logprobs[1:], strict=True):
        own = next(iter(place.values()))
        assert own["logprob"] == pytest.approx(logprob, abs=1e-4)
        assert len(place) in (max(most, 1), most + 1)
        ranked = sorted((entry for entry in place.values() if entry["rank"]), key=lambda entry: entry["rank"])
        assert [entry["rank"] for entry in ranked] == list(range(1, most + 1))
        assert [entry["logprob"] for entry in ranked] == sorted((e["logprob"] for e in ranked), reverse=True)
    assert "".join(next(iter(place.values()))["decoded_token"] for place in places)[-5:] == " tree"
    assert answer["choices"][0]["text"].startswith(PROMPT) == echo


def test_prompt_logprobs_of_a_chat(served: Serving) -> None:
    messages = [{"role": "user", "content": "Is it known?"}]
    answer = post(served, "/v1/chat/completions", messages=messages, prompt_logprobs=1)
    first, *places = answer["prompt_logprobs"]
    assert first is None
    assert len(places) == answer["usage"]["prompt_tokens"] - 1
    assert next(iter(places[-1].values()))["decoded_token"] == "<|assistant|>"
    assert "prompt_logprobs" not in post(served, "/v1/chat/completions", messages=messages)


def test_a_prompt_of_one_token_has_no_logprobs(served: Serving) -> None:
    answer = post(served, "/v1/completions", prompt=[3], prompt_logprobs=2)
    assert answer["choices"][0]["prompt_logprobs"] == [None]


def test_prompt_logprobs_are_bounded_over_prompts_and_choices(served: Serving) -> None:
    body = {"model": MODEL, "prompt": [[5] * 600] * 4, "prompt_logprobs": 20, "n": 4, "max_tokens": 1}
    response = httpx.post(f"{served.url}/v1/completions", json=body, timeout=120)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "prompt_logprobs"
    assert "201600 tokens would be told" in response.json()["error"]["message"]
