"""The `openai` package, pointed at the built-in model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from .orders import ASK, CALL, KINDS, TOOLS, Order

MODEL = "seedling"


@pytest.fixture(scope="module")
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key="none", max_retries=0, timeout=120) as made:
        yield made


def check_call(call: Any) -> None:
    """A call names one of the tools, with arguments that it takes."""
    assert call.type == "function"
    assert call.id
    KINDS[call.function.name].model_validate_json(call.function.arguments, strict=True)


def test_parse_reads_a_pydantic_model(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(model=MODEL, messages=ASK, response_format=Order, max_tokens=200)
    assert answer.choices[0].finish_reason == "stop"
    assert isinstance(answer.choices[0].message.parsed, Order)


def test_a_stream_adds_up_to_the_whole_answer(client: openai.OpenAI) -> None:
    ask: Any = {"model": MODEL, "messages": ASK, "max_tokens": 40, "temperature": 0}
    whole = client.chat.completions.create(**ask)
    with client.chat.completions.stream(**ask, stream_options={"include_usage": True}) as stream:
        streamed = stream.get_final_completion()
    assert streamed.choices[0].message.content == whole.choices[0].message.content
    assert streamed.choices[0].finish_reason == whole.choices[0].finish_reason
    assert streamed.usage is not None
    assert whole.usage is not None
    assert streamed.usage.completion_tokens == whole.usage.completion_tokens


def test_a_streamed_parse(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model=MODEL, messages=ASK, response_format=Order, max_tokens=200) as stream:
        parsed = stream.get_final_completion().choices[0].message.parsed
    assert isinstance(parsed, Order)


@pytest.mark.parametrize("stream", [False, True])
def test_a_required_call_always_parses(client: openai.OpenAI, stream: bool) -> None:
    ask: Any = {"model": MODEL, "messages": CALL, "tools": TOOLS, "tool_choice": "required", "max_tokens": 200}
    for seed in range(3):
        sampled: Any = {**ask, "temperature": 1.5, "seed": seed}
        if stream:
            with client.chat.completions.stream(**sampled) as running:
                choice: Any = running.get_final_completion().choices[0]
        else:
            choice = client.chat.completions.create(**sampled).choices[0]
        assert choice.message.tool_calls
        if choice.finish_reason == "length":
            continue  # the model went on calling until its tokens were used up
        assert choice.finish_reason == "tool_calls"
        for call in choice.message.tool_calls:
            check_call(call)


def test_a_named_call_comes_once(client: openai.OpenAI) -> None:
    named: Any = {"type": "function", "function": {"name": "Convert"}}
    answer = client.chat.completions.create(
        model=MODEL, messages=CALL, tools=TOOLS, tool_choice=named, max_tokens=200, temperature=1, seed=1
    )
    (call,) = answer.choices[0].message.tool_calls or ()
    check_call(call)
    assert call.type == "function"
    assert call.function.name == "Convert"


def test_a_tool_result_is_answered(client: openai.OpenAI) -> None:
    asked = client.chat.completions.create(
        model=MODEL, messages=CALL, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, max_tokens=200
    )
    message = asked.choices[0].message
    (call,) = message.tool_calls or ()
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": json.dumps({"price": 24.5})}
    again: Any = [*CALL, message.model_dump(exclude_none=True), result]
    answer = client.chat.completions.create(model=MODEL, messages=again, tools=TOOLS, max_tokens=60)
    assert answer.choices[0].finish_reason in ("stop", "length", "tool_calls")
    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    assert (answer.usage.prompt_tokens_details.cached_tokens or 0) > 0, "the conversation so far is in the cache"


@pytest.mark.parametrize(
    ("extra", "allowed"),
    [
        ({"guided_choice": ["yes", "no"]}, {"yes", "no"}),
        ({"structured_outputs": {"choice": ["yes", "no"]}}, {"yes", "no"}),
        ({"guided_regex": "(ja|nein)"}, {"ja", "nein"}),
        ({"regex": "(ja|nein)"}, {"ja", "nein"}),
        ({"ebnf": 'root ::= "oui" | "non"'}, {"oui", "non"}),
        ({"guided_grammar": 'start: "oui" | "non"'}, {"oui", "non"}),
        ({"guided_json": {"enum": [1, 2]}}, {"1", "2"}),
        ({"json_schema": '{"enum": [1, 2]}'}, {"1", "2"}),
    ],
)
def test_the_names_of_other_servers_for_constraints(client: openai.OpenAI, extra: Any, allowed: set[str]) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=ASK, extra_body=extra, temperature=1, seed=5)
    assert answer.choices[0].message.content in allowed


def test_many_async_streams(base_url: str) -> None:
    async def ask(client: openai.AsyncOpenAI, seed: int) -> str:
        text = ""
        stream = await client.chat.completions.create(
            model=MODEL, messages=ASK, stream=True, max_tokens=20, temperature=1, seed=seed
        )
        async for chunk in stream:
            text += chunk.choices[0].delta.content or ""
        return text

    async def main() -> list[str]:
        async with openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
            return await asyncio.gather(*(ask(client, seed % 4) for seed in range(12)))

    texts = asyncio.run(main())
    assert texts[:4] == texts[4:8] == texts[8:], "one seed gives one text, whatever runs beside it"


def test_errors_are_the_packages_own(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.with_raw_response.create(model="gpt-4o", messages=ASK)
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.with_raw_response.create(model=MODEL, messages=ASK, temperature=-1)
    assert wrong.value.param == "temperature"
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=ASK, max_tokens=1)
    assert raw.status_code == 200
    assert raw.parse().usage


def test_a_schema_that_cannot_be_enforced_is_named(client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "http://elsewhere.example/schema"}}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model=MODEL,
            messages=ASK,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        )
    assert caught.value.param == "response_format"
    bad: Any = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=ASK, tools=bad)
    assert caught.value.param == "tools"


@pytest.mark.parametrize("param", ["messages", "prompt", "input"])
def test_a_prompt_that_is_too_long_says_its_tokens_and_the_limit(client: openai.OpenAI, param: str) -> None:
    text = "many words " * 3000
    ask: Any = {
        "messages": lambda: client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}]),
        "prompt": lambda: client.completions.create(model=MODEL, prompt=text),
        "input": lambda: client.responses.create(model=MODEL, input=text),
    }
    with pytest.raises(openai.BadRequestError, match=r"[0-9]+ tokens.*2048") as caught:
        ask[param]()
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", param)
