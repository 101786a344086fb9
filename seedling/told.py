"""Questions about the documents of the extraction corpus: their kind, their facts, what holds and what does not."""

from __future__ import annotations

from dataclasses import dataclass

from .documents import compose
from .drawing import Draw
from .facts import Facts
from .phrases import kinds


@dataclass(frozen=True)
class Told:
    """A document and what is known of it, each by the name of the field.

    `spans` are values that stand in the text word for word, `labels` are decided from the wording (with all options),
    `claims` are statements that hold or do not.
    """

    text: str
    kind: str
    spans: dict[str, str]
    labels: dict[str, tuple[str, tuple[str, ...]]]
    claims: dict[str, bool]


def tell(draw: Draw) -> Told:
    """A document, with its facts under names for people ("due date")."""
    seen = [kind for kind in kinds() if kind.held and draw.split == "templates" and draw.chance(0.4)]
    kind = draw.rng.choice(seen or [kind for kind in kinds() if not kind.held])
    facts = Facts.draw(draw.rng, draw.split, kind)
    text = compose(draw.rng, draw.split, facts)
    spans: dict[str, str] = {}
    labels: dict[str, tuple[str, tuple[str, ...]]] = {}
    claims: dict[str, bool] = {}
    for key, made in kind.fields.items():
        value = facts.values.get(key)
        if made.kind == "bool":
            if made.description.startswith("whether ") and (value is not None or made.default_false):
                claims[made.description.removeprefix("whether ")] = value is not None and value.json is True
        elif value is None:
            continue
        elif made.kind == "enum":
            shown = (label.replace("_", " ") for label in facts.labels[key])
            labels[_spoken(draw, made.names)] = (str(value.json).replace("_", " "), tuple(shown))
        elif made.kind not in ("rows", "list", "currency") and value.text in text:
            spans[_spoken(draw, made.names)] = value.text
    return Told(text, kind.name, spans, labels, claims)


def _spoken(draw: Draw, names: list[str]) -> str:
    return draw.rng.choice(names).replace("_", " ")


def kind_names(draw: Draw, right: str, count: int) -> list[str]:
    """`count` kinds of document in random order, `right` among them."""
    others = [kind.name for kind in kinds() if kind.name != right]
    options = [right, *draw.rng.sample(others, min(len(others), count - 1))]
    draw.rng.shuffle(options)
    return options
