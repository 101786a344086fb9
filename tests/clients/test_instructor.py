"""`instructor`: pydantic models out of the built-in model, by tool calls, JSON Schema and parallel calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import openai
import pytest

from .orders import ASK, CALL, Convert, GetPrice, Order

instructor = pytest.importorskip("instructor")
MODEL = "seedling"


@pytest.fixture(scope="module")
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key="none", max_retries=0, timeout=120) as made:
        yield made


@pytest.mark.parametrize("mode", ["TOOLS", "JSON_SCHEMA"])
def test_a_record_at_the_first_try(client: openai.OpenAI, mode: str) -> None:
    patched = instructor.from_openai(client, mode=instructor.Mode[mode])
    order = patched.chat.completions.create(
        model=MODEL, messages=ASK, response_model=Order, max_retries=0, max_tokens=200
    )
    assert isinstance(order, Order)


def test_parallel_calls(client: openai.OpenAI) -> None:
    patched = instructor.from_openai(client, mode=instructor.Mode.PARALLEL_TOOLS)
    calls: Any = patched.chat.completions.create(
        model=MODEL, messages=CALL, response_model=Iterable[GetPrice | Convert], max_retries=0, max_tokens=200
    )
    for call in calls:
        assert isinstance(call, GetPrice | Convert)


def test_a_partial_record_streams(client: openai.OpenAI) -> None:
    patched = instructor.from_openai(client, mode=instructor.Mode.TOOLS)
    states = list(
        patched.chat.completions.create_partial(model=MODEL, messages=ASK, response_model=Order, max_tokens=200)
    )
    assert Order.model_validate(states[-1].model_dump())
