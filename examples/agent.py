"""A question answered with tools: the model calls a price list and a calculator until it can answer.

    python examples/agent.py

Every call is valid: it names one of the tools, with arguments that fit its signature.
"""

import ast
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Any

from pydantic import Field

import weft

Short = Annotated[str, Field(max_length=40)]
PRICES = {"lamp": 24.5, "desk": 180, "kettle": 31.2, "notebook": 3.4, "chair": 75}

OPERATIONS: dict[type[ast.AST], Callable[..., Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
}


def calculator(expression: Short) -> dict[str, Any]:
    """Work out an arithmetic expression.

    Args:
        expression: The expression, such as 2 * (3 + 4).
    """

    def value(node: ast.AST) -> Fraction:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return Fraction(str(number))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS:
                return OPERATIONS[type(op)](value(left), value(right))
            case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATIONS:
                return OPERATIONS[type(op)](value(operand))
        raise ValueError(f"only numbers, + - * / and brackets, not {ast.unparse(node)}")

    result = value(ast.parse(expression[:200].strip(), mode="eval").body)
    return {"value": int(result) if result.denominator == 1 else round(float(result), 4)}


def get_price(product: Short) -> dict[str, Any]:
    """Look up the price of a product.

    Args:
        product: The product.
    """
    if product not in PRICES:
        raise ValueError(f"no price for {product}; there are prices for {', '.join(PRICES)}")
    return {"price": PRICES[product]}


TOOLS = {"get_price": get_price, "calculator": calculator}
OFFERED = weft.tools(list(TOOLS.values()))
CALL = {
    "anyOf": [
        {
            "type": "object",
            "properties": {"name": {"const": tool["function"]["name"]}, "arguments": tool["function"]["parameters"]},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in OFFERED.tools
    ]
}


def use(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Call a tool; what goes wrong is its result, for the model to read."""
    try:
        return TOOLS[name](**arguments)
    except (ValueError, SyntaxError, ArithmeticError, RecursionError) as error:
        return {"error": str(error)}


@weft.function
def agent(s: weft.State, question: str, max_calls: int = 4) -> str:
    """Answer `question`, with at most `max_calls` calls of tools."""
    s += OFFERED
    s += weft.user(question)
    for _ in range(max_calls):
        with s.assistant():
            s += weft.gen("opening", max_tokens=1)
            if s["opening"] != "<tool_call>":
                s += weft.gen("rest", max_tokens=100)
                return s["opening"] + s["rest"]
            s += weft.gen("call", json_schema=CALL, max_tokens=100) + "</tool_call>"
        call = s["call"]
        s.tool_result(use(call["name"], call["arguments"]))
    s += weft.assistant(weft.gen("answer", regex="[^<]+", max_tokens=100))
    return s["answer"]


def main(backend: weft.Backend | None = None, question: str = "How much are 12 lamps?") -> weft.State:
    """Run and print the example; gives the program's state, whose `returned` is the answer."""
    if backend is None:
        with weft.Engine() as engine:
            return main(engine, question)
    state = agent.run(question, backend=backend)
    for message in state.messages:
        print(f"{message['role']}: {message['content']}")
    return state


if __name__ == "__main__":
    main()
