"""What the tokenizer puts before a text, through a true server: counted and computed, never shown."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import serving

TEXT = "The tree"


@pytest.fixture(scope="module")
def http(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    from tokenizers import Tokenizer, processors

    folder = Path(shutil.copytree(tiny_folder, tmp_path_factory.mktemp("begun") / "model"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    special = ("<|system|>", tokenizer.token_to_id("<|system|>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="<|system|> $A", special_tokens=[special])
    tokenizer.save(str(folder / "tokenizer.json"))
    with serving(str(folder), "--dtype", "float32", "--num-pages", "64") as served:
        served.notice("serving")
        with httpx.Client(base_url=served.url, timeout=120) as made:
            yield made


def post(http: httpx.Client, path: str, **body: Any) -> Any:
    answer = http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_prompt_gets_it_unless_told_otherwise(http: httpx.Client) -> None:
    bare = post(http, "/tokenize", prompt=TEXT, add_special_tokens=False)["tokens"]
    begun = post(http, "/tokenize", prompt=TEXT)["tokens"]
    assert begun[1:] == bare
    assert post(http, "/detokenize", tokens=begun) == post(http, "/detokenize", tokens=bare) == {"prompt": TEXT}
    for options, ids in (({}, begun), ({"add_special_tokens": False}, bare)):
        call = {"model": "model", "max_tokens": 4, "temperature": 0}
        text = post(http, "/v1/completions", prompt=TEXT, **call, **options)
        assert text["usage"]["prompt_tokens"] == len(ids)
        assert text["choices"][0]["text"] == post(http, "/v1/completions", prompt=ids, **call)["choices"][0]["text"]
        made = post(http, "/v1/embeddings", model="model", input=TEXT, **options)
        assert made["usage"]["prompt_tokens"] == len(ids)


def test_an_echo_does_not_show_it(http: httpx.Client) -> None:
    options = {"max_tokens": 0, "echo": True, "logprobs": 0}
    [choice] = post(http, "/v1/completions", model="model", prompt=TEXT, **options)["choices"]
    assert choice["text"] == TEXT
    assert choice["logprobs"]["text_offset"][:3] == [0, 0, 1]


def test_a_chat_template_writes_its_own(http: httpx.Client) -> None:
    tokens = post(http, "/tokenize", messages=[{"role": "user", "content": TEXT}])["tokens"]
    assert tokens[0] != post(http, "/tokenize", prompt="")["tokens"][0]
