"""Chats with tools: choose the right one, write its arguments, answer from its result, or do without."""

import json
import random
import string
from dataclasses import dataclass
from typing import Any

from .drawing import Draw
from .example import Example
from .tool_chains import CHAINS, Chain
from .tool_kinds import KINDS, Param, ToolKind, attribute_kind
from .tool_values import Value

_SYSTEM = (
    "You may call tools.",
    "Use the tools where they help.",
    "You are a helpful assistant with tools.",
    "Call a tool when you need one, then answer in one sentence.",
    "Answer with the help of the tools below.",
    "You are an assistant. You can call functions.",
    "Work step by step: call tools, read their results, then answer.",
    "If no tool fits, say so.",
    "Be brief. Tools are available.",
)
_PREFIXES = ("Please: ", "Hi, ", "Hello! ", "Hey, ", "Quick question. ", "Sorry to bother you. ", "One more thing: ")
_CANNOT = (
    "None of the tools can do that.",
    "I have no tool for that.",
    "Sorry, none of my tools can do that.",
)
_CHATTER = (
    (("Hello!", "Hi", "Good morning.", "Hey there", "Hi, how are you?"), "Hello! How can I help you?"),
    (("Thanks!", "Thank you very much.", "Great, thanks.", "Thx"), "You are welcome."),
    (("Bye!", "That is all, goodbye.", "See you later.", "Nothing else, bye"), "Goodbye!"),
)


@dataclass(frozen=True)
class Offer:
    """A tool as one example offers it: the kind, with this example's name and argument names."""

    kind: ToolKind
    name: str
    arguments: dict[str, str]
    """Argument key of the kind -> its name here."""
    tool: dict[str, Any]


def _property(draw: Draw, param: Param) -> dict[str, Any]:
    spec: dict[str, Any] = {"type": "string" if param.kind == "enum" else param.kind}
    if param.kind == "enum":
        spec["enum"] = draw.rng.sample(param.options, len(param.options)) if draw.chance(0.4) else list(param.options)
    if draw.chance(0.45):
        spec["description"] = param.about
    return spec


def offer(draw: Draw, kind: ToolKind) -> Offer:
    """`kind` under one of its names, with one of its descriptions and sets of argument names."""
    name = draw.template(tuple(kind.names.split()))
    if draw.chance(0.1):
        head, *rest = name.split("_")
        name = head + "".join(part.capitalize() for part in rest)
    names: dict[str, str] = {}
    for key, param in kind.params.items():
        free = [one for one in draw.templates(tuple(param.names.split())) if one not in names.values()]
        names[key] = draw.rng.choice(free) if free else key
    parameters: dict[str, Any] = {
        "type": "object",
        "properties": {names[key]: _property(draw, param) for key, param in kind.params.items()},
        "required": [names[key] for key, param in kind.params.items() if param.required],
    }
    if draw.chance(0.3):
        parameters["additionalProperties"] = False
    function = {"name": name, "description": draw.template(kind.about), "parameters": parameters}
    return Offer(kind, name, names, {"type": "function", "function": function})


def _holes(template: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(template) if field}


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _call(offered: Offer, values: dict[str, Value], number: int) -> dict[str, Any]:
    arguments = {offered.arguments[key]: values[key].json for key in offered.kind.params if key in values}
    function = {"name": offered.name, "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": f"call_{number}", "type": "function", "function": function}],
    }


def _outcome(draw: Draw, kind: ToolKind, values: dict[str, Value]) -> dict[str, Any]:
    if kind.work is not None:
        return {key: value.json for key, value in kind.work({key: one.json for key, one in values.items()}).items()}
    return {key: make(draw).json for key, make in kind.outcome.items()}


def _result(draw: Draw, outcome: dict[str, Any], number: int) -> dict[str, Any]:
    """The tool's message: JSON, lines, or the bare value where there is one only."""
    form = draw.rng.random()
    if form < 0.55:
        content = json.dumps(outcome, ensure_ascii=False)
    elif len(outcome) == 1:
        content = str(next(iter(outcome.values())))
    else:
        content = ", ".join(f"{key}: {value}" for key, value in outcome.items())
    return {"role": "tool", "tool_call_id": f"call_{number}", "content": content}


def _answer(draw: Draw, kind: ToolKind, values: dict[str, Value], outcome: dict[str, Any]) -> dict[str, Any]:
    known = {key: value.said for key, value in values.items()} | {key: str(value) for key, value in outcome.items()}
    fitting = [one for one in draw.templates(kind.answers) if _holes(one) <= known.keys()]
    text = draw.rng.choice(fitting or [one for one in kind.answers if _holes(one) <= known.keys()])
    return {"role": "assistant", "content": _upper_first(text.format(**known))}


