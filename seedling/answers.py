"""Short questions whose answer stands in the given context, and small talk about the model itself."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .copying import words
from .drawing import Draw, listed, sections, task_lines, upper_first
from .example import Example
from .told import tell
from .tool_values import make


@dataclass
class Fact:
    """What can be said of a subject {s}: statements and questions with the value {v}, and a sentence that answers."""

    key: str
    spec: str
    statements: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    sentence: str = ""


@dataclass
class World:
    """A sort of subjects (people, towns, books) with the facts that can be told of them."""

    name: str
    spec: str
    facts: list[Fact] = field(default_factory=list)


@cache
def worlds() -> tuple[World, ...]:
    """All sorts of subjects, read from `tasks/facts.txt`.

    `== name : subject spec`, then facts: `= key : value spec`, `- statement`, `? question`, `> answer in a sentence`.
    Raises ValueError for another line.
    """
    found: list[World] = []
    for line in task_lines("facts.txt"):
        mark, _, rest = line.partition(" ")
        if mark == "==":
            name, spec = rest.split(" : ")
            found.append(World(name, spec))
        elif mark == "=":
            key, spec = rest.split(" : ")
            found[-1].facts.append(Fact(key, spec))
        elif mark == "-":
            found[-1].facts[-1].statements.append(rest)
        elif mark == "?":
            found[-1].facts[-1].questions.append(rest)
        elif mark == ">":
            found[-1].facts[-1].sentence = rest
        else:
            raise ValueError(f"tasks/facts.txt: cannot read {line!r}")
    return tuple(found)


_TRADES = listed(
    """
    bicycles; software for farms; paper cups; window frames; fishing boats; winter coats; solar panels; cheese;
    board games; hearing aids; toy trains; garden tools; door locks; running shoes; church bells; coffee roasters; maps;
    tents; wooden toys; violins; hats; umbrellas; train seats; ice cream; ladders; work gloves; perfume; carpets
    """,
    ";",
)
_PETS = listed(
    """
    a parrot; two cats; a grey horse; three hens; an old dog; a tortoise; a goat; six fish; a rabbit; a ferret; twin
    ponies; a donkey; a snake; four geese
    """,
    ";",
)
_OCCASIONS = listed(
    "concert fair market lecture meeting marathon workshop exhibition festival auction quiz dinner regatta match"
)
_TASKS = listed("report survey leaflet website translation audit roof brochure logo database repair wiring film")
_WEEKDAYS = listed("Mondays Tuesdays Wednesdays Thursdays Fridays Saturdays Sundays")


def _value(draw: Draw, spec: str) -> str:
    """A subject or a value by its spec: one of this module's, or of `tool_values.make`."""
    rng = draw.rng
    match spec:
        case "year":
            return str(rng.randint(1820, 2026))
        case "trade":
            return draw.value(_TRADES)
        case "pet":
            return draw.value(_PETS)
        case "weekday":
            return draw.value(_WEEKDAYS)
        case "weight":
            return f"{rng.randint(2, 90)} {rng.choice(('kg', 'kilos', 'grams', 'pounds', 'tonnes'))}"
        case "span_of_time":
            return f"{rng.randint(2, 36)} {rng.choice(('months', 'years', 'weeks'))}"
        case "thing":
            return rng.choice((f"the {make(draw, 'item').text}", f"the {draw.proper()} {rng.randint(2, 900)}"))
        case "occasion":
            noun, place = draw.value(_OCCASIONS), draw.text(rng.choice(("city", "company", "venue")))
            return rng.choice((f"the {draw.proper()} {noun}", f"the {noun} at {place}", draw.text("event_name")))
        case "task_name":
            return f"the {draw.value(_TASKS)} for {draw.text('company')}"
        case _:
            return make(draw, spec).text


