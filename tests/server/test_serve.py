"""`weft serve` as users run it: two processes, a real model, OpenAI's client, and what happens when things die."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import openai
import pytest
from serving import COMMAND, SECONDS, Serving, serving, stats, wait_until, watched


@pytest.fixture(scope="module")
def served(tiny_folder: Path) -> Iterator[Serving]:
    with serving(str(tiny_folder), "--num-pages", "64") as made:
        assert made.http.get("/health").status_code == 503, "it listens, but the model is not loaded"
        made.notice("serving")
        yield made


@pytest.fixture(scope="module")
def client(served: Serving) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="-", max_retries=0, timeout=SECONDS) as made:
        yield made


def test_it_is_healthy_and_named_after_its_folder(served: Serving, client: openai.OpenAI, tiny_folder: Path) -> None:
    assert served.http.get("/health").status_code == 200
    assert [model.id for model in client.models.list()] == [tiny_folder.name]


def test_whole_and_streamed_answers_are_the_same(client: openai.OpenAI) -> None:
    ask: Any = {"model": "tiny", "prompt": "The", "max_tokens": 24, "temperature": 0}
    whole = client.completions.create(**ask)
    chunks = list(client.completions.create(**ask, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason == "length"
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 24


def test_choices_compute_their_prompt_once(served: Serving, client: openai.OpenAI) -> None:
    def computed() -> int:
        counts = stats(served)
        return counts["computed_tokens"] - counts["drafted_tokens"] + counts["accepted_tokens"]

    before = computed()
    prompt = "a prompt that nobody has asked before, and that ends inside a page"
    answer = client.completions.create(
        model="tiny", prompt=prompt, max_tokens=60, n=5, seed=3, extra_body={"ignore_eos": True}
    )
    assert answer.usage is not None
    drawn_with = 5 * (60 - 1) + 4  # the last token of an output is not computed, the prompt's last by each choice
    assert computed() - before == answer.usage.prompt_tokens + drawn_with
    assert answer.usage.completion_tokens == 5 * 60
    assert len({choice.text for choice in answer.choices}) == 5


def test_chat_streams_to_many_async_clients_at_once(served: Serving) -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="-", timeout=SECONDS) as client:

            async def ask(seed: int) -> str:
                stream = await client.chat.completions.create(
                    model="tiny",
                    messages=[{"role": "user", "content": f"Number {seed % 4}"}],
                    max_tokens=16,
                    seed=seed % 4,
                    stream=True,
                )
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

            answers = await asyncio.gather(*[ask(seed) for seed in range(24)])
            assert [answers[seed % 4] for seed in range(24)] == answers, "an answer depends on its seed alone"

    asyncio.run(main())


def test_json_schema(client: openai.OpenAI) -> None:
    schema: Any = {
        "type": "object",
        "properties": {"city": {"enum": ["Oslo", "Rome"]}, "count": {"type": ["integer", "null"]}},
        "required": ["city", "count"],
        "additionalProperties": False,
    }
    answer = client.chat.completions.create(
        model="tiny",
        messages=[{"role": "user", "content": "Where?"}],
        response_format={"type": "json_schema", "json_schema": {"name": "place", "schema": schema}},
    )
    assert answer.choices[0].finish_reason == "stop"
    jsonschema.validate(json.loads(answer.choices[0].message.content or ""), schema)


def test_a_regex(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model="tiny", prompt="A", extra_body={"response_format": {"type": "regex", "pattern": "[ab]{3}-[0-9]+x"}},
        max_tokens=400,
    )  # fmt: skip
    assert re.fullmatch("[ab]{3}-[0-9]+x", answer.choices[0].text) or answer.choices[0].finish_reason == "length"


def test_cached_tokens_are_reported(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "A prompt that nobody asked before, of some length. " * 2}]
    cached = []
    for _ in range(2):
        usage = client.chat.completions.create(model="tiny", messages=messages, max_tokens=2).usage
        assert usage is not None
        assert usage.prompt_tokens_details is not None
        cached.append((usage.prompt_tokens_details.cached_tokens, usage.prompt_tokens))
    assert cached[0][0] < 16
    assert cached[1][0] >= cached[1][1] // 16 * 16 - 16


def test_logprobs_and_their_alternatives(client: openai.OpenAI) -> None:
    (choice,) = client.completions.create(model="tiny", prompt="The", max_tokens=3, temperature=0, logprobs=2).choices
    assert choice.logprobs is not None
    assert choice.logprobs.token_logprobs is not None
    assert choice.logprobs.top_logprobs is not None
    for logprob, tops in zip(choice.logprobs.token_logprobs, choice.logprobs.top_logprobs, strict=True):
        assert logprob is not None
        assert logprob == pytest.approx(max(tops.values()), abs=1e-4), "greedy takes the likeliest"


@pytest.mark.parametrize(
    ("ask", "param", "code"),
    [
        ({"prompt": "a" * 600}, "prompt", "context_length_exceeded"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "thing"}}}},
         "response_format", "invalid_grammar"),
        ({"response_format": {"type": "regex", "pattern": "(a"}}, "response_format", "invalid_grammar"),
        ({"response_format": {"type": "grammar", "grammar": "root ::= b"}}, "response_format", "invalid_grammar"),
        ({"response_format": {"type": "structural_tag", "structures": [], "triggers": []}},
         "response_format", "invalid_grammar"),
        ({"max_tokens": -1}, "max_tokens", "invalid_request"),
        ({"stop_token_ids": [10**6]}, "stop_token_ids", "invalid_request"),
    ],
)  # fmt: skip
def test_the_engines_refusals(client: openai.OpenAI, ask: Any, param: str, code: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="tiny", prompt="a", extra_body=ask)
    assert (caught.value.param, caught.value.code) == (param, code)
    assert client.completions.create(model="tiny", prompt="a", max_tokens=1).choices


@pytest.mark.parametrize("count", [1, 12])
def test_clients_that_vanish_leave_no_pages_behind(served: Serving, client: openai.OpenAI, count: int) -> None:
    before = stats(served)
    streams = [
        client.completions.create(
            model="tiny", prompt=f"{at}", max_tokens=400, stream=True, extra_body={"ignore_eos": True}
        )
        for at in range(count)
    ]
    for stream in streams:
        next(stream)
        stream.response.close()
    wait_until(lambda: stats(served)["running"] == 0)
    after = stats(served)
    assert after["pages_in_use"] == 0
    assert after["pages_free"] + after["pages_cached"] == after["pages_total"] == 64
    assert after.get("requests_abort", 0) + after.get("requests_error", 0) > before.get("requests_abort", 0)
    assert client.completions.create(model="tiny", prompt="next", max_tokens=1).choices


def test_sigterm_waits_for_requests_and_ends_both_processes(tiny_folder: Path) -> None:
    with serving(str(tiny_folder), "--served-model-name", "mine") as served, watched(served.engine_pid) as engine_ended:
        served.notice("serving")
        body = {"model": "mine", "prompt": "a", "max_tokens": 300, "stream": True, "ignore_eos": True}
        with served.http.stream("POST", "/v1/completions", json=body) as response:
            frames = response.iter_lines()
            next(frames)
            served.process.send_signal(signal.SIGTERM)
            assert served.notice("draining")["requests"] == 1
            rest = [line for line in frames if line]
        assert rest[-1] == "data: [DONE]", "the request in flight was served to its end"
        served.process.communicate(timeout=SECONDS)
        errors = served.errors()
        assert served.process.returncode == 0
        assert errors == ""
        assert engine_ended()


def test_sigterm_ends_it_while_it_is_loading(tiny_folder: Path) -> None:
    with serving(str(tiny_folder)) as served, watched(served.engine_pid) as engine_ended:
        assert served.stop() == ""
        assert engine_ended()


def test_without_an_argument_it_serves_the_built_in_model() -> None:
    with serving() as served:
        assert served.notice("serving")["model"] == "seedling"
        with openai.OpenAI(base_url=f"{served.url}/v1", api_key="-", timeout=SECONDS) as client:
            answer = client.chat.completions.create(
                model="seedling",
                messages=[{"role": "user", "content": "Is Anna from Oslo? Anna lives in Oslo."}],
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"enum": ["yes", "no"]}},
                },
            )
        assert json.loads(answer.choices[0].message.content or "") in ("yes", "no")
        served.stop()


def test_a_killed_server_takes_its_engine_with_it(
    tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("t")
    monkeypatch.setenv("TMPDIR", str(folder))
    with serving(str(tiny_folder)) as served, watched(served.engine_pid) as engine_ended:
        served.notice("serving")
        assert list(folder.iterdir())
        served.process.kill()
        assert engine_ended()
        assert list(folder.iterdir()) == [], "nor does it leave files"


def test_a_model_that_cannot_be_loaded_is_an_error_of_the_command(tiny_folder: Path, tmp_path: Path) -> None:
    for file in tiny_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["NoSuchModel"]}))
    done = subprocess.run(
        [*COMMAND, str(tmp_path), "--port", "0"], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("weft: ")
    assert "NoSuchModel" in done.stderr
    assert "Traceback" not in done.stderr
