"""Problems with options: a text, a question about it, a few answers of which one is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from .answers import fact_about
from .drawing import Draw, listed, sections
from .told import kind_names, tell

Groups = dict[tuple[str, ...], tuple[str, ...]]
"""The names of a label, the plainest first -> clues to it."""


@dataclass(frozen=True)
class Problem:
    """A text, a question about it, the options, and the one that is right. `noun` says what the text is."""

    text: str
    question: str
    options: tuple[str, ...]
    answer: str
    noun: str = "Text"


@cache
def clues(section: str) -> Groups:
    """The labels of a section of `phrases/clues.txt`: `= label; other name; ...`, then a clue a line."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for line in sections("clues.txt")[section]:
        if line.startswith("= "):
            found = groups[listed(line[2:], ";")] = []
        else:
            found.append(line)
    return {names: tuple(lines) for names, lines in groups.items()}


@cache
def _signed(file: str, section: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The lines of a section by their mark: (`?`, `+`, `-`)."""
    lines = sections(file)[section]
    question, yes, no = (tuple(line[2:] for line in lines if line.startswith(mark)) for mark in "?+-")
    return question, yes, no


def _question(draw: Draw, section: str) -> str:
    return draw.template(sections("questions.txt")[section])


_JOINTS = (". ", ". ", ", and ", "; ", "! ", " - ", ". Also, ", ", ")


def _prose(draw: Draw, clauses: Sequence[str]) -> str:
    """The clauses joined to a text, with capitals where sentences begin."""
    text = ""
    for clause in clauses:
        joint = draw.rng.choice(_JOINTS) if text else ""
        if text.endswith("?"):
            joint = " "
        starts = joint in ("", " ", ". ", "! ")
        text += joint + (clause[:1].upper() + clause[1:] if starts else clause)
    return text if text.endswith("?") else text + draw.rng.choice((".", ".", ".", "!", ""))


def _with_fillers(draw: Draw, clauses: list[str], share: float = 0.35) -> list[str]:
    """The clauses among sentences that say nothing to the point."""
    if draw.chance(share):
        clauses = [*clauses, *draw.some(draw.values(clues("fillers")[("filler",)]), 1, 2)]
    return draw.rng.sample(clauses, len(clauses)) if draw.chance(0.5) else clauses


def _clued(draw: Draw, section: str, groups: Groups, nouns: str, most: int, clauses: int = 3) -> Problem:
    """A text of clues for one label, which is to be found among up to `most`."""
    rng = draw.rng
    labels = rng.sample(list(groups), min(len(groups), rng.randint(2, most)))
    names = [label[0] if draw.chance(0.6) else rng.choice(label) for label in labels]
    at = rng.randrange(len(labels))
    chosen = draw.some(draw.values(groups[labels[at]]), 1, clauses)
    text = _prose(draw, _with_fillers(draw, chosen) if clauses > 1 else chosen)
    return Problem(text, _question(draw, section), tuple(names), names[at], rng.choice(nouns.split()))


def _of(section: str, nouns: str, most: int, clauses: int = 3) -> Callable[[Draw], Problem]:
    """A maker of problems from one section of clues."""
    return lambda draw: _clued(draw, section, clues(section), nouns, most, clauses)


def tone(draw: Draw) -> Problem:
    """How the writer feels; between the plain pair positive and negative half of the time."""
    groups = dict(clues("tones"))
    if draw.chance(0.5):
        groups.pop(next(label for label in groups if label[0] == "neutral"))
    return _clued(draw, "tones", groups, "Review Comment Text Message", len(groups))


def which(draw: Draw) -> Problem:
    """A question whose options are names and values from the text."""
    if draw.chance(0.4):
        told = tell(draw)
        if len(set(told.spans.values())) > 1:
            field = draw.rng.choice(list(told.spans))
            right = told.spans[field]
            others = draw.some([span for span in dict.fromkeys(told.spans.values()) if span != right], 1, 4)
            question = _question(draw, "spans").format(f=field)
            return Problem(told.text, question, tuple(draw.rng.sample([right, *others], len(others) + 1)), right)
    known = fact_about(draw)
    options = [known.answer, *known.others]
    draw.rng.shuffle(options)
    return Problem(known.context, known.question, tuple(options), known.answer)


def document_kind(draw: Draw) -> Problem:
    """What kind of document it is."""
    told = tell(draw)
    options = kind_names(draw, told.kind, draw.rng.randint(2, 6))
    return Problem(told.text, _question(draw, "document kinds"), tuple(options), told.kind, "Document")


def label(draw: Draw) -> Problem:
    """A property of a document that its wording decides, such as a severity or a condition."""
    for _ in range(8):
        told = tell(draw)
        if told.labels:
            field = draw.rng.choice(list(told.labels))
            right, options = told.labels[field]
            return Problem(told.text, _question(draw, "labels").format(f=field), options, right, "Document")
    return document_kind(draw)


_YES_NO = (("yes", "no"), ("yes", "no"), ("Yes", "No"), ("true", "false"), ("correct", "incorrect"), ("right", "wrong"))


def claim(draw: Draw) -> Problem:
    """Whether a claim agrees with the text."""
    options = draw.rng.choice(_YES_NO)
    if draw.chance(0.4):
        told = tell(draw)
        if told.claims:
            said, true = draw.rng.choice(list(told.claims.items()))
            options = options if options[0].lower() == "yes" else ("yes", "no")
            return Problem(told.text, _question(draw, "whether").format(c=said), options, options[not true])
    known = fact_about(draw)
    true = draw.chance(0.5)
    said = known.claim if true else known.false_claim
    return Problem(known.context, _question(draw, "checks").format(c=said), options, options[not true])


def state(draw: Draw) -> Problem:
    """A plain yes-no question: has it arrived, is it paid, does it work?"""
    section = draw.rng.choice(list(sections("states.txt")))
    questions, yes, no = _signed("states.txt", section)
    true = draw.chance(0.5)
    text = _prose(draw, _with_fillers(draw, draw.some(draw.values(yes if true else no), 1, 2), 0.5))
    options = ("yes", "no") if draw.chance(0.8) else ("Yes", "No")
    return Problem(text, draw.template(questions), options, options[not true], "Message")


def recommends(draw: Draw) -> Problem:
    """Whether a reviewer was content."""
    liked = draw.chance(0.5)
    by_name = {label[0]: lines for label, lines in clues("tones").items()}
    chosen = draw.some(draw.values(by_name["positive" if liked else "negative"]), 1, 2)
    if draw.chance(0.5):
        chosen.append(draw.value(sections("questions.txt")["praised" if liked else "warned"]))
    options = ("yes", "no") if draw.chance(0.75) else ("Yes", "No")
    return Problem(_prose(draw, chosen), _question(draw, "recommends"), options, options[not liked], "Review")


def compare(draw: Draw) -> Problem:
    """Whether a price is above or below a bound."""
    value, bound = draw.rng.sample(range(2, 1000), 2)
    text = _question(draw, "priced").format(t=draw.proper(), v=value)
    more = draw.chance(0.5)
    than = draw.rng.choice(("over", "above", "more than") if more else ("under", "below", "less than"))
    true = (value > bound) == more
    return Problem(text, f"Is the price {than} {bound}?", ("yes", "no"), "yes" if true else "no")


_VERDICTS = (
    ("correct", "incorrect"),
    ("right", "wrong"),
    ("pass", "fail"),
    ("accept", "reject"),
    ("true", "false"),
    ("good", "bad"),
    ("supported", "unsupported"),
)


def verdict(draw: Draw) -> Problem:
    """Whether an answer to a question about the text is right, or which of two answers is."""
    known = fact_about(draw)
    true = draw.chance(0.5)
    right, wrong = (known.answer, known.others[0]) if draw.chance(0.5) else (f"{known.claim}.", f"{known.false_claim}.")
    asked = f"{known.context}\nQuestion: {known.question}\n"
    if draw.chance(0.35):
        first, second = (right, wrong) if true else (wrong, right)
        text = f"{asked}A: {first}\nB: {second}"
        return Problem(text, _question(draw, "better"), ("A", "B"), "A" if true else "B")
    options = draw.rng.choice(_VERDICTS)
    question = _question(draw, "verdicts").format(a=options[0], b=options[1])
    return Problem(f"{asked}Answer: {right if true else wrong}", question, options, options[not true])


_CRITERIA = {
    "accuracy": (listed("accuracy; accuracy; correctness; truth; factual accuracy", ";"), ("accurate", "inaccurate")),
    "clarity": (listed("clarity; clarity; readability; plainness", ";"), ("clear", "unclear")),
    "tone": (listed("tone; tone; politeness; manners", ";"), ("polite", "rude")),
}
_PASS_OR_FAIL = (("pass", "fail"), ("good", "bad"), ("accept", "reject"), ("yes", "no"), ("approve", "reject"))


def criterion(draw: Draw) -> Problem:
    """An answer that may be wrong, unclear or rude, judged by one of these alone; or two answers compared."""
    known = fact_about(draw)
    by = draw.rng.choice(list(_CRITERIA))
    names, own = _CRITERIA[by]
    asked = f"{known.context}\nQuestion: {known.question}\n"
    fine = draw.chance(0.5)
    if draw.chance(0.3):
        good, bad = ({one: draw.chance(0.7) for one in _CRITERIA} for _ in "AB")
        answers = [_styled(draw, known.claim, known.false_claim, one) for one in (good | {by: True}, bad | {by: False})]
        first, second = answers if fine else answers[::-1]
        question = _question(draw, "better by").format(k=draw.rng.choice(names))
        return Problem(f"{asked}A: {first}\nB: {second}", question, ("A", "B"), "A" if fine else "B")
    marks = {one: draw.chance(0.6) for one in _CRITERIA} | {by: fine}
    answer = _styled(draw, known.claim, known.false_claim, marks)
    options = own if draw.chance(0.4) else draw.rng.choice(_PASS_OR_FAIL)
    question = _question(draw, "criteria").format(k=draw.rng.choice(names), a=options[0], b=options[1])
    return Problem(f"{asked}Answer: {answer}", question, options, options[not fine])


def _styled(draw: Draw, claim: str, false_claim: str, marks: dict[str, bool]) -> str:
    """An answer with the given marks for accuracy, clarity and tone."""
    answer = f"{claim if marks['accuracy'] else false_claim}."
    for style in ("clarity", "tone"):
        _, good, bad = _signed("styles.txt", style)
        if style == "tone" and marks[style] and draw.chance(0.3):
            continue
        answer = draw.value(good if marks[style] else bad).format(a=answer)
    return answer


PROBLEMS: tuple[tuple[Callable[[Draw], Problem], int], ...] = (
    (_of("topics", "Text Article Note Headline Text", 6), 16),
    (tone, 15),
    (_of("urgencies", "Message Ticket Mail", 3), 6),
    (_of("intents", "Message Mail Customer", 6), 9),
    (_of("registers", "Text Message Letter", 2), 3),
    (_of("emotions", "Text Diary Message", 5), 5),
    (_of("spam", "Mail Message", 2, 2), 3),
    (_of("languages", "Text Sentence", 5, 2), 2),
    (_of("departments", "Mail Message Request", 5, 2), 4),
    (_of("things", "Article Product Thing", 5, 1), 4),
    (_of("answer types", "Question", 4, 1), 3),
    (document_kind, 5),
    (label, 6),
    (which, 10),
    (claim, 12),
    (state, 8),
    (verdict, 10),
    (criterion, 9),
    (recommends, 5),
    (compare, 2),
)
"""Each sort of problem with its weight."""
