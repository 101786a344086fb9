"""/tokenize and /detokenize, over the scripted engine's byte tokenizer and over a true one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import Serving, serving

from weft.chat.tool_formats import FORMATS
from weft.server.dialect import Dialect

from .conftest import RunningServer
from .fake_engine import EOS, ROLES

DIALECT = Dialect(FORMATS["hermes_inline"], None, frozenset({"enable_thinking"}))
HI = {"role": "user", "content": "Hi <|user|>"}
TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}


def post(http: httpx.Client, path: str, **body: Any) -> Any:
    answer = http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_prompt(http: httpx.Client) -> None:
    for special in (None, True, False):  # this model's tokenizer puts none before a text
        answer = post(http, "/tokenize", prompt="né", add_special_tokens=special)
        assert answer == {"count": 3, "max_model_len": 100, "tokens": [110, 195, 169]}
    assert post(http, "/tokenize", model="fake-model", prompt="")["count"] == 0


def test_token_strings(http: httpx.Client) -> None:
    answer = post(http, "/tokenize", prompt="né", return_token_strs=True)
    assert answer["token_strs"] == ["n", "bytes:\\xc3", "bytes:\\xa9"]


def test_names_of_special_tokens_are_those_tokens_in_a_prompt_only(http: httpx.Client) -> None:
    assert post(http, "/tokenize", prompt="<|user|>Hi")["tokens"] == [ROLES["user"], *b"Hi"]
    assert post(http, "/tokenize", messages=[HI])["tokens"] == [ROLES["user"], *b"Hi <|user|>", EOS, ROLES["assistant"]]


def test_a_conversation_is_what_chat_gives_the_model(http: httpx.Client, server: RunningServer) -> None:
    body = {"messages": [HI], "tools": [TOOL], "chat_template_kwargs": {"enable_thinking": False}}
    tokens = post(http, "/tokenize", **body)["tokens"]
    post(http, "/v1/chat/completions", model="fake-model", **body)
    assert tuple(tokens) == server.engine.requests[0].prompt
    assert post(http, "/tokenize", add_generation_prompt=False, **body)["tokens"] == tokens[:-1]


def test_tokens_become_text(http: httpx.Client) -> None:
    assert post(http, "/detokenize", tokens=[110, 195, 169]) == {"prompt": "né"}
    assert post(http, "/detokenize", model="fake-model", tokens=[]) == {"prompt": ""}


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/tokenize", {}, "prompt"),
        ("/tokenize", {"prompt": "a", "messages": [HI]}, "prompt"),
        ("/tokenize", {"messages": [HI], "add_special_tokens": True}, "add_special_tokens"),
        ("/tokenize", {"prompt": "a", "tools": []}, "tools"),
        ("/tokenize", {"prompt": "a", "add_generation_prompt": True}, "add_generation_prompt"),
        ("/tokenize", {"messages": []}, "messages"),
        ("/tokenize", {"messages": [{"role": "user"}]}, "messages[0].content"),
        ("/tokenize", {"messages": [HI], "chat_template_kwargs": {"x": 1}}, "chat_template_kwargs.x"),
        ("/tokenize", {"messages": [HI], "chat_template": "x"}, "chat_template"),
        ("/tokenize", {"messages": [HI], "continue_final_message": True}, "continue_final_message"),
        ("/tokenize", {"text": "a"}, "text"),
        ("/detokenize", {}, "tokens"),
        ("/detokenize", {"tokens": [1, 262]}, "tokens"),
        ("/detokenize", {"tokens": [-1]}, "tokens"),
        ("/detokenize", {"tokens": [1] * 1001}, "tokens"),
        ("/detokenize", {"tokens": ["a"]}, "tokens[0]"),
    ],
)
def test_refusals_name_the_field(http: httpx.Client, path: str, body: dict[str, Any], param: str) -> None:
    answer = http.post(path, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("path", ["/tokenize", "/detokenize"])
def test_another_model_is_not_found(http: httpx.Client, path: str) -> None:
    body = {"model": "other", **({"prompt": "a"} if path == "/tokenize" else {"tokens": [1]})}
    assert http.post(path, json=body).status_code == 404


def test_a_lone_surrogate_is_no_text(http: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    answer = http.post("/tokenize", content=json.dumps({"prompt": "\ud800"}), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")


@pytest.fixture(scope="module")
def served(tiny_folder: Path) -> Iterator[Serving]:
    with serving(str(tiny_folder), "--num-pages", "64") as made:
        made.notice("serving")
        yield made


@pytest.mark.parametrize("text", ["The naïve 日本 tree <|end|> é", "<|user|>true<|end|>" * 3, "long " * 5000])
def test_a_true_tokenizer_gives_the_text_back(served: Serving, tiny_folder: Path, text: str) -> None:
    from tokenizers import Tokenizer

    answer = post(served.http, "/tokenize", prompt=text, return_token_strs=True)
    assert answer["tokens"] == Tokenizer.from_file(str(tiny_folder / "tokenizer.json")).encode(text).ids
    assert answer["max_model_len"] == 512
    assert len(answer["token_strs"]) == answer["count"]
    assert post(served.http, "/detokenize", tokens=answer["tokens"]) == {"prompt": text}
    if "<|end|>" in text:
        assert "<|end|>" in answer["token_strs"]


def test_a_true_tokenizer_counts_what_generations_count(served: Serving) -> None:
    ask = {"messages": [HI]}
    count = post(served.http, "/tokenize", **ask)["count"]
    answer = post(served.http, "/v1/chat/completions", model="tiny", max_tokens=1, **ask)
    assert answer["usage"]["prompt_tokens"] == count