_SHORT = (
    "Answer with a short phrase.",
    "Answer in a few words.",
    "Give the answer only.",
    "Short answer:",
    "Only the answer, please.",
    "Reply with the fact alone.",
    "Just the answer.",
    "Be as short as you can.",
)
_LONG = (
    "Answer in a sentence.",
    "Answer with one sentence.",
    "Use a full sentence.",
    "Reply in one sentence.",
    "Write a sentence.",
)
_SHAPES = (
    "{context}\n\n{question} {how}",
    "Text: {context}\nQuestion: {question}\n{how}",
    "Read this.\n{context}\n{question} {how}",
    "{question}\n\n{context}\n\n{how}",
    "Context: {context}\n\n{how}\n{question}",
    "{how}\n\n{context}\n\nQ: {question}",
    "{context}\n{how} {question}",
    "Facts:\n{context}\nQuestion: {question} {how}",
    "From the text below: {question} {how}\n{context}",
)
_ABSENT = "The text does not say."


@cache
def small_talk() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Replies with what people say to get them, from `tasks/talk.txt`: `> reply`, then `? saying` lines."""
    found: list[tuple[str, list[str]]] = []
    for line in task_lines("talk.txt"):
        mark, _, rest = line.partition(" ")
        if mark == ">":
            found.append((rest, []))
        else:
            found[-1][1].append(rest)
    return tuple((reply, tuple(sayings)) for reply, sayings in found)


def capital(text: str) -> str:
    """A sentence with its capital: an article is raised, a value at the start stays as it is."""
    return f"T{text[1:]}" if text.startswith("the ") else text


@dataclass(frozen=True)
class Statement:
    """One thing that a text says."""

    subject: str
    fact: Fact
    value: str


_PRONOUNS = (("He", "His"), ("She", "Her"))


def _say(draw: Draw, said: list[Statement], people: bool) -> list[str]:
    """The statements as sentences, a subject named again or by a pronoun."""
    pronouns = {one.subject: draw.rng.choice(_PRONOUNS) if people else ("It", "Its") for one in said}
    use = draw.chance(0.5)
    sentences: list[str] = []
    for before, one in zip([None, *said], said, strict=False):
        template = draw.template(one.fact.statements)
        clear = (
            before is not None and before.subject == one.subject and before.fact.spec not in ("person", "first_name")
        )
        if use and clear and draw.chance(0.7):
            subject, owner = pronouns[one.subject]
            if template.startswith("{s}'s "):
                template = owner + template.removeprefix("{s}'s")
            elif template.startswith("{s} "):
                template = subject + template.removeprefix("{s}")
        sentences.append(capital(template.format(s=one.subject, v=one.value)))
    return sentences


def _context(draw: Draw) -> tuple[str, World, list[Statement]]:
    """A text about one to three subjects of one sort, and what it says."""
    rng = draw.rng
    world = rng.choice(worlds())
    subjects = list(dict.fromkeys(_value(draw, world.spec) for _ in range(rng.choice((1, 1, 2, 2, 3)))))
    shared = rng.sample(world.facts, rng.randint(1, 3))
    rest = [fact for fact in world.facts if fact not in shared]
    said: list[Statement] = []
    taken = set(subjects)
    for subject in subjects:
        for fact in [*shared, *rng.sample(rest, rng.randint(0, 2) if len(subjects) > 1 else 2)]:
            value = _value(draw, fact.spec)
            while value in taken:
                value = _value(draw, fact.spec) if draw.chance(0.8) else draw.proper()
            taken.add(value)
            said.append(Statement(subject, fact, value))
    if draw.chance(0.4):
        rng.shuffle(said)
    sentences = _say(draw, said, world.name == "person")
    if draw.chance(0.3):
        sentences.insert(rng.choice((0, len(sentences))), f"{upper_first(words(draw, 3, 6))}.")
    joint = rng.choice((" ", " ", " ", "\n", "\n- "))
    return ("- " if joint == "\n- " else "") + joint.join(sentences), world, said


def _ask(draw: Draw, said: list[Statement]) -> tuple[str, bool, str]:
    """A question, whether it wants a sentence, and its answer."""
    one = draw.rng.choice(said)
    question = draw.template(one.fact.questions).format(s=one.subject)
    if draw.chance(0.25):
        return question, True, capital(one.fact.sentence.format(s=one.subject, v=one.value))
    return question, False, one.value


def _small_talk(draw: Draw) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for reply, sayings in draw.some(small_talk(), 1, 3):
        messages.append({"role": "user", "content": draw.template(sayings)})
        messages.append({"role": "assistant", "content": reply})
    return messages


def _about_facts(draw: Draw) -> list[dict[str, Any]]:
    context, world, said = _context(draw)
    question, long, answer = _ask(draw, said)
    unsaid = [fact for fact in world.facts if all(fact is not one.fact for one in said)]
    if unsaid and draw.chance(0.06):
        fact = draw.rng.choice(unsaid)
        question, long, answer = draw.template(fact.questions).format(s=said[0].subject), False, _ABSENT
    how = draw.template(_LONG if long else _SHORT)
    messages: list[dict[str, Any]] = []
    if draw.chance(0.2):
        messages.append({"role": "system", "content": how})
        if draw.chance(0.4):
            messages[0]["content"] = f"{how}\n{context}"
            text = question
        else:
            text = f"{context}\n{question}"
    else:
        text = draw.template(_SHAPES).format(context=context, question=question, how=how)
    messages += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
    asked = {question}
    for _ in range(draw.rng.choice((0, 0, 1, 1, 2, 3))):
        question, long, answer = _ask(draw, said)
        if question in asked:
            continue
        asked.add(question)
        messages.append({"role": "user", "content": f"{question} {draw.template(_LONG if long else _SHORT)}"})
        messages.append({"role": "assistant", "content": answer})
    return messages


def _about_document(draw: Draw) -> list[dict[str, Any]]:
    """Questions for facts of a document of the extraction corpus, answered by what stands there."""
    told = tell(draw)
    if not told.spans:
        return _about_facts(draw)
    messages: list[dict[str, Any]] = []
    for name, value in draw.some(list(told.spans.items()), 1, 4):
        how, question = draw.template(_SHORT), draw.template(sections("questions.txt")["spans"]).format(f=name)
        text = f"{question} {how}"
        if not messages:
            text = draw.template(_SHAPES).format(context=told.text, question=question, how=how)
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": value}]
    return messages


def sample(rng: random.Random, split: str) -> Example:
    """One short talk: questions about a text, or small talk. Deterministic given `rng`."""
    draw = Draw(rng, split)
    roll = rng.random()
    messages = _small_talk(draw) if roll < 0.14 else _about_document(draw) if roll < 0.4 else _about_facts(draw)
    return Example("answer", tuple(messages))


@dataclass(frozen=True)
class Known:
    """One fact of a text, true and falsified, for questions with options."""

    context: str
    question: str
    answer: str
    others: tuple[str, ...]
    """Other values that could answer the question, from the text or of the same sort, at least one."""
    claim: str
    false_claim: str


def facts_about(draw: Draw, count: int) -> list[Known]:
    """Up to `count` facts of one text, with values that would be wrong; at least one."""
    context, _, said = _context(draw)
    return [_known(draw, context, one, said) for one in draw.some(said, count, count)]


def _known(draw: Draw, context: str, one: Statement, said: list[Statement]) -> Known:
    wrong = [other.value for other in said if other.fact is one.fact and other.value != one.value]
    while len(wrong) < 3:
        other = _value(draw, one.fact.spec)
        wrong.append(draw.proper() if other in (*wrong, one.value) else other)
    others = tuple(wrong[: draw.rng.randint(1, 3)])
    claim, false_claim = (
        one.fact.sentence.format(s=one.subject, v=v).removesuffix(".") for v in (one.value, others[0])
    )
    question = draw.template(one.fact.questions).format(s=one.subject)
    return Known(context, question, one.value, others, claim, false_claim)
