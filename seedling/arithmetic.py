"""Sums: how people say them, how a calculator takes them, and what they come to."""

import ast
import operator
from collections.abc import Callable
from fractions import Fraction

from .drawing import Draw
from .values import Value

_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SPOKEN = {
    "+": ("plus", "plus", "and", "added to", "+"),
    "-": ("minus", "minus", "less", "take away", "-"),
    "*": ("times", "times", "multiplied by", "x", "*", "×"),
    "/": ("divided by", "divided by", "over", "/", "÷"),
}
_SHARES = (("half of", "/ 2"), ("twice", "* 2"), ("a third of", "/ 3"), ("three times", "* 3"), ("a quarter of", "/ 4"))
_NAMED = (("the sum of", "+"), ("the product of", "*"), ("the difference of", "-"), ("the quotient of", "/"))
_PERCENT = (5, 8, 10, 12, 15, 19, 20, 25, 30, 40, 50, 75)


def calculate(expression: str) -> str:
    """The value of an expression of numbers, + - * / and brackets, rounded to two places.

    Raises ValueError for anything else, and ZeroDivisionError.
    """

    def value(node: ast.expr) -> Fraction:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return Fraction(str(node.value))
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](value(node.left), value(node.right))
        raise ValueError(f"not arithmetic: {expression!r}")

    result = round(value(ast.parse(expression, mode="eval").body), 2)
    return str(int(result)) if result.denominator == 1 else f"{float(result):.2f}".rstrip("0")


def _number(draw: Draw) -> str:
    if draw.chance(0.7):
        return str(draw.number() + 1)
    return f"{draw.rng.uniform(0.1, 200):.{draw.rng.choice((1, 2))}f}"


def expression(draw: Draw) -> Value:
    """A sum: `text` as spoken in the request, `json` as written for a calculator."""
    rng = draw.rng
    first, second, kind = _number(draw), _number(draw), rng.random()
    sign = rng.choice("+-**/")
    if kind < 0.12:
        percent, whole = rng.choice(_PERCENT), rng.randint(1, 2000)
        return Value(f"{whole} * {percent} / 100", f"{percent}{rng.choice((' percent', '%', ' per cent'))} of {whole}")
    if kind < 0.2:
        said, sign = rng.choice(_NAMED)
        return Value(f"{first} {sign} {second}", f"{said} {first} and {second}")
    if kind < 0.26:
        said, written = rng.choice(_SHARES)
        return Value(f"{first} {written}", f"{said} {first}")
    if kind < 0.34:
        plain = f"{first} {sign} {second}"
        return Value(plain, plain if draw.chance(0.6) else plain.replace(" ", ""))
    said, written = f"{first} {rng.choice(_SPOKEN[sign])} {second}", f"{first} {sign} {second}"
    if draw.chance(0.4):
        third, sign = _number(draw), rng.choice("+-*")
        if draw.chance(0.15):
            return Value(f"({written}) {sign} {third}", f"({said}) {rng.choice(_SPOKEN[sign])} {third}")
        said, written = f"{said} {rng.choice(_SPOKEN[sign])} {third}", f"{written} {sign} {third}"
    return Value(written, said)
