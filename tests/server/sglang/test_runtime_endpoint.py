"""The calls that SGLang's frontend language makes of a server, over plain HTTP, to a true one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import Serving, serving

PROMPT = "The naïve tree stands on"
OUTPUT_OPTIONS = {"skip_special_tokens": True, "spaces_between_special_tokens": True}
FRONTEND_PARAMS = {
    "max_new_tokens": 8,
    "min_new_tokens": 0,
    "n": 1,
    "stop": [],
    "stop_token_ids": [],
    "stop_regex": [],
    "temperature": 0.0,
    "top_p": 1.0,
    "top_k": -1,
    "min_p": 0.0,
    "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
    "ignore_eos": False,
    "regex": None,
    "json_schema": None,
    **OUTPUT_OPTIONS,
}
"""What a `gen` of its language sends, one way or another."""


@pytest.fixture(scope="module")
def served(tiny_folder: Path) -> Iterator[Serving]:
    with serving(str(tiny_folder), "--dtype", "float32", "--num-pages", "64") as made:
        made.notice("serving")
        yield made


@pytest.fixture
def http(served: Serving) -> httpx.Client:
    return served.http


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_folder).float().eval()


@pytest.fixture(scope="module")
def tokenizer(tiny_folder: Path) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(tiny_folder / "tokenizer.json"))


def generate(http: httpx.Client, **body: Any) -> Any:
    response = http.post("/generate", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def true_logprobs(reference: Any, ids: Sequence[int]) -> Any:
    """Row p is the model's distribution of the token at place p + 1."""
    import torch

    with torch.inference_mode():
        return reference(torch.tensor([list(ids)])).logits[0].log_softmax(-1)


def test_the_endpoint_asks_for_the_model(http: httpx.Client) -> None:
    info = http.get("/get_model_info").json()
    assert (info["model_path"], info["is_generation"]) == ("tiny", True)
    assert http.get("/health_generate").status_code == 200


def test_generate(http: httpx.Client, tokenizer: Any) -> None:
    answer = generate(http, text=PROMPT, sampling_params=FRONTEND_PARAMS)
    info = answer["meta_info"]
    assert info["finish_reason"] == {"type": "length", "length": 8}
    assert len(answer["output_ids"]) == info["completion_tokens"] == 8
    assert info["prompt_tokens"] == len(tokenizer.encode(PROMPT).ids)
    completion = http.post(
        "/v1/completions", json={"model": "tiny", "prompt": PROMPT, "temperature": 0, "max_tokens": 8}
    ).json()
    assert answer["text"] == completion["choices"][0]["text"]


def test_generate_stream(http: httpx.Client) -> None:
    whole = generate(http, text=PROMPT, sampling_params=FRONTEND_PARAMS)
    body = {"text": PROMPT, "sampling_params": FRONTEND_PARAMS, "stream": True}
    text, ended = "", False
    with http.stream("POST", "/generate", json=body) as response:
        for line in response.iter_lines():
            if not line.startswith("data:"):
                continue
            if line == "data: [DONE]":
                ended = True
                break
            data = json.loads(line[5:])
            assert data["text"].startswith(text)
            text = data["text"]
            last = data
    assert ended
    assert (text, last["output_ids"]) == (whole["text"], whole["output_ids"])
    assert last["meta_info"]["finish_reason"] == whole["meta_info"]["finish_reason"]


def test_a_cached_prefix_is_found(http: httpx.Client) -> None:
    prefix = "a prefix that is put into the cache, and which many prompts begin with " * 2
    first = generate(http, text=prefix, sampling_params={"max_new_tokens": 0})
    assert (first["text"], first["output_ids"]) == ("", [])
    assert first["meta_info"]["finish_reason"] == {"type": "length", "length": 0}
    assert first["meta_info"]["cached_tokens"] < 16
    later = generate(http, text=prefix + "and then", sampling_params={"max_new_tokens": 1})
    assert later["meta_info"]["cached_tokens"] >= first["meta_info"]["prompt_tokens"] // 16 * 16
    assert http.post("/flush_cache", json={"empty_cache": True}).status_code == 200
    again = generate(http, text=prefix + "and then", sampling_params={"max_new_tokens": 1})
    assert again["meta_info"]["cached_tokens"] == 0


@pytest.mark.parametrize("start", [0, 1, 5])
def test_prompt_logprobs_are_the_models(http: httpx.Client, reference: Any, tokenizer: Any, start: int) -> None:
    ids = tokenizer.encode(PROMPT).ids
    info = generate(
        http, text=PROMPT, sampling_params={"max_new_tokens": 0}, return_logprob=True, logprob_start_len=start,
        top_logprobs_num=3,
    )["meta_info"]  # fmt: skip
    expected = true_logprobs(reference, ids)
    entries = info["input_token_logprobs"]
    assert [entry[1] for entry in entries] == ids[start:]
    for place, (entry, top) in enumerate(zip(entries, info["input_top_logprobs"], strict=True), start):
        if place == 0:
            assert (entry[0], top) == (None, None)
            continue
        assert entry[0] == pytest.approx(float(expected[place - 1, ids[place]]), abs=1e-4)
        best = expected[place - 1].topk(3)
        assert [each[0] for each in top] == pytest.approx(best.values.tolist(), abs=1e-4)
    assert info["output_token_logprobs"] == []


