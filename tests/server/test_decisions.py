"""/v1/decisions over a scripted engine: what is asked of it, what comes of its numbers, and what is refused."""

from __future__ import annotations

import json
import math
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest

from weft.chat.reasoning import ReasoningMarkers
from weft.chat.tool_formats import FORMATS
from weft.errors import PromptTooLong
from weft.server.dialect import Dialect

from .conftest import RunningServer
from .fake_engine import ROLES, Hold

MODEL = "fake-model"
DIALECT = Dialect(FORMATS["hermes_inline"], ReasoningMarkers(), frozenset({"enable_thinking"}))
COLOURS = ["red", "green", "blue"]
ASK = {"model": MODEL, "prompt": "Sky: "}
HI = {"role": "user", "content": "Hi"}


def decide(http: httpx.Client, **body: Any) -> Any:
    answer = http.post("/v1/decisions", json=ASK | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def script(server: RunningServer, *probabilities: float) -> None:
    """Choices of two tokens, which are as likely together as this says."""
    server.engine.scoring = lambda request: tuple(
        (math.log(each) / 4, math.log(each) * 3 / 4) for each in probabilities
    )


def test_a_choice_is_the_likeliest(http: httpx.Client, server: RunningServer) -> None:
    script(server, 0.05, 0.1, 0.25)
    answer = decide(http, choices=COLOURS, cache_salt="salt", priority=2)
    assert answer["id"].startswith("decision-")
    assert (answer["object"], answer["model"], answer["type"]) == ("decision", MODEL, "choice")
    assert (answer["choice"], answer["index"]) == ("blue", 2)
    assert [each["choice"] for each in answer["probabilities"]] == COLOURS
    assert [each["probability"] for each in answer["probabilities"]] == pytest.approx([0.125, 0.25, 0.625])
    assert [math.exp(each["logprob"]) for each in answer["probabilities"]] == pytest.approx([0.05, 0.1, 0.25])
    assert answer["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 0,
        "total_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    assert "value" not in answer
    (request,) = server.engine.judged
    assert (request.prompt, request.choices) == (tuple(b"Sky: "), tuple(COLOURS))
    assert (request.cache_salt, request.priority) == ("salt", 2)


@pytest.mark.parametrize(("yes", "value"), [(0.3, False), (0.7, True)])
def test_a_predicate_has_a_truth_value(http: httpx.Client, server: RunningServer, yes: float, value: bool) -> None:
    script(server, yes, 1 - yes)
    answer = decide(http, type="predicate")
    assert (answer["value"], answer["choice"]) == (value, "yes" if value else "no")
    assert server.engine.judged[0].choices == ("yes", "no")
    assert decide(http, type="predicate", labels=["so", "not so"])["choice"] == ("so" if value else "not so")


def test_a_score_is_the_mean_of_its_levels(http: httpx.Client, server: RunningServer) -> None:
    script(server, 0.1, 0.1, 0.1, 0.4, 0.3)
    answer = decide(http, type="score")
    assert answer["value"] == pytest.approx(0.1 + 0.2 + 0.3 + 1.6 + 1.5)
    assert (answer["level"], answer["choice"], answer["index"]) == (4, "4", 3)
    script(server, 0.5, 0.25, 0.25)
    answer = decide(http, type="score", min=-1, max=1)
    assert (answer["value"], answer["level"]) == (pytest.approx(-0.25), -1)
    assert server.engine.judged[-1].choices == ("-1", "0", "1")


def test_what_cannot_be_stays_finite(http: httpx.Client, server: RunningServer) -> None:
    server.engine.scoring = lambda request: ((-math.inf,), (-1.0,))
    answer = decide(http, type="predicate")
    assert [each["probability"] for each in answer["probabilities"]] == [0.0, 1.0]
    assert answer["probabilities"][0]["logprob"] == -9999.0


def test_choices_none_of_which_can_be_are_an_error(http: httpx.Client, server: RunningServer) -> None:
    server.engine.scoring = lambda request: ((-math.inf,), (math.nan,))
    answer = http.post("/v1/decisions", json=ASK | {"type": "predicate"})
    assert answer.status_code == 500
    assert "cannot be compared" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "choice", "scores"),
    [
        (None, "red", None),
        ("probability", "red", None),
        ("token_length_normalized", "green", [-3.0, -1.0, -2.25]),
        ("greedy_token_selection", "blue", [0.0, 0.0, 1.0]),
        ("unconditional_likelihood_normalized", "blue", [-3.0, -0.25, 0.75]),
    ],
)
def test_a_method_says_how_choices_are_compared(
    http: httpx.Client, server: RunningServer, method: str | None, choice: str, scores: list[float] | None
) -> None:
    server.engine.scoring = lambda request: ((-3.0,), (-1.0,) * 4, (-0.5, -4.0))
    server.engine.alone = ((0.0,), (0.0, -1.0, -1.0, -1.0), (0.0, -6.0))
    answer = decide(http, choices=COLOURS, **({"method": method} if method else {}))
    assert (answer["choice"], answer["method"]) == (choice, method or "probability")
    assert answer["index"] == COLOURS.index(choice)
    got = [each["score"] for each in answer["probabilities"]]
    assert got == pytest.approx(scores or [each["probability"] for each in answer["probabilities"]])
    assert [each["token_logprobs"] for each in answer["probabilities"]] == [[-3.0], [-1.0] * 4, [-0.5, -4.0]]
    (request,) = server.engine.judged
    assert request.unconditional == (method == "unconditional_likelihood_normalized")


