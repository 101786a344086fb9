"""/v1/completions as OpenAI's client sees it, and as curl does."""

from __future__ import annotations

import json

import httpx
import openai
import pytest

from weft.errors import GrammarError, Overloaded, PromptTooLong
from weft.request import ConstraintKind, FinishReason, TokenEvent

from .conftest import RunningServer
from .fake_engine import ROLES, End, Hold

MODEL = "fake-model"


def test_text_prompt(client: openai.OpenAI, server: RunningServer) -> None:
    answer = client.completions.create(model=MODEL, prompt="Hi")
    assert answer.object == "text_completion"
    assert answer.id.startswith("cmpl-")
    assert answer.model == MODEL
    assert [choice.text for choice in answer.choices] == ["Hello!"]
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].logprobs is None
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (2, 3, 5)
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 2
    (request,) = server.engine.requests
    assert request.prompt == tuple(b"Hi")
    assert request.sampling.max_tokens == 16
    assert (request.sampling.temperature, request.sampling.top_k) == (1.0, 50)  # the model's defaults


def test_every_option_reaches_the_engine(client: openai.OpenAI, server: RunningServer) -> None:
    client.completions.create(
        model=MODEL,
        prompt="Hi",
        max_tokens=5,
        temperature=0.5,
        top_p=0.9,
        seed=7,
        stop=["a", "b"],
        presence_penalty=0.25,
        frequency_penalty=-0.5,
        logit_bias={"65": 3, "3": -100},
        user="me",
        extra_body={
            "top_k": 4,
            "min_p": 0.1,
            "repetition_penalty": 1.5,
            "min_tokens": 2,
            "ignore_eos": True,
            "bad_words": ["ugly"],
            "stop_token_ids": [9],
            "cache_salt": "salt",
            "priority": 3,
        },
    )
    (request,) = server.engine.requests
    sampling = request.sampling
    assert (request.cache_salt, request.priority) == ("salt", 3)
    assert (sampling.max_tokens, sampling.temperature, sampling.top_p, sampling.seed) == (5, 0.5, 0.9, 7)
    assert (sampling.stop, sampling.stop_token_ids) == (("a", "b"), (9,))
    assert (sampling.presence_penalty, sampling.frequency_penalty, sampling.repetition_penalty) == (0.25, -0.5, 1.5)
    assert (sampling.top_k, sampling.min_p, sampling.min_tokens, sampling.ignore_eos) == (4, 0.1, 2, True)
    assert sampling.logit_bias == ((3, -100.0), (65, 3.0))
    assert sampling.bad_words == ("ugly",)


def test_one_stop_string_and_top_k_of_all(client: openai.OpenAI, server: RunningServer) -> None:
    client.completions.create(model=MODEL, prompt="Hi", stop="x", extra_body={"top_k": -1})
    assert server.engine.requests[0].sampling.stop == ("x",)
    assert server.engine.requests[0].sampling.top_k == 0


def test_nulls_are_defaults(http: httpx.Client, server: RunningServer) -> None:
    names = ("max_tokens temperature top_p top_k min_p seed stop stop_token_ids min_tokens ignore_eos bad_words "
             "logit_bias presence_penalty frequency_penalty repetition_penalty n stream stream_options response_format "
             "cache_salt priority user logprobs best_of echo suffix").split()  # fmt: skip
    body = {"model": MODEL, "prompt": "Hi"}
    assert http.post("/v1/completions", json=body | dict.fromkeys(names)).status_code == 200
    assert http.post("/v1/completions", json=body).status_code == 200
    with_nulls, without = server.engine.requests
    assert with_nulls.sampling == without.sampling


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("é", [tuple("é".encode())]),
        ([1, 2, 3], [(1, 2, 3)]),
        (["a", "bc"], [(97,), (98, 99)]),
        ([[1], [2, 3]], [(1,), (2, 3)]),
    ],
)
def test_prompt_forms(
    client: openai.OpenAI, server: RunningServer, prompt: object, expected: list[tuple[int, ...]]
) -> None:
    answer = client.completions.create(model=MODEL, prompt=prompt)  # type: ignore[arg-type]
    assert sorted(request.prompt for request in server.engine.requests) == expected
    assert [choice.index for choice in answer.choices] == list(range(len(expected)))


