"""What `gen`, `select`, turns and `tools` take, and how they refuse what is wrong."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from weft import lang as weft
from weft.errors import GrammarError, InvalidRequest, ProgramError, UnknownOption, UnsupportedNode
from weft.lang import ScriptedBackend
from weft.request import Capabilities, ConstraintKind, GenerateRequest, Sampling

EVERY_OPTION: dict[str, Any] = {
    "max_tokens": 7,
    "stop": ("\n", "END"),
    "temperature": 0.5,
    "top_k": 3,
    "top_p": 0.9,
    "min_p": 0.1,
    "seed": 42,
    "stop_token_ids": (5, 6),
    "min_tokens": 2,
    "ignore_eos": True,
    "bad_words": ("ugly", "bad"),
    "logit_bias": ((3, -1.0), (9, 2.0)),
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "repetition_penalty": 1.1,
    "logprobs": True,
    "top_logprobs": 4,
}


def sent(call: weft.gen, **run: Any) -> GenerateRequest:
    """The request that a program of one call sends."""

    @weft.function
    def program(s):
        s += "Text" + call

    backend = ScriptedBackend(lambda prompt, request: "x")
    program.run(backend=backend, **run)
    (request,) = backend.requests
    assert isinstance(request, GenerateRequest)
    return request


def test_every_sampling_option_reaches_the_request():
    options = EVERY_OPTION | {"logit_bias": dict(EVERY_OPTION["logit_bias"])}
    assert sent(weft.gen("x", **options)).sampling == Sampling(**EVERY_OPTION)


def test_gen_has_every_field_of_sampling_and_no_catch_all():
    parameters = inspect.signature(weft.gen).parameters
    assert set(EVERY_OPTION) <= parameters.keys()
    assert set(EVERY_OPTION) == set(Sampling.__dataclass_fields__)
    assert not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())


def test_a_runs_sampling_fills_in_what_a_call_leaves_out():
    request = sent(weft.gen("x", temperature=0.0), sampling=Sampling(temperature=0.7, max_tokens=5))
    assert request.sampling == Sampling(temperature=0.0, max_tokens=5)


def test_one_stop_string_need_not_be_a_list():
    assert sent(weft.gen("x", stop="###")).sampling.stop == ("###",)


@pytest.mark.parametrize(
    ("options", "kind", "source"),
    [
        ({"regex": "[0-9]+"}, ConstraintKind.REGEX, "[0-9]+"),
        ({"choices": ["yes", "no"]}, ConstraintKind.CHOICES, '["yes", "no"]'),
        ({"json_schema": {"type": "integer"}}, ConstraintKind.JSON_SCHEMA, '{"type": "integer"}'),
        ({"json_schema": '{"type": "null"}'}, ConstraintKind.JSON_SCHEMA, '{"type": "null"}'),
    ],
)
def test_a_constraint_reaches_the_request(options, kind, source):
    constraint = sent(weft.gen("x", **options)).constraint
    assert constraint is not None
    assert (constraint.kind, constraint.source) == (kind, source)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "ten"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_k": -2}, "top_k"),
        ({"min_p": 1.5}, "min_p"),
        ({"stop": ""}, "stop"),
        ({"stop": 5}, "stop"),
        ({"stop": ["a", 5]}, "stop"),
        ({"bad_words": "a"}, "bad_words"),
        ({"bad_words": [""]}, "bad_words"),
        ({"bad_words": ["a"] * 257}, "bad_words"),
        ({"stop_token_ids": 5}, "stop_token_ids"),
        ({"stop_token_ids": ["a"]}, "stop_token_ids"),
        ({"logit_bias": [1]}, "logit_bias"),
        ({"logit_bias": {"a": 1.0}}, "logit_bias"),
        ({"logit_bias": {1: "a"}}, "logit_bias"),
        ({"logprobs": 3}, "logprobs"),
        ({"top_logprobs": 100}, "top_logprobs"),
        ({"presence_penalty": 9}, "presence_penalty"),
        ({"choices": []}, "choices"),
        ({"choices": ["a", ""]}, "choices"),
        ({"regex": 3}, "regex"),
        ({"json_schema": 3}, "json_schema"),
    ],
)
def test_a_wrong_option_is_refused_by_name_where_it_is_written(options, named):
    with pytest.raises(InvalidRequest) as caught:
        weft.gen("x", **options)
    assert caught.value.param == named
    assert named in str(caught.value)


def test_an_unknown_option_is_named_with_the_likely_one():
    with pytest.raises(UnknownOption, match=r"gen has no option 'max_token'; did you mean 'max_tokens'"):
        weft.gen("x", max_token=3)
    with pytest.raises(UnknownOption, match="select has no option 'temperature'"):
        weft.select("x", choices=["a"], temperature=1)


def test_two_constraints_are_refused():
    with pytest.raises(ProgramError, match="regex and choices"):
        weft.gen("x", regex="a", choices=["a"])


@pytest.mark.parametrize("choices", [[], "yes", ["a", ""], ["a", 3], ["a", "a"], ["c"] * 300])
def test_select_refuses_choices_that_cannot_be_compared(choices):
    with pytest.raises(InvalidRequest) as caught:
        weft.select("x", choices=choices)
    assert caught.value.param == "choices"


@pytest.mark.parametrize("make", [weft.gen, lambda name: weft.select(name, choices=["a"])])
@pytest.mark.parametrize("name", ["", 3])
def test_a_name_must_be_text(make, name):
    with pytest.raises(ProgramError, match="name"):
        make(name)


def test_a_call_in_an_f_string_is_refused_instead_of_printed():
    with pytest.raises(ProgramError, match="f-string"):
        f"Name: {weft.gen('name')}"


@pytest.mark.parametrize("wrong", [3, None, ["text"], b"text", {"role": "user"}])
def test_a_state_takes_only_text_and_expressions(wrong):
    @weft.function
    def program(s):
        s += wrong

    with pytest.raises(UnsupportedNode, match=type(wrong).__name__):
        program.run(backend=ScriptedBackend({}))


def limited(**abilities: Any) -> ScriptedBackend:
    plain = {"model": "small", "token_ids": False, "constraints": frozenset()}
    return ScriptedBackend(lambda prompt, request: "a", capabilities=Capabilities(**(plain | abilities)))


@pytest.mark.parametrize(
    ("call", "abilities", "error", "named"),
    [
        (weft.gen("x", regex="a"), {"constraints": {ConstraintKind.CHOICES}}, UnknownOption, "regex"),
        (weft.select("x", choices=["a"]), {"score": False}, UnsupportedNode, "select"),
        (weft.tools([{"name": "f"}]), {"tools": False}, UnsupportedNode, "tools"),
    ],
)
def test_what_a_backend_cannot_do_is_refused_where_it_is_written(call, abilities, error, named):
    @weft.function
    def program(s):
        s += "a"
        with pytest.raises(error, match="small") as caught:
            s += call
        assert caught.value.param == named
        s += weft.gen("after")

    backend = limited(**abilities)
    assert program.run(backend=backend)["after"] == "a"
    assert len(backend.requests) == 1


def test_a_malformed_constraint_is_a_grammar_error():
    with pytest.raises(GrammarError):
        weft.gen("x", json_schema={"enum": {1, 2}})
