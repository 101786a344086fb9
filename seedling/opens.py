"""Kinds of document made up on the spot: any field name with any other, so that nothing but the schema tells what to
look for."""

from __future__ import annotations

import random
from functools import cache
from importlib import resources

from .phrases import Field, Kind
from .scene import Scene, invented
from .templates import Snippet, snippets
from .values import generator
from .words import Words


def _lines(name: str) -> list[str]:
    text = (resources.files(__package__) / "phrases" / name).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


@cache
def _typed_names() -> dict[str, str]:
    """Field name -> generator spec."""
    pairs = (line.split(" : ") for line in _lines("open.fields"))
    return {name: spec for spec, names in pairs for name in names.split()}


@cache
def _choices() -> dict[str, list[str]]:
    pairs = (line.split(" : ") for line in _lines("open.choices"))
    return {name: labels.split() for name, labels in pairs}


@cache
def _pool(kind: str) -> Words:
    sources = {
        "fields": lambda: list(_typed_names()),
        "choices": lambda: list(_choices()),
        "flags": lambda: " ".join(_lines("open.flags")).split(),
        "subjects": lambda: " ".join(_lines("open.subjects")).split(),
    }
    return Words(sources[kind]())


def _draw(rng: random.Random, split: str, pool: str) -> str:
    # "values" keeps the field names of training: there only the values are new.
    return _pool(pool).draw(rng, "templates" if split == "templates" else "train")


@cache
def _flag_snippets(flag: str) -> list[Snippet]:
    key = flag.replace("-", "_")
    return [
        *snippets(f"[{key}=true] (It is|This one is|As you know, it is|By now it is) {flag}."),
        *snippets(f"[{key}=true] Yes, (it's|it is) {flag}."),
        *snippets(f"[{key}=true] ({flag.capitalize()}, of course|{flag.capitalize()}: yes|It was declared {flag})."),
        *snippets(f"[{key}=false] (It is|This one is|Sadly it is|At the moment it is) not {flag}."),
        *snippets(f"[{key}=false] (It isn't {flag}|{flag.capitalize()}: no|Not {flag}|It is anything but {flag})."),
    ]


@cache
def _subject_snippets(subject: str) -> list[Snippet]:
    found: list[Snippet] = []
    for line in (
        f"^ (This is about|Notes on|Some facts about|Here is|We looked at) the {subject} {{name}}.",
        f"^ {{name}}, (a|our|the) {subject}(.|, in short:)",
        f"^ The {subject} (is called|goes by the name of|was named) {{name}}.",
        f"^ ({subject.capitalize()} register|{subject.capitalize()} card|File): {{name}}",
    ):
        found += snippets(line)
    return found


def open_kind(rng: random.Random, split: str) -> Kind:
    """A kind that exists for one document: a thing with a name and fields drawn at random."""
    subject = _draw(rng, split, "subjects")
    kind = Kind(subject, held=False)
    prefix = f"{subject}_" if rng.random() < 0.25 else ""
    named = generator("name_word" if rng.random() < 0.6 else "title")
    kind.fields["name"] = Field("name", "open", [f"{subject}_name", "name", subject], f"name of the {subject}", True)
    kind.fields["name"].generate = named
    kind.by_field["name"] = _subject_snippets(subject)
    for _ in range(rng.randint(2, 7)):
        roll = rng.random()
        if roll < 0.13:
            _add_flag(kind, _draw(rng, split, "flags"))
        elif roll < 0.27:
            _add_choice(rng, split, kind)
        else:
            name = _draw(rng, split, "fields")
            spec = _typed_names()[name]
            made = Field(name, spec, [prefix + name], name.replace("_", " "))
            made.generate = generator(spec)
            kind.fields.setdefault(name, made)
    return kind


def _add_flag(kind: Kind, flag: str) -> None:
    key = flag.replace("-", "_")
    kind.fields[key] = Field(key, "bool", [key, f"is_{key}"], f"whether it is {flag}")
    kind.by_field[key] = _flag_snippets(flag)


def _add_choice(rng: random.Random, split: str, kind: Kind) -> None:
    if rng.random() < 0.7:
        name = _draw(rng, split, "choices")
        labels = list(_choices()[name])
    else:  # Labels nobody has seen.
        scene = Scene.new(rng, split)
        name = rng.choice(("grade", "class", "variant", "type", "group", "league", "model_line", "family"))
        labels = list(dict.fromkeys(invented(scene, 1, 2) for _ in range(rng.randint(2, 5))))
    made = Field(name, "enum", [name], name.replace("_", " "))
    made.labels = [[label] for label in labels]
    kind.fields[name] = made