def test_a_text_prompt_may_name_special_tokens(client: openai.OpenAI, server: RunningServer) -> None:
    client.completions.create(model=MODEL, prompt=["<|user|>Hi", "Hi <|user|>"])
    named, quoted = sorted((request.prompt for request in server.engine.requests), key=len)
    assert named == (ROLES["user"], *b"Hi")
    assert quoted == tuple(b"Hi <|user|>")


def test_several_prompts_of_several_choices(client: openai.OpenAI, server: RunningServer) -> None:
    server.engine.script = lambda request: [f"{bytes(request.prompt).decode()}{request.sampling.seed}"]
    answer = client.completions.create(model=MODEL, prompt=["a", "bb"], n=2, seed=2**63 - 1)
    assert [choice.text for choice in answer.choices] == [
        f"a{2**63 - 1}",
        f"a{-(2**63)}",
        f"bb{2**63 - 1}",
        f"bb{-(2**63)}",
    ]
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 3, "each prompt counts once"
    hints = [(request.prompt, request.hints.fork_group, request.hints.fork_size) for request in server.engine.requests]
    assert len(set(hints)) == len({group for _, group, _ in hints}) == 2, "a prompt's choices are branches of one fork"
    assert {size for _, _, size in hints} == {2}
    assert answer.usage.completion_tokens == 4
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 4


def test_finish_by_length(client: openai.OpenAI, server: RunningServer) -> None:
    server.engine.script = lambda request: ["a", "b", End(FinishReason.LENGTH)]
    answer = client.completions.create(model=MODEL, prompt="Hi")
    assert answer.choices[0].finish_reason == "length"


def test_logprobs(client: openai.OpenAI, server: RunningServer) -> None:
    server.engine.script = lambda request: ["H", "i", "é"]
    (choice,) = client.completions.create(model=MODEL, prompt="x", logprobs=2).choices
    assert choice.logprobs is not None
    assert choice.logprobs.tokens == ["H", "i", "bytes:\\xc3"]
    assert choice.logprobs.token_logprobs == [-0.5] * 3
    assert choice.logprobs.text_offset == [0, 1, 2]
    assert choice.logprobs.top_logprobs is not None
    assert choice.logprobs.top_logprobs[0] == {"H": -0.5, "I": -1.5}
    (choice,) = client.completions.create(model=MODEL, prompt="x", logprobs=0).choices
    assert choice.logprobs is not None
    assert choice.logprobs.top_logprobs is None


def test_an_impossible_tokens_logprob_is_json(client: openai.OpenAI, server: RunningServer) -> None:
    minus_infinity = float("-inf")
    server.engine.script = lambda request: [TokenEvent("", 65, "A", minus_infinity, ((66, minus_infinity),))]
    (choice,) = client.completions.create(model=MODEL, prompt="x", logprobs=1).choices
    assert choice.logprobs is not None
    assert choice.logprobs.token_logprobs == [-9999.0]


def test_response_formats_become_constraints(client: openai.OpenAI, server: RunningServer) -> None:
    schema = {"type": "object", "properties": {"é": {"type": "string"}}}
    formats = [
        {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}},
        {"type": "regex", "pattern": "a+"},
        {"type": "text"},
        {"type": "grammar", "grammar": "root ::= [ab]"},
        {"type": "structural_tag", "format": {"type": "any_text"}},
        {"type": "structural_tag", "structures": [{"begin": "<", "schema": schema, "end": ">"}], "triggers": ["<"]},
    ]
    for form in formats:
        client.completions.create(model=MODEL, prompt="Hi", extra_body={"response_format": form})
    of_schema, of_regex, of_text, *others = [request.constraint for request in server.engine.requests]
    assert of_schema is not None
    assert of_schema.kind is ConstraintKind.JSON_SCHEMA
    assert json.loads(of_schema.source) == schema
    assert of_regex is not None
    assert (of_regex.kind, of_regex.source) == (ConstraintKind.REGEX, "a+")
    assert of_text is None
    of_grammar, of_format, of_structures = others
    assert of_grammar is not None
    assert (of_grammar.kind, of_grammar.source) == (ConstraintKind.GRAMMAR, "root ::= [ab]")
    for constraint, form in ((of_format, formats[4]), (of_structures, formats[5])):
        assert constraint is not None
        assert constraint.kind is ConstraintKind.STRUCTURAL_TAG
        assert {"type": "structural_tag", **json.loads(constraint.source)} == form


