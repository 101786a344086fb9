"""OpenAI's own client, pointed at a weft server: a record, a decision, and a tool call that always parses.

weft serve &
python examples/openai_client.py [http://127.0.0.1:8000/v1]
"""

import json
import sys
from typing import Any, Literal

from openai import OpenAI
from pydantic import BaseModel, Field

TEXT = "Please send three kettles to Ada Moreau in Lyon, she pays by card."


class Order(BaseModel):
    customer: str = Field(max_length=40)
    city: str = Field(max_length=40)
    count: int = Field(ge=0, le=99)
    payment: Literal["card", "invoice", "cash"]


PRICE: Any = {
    "type": "function",
    "function": {
        "name": "get_price",
        "description": "Look up the price of a product.",
        "parameters": {
            "type": "object",
            "properties": {"product": {"type": "string", "maxLength": 40}},
            "required": ["product"],
            "additionalProperties": False,
        },
    },
}


def main(base_url: str) -> dict[str, Any]:
    """Ask for all three; what came of it."""
    client = OpenAI(base_url=base_url, api_key="none")
    model = client.models.list().data[0].id

    ask: Any = [{"role": "user", "content": f"Extract a record as JSON.\nText: {TEXT}"}]
    order = client.chat.completions.parse(model=model, messages=ask, response_format=Order).choices[0].message.parsed

    question: Any = [{"role": "user", "content": f"Text: {TEXT}\nQuestion: Is it paid in cash, by card or by invoice?"}]
    decision = client.post(
        "/decisions",
        cast_to=dict[str, Any],
        body={"model": model, "messages": question, "choices": ["cash", "card", "invoice"]},
    )

    need: Any = [{"role": "user", "content": "What does a kettle cost?"}]
    answer = client.chat.completions.create(
        model=model, messages=need, tools=[PRICE], tool_choice="required", parallel_tool_calls=False
    )
    call: Any = (answer.choices[0].message.tool_calls or [])[0]
    return {"order": order, "decision": decision, "call": (call.function.name, json.loads(call.function.arguments))}


if __name__ == "__main__":
    for name, outcome in main(*sys.argv[1:2] or ["http://127.0.0.1:8000/v1"]).items():
        print(f"{name}: {outcome}")
