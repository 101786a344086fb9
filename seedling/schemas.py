"""Schemas: which of a document's fields are asked for, under which names and types, and the record that answers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from .facts import Facts
from .phrases import Field
from .scene import CURRENCIES
from .words import held_out

_TYPES = {
    "int": "integer", "year": "integer", "salary": "integer", "number": "number", "money": "number", "sum": "number",
    "bool": "boolean", "list": "array", "rows": "array",
}  # fmt: skip
_TIME_PATTERNS = (r"^([01]\d|2[0-3]):[0-5]\d$", r"^\d{2}:\d{2}$", r"^[0-2][0-9]:[0-5][0-9]$")
#: Fields that no document mentions, asked for now and then: the answer is null.
_NEVER_SAID = (
    "fax middle_name vat_number nickname discount_code iban allergies twitter linkedin_url signature_date gender "
    "blood_group cost_centre parking_space second_phone approved_by archive_id batch_number barcode hashtag"
).split()


@dataclass(slots=True)
class Style:
    """How one schema is written."""

    null_as_any_of: bool
    described: bool
    titled: bool
    closed: bool
    camel: bool

    @classmethod
    def draw(cls, rng: random.Random) -> Style:
        loose = rng.random() < 0.3
        return cls(
            null_as_any_of=rng.random() < 0.15,
            described=loose and rng.random() < 0.6,
            titled=loose and rng.random() < 0.2,
            closed=not loose or rng.random() < 0.4,
            camel=rng.random() < 0.08,
        )

    def name(self, name: str) -> str:
        if not self.camel:
            return name
        head, *rest = name.split("_")
        return head + "".join(part.capitalize() for part in rest)


def ask(rng: random.Random, split: str, facts: Facts) -> tuple[dict[str, Any], dict[str, Any]]:
    """A schema over some of the fields, and the record."""
    while True:
        keys, names = _choose(rng, facts)
        # Combinations of names are held out too: training never sees some of them.
        held = held_out("|".join(sorted(names.values())))
        if not held or split == "templates":
            break
    style = Style.draw(rng)
    properties: dict[str, Any] = {}
    record: dict[str, Any] = {}
    grouped = _group(rng, facts, keys, set(names.values()))
    for key in keys:
        into, answers = properties, record
        if key in grouped:
            group = style.name(grouped[key])
            if group not in properties:
                properties[group], record[group] = {"type": "object", "properties": {}}, {}
            into, answers = properties[group]["properties"], record[group]
        name = style.name(names[key])
        into[name], answers[name] = _property(rng, facts, key, style)
    if rng.random() < 0.12:
        said = {name for made in facts.kind.fields.values() for name in made.names}
        name = style.name(rng.choice([name for name in _NEVER_SAID if name not in said]))
        properties[name] = _nullable({"type": "string"}, style)
        record[name] = None
        place = list(properties)
        rng.shuffle(place)
        properties = {name: properties[name] for name in place}
        record = {name: record[name] for name in place}
    for made in properties.values():
        if "properties" in made:
            _close(made, style)
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if style.titled:
        schema = {"title": facts.kind.name.title().replace(" ", ""), **schema}
    return _with_definitions(rng, _close(schema, style)), record


def _with_definitions(rng: random.Random, schema: dict[str, Any]) -> dict[str, Any]:
    """Now and then, nested objects moved to "$defs", as many libraries write them."""
    if rng.random() > 0.12:
        return schema
    definitions: dict[str, Any] = {}
    for name, made in schema["properties"].items():
        title = "".join(part.capitalize() for part in name.split("_"))
        if "properties" in made:
            definitions[title] = made
            schema["properties"][name] = {"$ref": f"#/$defs/{title}"}
        elif "properties" in made.get("items", {}):
            definitions[title] = made["items"]
            made["items"] = {"$ref": f"#/$defs/{title}"}
    return {"$defs": definitions, **schema} if definitions else schema


def _choose(rng: random.Random, facts: Facts) -> tuple[list[str], dict[str, str]]:
    """The fields asked for, in the schema's order, and a name for each."""
    fields = facts.kind.fields
    has_money = any(fields[key].kind in ("money", "sum", "salary") for key in facts.values) or any(
        column.kind == "money" for key in facts.values for column in fields[key].columns
    )
    present = [key for key in facts.values if fields[key].kind != "currency" or has_money]
    absent = [key for key, made in fields.items() if key not in facts.values and made.kind not in ("currency", "rows")]
    count = min(len(present), rng.choice((2, 3, 4, 4, 5, 5, 6, 6, 7)))
    chosen = rng.sample(present, count)
    for key in present:  # A judged field is worth asking for.
        if fields[key].judged and key not in chosen and rng.random() < 0.8:
            chosen.append(key)
    if absent and rng.random() < 0.45:
        chosen += rng.sample(absent, min(len(absent), rng.choice((1, 1, 2))))
    if rng.random() < 0.5:
        rng.shuffle(chosen)
    else:
        places = list(fields)
        chosen.sort(key=places.index)
    names: dict[str, str] = {}
    for key in chosen:
        free = [name for name in fields[key].names if name not in names.values()]
        if free:
            name = rng.choice(free)
            if rng.random() < 0.06 and (longer := _prefixed(facts, name)) not in names.values():
                name = longer
            names[key] = name
    return list(names), names