def test_stream(client: openai.OpenAI, server: RunningServer) -> None:
    stream = client.completions.create(
        model=MODEL, prompt="Hi", stream=True, stream_options={"include_usage": True}, logprobs=0
    )
    chunks = list(stream)
    assert len({chunk.id for chunk in chunks}) == 1
    assert [chunk.choices[0].text for chunk in chunks[:-1]] == ["Hel", "lo", "!", ""]
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None, None, None, "stop"]
    offsets = [chunk.choices[0].logprobs.text_offset for chunk in chunks[:-1] if chunk.choices[0].logprobs]
    assert offsets == [[0], [3], [5], []]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 5


def test_stream_as_sent(http: httpx.Client, server: RunningServer) -> None:
    server.engine.script = lambda request: ["a", TokenEvent("", 195, ""), "é"]
    with http.stream("POST", "/v1/completions", json={"model": MODEL, "prompt": "Hi", "stream": True}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        frames = response.read().decode().split("\n\n")
    assert frames[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]]
    assert [chunk["choices"][0]["text"] for chunk in chunks] == ["a", "é", ""], "half a character is no chunk"
    assert not any("usage" in chunk for chunk in chunks)
    assert all(choice.keys() == {"index", "text", "logprobs", "finish_reason"} for choice in chunks[0]["choices"])


def test_streams_of_several_choices_add_up(client: openai.OpenAI, server: RunningServer) -> None:
    server.engine.script = lambda request: list(f"{bytes(request.prompt).decode()}, {request.sampling.seed}.")
    texts: dict[int, str] = {}
    for chunk in client.completions.create(model=MODEL, prompt=["a", "b"], n=2, seed=5, stream=True):
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + choice.text
    assert texts == {0: "a, 5.", 1: "a, 6.", 2: "b, 5.", 3: "b, 6."}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("refusal", "status", "param", "code"),
    [
        (PromptTooLong("the prompt has 9 tokens; the context holds 8", param="prompt"), 400, "prompt",
         "context_length_exceeded"),
        (GrammarError("minimum is not enforced", pointer="/minimum", keyword="minimum"), 400, "response_format",
         "invalid_grammar"),
        (Overloaded("try again later"), 503, None, "overloaded"),
        (RuntimeError("secret detail"), 500, None, "engine_error"),
    ],
)  # fmt: skip
def test_the_engines_refusals_have_their_status_even_for_streams(
    http: httpx.Client,
    server: RunningServer,
    refusal: Exception,
    status: int,
    param: str | None,
    code: str,
    stream: bool,
) -> None:
    server.engine.refusal = refusal
    body = {"model": MODEL, "prompt": "Hi", "stream": stream, "response_format": {"type": "json_object"}}
    response = http.post("/v1/completions", json=body)
    assert response.status_code == status
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["param"], error["code"]) == (param, code)
    assert "secret" not in error["message"]
    assert ("retry-after" in response.headers) == (status == 503)


def test_one_choices_failure_fails_the_call_and_aborts_the_others(http: httpx.Client, server: RunningServer) -> None:
    server.engine.script = lambda request: [Overloaded("no")] if request.sampling.seed == 1 else [Hold()]
    response = http.post("/v1/completions", json={"model": MODEL, "prompt": "Hi", "n": 3, "seed": 0})
    assert response.status_code == 503
    aborted = {server.engine.aborted.get(timeout=30) for _ in range(2)}
    assert aborted == {request.id for request in server.engine.requests if request.sampling.seed != 1}
