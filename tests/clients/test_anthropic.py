"""The `anthropic` package, pointed at the built-in model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Literal

import anthropic
import pytest
from pydantic import BaseModel
from serving import Serving

from .orders import ASK, CALL, KINDS

ASKED: Any = {"model": "seedling", "messages": ASK, "max_tokens": 200}
TOOLS: Any = [
    {"name": name, "description": kind.__doc__, "input_schema": kind.model_json_schema()}
    for name, kind in KINDS.items()
]
CALLED: Any = {"model": "seedling", "messages": CALL, "max_tokens": 200, "tools": TOOLS}


class Payment(BaseModel):
    """Without lengths and ranges: the package turns these into words of the schema's description."""

    by: Literal["card", "invoice", "cash"]
    paid: bool


@pytest.fixture(scope="module")
def client(built_in: Serving) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=built_in.url, api_key="none", max_retries=0, timeout=120) as made:
        yield made


def test_parse_reads_a_pydantic_model(client: anthropic.Anthropic) -> None:
    message = client.messages.parse(**ASKED, output_format=Payment)
    assert message.stop_reason == "end_turn"
    assert isinstance(message.parsed_output, Payment)


def test_a_stream_adds_up_to_the_whole_answer(client: anthropic.Anthropic) -> None:
    ask = ASKED | {"max_tokens": 40, "extra_body": {"temperature": 0.0}}
    whole = client.messages.create(**ask)
    with client.messages.stream(**ask) as stream:
        text = "".join(stream.text_stream)
        streamed = stream.get_final_message()
    assert text == streamed.content[0].text == whole.content[0].text
    assert streamed.stop_reason == whole.stop_reason
    assert streamed.usage.output_tokens == whole.usage.output_tokens


@pytest.mark.parametrize("stream", [False, True])
def test_a_required_call_always_parses(client: anthropic.Anthropic, stream: bool) -> None:
    for _ in range(3):
        ask = CALLED | {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}}
        if stream:
            with client.messages.stream(**ask) as events:
                message = events.get_final_message()
        else:
            message = client.messages.create(**ask)
        assert message.stop_reason == "tool_use"
        (call,) = message.content
        KINDS[call.name].model_validate(call.input, strict=True)


def test_a_result_goes_back(client: anthropic.Anthropic) -> None:
    choice: Any = {"type": "tool", "name": "GetPrice"}
    message = client.messages.create(**CALLED, tool_choice=choice)
    (call,) = message.content
    assert call.name == "GetPrice"
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "12 EUR"}
    conversation = [*CALL, {"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
    last = client.messages.create(**CALLED | {"messages": conversation, "tool_choice": {"type": "none"}})
    assert last.stop_reason in ("end_turn", "max_tokens", "model_context_window_exceeded")


def test_a_begun_answer_goes_on_from_cached_tokens(client: anthropic.Anthropic) -> None:
    ask = ASKED | {"max_tokens": 20, "extra_body": {"temperature": 0.0}}
    message = client.messages.create(**ask)
    begun = [*ASK, {"role": "assistant", "content": message.content[0].text}]
    more = client.messages.create(**ask | {"messages": begun})
    assert more.usage.cache_read_input_tokens
    count = client.messages.count_tokens(model="seedling", messages=begun)
    assert count.input_tokens == more.usage.input_tokens + more.usage.cache_read_input_tokens


def test_many_async_streams_at_once(built_in: Serving) -> None:
    async def main() -> None:
        async with anthropic.AsyncAnthropic(base_url=built_in.url, api_key="none", timeout=120) as client:

            async def ask() -> str:
                ask = ASKED | {"max_tokens": 24, "extra_body": {"temperature": 0.0}}
                async with client.messages.stream(**ask) as stream:
                    return "".join([text async for text in stream.text_stream])

            answers = await asyncio.gather(*[ask() for _ in range(8)])
            assert len(set(answers)) == 1
            assert answers[0]

    asyncio.run(main())


def test_an_error_is_an_exception_of_the_packages(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="seedling"):
        client.messages.create(**ASKED | {"model": "claude"})
    with pytest.raises(anthropic.BadRequestError, match="the context holds"):
        client.messages.create(**ASKED | {"messages": [{"role": "user", "content": "Hi! " * 5000}]})
