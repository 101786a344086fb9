"""The invented tools, from `tasks/tools.txt`, and the requests that take several calls, from `tasks/chains.txt`.

    == weather                                       a kind of tool
    names get_weather weather                        its names
    about The weather in a city.                     its descriptions, one a line
    arg city = city : city town ; string ; The city. key = value spec : argument names ; type ; description
    arg units? = pick celsius/kelvin : units unit ; enum ; Degrees.
    out sky = pick sunny/cloudy                      what it finds out
    ? What is the weather in {city}?                 requests
    > It is {sky} in {city}.                         answers

    == many of one                                   a request of several calls
    value item = item                                what the request says
    call price item={item} ; price                   a kind of tool, its arguments ; what to keep of the outcome
    call arithmetic expression={price} * {n} ; value second     (and under which name)

(a|b|) is one of several wordings. Specs are those of `tool_values.make`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from .drawing import Draw, listed, task_lines

_ARGUMENT = re.compile(r"(\w+)=(.*?)(?= \w+=|$)")


@dataclass(frozen=True)
class Param:
    """An argument: how a value is made, its possible names, its type in a schema ("enum" for options), its meaning."""

    spec: str
    names: tuple[str, ...]
    type: str
    about: str
    required: bool

    @property
    def options(self) -> list[str]:
        """The values of an "enum"."""
        return self.spec.removeprefix("pick ").split("/")


@dataclass
class ToolKind:
    """Tools that do the same thing."""

    family: str
    names: tuple[str, ...] = ()
    about: list[str] = field(default_factory=list)
    params: dict[str, Param] = field(default_factory=dict)
    outcome: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Step:
    """One call of a chain: the kind of tool, a template for each argument, and what to keep: outcome key -> name."""

    family: str
    arguments: dict[str, str]
    keep: dict[str, str]


@dataclass
class Chain:
    """A request that takes several calls."""

    name: str
    values: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


@cache
def tool_kinds() -> dict[str, ToolKind]:
    """All kinds of tool by family. Raises ValueError for a line that is none of the format's."""
    kinds: dict[str, ToolKind] = {}
    for line in task_lines("tools.txt"):
        mark, _, rest = line.partition(" ")
        if mark == "==":
            kind = kinds[rest] = ToolKind(rest)
        elif mark == "names":
            kind.names = listed(rest)
        elif mark == "about":
            kind.about.append(rest)
        elif mark == "arg":
            key, param = _param(rest)
            kind.params[key] = param
        elif mark == "out":
            key, spec = rest.split(" = ")
            kind.outcome[key] = spec
        elif mark == "?":
            kind.requests.append(rest)
        elif mark == ">":
            kind.answers.append(rest)
        else:
            raise ValueError(f"tasks/tools.txt: cannot read {line!r}")
    return kinds


def _param(text: str) -> tuple[str, Param]:
    head, _, tail = text.partition(" : ")
    key, spec = head.split(" = ")
    names, kind, about = tail.split(" ; ")
    return key.removesuffix("?"), Param(spec, listed(names), kind, about, not key.endswith("?"))


@cache
def chains() -> tuple[Chain, ...]:
    """All requests of several calls. Raises ValueError for a line that is none of the format's."""
    found: list[Chain] = []
    for line in task_lines("chains.txt"):
        mark, _, rest = line.partition(" ")
        if mark == "==":
            found.append(Chain(rest))
        elif mark == "value":
            key, spec = rest.split(" = ")
            found[-1].values[key] = spec
        elif mark == "call":
            found[-1].steps.append(_step(rest))
        elif mark == "?":
            found[-1].requests.append(rest)
        elif mark == ">":
            found[-1].answers.append(rest)
        else:
            raise ValueError(f"tasks/chains.txt: cannot read {line!r}")
    return tuple(found)


def _step(text: str) -> Step:
    call, _, kept = text.partition(" ; ")
    family, _, arguments = call.partition(" ")
    pairs = [part.split() for part in kept.split(", ")]
    return Step(family, dict(_ARGUMENT.findall(arguments)), {pair[0]: pair[-1] for pair in pairs})


