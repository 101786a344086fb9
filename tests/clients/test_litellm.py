"""`litellm`, by its provider for servers like this one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .orders import ASK, CALL, KINDS, TOOLS, Order

# Its own types, as pydantic reads them when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:Items? .* on TypedDict class .* using the `ReadOnly`")


@pytest.fixture
def litellm(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it fetches a price list when imported
    return pytest.importorskip("litellm")


def options(base_url: str) -> dict[str, Any]:
    return {"model": "hosted_vllm/seedling", "api_base": base_url, "api_key": "none", "max_retries": 0}


def test_a_record(litellm: Any, base_url: str) -> None:
    answer = litellm.completion(**options(base_url), messages=ASK, response_format=Order, max_tokens=200)
    assert isinstance(Order.model_validate_json(answer.choices[0].message.content), Order)


def test_a_stream_adds_up(litellm: Any, base_url: str) -> None:
    ask = options(base_url) | {"messages": ASK, "max_tokens": 20, "temperature": 0}
    whole = litellm.completion(**ask)
    chunks = list(litellm.completion(**ask, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content


def test_tools(litellm: Any, base_url: str) -> None:
    answer = litellm.completion(
        **options(base_url), messages=CALL, tools=TOOLS, tool_choice="required", parallel_tool_calls=False,
        max_tokens=200,
    )  # fmt: skip
    (call,) = answer.choices[0].message.tool_calls
    KINDS[call.function.name].model_validate(json.loads(call.function.arguments), strict=True)
