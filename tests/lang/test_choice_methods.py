"""How `select` takes a choice: each method against its plain definition, over scripted scores and on a model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft import lang as weft
from weft.errors import EngineError, InvalidRequest, UnknownOption
from weft.lang import Answer, ScriptedBackend
from weft.lang.choice_methods import METHODS, decide
from weft.request import ScoreRequest, ScoreResult
from weft.runtime import Engine

Scores = Sequence[Sequence[float]]


def naive(method: str, tokens: Scores, alone: Scores) -> int:
    """The choice that the method takes: the first of the best."""
    numbers = range(len(tokens))
    if method == "probability":
        return max(numbers, key=lambda at: sum(tokens[at]))
    if method == "token_length_normalized":
        return max(numbers, key=lambda at: sum(tokens[at]) / len(tokens[at]))
    if method == "unconditional_likelihood_normalized":
        return max(numbers, key=lambda at: (sum(tokens[at]) - sum(alone[at])) / len(tokens[at]))
    left = list(numbers)
    for place in range(max(map(len, tokens))):
        here = {}
        for at in left:
            own = tokens[at]
            here[at] = own[place] if place < len(own) else sum(own) / len(own)
        left = [at for at in left if here[at] == max(here.values())]
    return left[0]


# Eighths are exact, however they are added up: what is equal stays equal.
EIGHTHS = st.integers(-80, 0).map(lambda count: count / 8)


@st.composite
def scores(draw: st.DrawFn) -> tuple[Scores, Scores]:
    """Log-probabilities of a few choices with and without their prompt; lengths are powers of 2, so that means are
    exact."""
    lengths = draw(st.lists(st.sampled_from([1, 2, 4]), min_size=1, max_size=5))
    tokens = [draw(st.lists(EIGHTHS, min_size=length, max_size=length)) for length in lengths]
    alone = [[0.0, *draw(st.lists(EIGHTHS, min_size=length - 1, max_size=length - 1))] for length in lengths]
    return tokens, alone


@pytest.mark.parametrize("method", METHODS)
@given(scores())
def test_each_method_is_its_definition(method: str, drawn: tuple[Scores, Scores]) -> None:
    tokens, alone = drawn
    result = ScoreResult("r", tuple(map(tuple, tokens)), unconditional_logprobs=tuple(map(tuple, alone)))
    decision = decide(method, result)
    assert decision.index == naive(method, tokens, alone)
    assert decision.index == max(range(len(tokens)), key=lambda at: decision.scores[at])


# Four choices, of which each method takes another one.
TOKENS = {
    "short": (-3.0,),
    "long and even": (-1.0, -1.0, -1.0, -1.0),
    "greedy": (-0.5, -6.0),
    "likelier for the prompt": (-2.0, -2.0),
}
ALONE = {
    "short": (0.0,),
    "long and even": (0.0, -1.0, -1.0, -1.0),
    "greedy": (0.0, -5.5),
    "likelier for the prompt": (0.0, -5.0),
}
WINNERS = {
    "probability": ("short", -3.0, 1 / (1 + math.exp(-1) * 2 + math.exp(-3.5))),
    "token_length_normalized": ("long and even", -4.0, -1.0),
    "greedy_token_selection": ("greedy", -6.5, 1.0),
    "unconditional_likelihood_normalized": ("likelier for the prompt", -4.0, 0.5),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("option", ["method", "choices_method"])
def test_a_program_takes_a_method_by_name(method: str, option: str) -> None:
    @weft.function
    def program(s: Any) -> None:
        s += "It is " + weft.select("x", choices=[*TOKENS], **{option: method})

    backend = ScriptedBackend({"x": Answer(token_logprobs=TOKENS, unconditional_logprobs=ALONE)})
    state = program.run(backend=backend)
    winner, logprob, score = WINNERS[method]
    meta = state.meta("x")
    assert (state["x"], state.text) == (winner, "It is " + winner)
    assert meta.choices[winner].logprob == logprob
    assert meta.choices[winner].token_logprobs == TOKENS[winner]
    assert meta.choices[winner].score == pytest.approx(score)
    assert sum(meta.probabilities.values()) == pytest.approx(1.0)
    (request,) = backend.requests
    assert isinstance(request, ScoreRequest)
    needs = method == "unconditional_likelihood_normalized"
    assert request.unconditional == needs
    assert meta.choices[winner].unconditional_logprobs == (ALONE[winner] if needs else ())


def test_an_unknown_method_is_refused_where_it_is_written() -> None:
    with pytest.raises(UnknownOption, match="token_length_normalized") as caught:
        weft.select("x", choices=["a"], method="best")
    assert caught.value.param == "method"
    with pytest.raises(InvalidRequest, match="another name"):
        weft.select("x", choices=["a"], method="probability", choices_method="probability")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("tokens", [((-math.inf,), (-math.inf,)), ((math.nan,), (-1.0,))])
def test_what_cannot_be_compared_is_an_error(method: str, tokens: tuple[tuple[float, ...], ...]) -> None:
    result = ScoreResult("r", tokens, unconditional_logprobs=((0.0,), (0.0,)))
    if method == "greedy_token_selection" and not math.isnan(tokens[0][0]):
        assert decide(method, result).index == 0
        return
    with pytest.raises(EngineError, match="cannot be compared"):
        decide(method, result)


def test_a_backend_without_unconditional_scores_is_an_error() -> None:
    with pytest.raises(EngineError, match="unconditional"):
        decide("unconditional_likelihood_normalized", ScoreResult("r", ((-1.0,), (-2.0,))))


@pytest.fixture(scope="module")
def engine(tiny_folder: Path) -> Iterator[Engine]:
    with Engine(tiny_folder, device="cpu") as made:
        yield made


@pytest.mark.parametrize("method", METHODS)
def test_a_model_decides_as_each_choice_by_itself_says(engine: Engine, method: str) -> None:
    choices = [" the name", " the naming of it", " true", " trueing", " null 12", "12"]
    prompt = "The thing is"

    @weft.function
    def program(s: Any) -> None:
        s += prompt + weft.select("x", choices=choices, method=method)

    tokens, alone = [], []
    for choice in choices:
        first, *rest = engine.tokenizer.encode(choice)
        request = ScoreRequest(id=choice, prompt=prompt, choices=(choice,))
        tokens.append(engine.score(request).result(60).token_logprobs[0])
        request = ScoreRequest(id=choice, prompt=(first,), choices=(tuple(rest),)) if rest else None
        alone.append((0.0, *(engine.score(request).result(60).token_logprobs[0] if request else ())))
    state = program.run(backend=engine)
    assert state["x"] == choices[naive(method, tokens, alone)]
    for choice, own in zip(choices, tokens, strict=True):
        assert state.meta("x").choices[choice].token_logprobs == pytest.approx(own, abs=1e-4)
