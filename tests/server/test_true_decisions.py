"""Decisions of a true server, against what `weft.select` gives for the same state on the same model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import Serving, serving

import weft
from weft.lang.choice_methods import METHODS

CHOICES = [" a tree", " the name of it", "12", " é", "true"]


@pytest.fixture(scope="module")
def served(tiny_folder: Path) -> Iterator[Serving]:
    with serving(str(tiny_folder), "--dtype", "float32", "--num-pages", "64") as made:
        made.notice("serving")
        yield made


@pytest.fixture(scope="module")
def engine(tiny_folder: Path) -> Iterator[weft.Engine]:
    with weft.Engine(tiny_folder, dtype="float32", num_pages=64) as made:
        yield made


def decide(served: Serving, **body: Any) -> Any:
    answer = served.http.post("/v1/decisions", json={"model": "tiny", "choices": CHOICES, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def same(answer: Any, state: weft.State) -> None:
    probabilities = state.meta("pick").probabilities
    got = {each["choice"]: each["probability"] for each in answer["probabilities"]}
    assert got == pytest.approx(probabilities, abs=1e-4)
    assert answer["choice"] == state["pick"]


@weft.function
def plain(s: Any) -> None:
    s += "The naïve thing is" + weft.select("pick", choices=CHOICES)


@weft.function
def turns(s: Any) -> None:
    s += weft.system("Be brief.") + weft.user("What is <|end|> it?")
    s += weft.assistant("It is" + weft.select("pick", choices=CHOICES))


def test_a_prompt_is_decided_as_select_does(served: Serving, engine: weft.Engine) -> None:
    same(decide(served, prompt="The naïve thing is"), plain.run(backend=engine))
    same(decide(served, prompt=engine.tokenizer.encode("The naïve thing is")), plain.run(backend=engine))


def test_messages_are_decided_as_select_does(served: Serving, engine: weft.Engine) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is <|end|> it?"},
        {"role": "assistant", "content": "It is"},
    ]
    same(decide(served, messages=messages), turns.run(backend=engine))


@pytest.mark.parametrize("method", METHODS)
def test_a_method_decides_as_it_does_for_select(served: Serving, engine: weft.Engine, method: str) -> None:
    @weft.function
    def program(s: Any) -> None:
        s += "The naïve thing is" + weft.select("pick", choices=CHOICES, method=method)

    state = program.run(backend=engine)
    answer = decide(served, prompt="The naïve thing is", method=method)
    same(answer, state)
    scores = {text: known.score for text, known in state.meta("pick").choices.items()}
    assert {each["choice"]: each["score"] for each in answer["probabilities"]} == pytest.approx(scores, abs=1e-4)


def test_it_finds_its_prompt_in_the_cache(served: Serving) -> None:
    prompt = "one long prompt of its own, of many tokens: " * 3
    first, second = (decide(served, prompt=prompt)["usage"] for _ in range(2))
    assert first["prompt_tokens_details"]["cached_tokens"] == 0
    assert second["prompt_tokens_details"]["cached_tokens"] >= second["prompt_tokens"] - 32
    assert second["completion_tokens"] == 0


def test_a_choice_over_the_context_is_refused(served: Serving) -> None:
    answer = served.http.post("/v1/decisions", json={"model": "tiny", "prompt": "a", "choices": ["x" * 600]})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "context_length_exceeded"
