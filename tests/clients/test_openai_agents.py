"""`openai-agents`: a loop of calls and results that ends, over either of OpenAI's two APIs."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest

agents = pytest.importorskip("agents")

TURNS = 6


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_an_agent_ends(base_url: str, api: str) -> None:
    agents.set_tracing_disabled(True)
    asked: list[str] = []

    @agents.function_tool
    def get_price(product: str) -> str:
        """Look up the price of a product.

        Args:
            product: The product.
        """
        asked.append(product)
        return '{"price": 24.5}'

    async def main() -> Any:
        async with openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
            kind = agents.OpenAIChatCompletionsModel if api == "chat" else agents.OpenAIResponsesModel
            agent = agents.Agent(
                name="Shop",
                model=kind(model="seedling", openai_client=client),
                tools=[get_price],
                # The first turn must call; from then on the package leaves it to the model.
                model_settings=agents.ModelSettings(tool_choice="required", parallel_tool_calls=False, max_tokens=120),
            )
            return await agents.Runner.run(agent, "What does a lamp cost?", max_turns=TURNS)

    result = asyncio.run(main())
    assert asked, "the tool was called, with arguments that its signature takes"
    assert isinstance(result.final_output, str)
