"""Fields that no word of the text states: a topic, a mood, an urgency, or whether something is so, told by clues.

The clues are those of the questions with options (`tasks/clues.txt` and `tasks/states.txt`).
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

from .drawing import sections
from .phrases import Field, Kind
from .problems import clues
from .templates import Snippet
from .words import held_out

_SORTINGS = {
    "topics": "topic category section subject_area theme field_of_interest about_topic",
    "tones": "sentiment tone opinion overall_opinion attitude mood_of_text",
    "urgencies": "urgency priority importance how_urgent urgency_level",
    "intents": "intent request_type purpose reason_for_contact wants kind_of_request",
    "emotions": "emotion feeling mood state_of_mind",
    "departments": "department forward_to responsible_team route_to team",
    "spam": "spam_check classification message_class verdict",
}
_STATES = {
    "arrived": "arrived has_arrived delivered was_delivered",
    "paid": "paid is_paid has_been_paid settled",
    "open": "open is_open open_now",
    "available": "available is_available can_be_had",
    "working": "working works is_working functional",
    "agreed": "agreed has_agreed approved consent",
    "coming": "coming will_come attends is_coming",
    "solved": "solved is_solved resolved fixed",
}


@cache
def _said(key: str, state: str, clue: str) -> Snippet:
    text = clue[:1].upper() + clue[1:]
    if text[-1] not in ".!?":
        text += "."
    return Snippet([text], frozenset({key}), ((key, state),), "any", held_out(clue))


@cache
def _sorting_snippets(section: str, key: str) -> list[Snippet]:
    return [_said(key, names[0].replace(" ", "_"), clue) for names, lines in clues(section).items() for clue in lines]


@cache
def _state_snippets(section: str, key: str) -> list[Snippet]:
    marks = {"+ ": "true", "- ": "false"}
    return [_said(key, marks[line[:2]], line[2:]) for line in sections("states.txt")[section] if line[:2] in marks]


def _taken(kind: Kind) -> set[str]:
    return {name for made in kind.fields.values() for name in made.names} | kind.fields.keys()


def with_judged_field(rng: random.Random, kind: Kind) -> Kind:
    """The kind with one more such field that stands in every document; the kind itself where its names clash."""
    if rng.random() < 0.75:
        section, names = rng.choice(list(_SORTINGS.items()))
        groups = [[name.replace(" ", "_") for name in names] for names in clues(section)]
        chosen = rng.sample(groups, min(len(groups), rng.randint(2, 6)))
        spec, snippets = "enum", _sorting_snippets(section, f"judged_{section}")
    else:
        section, names = rng.choice(list(_STATES.items()))
        chosen, spec, snippets = [], "bool", _state_snippets(section, f"judged_{section}")
    key = f"judged_{section}"
    if _taken(kind) & {key, *names.split()}:
        return kind
    made = Field(key, spec, names.split(), "", always=True, labels=chosen, judged=True)
    return replace(kind, fields={**kind.fields, key: made}, by_field={**kind.by_field, key: snippets})
