"""Documents: facts told as prose, as a form, as a mixture of both, as bullets or as a chat."""

from __future__ import annotations

import random

from .facts import Facts
from .phrases import allowed, lines, pick, typed_lines
from .scene import Scene
from .templates import Snippet, expand
from .values import draw

_LAYOUTS = {"prose": 0.57, "mixed": 0.15, "form": 0.11, "bullets": 0.08, "chat": 0.09}

#: A label and a value on a line.
_FORM_LINES = (
    "{}: {}", "{}: {}", "{}: {}", "{}: {}", "{} - {}", "{} = {}", "{}:\t{}", "{} | {}", "{} ... {}", "**{}:** {}",
    "{}\n  {}", "{}: \"{}\"", "[{}] {}",
)  # fmt: skip

#: How often a field is told by a sentence that would fit any field, naming it.
_GENERIC = 0.14

#: How often a document says that something is not known.
_MISSING = 0.25


def compose(rng: random.Random, split: str, facts: Facts) -> str:
    """A text that states every value of `facts`, among sentences about other things."""
    layout = rng.choices(list(_LAYOUTS), list(_LAYOUTS.values()))[0]
    keys = [key for key in facts.values if facts.kind.fields[key].kind != "currency"]
    keys = [key for key in keys if not _left_unsaid(rng, facts, key)]
    if any(facts.kind.fields[key].judged for key in keys) and layout in ("form", "mixed"):
        layout = "prose"
    if layout == "form":
        text = _form(rng, split, facts, keys)
        return _framed(rng, split, facts, text) if rng.random() < 0.5 else text
    if layout == "mixed" and len(keys) > 2:
        rng.shuffle(keys)
        cut = rng.randint(1, len(keys) - 1)
        first, body, last = _prose(rng, split, facts, keys[:cut])
        form = _form(rng, split, facts, keys[cut:])
        prose = _run_on([*first, *body], " ")
        parts = [prose, form] if rng.random() < 0.7 else [form, prose]
        return _framed(rng, split, facts, "\n".join([*parts, *last]))
    first, body, last = _prose(rng, split, facts, keys)
    body = _with_asides(rng, split, facts, body)
    if layout == "chat":
        return _chat(rng, split, [*first, *body, *last])
    if layout == "bullets":
        mark = rng.choice(("- ", "* ", "• "))
        return _framed(rng, split, facts, "\n".join([*first, *(mark + _bare(line) for line in body), *last]))
    joint = rng.choice((" ", " ", " ", " ", "\n", "\n\n"))
    text = _run_on([*first, *body], joint)
    return _framed(rng, split, facts, "\n".join([text, *last]))


def _run_on(sentences: list[str], joint: str) -> str:
    """Sentences one after the other; what follows a block of lines begins a new one."""
    parts = []
    for sentence in sentences:
        parts += [sentence, "\n" if "\n" in sentence and "\n" not in joint else joint]
    return "".join(parts[:-1])


def _left_unsaid(rng: random.Random, facts: Facts, key: str) -> bool:
    """A yes-no fact that is false where nothing is said of it may go unsaid."""
    return facts.kind.fields[key].default_false and facts.values[key].json is False and rng.random() < 0.5