def test_ids_are_a_prompt(http: httpx.Client, server: RunningServer) -> None:
    decide(http, prompt=[1, 2], choices=COLOURS)
    assert server.engine.judged[0].prompt == (1, 2)


def test_messages_leave_the_turn_to_the_choice(http: httpx.Client, server: RunningServer) -> None:
    body = {"prompt": None, "choices": COLOURS, "chat_template_kwargs": {"enable_thinking": False}}
    decide(http, messages=[HI], **body)
    decide(http, messages=[HI, {"role": "assistant", "content": "It is "}], **body, reasoning_effort="none")
    whole, begun = (request.prompt for request in server.engine.judged)
    assert whole[-5:] == (ROLES["user"], *b"Hi", 256, ROLES["assistant"])
    assert begun == (*whole, *b"It is ")
    assert b"'enable_thinking': False" in bytes(token for token in whole if token < 256)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "choices"),
        ({"choices": []}, "choices"),
        ({"choices": ["a"] * 2}, "choices[1]"),
        ({"choices": ["a", ""]}, "choices[1]"),
        ({"choices": [str(at) for at in range(257)]}, "choices"),
        ({"choices": "red"}, "choices"),
        ({"choices": COLOURS, "labels": ["a", "b"]}, "labels"),
        ({"type": "predicate", "choices": COLOURS}, "choices"),
        ({"type": "predicate", "labels": ["yes"]}, "labels"),
        ({"type": "predicate", "labels": ["yes", "yes"]}, "labels[1]"),
        ({"type": "predicate", "min": 1}, "min"),
        ({"type": "score", "labels": ["a", "b"]}, "labels"),
        ({"type": "score", "min": 5}, "min"),
        ({"type": "score", "max": 1}, "max"),
        ({"type": "score", "max": 257}, "max"),
        ({"type": "score", "max": 10**400}, "max"),
        ({"type": "score", "max": 2.5}, "max"),
        ({"type": "rank"}, "type"),
        ({"choices": COLOURS, "method": "other"}, "method"),
        ({"choices": COLOURS, "prompt": None}, "prompt"),
        ({"choices": COLOURS, "prompt": ""}, "prompt"),
        ({"choices": COLOURS, "prompt": []}, "prompt"),
        ({"choices": COLOURS, "prompt": [262]}, "prompt"),
        ({"choices": COLOURS, "messages": [HI]}, "prompt"),
        ({"choices": COLOURS, "chat_template_kwargs": {}}, "chat_template_kwargs"),
        ({"choices": COLOURS, "reasoning_effort": "low"}, "reasoning_effort"),
        ({"choices": COLOURS, "prompt": None, "messages": []}, "messages"),
        ({"choices": COLOURS, "prompt": None, "messages": [{"role": "assistant", "content": "x"}]}, "messages[0]"),
        ({"choices": COLOURS, "prompt": None, "messages": [HI], "chat_template_kwargs": {"x": 1}}, "chat_template_kw"),
        ({"choices": COLOURS, "temperature": 1}, "temperature"),
    ],
)
def test_refusals_name_the_field(http: httpx.Client, body: dict[str, Any], param: str) -> None:
    answer = http.post("/v1/decisions", json=ASK | body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith(param)


@pytest.mark.parametrize("given", [{}, {"prompt": None, "messages": [HI]}])
def test_a_fault_that_the_engine_finds_names_the_field(
    http: httpx.Client, server: RunningServer, given: dict[str, Any]
) -> None:
    server.engine.scoring = lambda request: PromptTooLong("too long", param="prompt")
    answer = http.post("/v1/decisions", json=ASK | {"type": "predicate"} | given)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == ("messages" if given else "prompt")


def test_nothing_is_decided_inside_a_reasoning(http: httpx.Client) -> None:
    opened = {"role": "user", "content": "<think>"}  # the scripted template writes no more text after it
    answer = http.post("/v1/decisions", json=ASK | {"type": "predicate", "prompt": None, "messages": [opened]})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "messages"


def test_it_is_given_up_when_the_client_goes(server: RunningServer) -> None:
    server.engine.scoring = lambda request: Hold()
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    body = json.dumps(ASK | {"type": "predicate"})
    connection.request("POST", "/v1/decisions", body, {"Content-Type": "application/json"})
    submitted = server.engine.submitted.get(timeout=30)
    connection.close()
    assert server.engine.aborted.get(timeout=30) == submitted