def _request(draw: Draw, kind: ToolKind) -> tuple[str, dict[str, Value]]:
    template = draw.rng.choice(kind.requests) if kind.divided else draw.template(kind.requests)
    values: dict[str, Value] = {}
    for key in kind.params:
        if key in _holes(template):
            values[key] = kind.params[key].make(draw)
    while len(values) > 1 and len({value.said for value in values.values()}) < len(values):
        values = {key: kind.params[key].make(draw) for key in values}
    text = template.format(**{key: value.said for key, value in values.items()})
    return _dress(draw, text), values


def _dress(draw: Draw, text: str) -> str:
    kind = draw.rng.random()
    if kind < 0.1:
        return draw.template(_PREFIXES) + text
    if kind < 0.2:
        return text[:1].lower() + text[1:].rstrip(".?") if text[:1] not in "#" else text
    return _upper_first(text)


def _others(draw: Draw, taken: list[Offer], count: int, families: set[str]) -> list[Offer]:
    """`count` tools of other families and other names than those taken."""
    offers = list(taken)
    used = set(families) | {one.kind.family for one in taken}
    while len(offers) < count + len(taken):
        kind = attribute_kind(draw) if draw.chance(0.25) else draw.rng.choice(KINDS)
        made = offer(draw, kind)
        if kind.family not in used and all(made.name != one.name for one in offers):
            offers.append(made)
            used.add(kind.family)
    return offers


def _pick_kind(draw: Draw) -> ToolKind:
    kind = draw.rng.random()
    if kind < 0.2:
        return attribute_kind(draw)
    return KINDS[0] if kind < 0.28 else draw.rng.choice(KINDS)


def _one_call(draw: Draw, offered: Offer, first: int) -> list[dict[str, Any]]:
    text, values = _request(draw, offered.kind)
    outcome = _outcome(draw, offered.kind, values)
    return [
        {"role": "user", "content": text},
        _call(offered, values, first),
        _result(draw, outcome, first),
        _answer(draw, offered.kind, values, outcome),
    ]


def _chain(draw: Draw, chain: Chain) -> tuple[list[Offer], list[dict[str, Any]]]:
    kinds = {kind.family: kind for kind in KINDS}
    offers = {family: offer(draw, kinds[family]) for family in chain.families}
    known: dict[str, Value] = {key: make(draw) for key, make in chain.values.items()}
    said = {key: value.said for key, value in known.items()}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": _dress(draw, draw.template(chain.requests).format(**said))}
    ]
    for number, step in enumerate(chain.steps, 1):
        offered = offers[step.family]
        values = {key: _step_value(known, pattern) for key, pattern in step.arguments.items()}
        outcome = _outcome(draw, offered.kind, values)
        messages += [_call(offered, values, number), _result(draw, outcome, number)]
        for key, name in step.keep.items():
            known[name] = Value(str(outcome[key]), outcome[key])
    text = draw.template(chain.answers).format(**{key: value.said for key, value in known.items()})
    messages.append({"role": "assistant", "content": _upper_first(text)})
    return list(offers.values()), messages


def _step_value(known: dict[str, Value], pattern: str) -> Value:
    """An argument of a later call: a known value as it is, or a text with JSON values filled in."""
    if pattern in known:
        return known[pattern]
    text = pattern.format(**{key: value.json for key, value in known.items()})
    return Value(text, text)


def sample(rng: random.Random, split: str) -> Example:
    """One chat with two to six tools. Deterministic given `rng`."""
    draw = Draw(rng, split)
    messages: list[dict[str, Any]] = []
    if draw.chance(0.6):
        messages.append({"role": "system", "content": draw.template(_SYSTEM)})
    form = rng.random()
    count = rng.choice((2, 2, 3, 3, 4, 5, 6))
    if form < 0.13:
        offers = _others(draw, [], count, {"arithmetic"})
        messages += _without(draw, offers)
    elif form < 0.31:
        offers, chat = _chain(draw, rng.choice(draw.templates(CHAINS)))
        offers = _others(draw, offers, max(0, count - len(offers)), set())
        messages += chat
    else:
        offers = _others(draw, [offer(draw, _pick_kind(draw))], count - 1, set())
        messages += _one_call(draw, offers[0], 1)
        if form > 0.93:
            messages += _one_call(draw, offers[1], 2)
    rng.shuffle(offers)
    return Example("tools", tuple(messages), tools=tuple(one.tool for one in offers))


def _without(draw: Draw, offers: list[Offer]) -> list[dict[str, Any]]:
    """A request that no tool serves, or small talk."""
    if draw.chance(0.3):
        said, reply = draw.rng.choice(_CHATTER)
        return [{"role": "user", "content": draw.template(said)}, {"role": "assistant", "content": reply}]
    families = {one.kind.family for one in offers}
    kind = draw.rng.choice([one for one in KINDS if one.family not in families])
    text, _ = _request(draw, kind)
    return [{"role": "user", "content": text}, {"role": "assistant", "content": draw.rng.choice(_CANNOT)}]
