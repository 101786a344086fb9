"""Agents: ReAct, which thinks, acts and reads what came of it; and the short calls of generative agents."""

from __future__ import annotations

from ...lang import State, function, gen
from .texts import Writer
from .workload import Items, Workload

ACTIONS = ["search", "look up", "finish"]
STEPS = 3


@function
def react(s: State, examples: str, question: str) -> str:
    """Thought, action, observation, three times (Yao et al. 2022)."""
    s += f"{examples}Question: {question}\n"
    for step in range(1, STEPS + 1):
        s += f"Thought {step}: " + gen("thought", min_tokens=12, max_tokens=12)
        s += f"\nAction {step}: " + gen("action", choices=ACTIONS, max_tokens=8)
        found = Writer(f"{question} {step} {s['action']}").paragraph(2)
        s += f"\nObservation {step}: {found}\n"
    s += "Answer: " + gen("answer", min_tokens=8, max_tokens=8)
    return str(s["answer"])


def _solved(writer: Writer) -> str:
    lines = [f"Question: {writer.question()}"]
    for step in (1, 2):
        lines += [f"Thought {step}: {writer.sentence()}", f"Action {step}: search"]
        lines += [f"Observation {step}: {writer.sentence()}"]
    return "\n".join([*lines, f"Answer: {writer.sentence()}\n\n"])


def react_items(count: int) -> Items:
    examples = "".join(_solved(Writer(f"solved {at}")) for at in range(3))
    return [{"examples": examples, "question": Writer(f"react {at}").question()} for at in range(count)]


@function
def generative_agent(s: State, instruction: str, person: str, memory: str) -> str:
    """One of the many short questions that simulated people ask (Park et al. 2023)."""
    s += f"{instruction}\n{person}\nMemories: {memory}\nWhat happens next? "
    s += gen("next", min_tokens=16, max_tokens=16)
    return str(s["next"])


def generative_items(count: int) -> Items:
    """Four people, each asked again and again while new memories come at the end."""
    instruction = Writer("town").paragraph(10)
    people = [Writer(f"person {at}").paragraph(4) for at in range(4)]
    return [
        {"instruction": instruction, "person": people[at % 4], "memory": Writer(f"memory {at}").paragraph(3)}
        for at in range(count)
    ]


WORKLOADS = (
    Workload("agent that thinks and acts (ReAct)", react, react_items, 8),
    Workload("generative agents", generative_agent, generative_items, 24),
)