def _prefixed(facts: Facts, name: str) -> str:
    """The name with the kind before it: "date" of an invoice as "invoice_date"."""
    kind = facts.kind.name.split()[-1]
    return name if kind in name else f"{kind}_{name}"


def _group(rng: random.Random, facts: Facts, keys: list[str], taken: set[str]) -> dict[str, str]:
    """Field -> name of the nested object it goes into."""
    for names, members in facts.kind.groups:
        inside = [key for key in keys if key in members]
        if len(inside) >= 2 and rng.random() < 0.35:
            name = rng.choice(names)
            if name not in taken:
                return dict.fromkeys(inside, name)
    return {}


def _property(rng: random.Random, facts: Facts, key: str, style: Style) -> tuple[dict[str, Any], Any]:
    made = facts.kind.fields[key]
    value = facts.values.get(key)
    if made.kind == "rows":
        return _rows(rng, made, _columns(rng, made), facts, style)
    schema = _type(rng, made, facts)
    if style.described and made.description:
        schema["description"] = made.description
    elif style.titled:
        schema["title"] = made.names[0].replace("_", " ").title()
    if value is None and made.kind == "list":
        return schema, []
    if value is None and made.default_false:
        return schema, False
    if value is None or (not made.default_false and rng.random() < 0.18):
        schema = _nullable(schema, style)
    return schema, value.json if value is not None else None


def _type(rng: random.Random, made: Field, facts: Facts) -> dict[str, Any]:
    if made.kind == "enum":
        shown = list(facts.labels.get(made.key) or [words[0] for words in made.labels])
        if rng.random() < 0.3:
            rng.shuffle(shown)
        right = facts.values.get(made.key)
        if rng.random() < 0.2 and len(shown) > 2:
            shown.remove(rng.choice([label for label in shown if right is None or label != right.json]))
        if rng.random() < 0.6:
            return {"type": "string", "enum": shown}
        return {"enum": shown}
    if made.kind == "currency":
        if rng.random() < 0.75:
            others = rng.sample(CURRENCIES, rng.randint(2, 4))
            codes = list(dict.fromkeys([facts.scene.currency, *others]))
            rng.shuffle(codes)
            return {"type": "string", "enum": codes} if rng.random() < 0.7 else {"enum": codes}
        return {"type": "string", "description": "ISO 4217 code"}
    if made.kind in ("date", "date_after"):
        return {"type": "string", "format": "date"}
    if made.kind == "time":
        return {"type": "string", "pattern": rng.choice(_TIME_PATTERNS)}
    kind = _TYPES.get(made.kind, "string")
    if kind == "array":
        return {"type": "array", "items": {"type": "string"}}
    if kind == "integer" and rng.random() < 0.15:
        return {"type": "integer", "minimum": 0}
    if made.kind == "email" and rng.random() < 0.15:
        return {"type": "string", "format": "email"}
    if kind == "string" and rng.random() < 0.02:
        return {"type": "string", "minLength": 1}
    return {"type": kind}


def _columns(rng: random.Random, made: Field) -> list[Field]:
    count = rng.randint(min(2, len(made.columns)), len(made.columns))
    chosen = rng.sample(made.columns, count)
    if rng.random() < 0.7:
        chosen.sort(key=made.columns.index)
    return chosen


def _rows(
    rng: random.Random, made: Field, columns: list[Field], facts: Facts, style: Style
) -> tuple[dict[str, Any], Any]:
    value = facts.values.get(made.key)
    if value is None:
        raise ValueError(f"rows {made.key} asked for but absent")
    copied = [
        column.key for column in made.columns if column.kind not in _TYPES and column.sort not in ("date", "time")
    ]
    if rng.random() < 0.12 and made.columns[0].key in copied:
        return {"type": "array", "items": {"type": "string"}}, [row[copied[0]] for row in value.json]
    names: dict[str, str] = {}
    for column in columns:
        names[column.key] = style.name(rng.choice([name for name in column.names if name not in names.values()]))
    item = {"type": "object", "properties": {names[column.key]: _type(rng, column, facts) for column in columns}}
    schema = {"type": "array", "items": _close(item, style)}
    return schema, [{names[column.key]: row[column.key] for column in columns} for row in value.json]


def _nullable(schema: dict[str, Any], style: Style) -> dict[str, Any]:
    if style.null_as_any_of:
        outer: dict[str, Any] = {key: schema.pop(key) for key in ("description", "title") if key in schema}
        return {"anyOf": [schema, {"type": "null"}], **outer}
    nullable = dict(schema)
    if "type" in nullable:
        nullable["type"] = [nullable["type"], "null"]
    if "enum" in nullable:
        nullable["enum"] = [*nullable["enum"], None]
    return nullable


def _close(schema: dict[str, Any], style: Style) -> dict[str, Any]:
    schema["required"] = list(schema["properties"])
    if style.closed:
        schema["additionalProperties"] = False
    return schema
