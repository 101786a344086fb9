"""Short copying exercises: repeat, look up, and above all fill a JSON object of made-up fields with made-up values.

Nothing here can be answered from memory: words, field names and numbers are mostly random syllables and digits, so
what is learned is to find a place in the context and copy from there.
"""

import json
import random
from collections.abc import Callable
from typing import Any

from .drawing import Draw, listed
from .example import Example

_FIELDS = listed(
    """
    name first_name surname full_name title company employer phone mobile email address street city town country
    region postcode date start_date end_date due_date time start end duration price total amount cost fee tax
    currency quantity count number id code reference order_id invoice_number item product model brand colour size
    weight height width length status state priority category kind type subject topic note comment summary
    description reason author owner contact manager customer client supplier vendor driver teacher doctor guest host
    room floor seat gate platform venue place location website link language rating score age year month version
    serial account balance deposit discount salary position department team project task deadline stops passengers
    rooms pets tags items ingredients skills members attendees languages paid confirmed urgent active available
    remote delivered signed verified open
    """
)
_COMMON_WORDS = listed(
    """
    blue north stone river lamp garden paper window bread silver morning winter station bridge market letter iron
    coffee forest harbour kitchen music table orange engine school island summer bottle candle copper ladder meadow
    needle pocket ribbon saddle tunnel valley wagon yellow basket cotton dragon feather ginger hammer jacket kettle
    lemon mirror oyster pepper quartz rocket shadow timber velvet walnut anchor barrel cabin desert ember falcon
    glacier of the for with under over after before small large old new green grey quiet broken second late early
    """
)
_SPANS = listed(
    """
    person person person email email phone code code company company city street product product title event_name
    department role skill dish url postcode version plate room venue topic brand material handle lost_thing problem
    """
)


def words(draw: Draw, low: int = 1, high: int = 4) -> str:
    """A phrase of made-up and common words, in one of several casings."""
    rng = draw.rng
    parts = [draw.word() if draw.chance(0.5) else draw.value(_COMMON_WORDS) for _ in range(rng.randint(low, high))]
    case = rng.random()
    if case < 0.3:
        return " ".join(part.capitalize() for part in parts)
    text = " ".join(parts)
    return text[0].upper() + text[1:] if case < 0.5 else text


def digits(draw: Draw) -> str:
    """A date, a time, a version or an amount: digits with punctuation, copied as they stand."""
    rng = draw.rng
    shapes: tuple[Callable[[], str], ...] = (
        lambda: f"{rng.randint(1990, 2035)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        lambda: f"{rng.randint(0, 23):02}:{rng.choice((0, 5, 10, 15, 20, 30, 40, 45, 50)):02}",
        lambda: draw.text("version"),
        lambda: draw.text("money 1 3000"),
        lambda: draw.text("code"),
        lambda: draw.text("phone"),
    )
    return rng.choice(shapes)()


def span(draw: Draw) -> str:
    """A string value: random words, a name, an address, a number with punctuation or another thing to copy."""
    kind = draw.rng.random()
    if kind < 0.35:
        return words(draw)
    return draw.text(draw.rng.choice(_SPANS)) if kind < 0.85 else digits(draw)


def field_name(draw: Draw) -> str:
    """A field name: an everyday one, or one of made-up words, in snake_case or camelCase."""
    kind = draw.rng.random()
    if kind < 0.45:
        return draw.value(_FIELDS)
    if kind < 0.7:
        return draw.word()
    left = draw.value(_FIELDS).split("_")[0] if draw.chance(0.5) else draw.word()
    right = draw.value(_FIELDS).split("_")[-1] if draw.chance(0.5) else draw.word()
    return left + right.capitalize() if draw.chance(0.2) else f"{left}_{right}"


