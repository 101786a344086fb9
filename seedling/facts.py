"""What a document says: a kind, which of its fields are present, their values and how each is written."""

from __future__ import annotations

import datetime
import random
from dataclasses import dataclass, field
from typing import Any

from .amounts import grouped, money_text, ordinal
from .dates import date_text, span_text
from .phrases import Field, Kind, allowed
from .scene import Scene, Value
from .templates import expand
from .values import join_list

_YES = ("yes", "yes", "Yes", "Yes", "YES", "y", "true", "✓", "[x]")
_NO = ("no", "no", "No", "No", "NO", "n", "false", "✗", "[ ]")
_PRONOUNS = (("he", "him", "his"), ("she", "her", "her"), ("they", "them", "their"))


@dataclass(slots=True)
class Facts:
    """The facts of one document.

    values: field -> value in the record (rows: a list of dicts by column) and its text.
    states: field -> the value by which snippets are chosen ("true", "false" or a label's first word).
    texts: (field, form) -> what stands in a template's place.
    """

    kind: Kind
    scene: Scene
    values: dict[str, Value] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    labels: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def draw(cls, rng: random.Random, split: str, kind: Kind) -> Facts:
        facts = cls(kind, Scene.new(rng, split))
        he, him, his = rng.choice(_PRONOUNS)
        for word, text in (("he", he), ("him", him), ("his", his)):
            facts.texts["pronoun", word] = text
            facts.texts["pronoun", word.capitalize()] = text.capitalize()
        share = rng.uniform(0.3, 0.9)
        for made in kind.fields.values():
            if made.always or rng.random() < share:
                facts._add(made)
        for dropped, key, state in kind.drops:
            if facts.states.get(key) == state:
                facts.values.pop(dropped, None)
        return facts

    def _add(self, made: Field) -> None:
        rng = self.scene.rng
        if made.kind == "bool":
            said = rng.random() < 0.5
            self._say(made.key, Value(said, rng.choice(_YES if said else _NO)))
            self.states[made.key] = "true" if said else "false"
        elif made.kind == "enum":
            column = rng.randrange(max(map(len, made.labels)))
            shown = [words[min(column, len(words) - 1)] for words in made.labels]
            index = rng.randrange(len(shown))
            self.labels[made.key] = shown
            self.states[made.key] = made.labels[index][0]
            self._say(made.key, Value(shown[index], shown[index].replace("_", " ")))
        elif made.kind == "currency":
            self.values[made.key] = Value(self.scene.currency, self.scene.currency)
        elif made.kind == "rows":
            self._rows(made)
        elif made.kind == "sum":
            self._sum(made)
        elif made.kind == "date_after":
            self._later(made)
        elif made.generate is not None:
            self._say(made.key, made.generate(self.scene))

    def _say(self, key: str, value: Value) -> None:
        self.values[key] = value
        self.texts[key, ""] = value.text
        if isinstance(value.json, list):
            self.texts[key, "block"] = block(self.scene.rng, value.json)
        elif isinstance(value.json, int | float):
            self.texts[key, "bare"] = grouped(value.json, "plain", 0 if value.json == int(value.json) else 2)
            self.texts[key, "ordinal"] = ordinal(self.scene.rng, int(value.json))

    def _rows(self, made: Field) -> None:
        scene, rng = self.scene, self.scene.rng
        _, low, high = made.spec.split()
        template = rng.choice(allowed(made.row_templates, scene.split))
        rows, shown = [], []
        for _ in range(rng.randint(int(low), int(high))):
            row, texts = {}, {}
            for column in made.columns:
                if column.generate is None:
                    raise ValueError(f"column {column.key} of {made.key} has no generator")
                value = column.generate(scene)
                row[column.key] = value.json
                texts[column.key, ""] = value.text
                if isinstance(value.json, int | float):
                    texts[column.key, "bare"] = grouped(value.json, "plain", 0 if value.json == int(value.json) else 2)
                    texts[column.key, "digits"] = str(value.json)
            rows.append(row)
            shown.append(expand(template.nodes, scene, texts))
        self.values[made.key] = Value(rows, "")
        separator = "; " if any("," in text for text in shown) else None
        self.texts[made.key, ""] = separator.join(shown) if separator else join_list(rng, shown)
        self.texts[made.key, "block"] = block(rng, shown) if rng.random() < 0.8 else table(rng, made, rows)

    def _sum(self, made: Field) -> None:
        """The sum of the rows that the spec names, or an amount of its own."""
        scene = self.scene
        rows = self.values.get(made.spec.split()[1])
        if rows is None:
            amount = round(scene.rng.uniform(10, 3000), scene.rng.choice((0, 2)))
        else:
            amount = sum(row["price"] * row.get("qty", 1) for row in rows.json)
            amount = round(amount * scene.rng.choice((1, 1, 1, 1.2)) + scene.rng.choice((0, 0, 4.9, 10)), 2)
        clean = int(amount) if amount == int(amount) else amount
        self._say(made.key, Value(clean, money_text(scene, amount)))

    def _later(self, made: Field) -> None:
        """A date some days after another field's."""
        rng = self.scene.rng
        before = self.values.get(made.spec.split()[1])
        first = datetime.date.fromisoformat(before.json) if before else datetime.date(self.scene.year, 1, 1)
        day = first + datetime.timedelta(days=rng.choice((1, 2, 3, 7, 14, 14, 30, 30, rng.randint(1, 90))))
        text = date_text(rng, day.year, day.month, day.day)
        if before and before.json[:4] == str(day.year) and rng.random() < 0.12:
            text = rng.choice((f"{day.day} {day:%B}", f"{day:%B} {day.day}"))  # The year is the other date's.
        self._say(made.key, Value(day.isoformat(), text))
        if before:
            start = made.spec.split()[1]
            self.texts[f"{start}~{made.key}", ""] = span_text(rng, before.json, day.isoformat())

    def another(self, key: str) -> str | None:
        """Another value of the field's sort, as text; None where it has none."""
        made = self.kind.fields[key]
        if made.generate is None or isinstance(self.values[key].json, list):
            return None
        other = made.generate(self.scene.aside())
        return other.text if other.json != self.values[key].json else None

    def covered_by(self, conditions: tuple[tuple[str, str], ...]) -> bool:
        return all(self.states.get(key) == state for key, state in conditions)


def block(rng: random.Random, items: list[Any]) -> str:
    """Items as a block of lines, from its own line on."""
    mark = rng.choice(("- ", "- ", "* ", "• ", "", "  ", "1"))
    lines = [f"{number}. {item}" if mark == "1" else f"{mark}{item}" for number, item in enumerate(items, 1)]
    return "\n" + "\n".join(lines)


def table(rng: random.Random, made: Field, rows: list[dict[str, Any]]) -> str:
    """Rows as a table under a line of headings."""
    separator = rng.choice((" | ", " | ", "\t", "; ", " / "))
    heads = [rng.choice(column.names).replace("_", " ") for column in made.columns]
    if rng.random() < 0.6:
        heads = [head.capitalize() for head in heads]
    cells = [[str(row[column.key]) for column in made.columns] for row in rows]
    return "\n" + "\n".join(separator.join(line) for line in [heads, *cells])