def test_output_logprobs_are_those_of_completions(http: httpx.Client) -> None:
    answer = generate(http, text=PROMPT, sampling_params=FRONTEND_PARAMS, return_logprob=True)
    completion = http.post(
        "/v1/completions", json={"model": "tiny", "prompt": PROMPT, "temperature": 0, "max_tokens": 8, "logprobs": 0}
    ).json()
    values = [entry[0] for entry in answer["meta_info"]["output_token_logprobs"]]
    assert values == pytest.approx(completion["choices"][0]["logprobs"]["token_logprobs"], abs=1e-4)


def test_select(http: httpx.Client, reference: Any, tokenizer: Any) -> None:
    """As SGLang's `select` does: the prompt is cached, then all choices are scored from two tokens before its end."""
    choices = [" a hill", " the river", " one leg"]
    obj = generate(http, text=PROMPT, sampling_params={"max_new_tokens": 0})
    start = max(obj["meta_info"]["prompt_tokens"] - 2, 0)
    answers = generate(
        http,
        text=[PROMPT + choice for choice in choices],
        sampling_params={"max_new_tokens": 0, "temperature": 0},
        return_logprob=True,
        return_text_in_logprobs=True,
        logprob_start_len=start,
    )
    assert [each["meta_info"]["output_token_logprobs"] for each in answers] == [[]] * 3
    for choice, answer in zip(choices, answers, strict=True):
        ids = tokenizer.encode(PROMPT + choice).ids
        expected = true_logprobs(reference, ids)
        entries = answer["meta_info"]["input_token_logprobs"]
        assert [entry[1] for entry in entries] == ids[start:]
        assert entries[0][0] is not None, "the healed token has a true log-probability too"
        total = math.fsum(entry[0] for entry in entries)
        wanted = math.fsum(float(expected[place - 1, ids[place]]) for place in range(start, len(ids)))
        assert total == pytest.approx(wanted, abs=1e-3)
        assert (PROMPT + choice).endswith("".join(entry[2] for entry in entries))


def test_select_asks_for_unconditional_logprobs_by_ids(http: httpx.Client, reference: Any, tokenizer: Any) -> None:
    batch = [tokenizer.encode(choice).ids for choice in (" a hill", " the river")]
    answers = generate(
        http, input_ids=batch, sampling_params={"max_new_tokens": 0}, return_logprob=True, logprob_start_len=0
    )
    for ids, answer in zip(batch, answers, strict=True):
        expected = true_logprobs(reference, ids)
        (first, *rest) = [entry[0] for entry in answer["meta_info"]["input_token_logprobs"]]
        assert first is None
        assert rest == pytest.approx([float(expected[at - 1, ids[at]]) for at in range(1, len(ids))], abs=1e-4)


def test_a_regex_is_kept(http: httpx.Client) -> None:
    answer = generate(
        http, text=PROMPT, sampling_params={**FRONTEND_PARAMS, "regex": "(True|False)", "temperature": 1.0}
    )
    assert answer["text"] in ("True", "False")
    assert answer["meta_info"]["finish_reason"]["type"] == "stop"


def test_a_number_ends_at_a_space(http: httpx.Client) -> None:
    """Its `gen(dtype=int)`: a regex that lets space follow, and stop strings that end there."""
    number = {**FRONTEND_PARAMS, "regex": "[-+]?[0-9]+[ \\n]*", "stop": [" ", "\n"], "temperature": 1.0}
    answers = generate(http, text=[PROMPT] * 6, sampling_params=number)
    assert all(answer["text"] == answer["text"].strip() for answer in answers)
    assert all(isinstance(int(answer["text"]), int) for answer in answers)


def test_the_engines_refusals_name_their_field(http: httpx.Client) -> None:
    for name, value in (("json_schema", "{"), ("json_schema", {"type": "x"}), ("regex", "(a"), ("ebnf", "root ::= b")):
        params = [{}, {name: value}]
        response = http.post("/generate", json={"text": ["a", "b"], "sampling_params": params})
        assert response.status_code == 400
        error = response.json()["error"]
        assert (error["param"], error["code"]) == (f"sampling_params.{name}", "invalid_grammar")


def test_a_prompt_over_the_context_is_named(http: httpx.Client) -> None:
    for body, param in (({"text": "x" * 600}, "text"), ({"input_ids": [1] * 600}, "input_ids")):
        response = http.post("/generate", json=body)
        assert response.status_code == 400
        error = response.json()["error"]
        assert (error["param"], error["code"]) == (param, "context_length_exceeded")
        response = http.post("/generate", json={**body, "return_logprob": True, "logprob_start_len": 0})
        assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_the_books_are_right_after_all_this(http: httpx.Client) -> None:
    info = http.get("/get_server_info").json()
    assert info["books"] == "ok"
    assert info["stats"]["running"] == info["stats"]["waiting"] == info["stats"]["pages_in_use"] == 0
    assert info["max_total_num_tokens"] == 64 * info["page_size"]
