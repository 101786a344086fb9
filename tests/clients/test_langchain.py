"""`langchain-openai`: structured output, tools and streaming."""

from __future__ import annotations

from typing import Any

import pytest

from .orders import KINDS, TEXT, Convert, GetPrice, Order

langchain_openai = pytest.importorskip("langchain_openai")


def chat(base_url: str, **options: Any) -> Any:
    return langchain_openai.ChatOpenAI(
        model="seedling", base_url=base_url, api_key="none", max_retries=0, temperature=0, **options
    )


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output(base_url: str, method: str) -> None:
    order = chat(base_url, max_tokens=200).with_structured_output(Order, method=method).invoke(TEXT)
    assert isinstance(order, Order)


@pytest.mark.parametrize("stream", [False, True])
def test_tools(base_url: str, stream: bool) -> None:
    model = chat(base_url, max_tokens=200).bind_tools(
        [GetPrice, Convert], tool_choice="required", parallel_tool_calls=False
    )
    if stream:
        message: Any = None
        for chunk in model.stream("What does a lamp cost?"):
            message = chunk if message is None else message + chunk
    else:
        message = model.invoke("What does a lamp cost?")
    (call,) = message.tool_calls
    KINDS[call["name"]].model_validate(call["args"], strict=True)
    assert message.invalid_tool_calls == []


def test_a_stream_adds_up(base_url: str) -> None:
    model = chat(base_url, max_tokens=20, stream_usage=True)
    whole = model.invoke(TEXT)
    streamed: Any = None
    for chunk in model.stream(TEXT):
        streamed = chunk if streamed is None else streamed + chunk
    assert streamed.content == whole.content
    assert streamed.usage_metadata["output_tokens"] == whole.usage_metadata["output_tokens"]


def test_the_responses_api(base_url: str) -> None:
    message = chat(base_url, max_tokens=20, use_responses_api=True).invoke(TEXT)
    assert message.text
