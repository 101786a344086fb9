"""Three judges and a verdict."""

from __future__ import annotations

import pytest

from weft.lang import Answer, ScriptedBackend


def test_three_judges_and_a_verdict(example, capsys):
    passes = {"Is the answer right?": 0.9, "Is the answer clear?": 0.2, "Is the answer polite?": 0.6}

    def answer(prompt, request):
        for question, share in passes.items():
            if question in prompt:
                return Answer(probabilities={"pass": share, "fail": 1 - share})
        assert "accuracy: pass, clarity: fail, tone: pass" in prompt
        return "pass"

    backend = ScriptedBackend(answer)
    judgement = example("judge").main(backend)
    assert judgement.votes == {"accuracy": "pass", "clarity": "fail", "tone": "pass"}
    assert list(judgement.passes.values()) == pytest.approx(list(passes.values()))
    assert judgement.verdict == "pass"
    assert "verdict: pass" in capsys.readouterr().out
    judges = backend.requests[:3]
    assert len({request.hints.fork_group for request in judges}) == 1
    assert {request.hints.fork_size for request in judges} == {3}
    shared = "When does the library open?\nAnswer: It opens at nine."
    assert all(shared in prompt for prompt in backend.prompts)
