"""/generate over a scripted engine: what its answers look like, and what reaches the engine."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from weft.errors import Overloaded
from weft.request import ConstraintKind, TokenEvent

from ..conftest import RunningServer
from ..fake_engine import EOS, End, FinishReason


def post(http: httpx.Client, **body: Any) -> Any:
    response = http.post("/generate", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def chunks(http: httpx.Client, **body: Any) -> list[Any]:
    with http.stream("POST", "/generate", json={**body, "stream": True}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        frames = response.read().decode().split("\n\n")
    assert frames[-2:] == ["data: [DONE]", ""]
    return [json.loads(each.removeprefix("data: ")) for each in frames[:-2]]


def test_one_text(http: httpx.Client, server: RunningServer) -> None:
    answer = post(http, text="Hi")
    assert answer.pop("meta_info").keys() == {
        "id", "finish_reason", "prompt_tokens", "completion_tokens", "cached_tokens", "weight_version", "e2e_latency",
    }  # fmt: skip
    assert answer == {"text": "Hello!", "output_ids": [*b"Hl!"]}
    (request,) = server.engine.requests
    assert request.prompt == tuple(b"Hi")
    sampling = request.sampling
    assert (sampling.max_tokens, sampling.temperature, sampling.top_k, sampling.top_p) == (128, 1.0, 0, 1.0)
    assert not sampling.logprobs


def test_numbers_of_the_answer(http: httpx.Client) -> None:
    info = post(http, text="Hi", rid="mine")["meta_info"]
    assert info["id"] == "mine"
    assert (info["prompt_tokens"], info["completion_tokens"], info["cached_tokens"]) == (2, 3, 2)
    assert info["finish_reason"] == {"type": "stop", "matched": EOS}
    assert info["e2e_latency"] >= 0


@pytest.mark.parametrize(
    ("end", "finish"),
    [
        (End(FinishReason.LENGTH), {"type": "length", "length": 2}),
        (End(FinishReason.STOP, stop_reason="x"), {"type": "stop", "matched": "x"}),
        (End(FinishReason.STOP), {"type": "stop", "matched": None}),
    ],
)
def test_why_it_ended(http: httpx.Client, server: RunningServer, end: End, finish: Any) -> None:
    server.engine.script = lambda request: ["a", "b", end]
    assert post(http, text="Hi")["meta_info"]["finish_reason"] == finish


def test_no_stop_trim_keeps_what_ended_the_text(http: httpx.Client, server: RunningServer) -> None:
    server.engine.script = lambda request: ["a", End(FinishReason.STOP, stop_reason="STOP")]
    assert post(http, text="Hi", sampling_params={"stop": "STOP", "no_stop_trim": True})["text"] == "aSTOP"
    server.engine.script = lambda request: ["a", End(FinishReason.STOP, stop_reason=66)]
    assert post(http, text="Hi", sampling_params={"stop_token_ids": [66], "no_stop_trim": True})["text"] == "aB"
    assert post(http, text="Hi", sampling_params={"stop_token_ids": [66]})["text"] == "a"


def test_every_option_reaches_the_engine(http: httpx.Client, server: RunningServer) -> None:
    params = {
        "max_new_tokens": 5, "min_new_tokens": 2, "temperature": 0.5, "top_p": 0.9, "top_k": 4, "min_p": 0.1,
        "frequency_penalty": -0.5, "presence_penalty": 0.25, "repetition_penalty": 1.5, "stop": ["a", "b"],
        "stop_token_ids": [9], "ignore_eos": True, "logit_bias": {"65": 3, "3": -100}, "sampling_seed": 7,
        "skip_special_tokens": True, "spaces_between_special_tokens": True, "stop_regex": [], "custom_params": None,
    }  # fmt: skip
    post(http, input_ids=[1, 2], sampling_params=params, priority=3, cache_salt="salt")
    (request,) = server.engine.requests
    sampling = request.sampling
    assert (request.prompt, request.cache_salt, request.priority) == ((1, 2), "salt", 3)
    assert (sampling.max_tokens, sampling.temperature, sampling.top_p, sampling.seed) == (5, 0.5, 0.9, 7)
    assert (sampling.stop, sampling.stop_token_ids) == (("a", "b"), (9,))
    assert (sampling.presence_penalty, sampling.frequency_penalty, sampling.repetition_penalty) == (0.25, -0.5, 1.5)
    assert (sampling.top_k, sampling.min_p, sampling.min_tokens, sampling.ignore_eos) == (4, 0.1, 2, True)
    assert sampling.logit_bias == ((3, -100.0), (65, 3.0))


def test_nulls_are_defaults(http: httpx.Client, server: RunningServer) -> None:
    from weft.server.sglang.requests import GenerateBody, SamplingParams

    names = [*GenerateBody.model_fields, *GenerateBody.refused]
    inner = [*SamplingParams.model_fields, *SamplingParams.refused]
    post(http, **{**dict.fromkeys(names), "text": "Hi"})
    post(http, **{**dict.fromkeys(names), "text": "Hi", "sampling_params": dict.fromkeys(inner)})
    post(http, text="Hi")
    first, second, third = (request.sampling for request in server.engine.requests)
    assert first == second == third


def test_lists_are_answered_by_flat_lists(http: httpx.Client, server: RunningServer) -> None:
    server.engine.script = lambda request: [f"{bytes(request.prompt).decode()}{request.sampling.seed}"]
    assert [each["text"] for each in post(http, text=["a"], sampling_params={"sampling_seed": 1})] == ["a1"]
    answers = post(http, text=["a", "b"], sampling_params={"n": 2, "sampling_seed": 1})
    assert [each["text"] for each in answers] == ["a1", "a2", "b1", "b2"]
    answers = post(http, input_ids=[97], sampling_params={"n": 2, "sampling_seed": 1})
    assert [each["text"] for each in answers] == ["a1", "a2"]
    answers = post(http, input_ids=[[97], [98, 99]], sampling_params=[{"sampling_seed": 1}, {"sampling_seed": 5}])
    assert [each["text"] for each in answers] == ["a1", "bc5"]
    assert [each["meta_info"]["prompt_tokens"] for each in answers] == [1, 2]


def test_names(http: httpx.Client) -> None:
    def names(**body: Any) -> list[str]:
        return [each["meta_info"]["id"] for each in post(http, **body)]

    assert names(text=["a", "b"], rid="x") == ["x_0", "x_1"]
    assert names(text=["a", "b"], rid=["x", "y"]) == ["x", "y"]
    assert names(text=["a", "b"], rid=["x", "y"], sampling_params={"n": 2}) == ["x_0", "x_1", "y_0", "y_1"]
    assert len(set(names(text=["a", "b"]))) == 2


def test_constraints(http: httpx.Client, server: RunningServer) -> None:
    schema = {"type": "object"}
    for params in (
        {"regex": "a+"}, {"json_schema": json.dumps(schema)}, {"json_schema": schema}, {"ebnf": "root ::= [ab]"},
        {"structural_tag": {"type": "structural_tag", "format": {"type": "any_text"}}},
    ):  # fmt: skip
        post(http, text="Hi", sampling_params=params)
    kinds = [request.constraint.kind for request in server.engine.requests if request.constraint is not None]
    assert kinds == [
        ConstraintKind.REGEX, ConstraintKind.JSON_SCHEMA, ConstraintKind.JSON_SCHEMA, ConstraintKind.GRAMMAR,
        ConstraintKind.STRUCTURAL_TAG,
    ]  # fmt: skip


def test_cache_keys_are_kept_apart(http: httpx.Client, server: RunningServer) -> None:
    post(http, text=["a"] * 3, cache_salt=["x", "x", "xy"], extra_key=["", "y", ""])
    salts = [request.cache_salt for request in server.engine.requests]
    assert len(set(salts)) == 3
    assert salts[0] == "x"


def test_output_logprobs(http: httpx.Client, server: RunningServer) -> None:
    server.engine.script = lambda request: ["H", "i"]
    info = post(http, text="x", return_logprob=True, top_logprobs_num=2, return_text_in_logprobs=True)["meta_info"]
    assert info["output_token_logprobs"] == [[-0.5, 72, "H"], [-0.5, 105, "i"]]
    assert info["output_top_logprobs"][0] == [[-0.5, 72, "H"], [-1.5, 73, "I"]]
    assert (info["input_token_logprobs"], info["input_top_logprobs"]) == ([], [])
    info = post(http, text="x", return_logprob=True)["meta_info"]
    assert info["output_token_logprobs"] == [[-0.5, 72, None], [-0.5, 105, None]]
    assert "output_top_logprobs" not in info
    assert "input_top_logprobs" not in info
    info = post(http, text="x", return_logprob=False, top_logprobs_num=0, logprob_start_len=-1)["meta_info"]
    assert "output_token_logprobs" not in info
    assert server.engine.judged == []


def test_an_impossible_tokens_logprob_is_json(http: httpx.Client, server: RunningServer) -> None:
    minus_infinity = float("-inf")
    server.engine.script = lambda request: [TokenEvent("", 65, "A", minus_infinity, ((66, minus_infinity),))]
    info = post(http, text="x", return_logprob=True, top_logprobs_num=1)["meta_info"]
    assert info["output_token_logprobs"] == [[-9999.0, 65, None]]


def test_a_streams_texts_are_cumulative(http: httpx.Client) -> None:
    parts = chunks(http, text="Hi", return_logprob=True)
    assert [part["text"] for part in parts] == ["Hel", "Hello", "Hello!", "Hello!"]
    assert [part["output_ids"] for part in parts[:3]] == [[*b"H"], [*b"Hl"], [*b"Hl!"]]
    assert [part["meta_info"]["finish_reason"] for part in parts[:3]] == [None] * 3
    assert parts[-1]["meta_info"]["finish_reason"] == {"type": "stop", "matched": EOS}
    assert [len(part["meta_info"]["output_token_logprobs"]) for part in parts] == [1, 2, 3, 3]
    assert ["input_token_logprobs" in part["meta_info"] for part in parts] == [True, False, False, True]
    assert not any("index" in part for part in parts)


def test_a_batchs_chunks_say_whose_they_are(http: httpx.Client, server: RunningServer) -> None:
    server.engine.script = lambda request: list(f"{bytes(request.prompt).decode()}{request.sampling.seed}.")
    texts: dict[int, str] = {}
    for part in chunks(http, text=["a", "b"], sampling_params={"n": 2, "sampling_seed": 5}):
        assert part["text"].startswith(texts.get(part["index"], ""))
        texts[part["index"]] = part["text"]
    assert texts == {0: "a5.", 1: "a6.", 2: "b5.", 3: "b6."}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "text"),
        ({"text": "a", "input_ids": [1]}, "input_ids"),
        ({"text": ""}, "text"),
        ({"text": []}, "text"),
        ({"text": ["a", ""]}, "text[1]"),
        ({"text": ["a"] * 4}, "text"),
        ({"input_ids": [[1], [300]]}, "input_ids[1]"),
        ({"text": "a", "sampling_params": {"n": 5}}, "sampling_params.n"),
        ({"text": ["a"] * 3, "sampling_params": {"n": 3}}, "sampling_params.n"),
        ({"text": ["a", "b"], "sampling_params": [{"n": 2}, {}]}, "sampling_params.n"),
        ({"text": ["a", "b"], "sampling_params": [{}]}, "sampling_params"),
        ({"text": ["a", "b"], "return_logprob": [True]}, "return_logprob"),
        ({"text": "a", "logprob_start_len": 2, "return_logprob": True}, "logprob_start_len"),
        ({"text": "a", "logprob_start_len": -2}, "logprob_start_len"),
        ({"text": "a", "top_logprobs_num": 21, "return_logprob": True}, "top_logprobs_num"),
        ({"text": "a", "top_logprobs_num": 2}, "top_logprobs_num"),
        ({"text": "a", "logprob_start_len": 0}, "logprob_start_len"),
        ({"text": ["a", "b"], "return_logprob": [True, False], "top_logprobs_num": [0, 1]}, "top_logprobs_num"),
        ({"text": "a", "sampling_params": {"max_new_tokens": -1}}, "sampling_params.max_new_tokens"),
        ({"text": "a", "sampling_params": {"min_new_tokens": -1}}, "sampling_params.min_new_tokens"),
        ({"text": "a", "sampling_params": {"sampling_seed": 2**64 - 1}}, "sampling_params.sampling_seed"),
        ({"text": "a", "sampling_params": {"temperature": -1}}, "sampling_params.temperature"),
        ({"text": "a", "sampling_params": {"logit_bias": {"x": 1}}}, "sampling_params.logit_bias"),
        ({"text": "a", "sampling_params": {"regex": "a", "ebnf": "b"}}, "sampling_params.ebnf"),
        ({"text": "a", "rid": ["x", "y"]}, "rid"),
        ({"text": ["a", "b"], "rid": ["x", "x"]}, "rid"),
        ({"text": "a", "rid": ""}, "rid"),
    ],
)
def test_what_is_wrong_is_named(http: httpx.Client, body: Any, param: str) -> None:
    response = http.post("/generate", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


@pytest.mark.parametrize(
    "body",
    [
        {"image_data": "x"}, {"lora_path": "x"}, {"session_params": {}}, {"return_hidden_states": True},
        {"bootstrap_host": "x"}, {"custom_logit_processor": "x"}, {"log_metrics": False}, {"nonsense": None},
        {"token_ids_logprob": [1]}, {"input_embeds": [[1.0]]}, {"return_routed_experts": True}, {"model": "x"},
    ],
)  # fmt: skip
def test_what_is_not_served_is_refused_by_name(http: httpx.Client, body: dict[str, Any]) -> None:
    response = http.post("/generate", json={"text": "a", **body})
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["param"], error["code"]) == (next(iter(body)), "unknown_option")


@pytest.mark.parametrize("name", ["stop_regex", "custom_params", "beam_width", "nonsense", "seed"])
def test_sampling_params_that_are_not_served_are_refused_by_name(http: httpx.Client, name: str) -> None:
    response = http.post("/generate", json={"text": "a", "sampling_params": {name: "x"}})
    assert response.status_code == 400
    assert name in response.json()["error"]["message"]
    assert response.json()["error"]["code"] == "unknown_option"


@pytest.mark.parametrize("stream", [False, True])
def test_the_engines_refusals_have_their_status(http: httpx.Client, server: RunningServer, stream: bool) -> None:
    server.engine.refusal = Overloaded("try again later")
    response = http.post("/generate", json={"text": "a", "stream": stream})
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "overloaded"