def _distinct(draw: Draw, make: Callable[[Draw], str], count: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[make(draw)] = None
    return list(found)


def _field_value(draw: Draw) -> tuple[str, Any, dict[str, Any]]:
    """A value as (what the text says, what the record holds, its property schema)."""
    kind, rng = draw.rng.random(), draw.rng
    if kind < 0.52:
        text = span(draw)
        return text, text, {"type": "string"}
    if kind < 0.66:
        whole = draw.number()
        return str(whole), whole, {"type": "integer"}
    if kind < 0.74:
        number = draw.decimal()
        return json.dumps(number), number, {"type": "number"}
    if kind < 0.81:
        truth = draw.chance(0.5)
        return rng.choice(("yes", "true") if truth else ("no", "false")), truth, {"type": "boolean"}
    if kind < 0.9:
        parts = _distinct(draw, lambda one: words(one, 1, 2), rng.randint(1, 4))
        return ", ".join(parts), parts, {"type": "array", "items": {"type": "string"}}
    options = _distinct(draw, Draw.word, rng.randint(2, 4))
    chosen = rng.choice(options)
    return chosen, chosen, {"enum": options} if draw.chance(0.5) else {"type": "string", "enum": options}


_INSTRUCTIONS = (
    "Extract a record as JSON.",
    "Write the record as JSON.",
    "Fill in the schema from the text.",
    "Return JSON for this text.",
    "Give me the JSON record.",
    "Read the text and answer with JSON.",
    "Turn this into JSON.",
)
_LINES = (
    "{f} = {v}",
    "{f}: {v}",
    "{f} -> {v}",
    "| {f} | {v} |",
    "{f}\t{v}",
    "- {f}: {v}",
    "{f} is {v}",
    "* {f} = {v}",
    "{f}; {v}",
    "[{f}] {v}",
    "{v} ({f})",
)
_CLAUSES = (
    "The {f} is {v}.",
    "Its {f} is {v}.",
    "For {f} we have {v}.",
    "{v} is the {f}.",
    "They gave {v} as the {f}.",
    "The {f} was set to {v}.",
    "As {f}, put {v}.",
    "I noted {v} for the {f}.",
    "We use {v} as {f}.",
    "Under {f} it says {v}.",
    "Please take {v} for {f}.",
    "In the {f} box stands {v}.",
)
_GAPS = ("-", "none", "", "n/a", "unknown", "?")


def _schema(draw: Draw, properties: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if draw.chance(0.8):
        schema["required"] = list(properties)
    if draw.chance(0.75):
        schema["additionalProperties"] = False
    return schema


def _nullable(spec: dict[str, Any]) -> dict[str, Any]:
    if "enum" in spec:
        return {**spec, "enum": [*spec["enum"], None]} | ({"type": ["string", "null"]} if "type" in spec else {})
    return {**spec, "type": [spec["type"], "null"]}


def _lay_out(draw: Draw, pairs: list[tuple[str, str]]) -> str:
    """The pairs of field and text as lines, or as sentences."""
    shown = [(field.replace("_", " ") if draw.chance(0.5) else field, value) for field, value in pairs]
    if draw.chance(0.6):
        line = draw.template(_LINES)
        return "\n".join(line.format(f=field, v=value).rstrip() for field, value in shown)
    return " ".join(draw.template(_CLAUSES).format(f=field, v=value) for field, value in shown)


def fill_schema(draw: Draw) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    """A text of fields and values, and a schema that asks for some of them: (prompt, answer, schema, record)."""
    rng = draw.rng
    pairs: list[tuple[str, str]] = []
    properties: dict[str, Any] = {}
    record: dict[str, Any] = {}
    for field in _distinct(draw, field_name, rng.randint(2, 8)):
        said, value, spec = _field_value(draw)
        if draw.chance(0.25) and properties:
            pairs.append((field, said))
            continue
        nullable = draw.chance(0.25)
        properties[field] = _nullable(spec) if nullable else spec
        record[field] = value
        if nullable and draw.chance(0.5):
            record[field] = None
            if draw.chance(0.5):
                pairs.append((field, rng.choice(_GAPS)))
            continue
        pairs.append((field, said))
    if draw.chance(0.6):
        rng.shuffle(pairs)
    if draw.chance(0.3):
        properties, record = _nest(draw, properties, record)
    schema = _schema(draw, properties)
    instruction = _INSTRUCTIONS[0] if draw.chance(0.6) and draw.split != "templates" else draw.template(_INSTRUCTIONS)
    prompt = f"{instruction}\nSchema: {json.dumps(schema, ensure_ascii=False)}\nText: {_lay_out(draw, pairs)}"
    return prompt, json.dumps(record, ensure_ascii=False), schema, record


def _nest(draw: Draw, properties: dict[str, Any], record: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same record with a run of neighbouring fields moved into one nested object."""
    names = list(properties)
    if len(names) < 3:
        return properties, record
    start = draw.rng.randrange(len(names) - 1)
    inside = names[start : start + draw.rng.randint(2, len(names) - 1)]
    outer = draw.word() + "_part"
    inner_schema = _schema(draw, {name: properties[name] for name in inside})
    inner_record = {name: record[name] for name in inside}
    new_properties: dict[str, Any] = {}
    new_record: dict[str, Any] = {}
    for name in names:
        if name == inside[0]:
            new_properties[outer], new_record[outer] = inner_schema, inner_record
        elif name not in inside:
            new_properties[name], new_record[name] = properties[name], record[name]
    return new_properties, new_record


_PICK = (
    "Give {fields} as JSON.",
    "Write {fields} as a JSON object.",
    "JSON with {fields}, please.",
    "Copy {fields} into JSON.",
    "I need {fields} in JSON form.",
    "Only {fields}, as JSON.",
    "Return an object with {fields}.",
)


def pick_fields(draw: Draw) -> tuple[str, str]:
    """Named fields, copied into a JSON object in the order of the request."""
    names = _distinct(draw, field_name, draw.rng.randint(2, 7))
    pairs = [(name, *_field_value(draw)[:2]) for name in names]
    wanted = draw.some(pairs, 1, 4)
    order = draw.template(_PICK).format(fields=", ".join(name for name, _, _ in wanted))
    text = _lay_out(draw, [(name, said) for name, said, _ in pairs])
    prompt = f"{text}\n{order}" if draw.chance(0.5) else f"{order}\n{text}"
    return prompt, json.dumps({name: value for name, _, value in wanted}, ensure_ascii=False)


_REPEAT = (
    "Repeat: {t}",
    "Say this again: {t}",
    "Copy this line.\n{t}",
    "{t}\nWrite the same again.",
    "Echo: {t}",
    "Type this exactly: {t}",
    "Give back the text below unchanged.\n{t}",
)


def repeat(draw: Draw) -> tuple[str, str]:
    """A line to be said again."""
    kind = draw.rng.random()
    if kind < 0.6:
        text = " ".join(span(draw) for _ in range(draw.rng.randint(1, 5)))
    elif kind < 0.8:
        text = "".join(draw.rng.choice("0123456789") for _ in range(draw.rng.randint(4, 24)))
    else:
        text = ", ".join(_distinct(draw, lambda one: words(one, 1, 2), draw.rng.randint(2, 8)))
    return draw.template(_REPEAT).format(t=text), text


_ROWS = ("{k}: {v}", "{k} = {v}", "{k} - {v}", "{k} | {v}", "{k} -> {v}", "{k}, {v}", "{k}\t{v}", "{v} for {k}")
_ASK_VALUE = (
    "{k}?",
    "What stands beside {k}?",
    "Which value has {k}?",
    "Look up {k}.",
    "{k}:",
    "Tell me the value of {k}.",
    "Find {k} and give its value.",
)
_ASK_KEY = (
    "Who has {v}?",
    "Which one has {v}?",
    "{v} belongs to?",
    "What stands beside {v}?",
    "Whose is {v}?",
    "Find the name for {v}.",
)


def _person(draw: Draw) -> str:
    return draw.text("person")


def _code(draw: Draw) -> str:
    return draw.text("code")


def look_up(draw: Draw) -> tuple[str, str]:
    """A table, and a question for the value of a key or the key of a value."""
    rng = draw.rng
    make_key = rng.choice((Draw.proper, Draw.word, _person, lambda one: words(one, 1, 2), _code))
    make_value = rng.choice((lambda one: str(one.number()), span, Draw.proper, digits, Draw.word, _code, _person))
    count = rng.randint(2, 12)
    rows = list(zip(_distinct(draw, make_key, count), _distinct(draw, make_value, count), strict=True))
    line = draw.template(_ROWS)
    table = "\n".join(line.format(k=key, v=value) for key, value in rows)
    key, value = rng.choice(rows)
    if draw.chance(0.7):
        question, answer = draw.template(_ASK_VALUE).format(k=key), value
    else:
        question, answer = draw.template(_ASK_KEY).format(v=value), key
    return (f"{table}\n{question}" if draw.chance(0.8) else f"{question}\n{table}"), answer


_AFTER = (
    "Which word comes after {w}?",
    "What follows {w}?",
    "The word after {w}?",
    "Give the next word after {w}.",
    "{w} is followed by which word?",
)
_BEFORE = ("Which word comes before {w}?", "What stands before {w}?", "The word before {w}?", "{w} follows which word?")


def neighbour(draw: Draw) -> tuple[str, str]:
    """The word beside a given one."""
    row = _distinct(
        draw, lambda one: one.word() if one.chance(0.6) else one.value(_COMMON_WORDS), draw.rng.randint(5, 14)
    )
    at = draw.rng.randrange(len(row) - 1)
    if draw.chance(0.7):
        question, answer = draw.template(_AFTER).format(w=row[at]), row[at + 1]
    else:
        question, answer = draw.template(_BEFORE).format(w=row[at + 1]), row[at]
    return f"{' '.join(row)}\n{question}", answer


_WHICH_LINE = (
    "Copy the line with {w}.",
    "Which line has {w}?",
    "Find the line that mentions {w}.",
    "Give the whole line with {w} in it.",
    "Print the line that holds {w}.",
)
_QUOTE = (
    "What stands in quotes?",
    "Copy the quoted part.",
    "Give the quoted words only.",
    "What was said, word for word?",
    "Write what stands between the quotation marks.",
)


def find_line(draw: Draw) -> tuple[str, str]:
    """The line that holds a given word, or what stands in quotes."""
    rng = draw.rng
    if draw.chance(0.35):
        quoted = words(draw, 2, 7)
        left, right = rng.choice((('"', '"'), ("“", "”"), ("'", "'"), ("«", "»")))
        speaker = draw.text(rng.choice(("person", "first_name")))
        verb = rng.choice(("said", "wrote", "asked", "called it"))
        text = f"{words(draw, 1, 5)} {speaker} {verb} {left}{quoted}{right} {words(draw, 1, 5)}."
        return f"{text}\n{draw.template(_QUOTE)}", quoted
    lines = [words(draw, 2, 6) for _ in range(rng.randint(3, 6))]
    marks = _distinct(draw, Draw.word, len(lines))
    lines = [" ".join(draw_in(rng, line.split(), mark)) for line, mark in zip(lines, marks, strict=True)]
    at = rng.randrange(len(lines))
    return "\n".join(lines) + "\n" + draw.template(_WHICH_LINE).format(w=marks[at]), lines[at]


def draw_in(rng: random.Random, row: list[str], extra: str) -> list[str]:
    """`row` with `extra` put in at a random place."""
    at = rng.randint(0, len(row))
    return [*row[:at], extra, *row[at:]]


_AS_LIST = (
    "Write these as a JSON list.",
    "As a JSON array, please.",
    "Turn the lines into a JSON array.",
    "Make a JSON list of this.",
    "JSON array:",
)
_AS_OBJECTS = (
    "Write each line as an object with {a} and {b}.",
    "JSON array of objects with {a} and {b}.",
    "Turn every line into JSON with {a}, {b}.",
    "List of objects, keys {a} and {b}.",
    "For each line give {a} and {b} as JSON.",
)
_ITEM_LINES = ("{n} x {w}", "{w}: {n}", "{w} ({n})", "- {n} {w}", "{w}, {n}", "{n} pcs {w}", "{w} x{n}", "{w} = {n}")


def array(draw: Draw) -> tuple[str, str]:
    """Lines or a list in running text, written as a JSON array of strings or of objects."""
    rng = draw.rng
    if draw.chance(0.45):
        parts = _distinct(draw, lambda one: span(one), rng.randint(2, 6))
        text = rng.choice(("\n".join(parts), ", ".join(parts), ", ".join(parts[:-1]) + " and " + parts[-1]))
        return f"{text}\n{draw.template(_AS_LIST)}", json.dumps(parts, ensure_ascii=False)
    first, second = _distinct(draw, field_name, 2)
    line = draw.template(_ITEM_LINES)
    rows = [(words(draw, 1, 3), rng.randint(1, 400)) for _ in range(rng.randint(1, 5))]
    text = "\n".join(line.format(w=word, n=number) for word, number in rows)
    order = draw.template(_AS_OBJECTS).format(a=first, b=second)
    return f"{text}\n{order}", json.dumps([{first: word, second: number} for word, number in rows], ensure_ascii=False)


def json_value(draw: Draw) -> tuple[str, str]:
    """A JSON object, and a question for the value of one of its keys."""
    names = _distinct(draw, field_name, draw.rng.randint(2, 7))
    record = {name: _field_value(draw)[1] for name in names}
    wanted = draw.rng.choice(names)
    question = draw.template(_ASK_VALUE).format(k=wanted)
    value = record[wanted]
    answer = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{json.dumps(record, ensure_ascii=False)}\n{question}", answer


_EXERCISES: tuple[tuple[Callable[[Draw], tuple[str, str]], int], ...] = (
    (pick_fields, 14),
    (repeat, 8),
    (look_up, 16),
    (neighbour, 4),
    (find_line, 7),
    (array, 10),
    (json_value, 6),
)
_SCHEMA_SHARE = 0.45


def sample(rng: random.Random, split: str) -> Example:
    """One copying exercise. Deterministic given `rng`."""
    draw = Draw(rng, split)
    if draw.chance(_SCHEMA_SHARE):
        prompt, answer, schema, record = fill_schema(draw)
        return Example("copy", _chat(prompt, answer), schema=schema, record=record)
    makers, weights = zip(*_EXERCISES, strict=True)
    prompt, answer = rng.choices(makers, weights)[0](draw)
    return Example("copy", _chat(prompt, answer))


def _chat(prompt: str, answer: str) -> tuple[dict[str, Any], ...]:
    return {"role": "user", "content": prompt}, {"role": "assistant", "content": answer}
