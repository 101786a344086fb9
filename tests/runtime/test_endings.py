"""What ends a text, or keeps it from its end, together with a constraint; and bad words under one."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft.grammar import choices, json_schema, regex
from weft.request import Constraint, FinishReason, GenerateRequest, GenerateResult, Sampling
from weft.runtime import Engine

_ids = itertools.count()


@pytest.fixture(scope="module")
def engine(tiny_folder: Path) -> Iterator[Engine]:
    with Engine(tiny_folder, device="cpu", dtype="float32") as engine:
        yield engine


def generate(engine: Engine, constraint: Constraint, *, forced_text: bool = True, **sampling: Any) -> GenerateResult:
    request = GenerateRequest(
        id=f"end-{next(_ids)}",
        prompt="Go: ",
        sampling=Sampling(**{"max_tokens": 60, **sampling}),
        constraint=constraint,
        forced_text=forced_text,
    )
    ticket = engine.generate(request)
    events = list(ticket)
    result = ticket.result(60)
    assert "".join(event.text for event in events) == result.text
    assert events[-1].stop_reason == result.stop_reason
    return result


def token(engine: Engine, text: str) -> int:
    (only,) = engine.tokenizer.encode(text)
    return only


def test_a_stop_string_ends_a_constrained_text(engine: Engine) -> None:
    whole = generate(engine, regex("[ab]{30}"), temperature=1.0, seed=1).text
    result = generate(engine, regex("[ab]{30}"), temperature=1.0, seed=1, stop=("bab", "xyz"))
    assert (result.finish, result.stop_reason) == (FinishReason.STOP, "bab")
    assert result.text == whole[: whole.index("bab")]


@pytest.mark.parametrize("forced_text", [True, False])
@pytest.mark.parametrize("stop", ["name", "e: t", "ue", "tr", ": true."])
def test_a_stop_string_inside_forced_text_ends_it(engine: Engine, forced_text: bool, stop: str) -> None:
    result = generate(engine, regex(r"the name: true\.[xy]{4}"), stop=(stop,), forced_text=forced_text)
    whole = "the name: true."
    assert (result.text, result.stop_reason) == (whole[: whole.index(stop)], stop)


def test_a_text_that_is_complete_before_a_stop_string_is_all_there(engine: Engine) -> None:
    result = generate(engine, choices(["true null", "true name"]), stop=("null!", "name the"))
    assert (result.text in ("true null", "true name"), result.stop_reason) == (True, None)


@pytest.mark.parametrize("forced_text", [True, False])
def test_a_stop_token_id_ends_a_constrained_text(engine: Engine, forced_text: bool) -> None:
    stop = token(engine, "Q")
    result = generate(engine, regex("name: Q[xy]{3}"), stop_token_ids=(stop,), forced_text=forced_text)
    assert (result.finish, result.stop_reason, result.text) == (FinishReason.STOP, stop, "name: ")
    assert stop not in result.token_ids


@pytest.mark.parametrize("forced_text", [True, False])
def test_a_stop_token_id_does_not_end_it_before_min_tokens(engine: Engine, forced_text: bool) -> None:
    stop = token(engine, "a")
    options: dict[str, Any] = {"stop_token_ids": (stop,), "forced_text": forced_text}
    assert generate(engine, regex("xaya*"), **options).text == "x"
    assert generate(engine, regex("xay[a]{9}"), **options, min_tokens=5).text == "xayaa"


def test_the_end_waits_for_min_tokens_where_there_is_a_way_on(engine: Engine) -> None:
    (end,) = engine.tokenizer.eos_ids
    eager: dict[str, Any] = {"logit_bias": ((end, 100.0),)}
    assert generate(engine, regex("[ab]*"), **eager).text == ""
    result = generate(engine, regex("[ab]*"), **eager, min_tokens=7)
    assert (len(result.token_ids), result.finish) == (7, FinishReason.STOP)
    assert re.fullmatch("[ab]{7}", result.text)


@pytest.mark.parametrize("pattern", ["abc", "a|b", "(abc)?d"])
def test_a_text_that_can_only_end_ends_before_min_tokens(engine: Engine, pattern: str) -> None:
    result = generate(engine, regex(pattern), min_tokens=50)
    assert result.finish is FinishReason.STOP
    assert re.fullmatch(pattern, result.text)


def test_ignore_eos_goes_on_as_long_as_the_constraint_does(engine: Engine) -> None:
    (end,) = engine.tokenizer.eos_ids
    eager: dict[str, Any] = {"logit_bias": ((end, 100.0),)}
    short = generate(engine, regex("[ab]{2,9}"), **eager)
    long = generate(engine, regex("[ab]{2,9}"), **eager, ignore_eos=True)
    assert (len(short.text), len(long.text), long.finish) == (2, 9, FinishReason.STOP)
    endless = generate(engine, regex("[ab]*"), **eager, ignore_eos=True, max_tokens=20)
    assert (len(endless.text), endless.finish) == (20, FinishReason.LENGTH)


def test_a_bad_word_is_avoided_where_the_constraint_can(engine: Engine) -> None:
    both = regex("(true|null)( (true|null)){3}")
    for bad, left in (("true", "null"), ("null", "true")):
        result = generate(engine, both, bad_words=(bad,), forced_text=False)
        assert engine.tokenizer.encode(bad)[0] not in result.token_ids
        assert re.fullmatch("(true|null)( (true|null)){3}", result.text)
        if bad == "null":  # one token, and no other way to write it
            assert left in result.text


def test_a_bad_word_that_is_the_only_way_is_written(engine: Engine) -> None:
    for forced_text in (True, False):
        result = generate(engine, regex("[xy]z"), bad_words=("x", "y", "z"), forced_text=forced_text)
        assert (result.text in ("xz", "yz"), result.finish) == (True, FinishReason.STOP)


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "ok": {"type": ["boolean", "null"]}},
    "required": ["name"],
    "additionalProperties": False,
}
texts = st.sampled_from(["name", '"', "tr", "}", "e", "ok", "12", ': "', "null"])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    stop=st.lists(texts, max_size=2).map(tuple),
    stop_ids=st.lists(st.integers(0, 269), max_size=4).map(tuple),
    bad_words=st.lists(texts, max_size=3).map(tuple),
    min_tokens=st.sampled_from([0, 3, 200]),
    ignore_eos=st.booleans(),
    bias=st.dictionaries(st.integers(0, 269), st.sampled_from([-100.0, 5.0, 100.0]), max_size=5),
    seed=st.integers(0, 2**32),
)
def test_whatever_ends_it_a_constrained_text_is_valid_or_says_why_not(
    engine: Engine,
    stop: tuple[str, ...],
    stop_ids: tuple[int, ...],
    bad_words: tuple[str, ...],
    min_tokens: int,
    ignore_eos: bool,
    bias: dict[int, float],
    seed: int,
) -> None:
    result = generate(
        engine,
        json_schema(SCHEMA),
        temperature=1.3,
        seed=seed,
        stop=stop,
        stop_token_ids=stop_ids,
        bad_words=bad_words,
        min_tokens=min_tokens,
        ignore_eos=ignore_eos,
        logit_bias=tuple(sorted(bias.items())),
    )
    if result.stop_reason is not None:
        assert result.finish is FinishReason.STOP
        assert result.stop_reason in (*stop, *stop_ids)
    elif result.finish is FinishReason.STOP:
        assert isinstance(json.loads(result.text)["name"], str)
    else:
        assert len(result.token_ids) == 60
    assert not any(text in result.text for text in stop)