_NOUNS = listed(
    """
    colour owner age height weight length width depth speed rating status version battery_level size category label
    rank score temperature pressure capacity deadline location address manager phone_number supplier serial_number
    shelf price_group tax_rate warranty opening_hours closing_time language material origin expiry_date licence
    access_code
    """
)
_THINGS = listed(
    """
    ship lamp account project machine parcel building camera sensor bicycle horse painting garden bottle field room
    robot recipe song film team player school bridge tower shop garage pump engine server contract customer vehicle
    invoice pallet container ticket document patient course
    """
)
_ASK = (
    "What is the {noun} of the {thing} {{name}}?",
    "(Give|Tell|Show) me the {noun} of {thing} {{name}}.",
    "{thing} {{name}}: which {noun}?",
    "Look up the {noun} for {{name}}, the {thing}.",
    "(I need|I want|We need) the {noun} of our {thing} {{name}}.",
    "Tell me {{name}}'s {noun}; it is a {thing}.",
    "Which {noun} (has|does it say for) the {thing} {{name}}?",
    "{noun} of {thing} {{name}}?",
)
_SET = (
    "(Set|Put) the {noun} of the {thing} {{name}} to {{value}}.",
    "Change the {noun} of {thing} {{name}} to {{value}}.",
    "The {thing} {{name}} has a new {noun}: {{value}}.",
    "Make {{value}} the {noun} of the {thing} {{name}}.",
    "Update {thing} {{name}}, {noun} {{value}}.",
    "For the {thing} {{name}}, (enter|write|store) {{value}} as {noun}.",
)
_NAME_SPECS = ("name_word", "name_word", "code", "word")
_VALUE_SPECS = ("word", "code", "person", "iso", "city", "name_word", "int 1 900", "phrase")


def attribute_kind(draw: Draw, noun: str = "", thing: str = "") -> ToolKind:
    """A tool that reads or sets one attribute of one sort of thing: "the owner of a ship", "set the label of a pump".

    Noun and thing are drawn where not given. Its family is "get owner ship"; its requests are the split's already.
    """
    noun, thing = noun or draw.value(_NOUNS), thing or draw.value(_THINGS)
    said, spec = noun.replace("_", " "), draw.rng.choice(_VALUE_SPECS)
    names = listed(f"name {thing} {thing}_name {thing}_id id which")
    params = {"name": Param(draw.rng.choice(_NAME_SPECS), names, "string", f"The {thing}.", True)}
    if draw.chance(0.65):
        return ToolKind(
            f"get {noun} {thing}",
            listed(f"get_{noun} {thing}_{noun} {noun}_of_{thing} lookup_{thing}_{noun}"),
            [f"The {said} of a {thing}.", f"Look up a {thing}'s {said}.", f"Which {said} a {thing} has."],
            params,
            {noun: spec},
            [one.format(noun=said, thing=thing) for one in draw.templates(_ASK)],
            [f"The {said} of {{name}} is {{{noun}}}.", f"It is {{{noun}}}.", f"{{name}} has the {said} {{{noun}}}."],
        )
    value_names = listed(f"value {noun} new_{noun} new_value to")
    kind = "integer" if spec.startswith("int") else "string"
    params["value"] = Param(spec, value_names, kind, f"The new {said}.", True)
    return ToolKind(
        f"set {noun} {thing}",
        listed(f"set_{noun} change_{noun} update_{thing}_{noun} set_{thing}_{noun}"),
        [f"Set the {said} of a {thing}.", f"Change a {thing}'s {said}.", f"Gives a {thing} a new {said}."],
        params,
        {"state": "pick ok/done/saved/changed"},
        [one.format(noun=said, thing=thing) for one in draw.templates(_SET)],
        [f"The {said} of {{name}} is now {{value}}.", "Done, {name} has {value}.", f"{{name}}: {said} {{value}}."],
    )
