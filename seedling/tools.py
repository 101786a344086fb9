"""Chats with tools: choose the right one, write its arguments, answer from its result, or do without."""

import json
import random
import string
from dataclasses import dataclass
from typing import Any

from .arithmetic import calculate
from .drawing import Draw, listed, upper_first
from .example import Example
from .tool_kinds import Chain, Param, ToolKind, attribute_kind, chains, tool_kinds
from .tool_values import Said, make
from .values import Value

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
    spec: dict[str, Any] = {"type": "string" if param.type == "enum" else param.type}
    if param.type == "enum":
        spec["enum"] = draw.rng.sample(param.options, len(param.options)) if draw.chance(0.4) else list(param.options)
    if param.type == "array":
        spec["items"] = {"type": "string"}
    if draw.chance(0.35):
        spec["description"] = param.about
    return spec


def offer(draw: Draw, kind: ToolKind) -> Offer:
    """`kind` under one of its names, with one of its descriptions and sets of argument names."""
    name = draw.template(kind.names)
    if draw.chance(0.1):
        head, *rest = name.split("_")
        name = head + "".join(part.capitalize() for part in rest)
    names: dict[str, str] = {}
    for key, param in kind.params.items():
        free = [one for one in draw.templates(param.names) if one not in names.values()]
        names[key] = draw.rng.choice(free) if free else key
    parameters: dict[str, Any] = {
        "type": "object",
        "properties": {names[key]: _property(draw, param) for key, param in kind.params.items()},
    }
    required = [names[key] for key, param in kind.params.items() if param.required]
    if required:
        parameters["required"] = required
    if draw.chance(0.15):
        parameters["additionalProperties"] = False
    function = {"name": name, "description": draw.template(kind.about), "parameters": parameters}
    return Offer(kind, name, names, {"type": "function", "function": function})


def _holes(template: str) -> set[str]:
    return {field.partition(".")[0] for _, field, _, _ in string.Formatter().parse(template) if field}


def _call(offered: Offer, values: dict[str, Value], number: int) -> dict[str, Any]:
    arguments = {offered.arguments[key]: values[key].json for key in offered.kind.params if key in values}
    function = {"name": offered.name, "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": f"call_{number}", "type": "function", "function": function}],
    }


def _outcome(draw: Draw, kind: ToolKind, values: dict[str, Value]) -> dict[str, Any]:
    """What the tool finds out; sums are true."""
    if kind.family == "arithmetic":
        return {"value": json.loads(calculate(values["expression"].json))}
    if kind.family == "total":
        return {"value": json.loads(calculate(f"{values['price'].json} * {values['count'].json}"))}
    return {key: make(draw, spec).json for key, spec in kind.outcome.items()}


_EXTRAS = (("ok", True), ("status", "success"), ("source", "cache"), ("took_ms", 12), ("error", None), ("version", 2))


def _result(draw: Draw, outcome: dict[str, Any], number: int) -> dict[str, Any]:
    """The tool's message: JSON, perhaps with more than was asked, or lines, or the bare value where there is one."""
    form = draw.rng.random()
    if form < 0.2:
        extras = dict(draw.some([pair for pair in _EXTRAS if pair[0] not in outcome], 1, 2))
        shown = outcome | extras if draw.chance(0.5) else extras | outcome
        content = json.dumps(shown, ensure_ascii=False)
    elif form < 0.6:
        content = json.dumps(outcome, ensure_ascii=False)
    elif len(outcome) == 1:
        content = str(next(iter(outcome.values())))
    else:
        content = ", ".join(f"{key}: {value}" for key, value in outcome.items())
    return {"role": "tool", "tool_call_id": f"call_{number}", "content": content}


_FAILURES = listed(
    """
    not found; service unavailable; no permission; timeout; no connection; out of date; unknown name; no data; limit
    reached; busy, try again later; no entry for {w}; no such name: {w}; nothing known about {w}; {w} is not in the
    table; the server {w} is down; access denied for {w}; code {n}; try again in {n} minutes
    """,
    ";",
)


def _failure(draw: Draw, number: int) -> list[dict[str, Any]]:
    """A tool that fails, and the assistant who says so."""
    reason = draw.value(_FAILURES).format(w=draw.word(), n=draw.rng.randint(2, 600))
    content = draw.rng.choice((json.dumps({"error": reason}), f"Error: {reason}", f"error: {reason}"))
    return [
        {"role": "tool", "tool_call_id": f"call_{number}", "content": content},
        {"role": "assistant", "content": f"That did not work: {reason}."},
    ]


def _spoken(values: dict[str, Value], outcome: dict[str, Any]) -> dict[str, Said]:
    """What templates may mention: the request's values as it says them, and the outcome."""
    said = {key: Said(value.text) for key, value in values.items()}
    return said | {key: Said(value) for key, value in outcome.items()}


def _answer(draw: Draw, kind: ToolKind, values: dict[str, Value], outcome: dict[str, Any]) -> dict[str, Any]:
    known = _spoken(values, outcome)
    fitting = [one for one in draw.templates(kind.answers) if _holes(one) <= known.keys()]
    text = draw.rng.choice(fitting or [one for one in kind.answers if _holes(one) <= known.keys()])
    return {"role": "assistant", "content": upper_first(text).format(**known)}


def _request(draw: Draw, kind: ToolKind) -> tuple[str, dict[str, Value]]:
    """A request for this kind of tool, and the values it mentions, no two of them alike."""
    divided = " " in kind.family
    template = _dress(draw, draw.rng.choice(kind.requests) if divided else draw.template(kind.requests))
    holes = _holes(template)
    while True:
        values = {key: make(draw, param.spec) for key, param in kind.params.items() if key in holes}
        if len({value.text for value in values.values()}) == len(values):
            return template.format(**_spoken(values, {})), values


