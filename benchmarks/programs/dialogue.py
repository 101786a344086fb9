"""Conversations of several turns, with short answers and with long ones."""

from __future__ import annotations

from ...lang import State, assistant, function, gen, system, user
from .texts import Writer
from .workload import Items, Workload

TURNS = 4


@function
def chat(s: State, opening: str, questions: list[str], length: int) -> list[str]:
    """Each turn asks anew, over all that was said before; answers have `length` tokens."""
    s += system("Answer the questions.")
    answers = []
    for place, question in enumerate(questions):
        s += user(f"{opening} {question}" if place == 0 else question)
        s += assistant(gen("answer", min_tokens=length, max_tokens=length))
        answers.append(str(s["answer"]))
    return answers


def _items(count: int, length: int) -> Items:
    def item(at: int) -> dict[str, object]:
        writer = Writer(f"chat {length} {at}")
        questions = [writer.question() for _ in range(TURNS)]
        return {"opening": writer.paragraph(8), "questions": questions, "length": length}

    return [item(at) for at in range(count)]


def short_items(count: int) -> Items:
    return _items(count, 8)


def long_items(count: int) -> Items:
    return _items(count, 48)


WORKLOADS = (
    Workload("chat of four turns, short answers", chat, short_items, 12),
    Workload("chat of four turns, long answers", chat, long_items, 12),
)
