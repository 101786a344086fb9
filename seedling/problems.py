"""Problems with options: a text, a question about it, a few answers of which one is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

from .answers import Known, facts_about
from .drawing import Draw, listed, sections
from .told import Told, kind_names, tell

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
    """The labels of a section of `tasks/clues.txt`: `= label; other name; ...`, then a clue a line."""
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


@dataclass(frozen=True)
class Sorting:
    """Texts to be given one of some labels."""

    section: str
    nouns: str
    most: int
    clauses: int = 3
    """At most so many clues in a text."""

    def labels(self, draw: Draw) -> dict[str, tuple[str, ...]]:
        """Two to `most` labels under the names of this example, with their clues."""
        groups = clues(self.section)
        taken = draw.rng.sample(list(groups), min(len(groups), draw.rng.randint(2, self.most)))
        if self.section == "tones" and draw.chance(0.5):
            taken = [label for label in groups if label[0] != "neutral"]
        return {label[0] if draw.chance(0.6) else draw.rng.choice(label): groups[label] for label in taken}

    def text(self, draw: Draw, lines: tuple[str, ...]) -> str:
        """A text with clues to one label."""
        chosen = draw.some(draw.values(lines), 1, self.clauses)
        return _prose(draw, _with_fillers(draw, chosen) if self.clauses > 1 else chosen)

    def series(self, draw: Draw, count: int) -> list[Problem]:
        """The same question with the same options for several texts."""
        labels = self.labels(draw)
        question, noun = _question(draw, self.section), draw.rng.choice(self.nouns.split())
        answers = draw.rng.choices(list(labels), k=count)
        return [Problem(self.text(draw, labels[one]), question, tuple(labels), one, noun) for one in answers]


SORTINGS: tuple[tuple[Sorting, int], ...] = (
    (Sorting("topics", "Text Article Note Headline Text", 6), 16),
    (Sorting("tones", "Review Comment Text Message", 3), 15),
    (Sorting("urgencies", "Message Ticket Mail", 3), 6),
    (Sorting("intents", "Message Mail Customer", 6), 9),
    (Sorting("registers", "Text Message Letter", 2), 3),
    (Sorting("emotions", "Text Diary Message", 5), 5),
    (Sorting("spam", "Mail Message", 2, 2), 3),
    (Sorting("languages", "Text Sentence", 5, 2), 2),
    (Sorting("departments", "Mail Message Request", 5, 2), 4),
    (Sorting("things", "Article Product Thing", 5, 1), 4),
    (Sorting("answer types", "Question", 4, 1), 3),
)
"""Each sorting with its weight."""


def document(draw: Draw, count: int) -> list[Problem]:
    """Problems about one document: its kind, values, properties that its wording decides, and what holds."""
    told = tell(draw)
    makers: list[Callable[[], Problem]] = [partial(_kind, draw, told)]
    if len(set(told.spans.values())) > 1:
        makers += [partial(_span, draw, told, name) for name in told.spans]
    makers += [partial(_label, draw, told, name) for name in told.labels]
    makers += [partial(_whether, draw, told, said) for said in told.claims]
    return [make() for make in draw.some(makers, count, count)]


def _kind(draw: Draw, told: Told) -> Problem:
    options = kind_names(draw, told.kind, draw.rng.randint(2, 6))
    return Problem(told.text, _question(draw, "document kinds"), tuple(options), told.kind, "Document")


def _span(draw: Draw, told: Told, name: str) -> Problem:
    right = told.spans[name]
    others = draw.some([span for span in dict.fromkeys(told.spans.values()) if span != right], 1, 4)
    options = tuple(draw.rng.sample([right, *others], len(others) + 1))
    return Problem(told.text, _question(draw, "spans").format(f=name), options, right)


def _label(draw: Draw, told: Told, name: str) -> Problem:
    right, options = told.labels[name]
    return Problem(told.text, _question(draw, "labels").format(f=name), options, right, "Document")


def _whether(draw: Draw, told: Told, said: str) -> Problem:
    options = ("yes", "no") if draw.chance(0.75) else ("Yes", "No")
    answer = options[0] if told.claims[said] else options[1]
    return Problem(told.text, _question(draw, "whether").format(c=said), options, answer)


def facts(draw: Draw, count: int) -> list[Problem]:
    """Problems about one text of facts: which value is right, or whether a claim agrees with the text."""
    return [(_which if draw.chance(0.45) else _claim)(draw, known) for known in facts_about(draw, count)]


def _which(draw: Draw, known: Known) -> Problem:
    options = [known.answer, *known.others]
    draw.rng.shuffle(options)
    return Problem(known.context, known.question, tuple(options), known.answer)


_YES_NO = (("yes", "no"), ("yes", "no"), ("Yes", "No"), ("true", "false"), ("correct", "incorrect"), ("right", "wrong"))


def _claim(draw: Draw, known: Known) -> Problem:
    options = draw.rng.choice(_YES_NO)
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
    known = facts_about(draw, 1)[0]
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
"""What an answer is judged by: the criterion's names, and its own pair of verdicts."""
_PASS_OR_FAIL = (("pass", "fail"), ("good", "bad"), ("accept", "reject"), ("yes", "no"), ("approve", "reject"))


def criterion(draw: Draw) -> Problem:
    """An answer that may be wrong, unclear or rude, judged by one of these alone; or two answers compared."""
    known = facts_about(draw, 1)[0]
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
    options = own if draw.chance(0.3) else draw.rng.choice(_PASS_OR_FAIL)
    section = by if draw.chance(0.5) else "criteria"
    question = _question(draw, section).format(k=draw.rng.choice(names), a=options[0], b=options[1])
    return Problem(f"{asked}Answer: {answer}", question, options, options[not fine])


def tally(draw: Draw) -> Problem:
    """What most of three judges say."""
    options = draw.rng.choice(_PASS_OR_FAIL[:3])
    votes = [draw.rng.choice(options) for _ in range(3)]
    said = ", ".join(f"{name}: {vote}" for name, vote in zip(draw.rng.sample(list(_CRITERIA), 3), votes, strict=True))
    text = _question(draw, "tallies").format(t=said)
    return Problem(text, _question(draw, "tally"), options, max(options, key=votes.count), "Votes")


def _styled(draw: Draw, claim: str, false_claim: str, marks: dict[str, bool]) -> str:
    """An answer with the given marks for accuracy, clarity and tone."""
    answer = f"{claim if marks['accuracy'] else false_claim}."
    for style in ("clarity", "tone"):
        _, good, bad = _signed("styles.txt", style)
        if style == "tone" and marks[style] and draw.chance(0.3):
            continue
        answer = draw.value(good if marks[style] else bad).format(a=answer)
    return answer


SINGLE: tuple[tuple[Callable[[Draw], Problem], int], ...] = (
    (state, 8),
    (verdict, 10),
    (criterion, 10),
    (tally, 2),
    (recommends, 5),
    (compare, 2),
)
"""Problems that stand alone, each with its weight."""
