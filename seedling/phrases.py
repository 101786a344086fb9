"""Kinds of document, read from the text files in `phrases/`.

A file holds one or more kinds. A kind is a list of fields, each with a generator, the names a schema may give it and
optionally a description, and a list of snippets: pieces of prose that mention one field or several.

    == contact
    name! = person : name full_name contact ; the person to reach     ! stands in every document
    vip~ = bool : vip                                                 ~ false where nothing is said
    level = enum low/minor high/major : severity                      labels, each with other words for it
    lines = rows 1 4 : items lines                                    an array of objects, with its columns
      | item = product : name item                                    and ways to write a row
      > {item}, {qty} pieces
    group client customer : name email                                fields that may stand in a nested object
    drop price when free=true                                         a field that cannot be there then
    judged                                                            has fields of `judged.py` in every document
    --                                                                snippets; ^ first, $ last in the document
    ^ {name} (called|wrote) from {company}.
    [vip=true] Treat {him} as a very important customer.              said when a field has this value
    -- other                                                          sentences about what no field asks for
    {@person} has left the company.                                   {@...} draws a value that no field asks for

`++ contact` instead of `== contact` adds snippets to a kind of another file. Templates are those of `templates.py`.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from .scene import Generator
from .templates import Snippet, snippets
from .values import generator


@dataclass(slots=True)
class Field:
    """A field of a kind. `spec` is its value generator's, `names` what a schema may call it."""

    key: str
    spec: str
    names: list[str]
    description: str
    always: bool = False
    default_false: bool = False
    judged: bool = False
    columns: list[Field] = field(default_factory=list)
    row_templates: list[Snippet] = field(default_factory=list)
    labels: list[list[str]] = field(default_factory=list)
    generate: Generator | None = None

    @property
    def kind(self) -> str:
        return self.spec.split()[0]

    @property
    def sort(self) -> str:
        """What templates of `phrases/types.lines` fit it."""
        return _SORTS.get(self.kind, "thing")


@dataclass(slots=True)
class Kind:
    """A kind of document."""

    name: str
    held: bool
    judged: bool = False
    fields: dict[str, Field] = field(default_factory=dict)
    groups: list[tuple[list[str], list[str]]] = field(default_factory=list)
    drops: list[tuple[str, str, str]] = field(default_factory=list)
    snippets: list[Snippet] = field(default_factory=list)
    others: list[Snippet] = field(default_factory=list)
    by_field: dict[str, list[Snippet]] = field(default_factory=dict)


_SORTS = {
    "email": "email", "other_email": "email", "phone": "phone", "url": "url", "code": "code", "plate": "code",
    "isbn": "code", "flight": "code", "money": "money", "sum": "money", "salary": "money", "date": "date",
    "date_after": "date", "time": "time", "city": "city", "country": "city", "person": "person",
    "titled_person": "person", "other_person": "person", "company": "company", "other_company": "company",
    "club": "company", "address": "place", "street": "place", "venue": "place", "room": "place", "int": "number",
    "year": "number", "number": "number", "list": "list",
}  # fmt: skip

_FIELD = re.compile(r"(\w+)([!~]?) = ([^:;]+?) : ([^;]+?)(?: ; (.+))?$")


def _field(line: str) -> Field:
    match = _FIELD.match(line.strip())
    if match is None:
        raise ValueError(f"not a field line: {line!r}")
    key, flag, spec, names, description = match.groups()
    made = Field(key, spec, names.split(), description or "", flag == "!", flag == "~")
    name, *arguments = spec.split()
    if name == "enum":
        made.labels = [label.split("/") for label in arguments]
    elif name not in ("rows", "bool", "currency", "sum", "date_after"):
        made.generate = generator(spec)
    return made


#: Kinds kept from training altogether, for the split "templates".
HELD_KINDS = frozenset({"warranty claim", "course", "parcel", "museum object"})


def read(text: str, found: dict[str, Kind]) -> None:
    """Add to `found` the kinds that a text holds ("== name") and what it adds to kinds already there ("++ name").

    Raises ValueError for a line that cannot be read, KeyError for an addition to a kind that is not there.
    """
    section, kind = "", Kind("", False)
    for line in text.splitlines():
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if bare.startswith("== "):
            kind = found[bare[3:]] = Kind(bare[3:], bare[3:] in HELD_KINDS)
            section = "fields"
        elif bare.startswith("++ "):
            kind, section = found[bare[3:]], "snippets"
        elif bare == "--":
            section = "snippets"
        elif bare == "-- other":
            section = "other"
        elif section == "fields":
            _read_field(kind, bare)
        elif section == "snippets":
            kind.snippets += snippets(bare)
        else:
            kind.others += snippets(bare)


def _read_field(kind: Kind, line: str) -> None:
    if line == "judged":
        kind.judged = True
    elif line.startswith("group "):
        names, _, members = line[6:].partition(" : ")
        kind.groups.append((names.split(), members.split()))
    elif line.startswith("drop "):
        dropped, condition = line[5:].split(" when ")
        key, state = condition.split("=")
        kind.drops.append((dropped, key, state))
    elif line.startswith("| "):
        last = kind.fields[next(reversed(kind.fields))]
        last.columns.append(_field(line[2:]))
    elif line.startswith("> "):
        last = kind.fields[next(reversed(kind.fields))]
        last.row_templates += snippets(line[2:])
    else:
        made = _field(line)
        kind.fields[made.key] = made


def _finish(kind: Kind) -> None:
    for made in kind.snippets:
        unknown = made.fields - kind.fields.keys()
        if unknown:
            raise ValueError(f"kind {kind.name}: a snippet names unknown fields {sorted(unknown)}")
        for key in made.fields:
            kind.by_field.setdefault(key, []).append(made)


@cache
def kinds() -> tuple[Kind, ...]:
    """All kinds, in the order of file and place."""
    folder = resources.files(__package__) / "phrases"
    files = sorted((entry for entry in folder.iterdir()), key=lambda entry: entry.name)
    found: dict[str, Kind] = {}
    for ending in (".kinds", ".more"):
        for entry in files:
            if entry.name.endswith(ending):
                read(entry.read_text(encoding="utf-8"), found)
    for kind in found.values():
        _finish(kind)
    return tuple(found.values())


@cache
def lines(name: str) -> tuple[Snippet, ...]:
    """The templates of `phrases/<name>.lines`, one a line."""
    text = (resources.files(__package__) / "phrases" / f"{name}.lines").read_text(encoding="utf-8")
    return tuple(
        made for line in text.splitlines() if line.strip() and not line.startswith("#") for made in snippets(line)
    )


@cache
def typed_lines() -> dict[str, list[Snippet]]:
    """The templates of `phrases/types.lines` by sort."""
    text = (resources.files(__package__) / "phrases" / "types.lines").read_text(encoding="utf-8")
    found: dict[str, list[Snippet]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            sort, _, template = line.partition(": ")
            found.setdefault(sort, []).extend(snippets(template))
    return found


def allowed(candidates: list[Snippet] | tuple[Snippet, ...], split: str) -> list[Snippet]:
    """Those that a split may use: in "templates" the held-out ones, as far as there are any."""
    if split == "templates":
        held = [candidate for candidate in candidates if candidate.held]
        return held or list(candidates)
    return [candidate for candidate in candidates if not candidate.held]


def pick(rng: random.Random, name: str, split: str) -> Snippet:
    """A template of `phrases/<name>.lines` that the split may use."""
    return rng.choice(allowed(lines(name), split))
