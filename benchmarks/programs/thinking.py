"""Programs that branch: tree of thought, skeleton of thought, judges."""

from __future__ import annotations

from ...lang import State, assistant, function, gen, select, system, user
from .texts import Writer
from .workload import Items, Workload

BRANCHES = 3
DIMENSIONS = ("clarity", "accuracy", "tone")


@function
def tree_of_thought(s: State, problem: str) -> str:
    """Two levels of proposals; each is scored by how likely "good" is, and the best of a level goes on."""
    s += system("Solve the problem step by step.") + user(problem)
    for level in range(2):
        branches = s.fork(BRANCHES)
        for place, branch in enumerate(branches):
            step = gen("step", temperature=0.8, seed=10 * level + place, min_tokens=20, max_tokens=20)
            branch += assistant(step)
            branch += user("Is this step good or bad?") + assistant(select("verdict", choices=["good", "bad"]))
        branches.join()
        scores = [branch.meta("verdict").probabilities["good"] for branch in branches]
        best = max(range(BRANCHES), key=scores.__getitem__)
        s += assistant(branches[best].text_of("step")) + user("Go on.")
    s += assistant(gen("answer", min_tokens=12, max_tokens=12))
    return str(s["answer"])


def problem_items(count: int) -> Items:
    return [{"problem": Writer(f"problem {at}").paragraph(6)} for at in range(count)]


@function
def skeleton_of_thought(s: State, topic: str) -> list[str]:
    """Points first; then each point is expanded side by side."""
    s += system("Write an article: its points first, then each of them.") + user(topic)
    s += assistant(gen("points", min_tokens=24, max_tokens=24))
    branches = s.fork(4)
    for place, branch in enumerate(branches, start=1):
        branch += user(f"Write more on point {place}.") + assistant(gen("more", min_tokens=24, max_tokens=24))
    branches.join()
    expanded: list[str] = s["more"]
    return expanded


def topic_items(count: int) -> Items:
    return [{"topic": Writer(f"topic {at}").paragraph(5)} for at in range(count)]


@function
def judged(s: State, essay: str) -> str:
    """Branch, solve, merge: an essay is judged in several dimensions side by side, then the judgements are weighed."""
    s += system("You judge essays.") + user(essay)
    judges = s.fork(len(DIMENSIONS))
    for judge, dimension in zip(judges, DIMENSIONS, strict=True):
        judge += user(f"Judge its {dimension}.") + assistant(gen("judgement", min_tokens=16, max_tokens=16))
    judges.join()
    told = "\n".join(f"{dimension}: {said}" for dimension, said in zip(DIMENSIONS, s["judgement"], strict=True))
    s += user(f"The judgements:\n{told}\nWhich grade does it get?")
    s += assistant(select("grade", choices=LETTER_GRADES))
    return str(s["grade"])


LETTER_GRADES = ["A", "B", "C", "D"]


def essay_items(count: int) -> Items:
    return [{"essay": Writer(f"essay {at}").paragraph(16)} for at in range(count)]


WORKLOADS = (
    Workload("tree of thought", tree_of_thought, problem_items, 8),
    Workload("skeleton of thought", skeleton_of_thought, topic_items, 8),
    Workload("judges side by side", judged, essay_items, 8),
)