def _prose(rng: random.Random, split: str, facts: Facts, keys: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Sentences that state the fields: those to come first, those between, those to come last."""
    remaining = dict.fromkeys(keys)
    chosen: list[Snippet] = []
    said: dict[str, list[str]] = {"first": [], "any": [], "last": []}
    order = list(keys)
    rng.shuffle(order)
    for key in order:
        if key not in remaining:
            continue
        generic = rng.random() < _GENERIC and not facts.kind.fields[key].judged
        fitting = [] if generic else _fitting(split, facts, key, remaining)
        if any(candidate.position == "first" for candidate in chosen):
            fitting = [candidate for candidate in fitting if candidate.position != "first"]
        if not fitting:
            said["any"].append(_generic(rng, split, facts, key))
            del remaining[key]
            continue
        best = rng.choices(fitting, [len(candidate.fields) for candidate in fitting])[0]
        chosen.append(best)
        for name in best.fields:
            del remaining[name]
        if facts.kind.fields[key].judged and len(fitting) > 1 and rng.random() < 0.4:
            chosen.append(rng.choice([candidate for candidate in fitting if candidate is not best]))
    if rng.random() < 0.4:
        places = {key: place for place, key in enumerate(facts.kind.fields)}
        chosen.sort(key=lambda made: min(places[key] for key in made.fields))
    for made in chosen:
        text = _tidy(expand(made.nodes, facts.scene, facts.texts))
        if made.position == "any" and said["any"] and rng.random() < 0.12 and not isinstance(made.nodes[0], tuple):
            said["any"][-1] = _joined(rng, said["any"][-1], text)
        else:
            said[made.position].append(text)
    return said["first"], said["any"], said["last"]


def _fitting(split: str, facts: Facts, key: str, remaining: dict[str, None]) -> list[Snippet]:
    """Snippets of the kind that state `key` and else only what is still to be said."""
    fitting = [
        candidate
        for candidate in facts.kind.by_field.get(key, [])
        if candidate.fields <= remaining.keys() and facts.covered_by(candidate.conditions)
    ]
    return allowed(fitting, split)


def _joined(rng: random.Random, first: str, second: str) -> str:
    """Two sentences as one; the second must begin with a word of a template, not with a value."""
    if not first.endswith(".") or "\n" in first or second.startswith(("I ", "I'")):
        return f"{first} {second}"
    return first[:-1] + rng.choice((", and ", "; ", " and ", " - ", ", ")) + second[0].lower() + second[1:]


def _generic(rng: random.Random, split: str, facts: Facts, key: str) -> str:
    """A sentence that would fit any field, or any of its sort; it names the field unless its sort tells it."""
    made, value = facts.kind.fields[key], facts.values[key]
    if made.kind in ("bool", "rows"):
        return _form(rng, split, facts, [key])
    label = _label(rng, facts, key, 1)
    texts = {("label", ""): label, ("Label", ""): label.capitalize(), ("v", ""): value.text}
    fixed = {"v", "label", "Label"}
    if rng.random() < (1.0 if made.sort == "list" else 0.6):
        candidates = allowed(typed_lines()[made.sort], split)
        alone = sum(other.sort == made.sort for other in facts.kind.fields.values()) == 1
        if not alone or made.sort == "thing":
            named = [candidate for candidate in candidates if candidate.fields & {"label", "Label"}]
            candidates = named or [candidate for candidate in lines("generic") if "other" not in candidate.fields]
    else:
        candidates = allowed(lines("generic"), split)
    other = facts.another(key)
    if other is not None:
        texts["other", ""] = other
        fixed = fixed | {"other"}
    candidates = [candidate for candidate in candidates if candidate.fields <= fixed] or list(lines("generic")[:1])
    return _tidy(expand(rng.choice(candidates).nodes, facts.scene, texts))


def _missing(rng: random.Random, split: str, facts: Facts) -> str | None:
    """A sentence saying that the value of an absent field is not known."""
    absent = [
        key
        for key, made in facts.kind.fields.items()
        if key not in facts.values and made.kind not in ("currency", "rows", "bool") and not made.default_false
    ]
    if not absent or rng.random() > _MISSING:
        return None
    label = _label(rng, facts, rng.choice(absent), 1)
    texts = {("label", ""): label, ("Label", ""): label.capitalize()}
    return expand(pick(rng, "missing", split).nodes, facts.scene, texts)


def _tidy(text: str) -> str:
    """Remove what joining leaves: doubled full stops and blanks before a full stop."""
    for wrong, right in ((" .", "."), (" ,", ","), ("..", "."), (".,", ","), ("  ", " ")):
        if wrong in text:
            text = text.replace(wrong, right)
    return text


def _bare(line: str) -> str:
    return line[:-1] if line.endswith(".") else line


def _label(rng: random.Random, facts: Facts, key: str, style: int) -> str:
    label = rng.choice(facts.kind.fields[key].names).replace("_", " ")
    return (label.capitalize(), label, label.title(), label.upper())[style]


def _form(rng: random.Random, split: str, facts: Facts, keys: list[str]) -> str:
    """Labelled lines, or a line of labels above a line of values."""
    style = rng.choice((0, 0, 0, 1, 2, 3))
    if len(keys) > 2 and rng.random() < 0.1:
        return _columns(rng, facts, keys, style)
    pattern = rng.choice(_FORM_LINES)
    lead = rng.choice(("", "", "", "", "- ", "* "))
    rows = []
    for key in keys:
        label = _label(rng, facts, key, style)
        if (key, "block") in facts.texts and (facts.kind.fields[key].kind == "rows" or rng.random() < 0.4):
            rows.append(f"{lead}{label}:{facts.texts[key, 'block']}")
        else:
            rows.append(lead + pattern.format(label, facts.texts[key, ""]))
    if len(keys) > 1 and (missing := _missing(rng, split, facts)) is not None:
        rows.append(lead + missing)
    rng.shuffle(rows)
    return "\n".join(rows)


def _columns(rng: random.Random, facts: Facts, keys: list[str], style: int) -> str:
    """A line of labels above a line of values; lists of objects follow below."""
    wide = [key for key in keys if facts.kind.fields[key].kind == "rows"]
    narrow = [key for key in keys if key not in wide]
    separator = rng.choice((" | ", "; ", "\t"))
    rows = [
        separator.join(_label(rng, facts, key, style) for key in narrow),
        separator.join(facts.texts[key, ""] for key in narrow),
    ]
    rows += [f"{_label(rng, facts, key, style)}:{facts.texts[key, 'block']}" for key in wide]
    return "\n".join(rows)


def _aside(rng: random.Random, split: str, facts: Facts) -> str:
    if facts.kind.others and rng.random() < 0.6:
        made = rng.choice(allowed(facts.kind.others, split) or facts.kind.others)
    else:
        made = pick(rng, "asides", split)
    return _tidy(expand(made.nodes, facts.scene, facts.texts))


def _with_asides(rng: random.Random, split: str, facts: Facts, body: list[str]) -> list[str]:
    body = list(body)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        body.insert(rng.randint(0, len(body)), _aside(rng, split, facts))
    missing = _missing(rng, split, facts)
    if missing is not None:
        body.insert(rng.randint(0, len(body)), missing)
    return body


def _framed(rng: random.Random, split: str, facts: Facts, text: str) -> str:
    """The text between an opening and a closing, either of which may be missing."""
    parts = [text]
    if rng.random() < 0.33:
        parts.insert(0, expand(pick(rng, "openers", split).nodes, facts.scene, facts.texts))
    if rng.random() < 0.3:
        parts.append(expand(pick(rng, "closers", split).nodes, facts.scene, facts.texts))
    joint = "\n" if "\n" in text else " "
    return rng.choice(("\n", "\n", "\n\n", joint)).join(parts)


def _chat(rng: random.Random, split: str, sentences: list[str]) -> str:
    """Sentences shared between two speakers."""
    speakers = [draw("first_name", rng, split).text for _ in range(2)]
    form = rng.choice(("{}: {}", "{}: {}", "<{}> {}", "[{}] {}", "{} - {}", "{}\n{}"))
    turns, scene = [], Scene.new(rng, split)
    turn, at = 0, 0
    while at < len(sentences):
        count = rng.choice((1, 1, 2))
        turns.append(form.format(speakers[turn], _run_on(sentences[at : at + count], " ")))
        at += count
        if rng.random() < 0.6:
            turn = 1 - turn
            if rng.random() < 0.5:
                reply = expand(pick(rng, "replies", split).nodes, scene, {})
                turns.append(form.format(speakers[turn], reply))
                turn = 1 - turn
    return "\n".join(turns)
