"""What the clients ask for: a record to extract, and tools to call. No test looks at how good the answers are."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

TEXT = "Order 4711: two Gorvan lamps for Ada Moreau in Lyon, to be paid by card."
ASK: Any = [{"role": "user", "content": f"Extract a record as JSON.\nText: {TEXT}"}]
CALL: Any = [{"role": "user", "content": "What does a lamp cost?"}]


class Order(BaseModel):
    """An order."""

    customer: str = Field(max_length=40)
    city: str = Field(max_length=40)
    count: int = Field(ge=0, le=99)
    payment: Literal["card", "invoice", "cash"]


class GetPrice(BaseModel):
    """Look up the price of a product."""

    product: str = Field(max_length=40)


class Convert(BaseModel):
    """Convert an amount of money."""

    amount: int = Field(ge=0, le=9999)
    to: Literal["EUR", "USD"]


def tool(kind: type[BaseModel]) -> Any:
    """A model as an OpenAI tool."""
    schema = kind.model_json_schema()
    return {"type": "function", "function": {"name": kind.__name__, "description": kind.__doc__, "parameters": schema}}


TOOLS = [tool(GetPrice), tool(Convert)]
KINDS: dict[str, type[BaseModel]] = {kind.__name__: kind for kind in (GetPrice, Convert)}
