"""Questions about a short text that are answered by one of a few options, word for word."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from .answers import fact_about
from .drawing import Draw, listed, phrase_lines
from .example import Example

Groups = dict[tuple[str, ...], tuple[str, ...]]
"""The names of a label, the plainest first -> clues to it."""


@dataclass(frozen=True)
class Problem:
    """A text, a question about it, the options, and the one that is right."""

    text: str
    question: str
    options: tuple[str, ...]
    answer: str
    noun: str = "Text"


@cache
def clues(section: str) -> Groups:
    """The labels of a section of `phrases/clues.txt`: `== section`, `= label; other name; ...`, then a clue a line.

    Raises KeyError for a section that is not there.
    """
    return _all_clues()[section]


@cache
def _all_clues() -> dict[str, Groups]:
    sections: dict[str, dict[tuple[str, ...], list[str]]] = {}
    for line in phrase_lines("clues.txt"):
        if line.startswith("== "):
            groups = sections[line[3:]] = {}
        elif line.startswith("= "):
            found = groups[listed(line[2:], ";")] = []
        else:
            found.append(line)
    return {name: {label: tuple(lines) for label, lines in one.items()} for name, one in sections.items()}


_TOPIC_QUESTIONS = (
    "What is the text about?",
    "Which topic fits best?",
    "What is the topic?",
    "Choose the subject of the text.",
    "To which section does this belong?",
    "Which category is it?",
    "Classify the text.",
    "Pick the best label.",
    "What kind of news is this?",
    "The theme of this text is",
)
_TONE_QUESTIONS = (
    "What is the sentiment?",
    "How does the writer feel?",
    "Is this review positive or negative?",
    "Which mood does it have?",
    "Classify the sentiment of the review.",
    "What is the tone of the comment?",
    "Judge the feeling of the text.",
    "How did the customer like it?",
    "Label the opinion.",
)
_URGENCY_QUESTIONS = (
    "How urgent is this?",
    "What is the priority?",
    "Which urgency does the message have?",
    "How quickly must we react?",
    "Rate the urgency.",
    "Which priority should the ticket get?",
    "Assign a priority.",
)
_INTENT_QUESTIONS = (
    "What does the customer want?",
    "What is the intent?",
    "Which request is this?",
    "Why does this person write?",
    "Choose the intent of the message.",
    "What is it about?",
    "Where should this message be routed?",
    "Classify the request.",
    "The purpose of the message is",
)
_REGISTER_QUESTIONS = (
    "Which style is the text written in?",
    "Is the language formal or informal?",
    "What is the register?",
    "How does the writer speak?",
    "Classify the style.",
    "Choose the register of the message.",
)
_JOINTS = (". ", ". ", ", and ", "; ", "! ", " - ", ". Also, ", ", ")


def _prose(draw: Draw, clauses: Sequence[str]) -> str:
    text = ""
    for clause in clauses:
        joint = draw.rng.choice(_JOINTS) if text else ""
        if text.endswith("?"):
            joint = " "
        start = not joint or (joint[-2:] in (". ", "! ") and joint[0] in ".!") or joint == " "
        text += joint + (clause[:1].upper() + clause[1:] if start else clause)
    return text if text.endswith("?") else text + draw.rng.choice((".", ".", ".", "!", ""))


def _clued(draw: Draw, groups: Groups, questions: tuple[str, ...], noun: str, most: int) -> Problem:
    """A text of clues for one label among others, with fillers and sometimes one weak clue for another label."""
    rng = draw.rng
    labels = rng.sample(list(groups), min(len(groups), rng.randint(2, most)))
    names = {label: _label(draw, label) for label in labels}
    right = rng.choice(labels)
    clauses = draw.some(draw.values(groups[right]), 1, 3)
    if draw.chance(0.35):
        clauses += draw.some(draw.values(clues("fillers")[("filler",)]), 1, 2)
    if len(clauses) > 1 and draw.chance(0.5):
        rng.shuffle(clauses)
    options = tuple(names.values())
    return Problem(_prose(draw, clauses), draw.template(questions), options, names[right], noun=noun)


def _label(draw: Draw, names: tuple[str, ...]) -> str:
    return names[0] if draw.chance(0.6) else draw.rng.choice(names)


def topic(draw: Draw) -> Problem:
    """What a text is about."""
    return _clued(draw, clues("topics"), _TOPIC_QUESTIONS, draw.rng.choice(("Text", "Article", "Note", "Headline")), 6)


def tone(draw: Draw) -> Problem:
    """How the writer feels; the plain pair positive and negative half of the time."""
    kinds = dict(clues("tones"))
    if draw.chance(0.5):
        kinds.pop(next(label for label in kinds if label[0] == "neutral"))
    problem = _clued(
        draw, kinds, _TONE_QUESTIONS, draw.rng.choice(("Review", "Comment", "Text", "Message")), len(kinds)
    )
    return problem


def urgency(draw: Draw) -> Problem:
    """How urgent a message is."""
    return _clued(draw, clues("urgencies"), _URGENCY_QUESTIONS, draw.rng.choice(("Message", "Ticket", "Mail")), 3)


def intent(draw: Draw) -> Problem:
    """What the writer wants."""
    return _clued(draw, clues("intents"), _INTENT_QUESTIONS, draw.rng.choice(("Message", "Mail", "Customer")), 6)


def register(draw: Draw) -> Problem:
    """Formal or informal."""
    return _clued(draw, clues("registers"), _REGISTER_QUESTIONS, draw.rng.choice(("Text", "Message", "Letter")), 2)


def which(draw: Draw) -> Problem:
    """A question whose options are names and values from the text."""
    known = fact_about(draw)
    options = [known.answer, *known.others]
    draw.rng.shuffle(options)
    return Problem(known.context, known.question, tuple(options), known.answer)


_YES_NO = (("yes", "no"), ("yes", "no"), ("Yes", "No"), ("true", "false"), ("correct", "incorrect"), ("right", "wrong"))
_CHECKS = (
    "Is it true that {c}?",
    "Does the text say that {c}?",
    "Can we say that {c}?",
    "Is this right: {c}?",
    "According to the text, is it so that {c}?",
    "Check this: {c}.",
)
_VERDICTS = (
    ("correct", "incorrect"),
    ("right", "wrong"),
    ("pass", "fail"),
    ("accept", "reject"),
    ("true", "false"),
    ("good", "bad"),
)
_JUDGE = (
    "Is the answer {a} or {b}?",
    "Judge the answer.",
    "Give a verdict on the answer.",
    "Does the answer agree with the text?",
    "Verdict:",
    "Check the answer against the text.",
    "You judge accuracy. Your verdict?",
)


def yes_no(draw: Draw) -> Problem:
    """Whether a claim agrees with the text."""
    known = fact_about(draw)
    options = draw.rng.choice(_YES_NO)
    true = draw.chance(0.5)
    claim = known.claim if true else known.false_claim
    return Problem(known.context, draw.template(_CHECKS).format(c=claim), options, options[not true])


def verdict(draw: Draw) -> Problem:
    """Whether an answer given to a question about the text is right, or which of two answers is."""
    known = fact_about(draw)
    true = draw.chance(0.5)
    if draw.chance(0.35):
        first, second = (known.answer, known.others[0]) if true else (known.others[0], known.answer)
        text = f"{known.context}\nQuestion: {known.question}\nA: {first}\nB: {second}"
        question = draw.template(
            (
                "Which answer is better?",
                "Which answer is right, A or B?",
                "Better answer:",
                "Pick the right answer.",
                "Compare the answers. Which one wins?",
            )
        )
        return Problem(text, question, ("A", "B"), "A" if true else "B")
    options = draw.rng.choice(_VERDICTS)
    given = known.answer if true else known.others[0]
    text = f"{known.context}\nQuestion: {known.question}\nAnswer: {given}"
    return Problem(text, draw.template(_JUDGE).format(a=options[0], b=options[1]), options, options[not true])


_PRAISED = "I recommend it;you should buy it;get one, you will not be sorry;a clear recommendation from me;tell all your friends;go there".split(
    ";"
)
_WARNED = "I cannot recommend it;stay away;better look elsewhere;I would not buy it again;save your money;do not go there".split(
    ";"
)


def recommends(draw: Draw) -> Problem:
    """Whether a reviewer recommends something."""
    liked = draw.chance(0.5)
    tone_groups = {label[0]: clues for label, clues in clues("tones").items()}
    clauses = draw.some(draw.values(tone_groups["positive" if liked else "negative"]), 1, 2)
    if draw.chance(0.5):
        clauses.append(draw.value(_PRAISED if liked else _WARNED))
    question = draw.template(
        (
            "Does the reviewer recommend it?",
            "Would the writer buy it again?",
            "Is the customer satisfied?",
            "Did the writer like it?",
            "Is the writer happy?",
            "Was it a good experience?",
        )
    )
    options = ("yes", "no") if draw.chance(0.75) else ("Yes", "No")
    return Problem(_prose(draw, clauses), question, options, options[not liked], noun="Review")


_PRICED = (
    "The {t} costs {v} euros.",
    "{t} sells for {v} dollars.",
    "For the {t} they ask {v}.",
    "The price of the {t} is {v}.",
    "I paid {v} for my {t}.",
)


def compare(draw: Draw) -> Problem:
    """Whether a number in the text is above or below a bound."""
    rng = draw.rng
    value = rng.randint(2, 999)
    bound = rng.randint(2, 999)
    while bound == value:
        bound = rng.randint(2, 999)
    thing = draw.proper()
    text = draw.template(_PRICED).format(t=thing, v=value)
    more = draw.chance(0.5)
    question = f"Is the price {rng.choice(('over', 'above', 'more than') if more else ('under', 'below', 'less than'))} {bound}?"
    true = (value > bound) == more
    return Problem(
        f"{draw.text('person')} writes: {text}" if draw.chance(0.3) else text,
        question,
        ("yes", "no"),
        "yes" if true else "no",
    )


_SHAPES = (
    "{noun}: {text}\nQuestion: {question}\nOptions: {commas}\nAnswer:",
    "{text}\n\n{question} Choose one of: {commas}.",
    "{question} ({commas})\n{text}",
    "Read this and answer with one option.\n{text}\n{question}\n{lines}",
    "{noun}: {text}\n{question} Answer with {ors}.",
    "{question}\nOptions:\n{lines}\n\n{noun}: {text}",
    "{text}\n{question} {ors}?",
    "{noun}: {text}\n\nLabels: {commas}\n{question}",
    'Here is a text: "{text}"\n{question}\nPossible answers: {commas}',
    "{question} Pick from {commas}. {noun}: {text}",
    "[{commas}]\n{text}\n{question}",
    "Choose: {ors}.\n{noun}: {text}\n{question}",
)
_SYSTEMS = (
    "Answer with one of: {commas}.",
    "You classify texts. Options: {commas}.",
    "{question} Options: {commas}",
    "Reply with exactly one of these: {commas}",
    "You are a judge. Say {ors}.",
    "Choose one label: {commas}.",
)

_PROBLEMS: tuple[tuple[Callable[[Draw], Problem], int], ...] = (
    (topic, 20),
    (tone, 17),
    (urgency, 8),
    (intent, 13),
    (register, 4),
    (which, 12),
    (yes_no, 11),
    (verdict, 13),
    (recommends, 6),
    (compare, 2),
)


def _ors(options: Sequence[str]) -> str:
    return f"{', '.join(options[:-1])} or {options[-1]}"


def _messages(draw: Draw, problem: Problem) -> list[dict[str, Any]]:
    holes = {
        "text": problem.text,
        "question": problem.question,
        "noun": problem.noun,
        "commas": ", ".join(problem.options),
        "lines": "\n".join(f"- {option}" for option in problem.options),
        "ors": _ors(problem.options),
    }
    kind = draw.rng.random()
    if kind < 0.15:
        system = draw.template(_SYSTEMS)
        user = problem.text if "{question}" in system else f"{problem.text}\n{problem.question}"
        return [{"role": "system", "content": system.format(**holes)}, {"role": "user", "content": user}]
    if kind < 0.22 and {option.lower() for option in problem.options} <= {
        "yes",
        "no",
        "positive",
        "negative",
        "a",
        "b",
    }:
        return [{"role": "user", "content": f"{problem.text}\n{problem.question}"}]
    return [{"role": "user", "content": draw.template(_SHAPES).format(**holes)}]


def sample(rng: random.Random, split: str) -> Example:
    """One question with its options. Deterministic given `rng`."""
    draw = Draw(rng, split)
    makers, weights = zip(*_PROBLEMS, strict=True)
    problem = rng.choices(makers, weights)[0](draw)
    if draw.chance(0.5):
        problem = Problem(
            problem.text,
            problem.question,
            tuple(rng.sample(problem.options, len(problem.options))),
            problem.answer,
            noun=problem.noun,
        )
    messages = [*_messages(draw, problem), {"role": "assistant", "content": problem.answer}]
    return Example("choice", tuple(messages), choices=problem.options)
