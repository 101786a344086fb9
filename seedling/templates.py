"""Sentence templates: parsing, what they state, and filling them.

(a|b|) is one of several wordings, {field} a value as written in the text, {field*} a list as a block of lines,
{field.bare} an amount without its currency, {from~to} a span of two dates, {he}, {him}, {his} (or capitalised) a
pronoun, and {@generator} a value that no field asks for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from .scene import Generator, Scene
from .values import generator
from .words import held_out

Node = str | tuple[str, ...] | list[list["Node"]]


@dataclass(frozen=True, slots=True)
class Snippet:
    """A sentence template. `position` is "first", "any" or "last"; `conditions` are (field, value as text)."""

    nodes: list[Node]
    fields: frozenset[str]
    conditions: tuple[tuple[str, str], ...]
    position: str
    held: bool


_TOKEN = re.compile(r"\{([^{}]+)\}|([()|])|([^{}()|]+)")
_PRONOUNS = {"he", "him", "his", "He", "His", "Him"}


def parse(text: str) -> list[Node]:
    """Template text to nodes: text, a placeholder (its parts), or alternatives (a list of node lists).

    Parentheses that hold no "|" stand for themselves.
    """
    tokens = [match.group() for match in _TOKEN.finditer(text)]
    nodes, end = _sequence(tokens, 0, top=True)
    if end != len(tokens):
        raise ValueError(f"unbalanced parenthesis in template {text!r}")
    return nodes


def _sequence(tokens: list[str], at: int, top: bool) -> tuple[list[Node], int]:
    nodes: list[Node] = []
    while at < len(tokens):
        token = tokens[at]
        if token in ")|" and not top:
            break
        if token == "(":
            branches: list[list[Node]] = []
            at += 1
            while True:
                branch, at = _sequence(tokens, at, top=False)
                branches.append(branch)
                if at >= len(tokens):
                    raise ValueError(f"unclosed parenthesis in {''.join(tokens)!r}")
                at += 1
                if tokens[at - 1] == ")":
                    break
            if len(branches) == 1:
                nodes += ["(", *branches[0], ")"]
            else:
                nodes.append(branches)
        elif token.startswith("{"):
            nodes.append(_placeholder(token[1:-1]))
            at += 1
        else:
            nodes.append(token)
            at += 1
    return nodes, at


def _placeholder(inner: str) -> tuple[str, ...]:
    if inner.startswith("@"):
        return ("noise", inner[1:])
    if inner in _PRONOUNS:
        return ("pronoun", inner)
    if inner.endswith("*"):
        return ("field", inner[:-1], "block")
    name, _, form = inner.partition(".")
    return ("field", name, form)


def fields_of(nodes: list[Node]) -> frozenset[str]:
    """The fields that stand in a template; it must be one that `unfold` returned."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, tuple) and node[0] == "field":
            found.update(node[1].split("~"))
        elif isinstance(node, list):
            found |= fields_of(node[0])
    return frozenset(found)


def unfold(nodes: list[Node]) -> list[list[Node]]:
    """The template as several, so that in each every wording states the same fields."""
    results: list[list[Node]] = [[]]
    for node in nodes:
        if isinstance(node, list):
            by_fields: dict[frozenset[str], list[list[Node]]] = {}
            for branch in node:
                for unfolded in unfold(branch):
                    by_fields.setdefault(fields_of(unfolded), []).append(unfolded)
            results = [[*result, branches] for result in results for branches in by_fields.values()]
        else:
            results = [[*result, node] for result in results]
    return results


@cache
def _noise(spec: str) -> Generator:
    return generator(spec)


def expand(nodes: list[Node], scene: Scene, texts: Mapping[tuple[str, str], str]) -> str:
    """The template's text; `texts` maps (field, form) to what stands in its place."""
    parts: list[str] = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(scene.texture(node))
        elif isinstance(node, list):
            parts.append(expand(scene.rng.choice(node), scene, texts))
        elif node[0] == "field":
            parts.append(texts[node[1], node[2]])
        elif node[0] == "pronoun":
            parts.append(texts["pronoun", node[1]])
        else:
            parts.append(_noise(node[1])(scene.aside()).text)
    return "".join(parts)


def snippets(line: str) -> list[Snippet]:
    """The templates that a line stands for."""
    text, position = line.strip(), "any"
    conditions: tuple[tuple[str, str], ...] = ()
    if text[0] in "^$" and text[1] == " ":
        position, text = {"^": "first", "$": "last"}[text[0]], text[2:]
    if text.startswith("["):
        inner, _, text = text[1:].partition("] ")
        pairs = (part.strip().partition("=") for part in inner.split(","))
        conditions = tuple((name, state) for name, _, state in pairs)
    named = frozenset(name for name, _ in conditions)
    held = held_out(line.strip())
    return [
        Snippet(nodes, fields_of(nodes) | named, conditions, position, held)
        for nodes in unfold(parse(text.replace("\\n", "\n")))
    ]
