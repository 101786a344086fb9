"""Three judges look at an answer side by side, each at one thing; then a verdict is selected.

    python examples/judge.py

The judges are forks: they share what was written before them, and all three are asked at once.
"""

from dataclasses import dataclass

import weft

QUESTIONS = {
    "accuracy": "Is the answer right?",
    "clarity": "Is the answer clear?",
    "tone": "Is the answer polite?",
}
VOTES = ["pass", "fail"]


@dataclass
class Judgement:
    """Each judge's probability of a pass, their votes, and the verdict on them."""

    passes: dict[str, float]
    votes: dict[str, str]
    verdict: str


@weft.function
def judge(s: weft.State, text: str, question: str, answer: str) -> Judgement:
    s += weft.system(f"You judge an answer.\nText: {text}\nQuestion: {question}\nAnswer: {answer}")
    judges = s.fork(len(QUESTIONS))
    for fork, asked in zip(judges, QUESTIONS.values(), strict=True):
        fork += weft.user(f"{asked} Say pass or fail.") + weft.assistant(weft.select("vote", choices=VOTES))
    judges.join()

    votes = dict(zip(QUESTIONS, s["vote"], strict=True))
    tally = ", ".join(f"{name}: {vote}" for name, vote in votes.items())
    s += weft.user(f"The judges say {tally}. What is the verdict? Say pass or fail.")
    s += weft.assistant(weft.select("verdict", choices=VOTES))
    shares = [fork.meta("vote").probabilities["pass"] for fork in judges]
    return Judgement(dict(zip(QUESTIONS, shares, strict=True)), votes, s["verdict"])


def main(backend: weft.Backend | None = None) -> Judgement:
    """Run and print the example."""
    if backend is None:
        with weft.Engine() as engine:
            return main(engine)
    state = judge.run(
        text="The library opens at nine and closes at six. It is closed on Sundays.",
        question="When does the library open?",
        answer="It opens at nine. Enjoy your visit!",
        backend=backend,
    )
    judgement: Judgement = state.returned
    for name, vote in judgement.votes.items():
        print(f"{name:>9}: {vote} (probability of a pass {judgement.passes[name]:.2f})")
    print(f"{'verdict':>9}: {judgement.verdict}")
    return judgement


if __name__ == "__main__":
    main()
