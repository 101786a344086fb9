"""/v1/embeddings as OpenAI's client sees it, over a scripted engine."""

from __future__ import annotations

import base64
import json
import struct
from http.client import HTTPConnection

import httpx
import openai
import pytest

from weft.errors import EngineError, PromptTooLong
from weft.request import Pooling

from .conftest import RunningServer
from .fake_engine import ROLES, Hold

MODEL = "fake-model"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("é", [tuple("é".encode())]),
        ([1, 2, 3], [(1, 2, 3)]),
        (["a", "bc"], [(97,), (98, 99)]),
        ([[1], [2, 3]], [(1,), (2, 3)]),
    ],
)
def test_input_forms(
    client: openai.OpenAI, server: RunningServer, given: object, expected: list[tuple[int, ...]]
) -> None:
    answer = client.embeddings.create(model=MODEL, input=given)  # type: ignore[arg-type]
    assert sorted(request.prompt for request in server.engine.judged) == expected
    assert [item.index for item in answer.data] == list(range(len(expected)))
    tokens = sum(map(len, expected))
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (tokens, tokens)
    assert (answer.object, answer.model, answer.data[0].object) == ("list", MODEL, "embedding")


def test_both_encodings_say_the_same(client: openai.OpenAI, http: httpx.Client) -> None:
    body = {"model": MODEL, "input": "Hi"}
    assert client.embeddings.create(**body).data[0].embedding == pytest.approx([0.6, 0.8])  # base64, read by the client
    assert client.embeddings.create(**body, encoding_format="float").data[0].embedding == [0.6, 0.8]
    assert http.post("/v1/embeddings", json=body).json()["data"][0]["embedding"] == [0.6, 0.8]
    packed = http.post("/v1/embeddings", json=body | {"encoding_format": "base64"}).json()["data"][0]["embedding"]
    assert base64.b64decode(packed) == struct.pack("<2f", 0.6, 0.8)


def test_answers_stand_in_the_inputs_order(client: openai.OpenAI, server: RunningServer) -> None:
    server.engine.embedding = lambda request: (float(request.prompt[0]), float(len(request.prompt)))
    answer = client.embeddings.create(model=MODEL, input=[[at] * (at + 1) for at in range(200)])
    assert [item.embedding for item in answer.data] == [[at, at + 1] for at in range(200)]


def test_options_reach_the_engine(client: openai.OpenAI, server: RunningServer) -> None:
    extra = {"pooling": "mean", "cache_salt": "salt", "priority": 3}
    client.embeddings.create(model=MODEL, input="<|user|>Hi", dimensions=2, user="me", extra_body=extra)
    client.embeddings.create(model=MODEL, input="Hi")
    salted, plain = server.engine.judged
    assert (salted.pooling, salted.cache_salt, salted.priority) == (Pooling.MEAN, "salt", 3)
    assert (plain.pooling, plain.cache_salt, plain.priority) == (Pooling.LAST, "", 0)
    assert salted.prompt == (ROLES["user"], *b"Hi"), "an input may name special tokens, as a prompt may"


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": [[1], [262]]}, "input[1]"),
        ({"input": [-1]}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": [1, "a"]}, "input"),
        ({"dimensions": 3}, "dimensions"),
        ({"dimensions": 0}, "dimensions"),
        ({"pooling": "cls"}, "pooling"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"truncate_prompt_tokens": 8}, "truncate_prompt_tokens"),
        ({"normalize": False}, "normalize"),
        ({"embed_dtype": "float16"}, "embed_dtype"),
        ({"inputs": "Hi"}, "inputs"),
    ],
)
def test_refusals_name_the_field(
    http: httpx.Client, server: RunningServer, options: dict[str, object], param: str
) -> None:
    answer = http.post("/v1/embeddings", json={"model": MODEL, "input": "Hi"} | options)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"].startswith(param)
    assert param in error["message"]
    assert server.engine.judged == []


def test_nulls_and_what_asks_for_nothing_are_taken(http: httpx.Client) -> None:
    nulls = dict.fromkeys(["encoding_format", "dimensions", "pooling", "cache_salt", "priority", "user", "messages"])
    body = {"model": MODEL, "input": "Hi", "normalize": True, "add_special_tokens": False} | nulls
    assert http.post("/v1/embeddings", json=body).status_code == 200


def test_another_model_is_not_found(http: httpx.Client) -> None:
    answer = http.post("/v1/embeddings", json={"model": "other", "input": "Hi"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


def test_a_fault_of_one_input_names_it_and_gives_the_others_up(http: httpx.Client, server: RunningServer) -> None:
    too_long = PromptTooLong("the prompt has 101 tokens; the context holds 100", param="prompt")
    server.engine.embedding = lambda request: too_long if request.prompt == (98,) else Hold()
    answer = http.post("/v1/embeddings", json={"model": MODEL, "input": ["a", "b", "c"]})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "input[1]"
    assert answer.json()["error"]["code"] == "context_length_exceeded"
    given_up = {server.engine.aborted.get(timeout=30) for _ in range(2)}
    assert {name[-2:] for name in given_up} == {"-0", "-2"}


def test_an_engines_failure_is_the_servers(http: httpx.Client, server: RunningServer) -> None:
    server.engine.embedding = lambda request: EngineError("broken")
    assert http.post("/v1/embeddings", json={"model": MODEL, "input": "Hi"}).status_code == 500


def test_all_are_given_up_when_the_client_goes(server: RunningServer) -> None:
    server.engine.embedding = lambda request: Hold()
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    body = json.dumps({"model": MODEL, "input": ["a", "b"]})
    connection.request("POST", "/v1/embeddings", body, {"Content-Type": "application/json"})
    submitted = {server.engine.submitted.get(timeout=30) for _ in range(2)}
    connection.close()
    assert {server.engine.aborted.get(timeout=30) for _ in range(2)} == submitted