def _dress(draw: Draw, template: str) -> str:
    """The request as people type it: with a greeting, carelessly, or with a capital. Values keep their case."""
    kind = draw.rng.random()
    template = draw.vary(template)
    if kind < 0.1:
        return draw.template(_PREFIXES) + template
    if kind < 0.2:
        return template[:1].lower() + template[1:].rstrip(".?")
    return upper_first(template)


def _others(draw: Draw, taken: list[Offer], count: int, families: set[str]) -> list[Offer]:
    """`count` tools of other families and other names than those taken."""
    offers = list(taken)
    used = set(families) | {one.kind.family for one in taken}
    while len(offers) < count + len(taken):
        kind = _sibling(draw, taken) or draw.rng.choice(list(tool_kinds().values()))
        made = offer(draw, kind)
        if kind.family not in used and all(made.name != one.name for one in offers):
            offers.append(made)
            used.add(kind.family)
    return offers


def _sibling(draw: Draw, taken: list[Offer]) -> ToolKind | None:
    """Now and then a tool for an attribute, often one that differs from the tool taken only in noun, thing or verb."""
    if not draw.chance(0.25 if not taken or " " not in taken[0].kind.family else 0.6):
        return None
    if not taken or " " not in taken[0].kind.family:
        return attribute_kind(draw)
    _, noun, thing = taken[0].kind.family.split()
    return attribute_kind(draw, noun, "") if draw.chance(0.4) else attribute_kind(draw, "", thing)


def _pick_kind(draw: Draw) -> ToolKind:
    kind = draw.rng.random()
    if kind < 0.2:
        return attribute_kind(draw)
    return tool_kinds()["arithmetic"] if kind < 0.28 else draw.rng.choice(list(tool_kinds().values()))


def _one_call(draw: Draw, offered: Offer, first: int) -> list[dict[str, Any]]:
    text, values = _request(draw, offered.kind)
    asked = [{"role": "user", "content": text}, _call(offered, values, first)]
    if offered.kind.family not in ("arithmetic", "total") and draw.chance(0.05):
        return [*asked, *_failure(draw, first)]
    outcome = _outcome(draw, offered.kind, values)
    return [*asked, _result(draw, outcome, first), _answer(draw, offered.kind, values, outcome)]


def _chain(draw: Draw, chain: Chain) -> tuple[list[Offer], list[dict[str, Any]]]:
    """A request of several calls: the tools it takes, and the chat."""
    families = dict.fromkeys(step.family for step in chain.steps)
    offers = {family: offer(draw, tool_kinds()[family]) for family in families}
    known = {key: make(draw, spec) for key, spec in chain.values.items()}
    request = _dress(draw, draw.template(chain.requests)).format(**_spoken(known, {}))
    messages: list[dict[str, Any]] = [{"role": "user", "content": request}]
    for number, step in enumerate(chain.steps, 1):
        offered = offers[step.family]
        values = {key: _filled(known, template) for key, template in step.arguments.items()}
        outcome = _outcome(draw, offered.kind, values)
        messages += [_call(offered, values, number), _result(draw, outcome, number)]
        known |= {name: Value(outcome[key], str(outcome[key])) for key, name in step.keep.items()}
    text = upper_first(draw.template(chain.answers)).format(**_spoken(known, {}))
    messages.append({"role": "assistant", "content": text})
    return list(offers.values()), messages


def _filled(known: dict[str, Value], template: str) -> Value:
    """An argument of a chain's call: a known value as it is, or a text with known JSON values filled in."""
    if template[1:-1] in known:
        return known[template[1:-1]]
    text = template.format(**{key: value.json for key, value in known.items()})
    return Value(text, text)


def sample(rng: random.Random, split: str) -> Example:
    """One chat with two to six tools. Deterministic given `rng`."""
    draw = Draw(rng, split)
    messages: list[dict[str, Any]] = []
    if draw.chance(0.6):
        messages.append({"role": "system", "content": draw.template(_SYSTEM)})
    form = rng.random()
    count = rng.choice((2, 2, 2, 3, 3, 3, 4, 4, 5, 6))
    if form < 0.12:
        offers = _others(draw, [], count, {"arithmetic", "total"})
        messages += _without(draw, offers)
    elif form < 0.33:
        offers, chat = _chain(draw, rng.choice(chains()))
        offers = _others(draw, offers, max(1, count - len(offers)), {"arithmetic", "total"})
        messages += chat
    else:
        kind = _pick_kind(draw)
        rivals = {"arithmetic", "total"} if kind.family in ("arithmetic", "total") else set()
        offers = _others(draw, [offer(draw, kind)], count - 1, rivals)
        messages += _one_call(draw, offers[0], 1)
        # Further requests to the same tools: the costly part of the prompt, the tools, is there already.
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
            made = sum(message["role"] == "tool" for message in messages)
            messages += _one_call(draw, rng.choice(offers), made + 1)
    rng.shuffle(offers)
    return Example("tools", tuple(messages), tools=tuple(one.tool for one in offers))


def _without(draw: Draw, offers: list[Offer]) -> list[dict[str, Any]]:
    """A request that no tool serves, or small talk."""
    if draw.chance(0.3):
        said, reply = draw.rng.choice(_CHATTER)
        return [{"role": "user", "content": draw.template(said)}, {"role": "assistant", "content": reply}]
    families = {one.kind.family for one in offers}
    kind = draw.rng.choice([one for one in tool_kinds().values() if one.family not in families])
    text, _ = _request(draw, kind)
    return [{"role": "user", "content": text}, {"role": "assistant", "content": draw.rng.choice(_CANNOT)}]
