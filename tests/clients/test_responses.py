"""OpenAI's Responses API through the packages that speak it, pointed at the built-in model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from .orders import ASK, CALL, KINDS, TEXT, TOOLS, GetPrice, Order

MODEL = "seedling"
FLAT: Any = [{"type": "function", "strict": True, **tool["function"]} for tool in TOOLS]


@pytest.fixture(scope="module")
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key="none", max_retries=0, timeout=120) as made:
        yield made


def test_parse_reads_a_pydantic_model(client: openai.OpenAI) -> None:
    answer = client.responses.parse(model=MODEL, input=ASK, text_format=Order, max_output_tokens=200, store=False)
    assert answer.status == "completed"
    assert isinstance(answer.output_parsed, Order)


def test_a_stream_adds_up_to_the_whole_answer(client: openai.OpenAI) -> None:
    ask: Any = {"model": MODEL, "input": ASK, "max_output_tokens": 40, "temperature": 0}
    whole = client.responses.create(**ask)
    text, final = "", None
    for event in client.responses.create(**ask, stream=True):
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type in ("response.completed", "response.incomplete"):
            final = event.response
    assert final is not None
    assert text == final.output_text == whole.output_text
    assert final.status == whole.status
    assert final.usage is not None
    assert whole.usage is not None
    assert final.usage.output_tokens == whole.usage.output_tokens


def test_a_streamed_parse(client: openai.OpenAI) -> None:
    with client.responses.stream(model=MODEL, input=ASK, text_format=Order, max_output_tokens=200) as stream:
        assert isinstance(stream.get_final_response().output_parsed, Order)


def test_a_call_and_its_result(client: openai.OpenAI) -> None:
    ask: Any = {"model": MODEL, "tools": FLAT, "max_output_tokens": 200}
    first = client.responses.create(**ask, input=CALL, tool_choice="required", parallel_tool_calls=False)
    (call,) = [item for item in first.output if item.type == "function_call"]
    KINDS[call.name].model_validate_json(call.arguments, strict=True)
    result = {"type": "function_call_output", "call_id": call.call_id, "output": json.dumps({"price": 24.5})}
    again = client.responses.create(**ask, input=[*CALL, *[item.model_dump() for item in first.output], result])
    assert again.status in ("completed", "incomplete")
    assert again.usage is not None
    assert again.usage.input_tokens_details.cached_tokens > 0, "the conversation so far is in the cache"


def test_langchain(base_url: str) -> None:
    langchain_openai = pytest.importorskip("langchain_openai")
    model = langchain_openai.ChatOpenAI(
        model=MODEL, base_url=base_url, api_key="none", max_retries=0, max_tokens=200, use_responses_api=True
    )
    assert isinstance(model.with_structured_output(Order).invoke(f"Extract a record as JSON.\nText: {TEXT}"), Order)
    calling = model.bind_tools([GetPrice], tool_choice="required", parallel_tool_calls=False)
    streamed: Any = None
    for chunk in calling.stream("What does a lamp cost?"):
        streamed = chunk if streamed is None else streamed + chunk
    (call,) = streamed.tool_calls
    GetPrice.model_validate(call["args"], strict=True)
    messages = [
        ("user", "What does a lamp cost?"),
        streamed,
        {"role": "tool", "tool_call_id": call["id"], "content": "9"},
    ]
    assert calling.invoke(messages).tool_calls


def test_a_streamed_agent_ends(base_url: str) -> None:
    agents = pytest.importorskip("agents")
    agents.set_tracing_disabled(True)
    kinds: list[str] = []

    @agents.function_tool
    def get_price(product: str) -> str:
        """Look up the price of a product.

        Args:
            product: The product.
        """
        return '{"price": 24.5}'

    async def main() -> Any:
        async with openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
            agent = agents.Agent(
                name="Shop",
                model=agents.OpenAIResponsesModel(model=MODEL, openai_client=client),
                tools=[get_price],
                model_settings=agents.ModelSettings(tool_choice="required", parallel_tool_calls=False, max_tokens=120),
            )
            running = agents.Runner.run_streamed(agent, "What does a lamp cost?", max_turns=6)
            async for event in running.stream_events():
                if event.type == "run_item_stream_event":
                    kinds.append(event.item.type)
            return running.final_output

    assert isinstance(asyncio.run(main()), str)
    assert kinds[:2] == ["tool_call_item", "tool_call_output_item"]
