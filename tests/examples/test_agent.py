"""The tool loop."""

from __future__ import annotations

import json

import jsonschema
import pytest

from weft.lang import ScriptedBackend


@pytest.fixture(scope="module")
def agent(example):
    return example("agent")


def call(name, **arguments):
    return json.dumps({"name": name, "arguments": arguments})


def test_tools_are_called_until_there_is_an_answer(agent, capsys):
    backend = ScriptedBackend(
        {
            "opening": ["<tool_call>", "<tool_call>", "12"],
            "call": [call("get_price", product="lamp"), call("calculator", expression="24.5 * 12")],
            "rest": " lamps cost 294.",
        }
    )
    state = agent.main(backend)
    assert state.returned == "12 lamps cost 294."
    assert [message["role"] for message in state.messages] == ["user", *["assistant", "tool"] * 2, "assistant"]
    assert state.messages[1]["content"] == f"<tool_call>{call('get_price', product='lamp')}</tool_call>"
    assert [message["content"] for message in state.messages if message["role"] == "tool"] == [
        '{"price": 24.5}',
        '{"value": 294}',
    ]
    assert backend.prompts[0].startswith("<tools>\n")
    assert "294." in capsys.readouterr().out


def test_the_calls_are_bounded(agent):
    backend = ScriptedBackend(
        {"opening": "<tool_call>", "call": call("get_price", product="sofa"), "answer": "I do not know."}
    )
    state = agent.main(backend, "What does the sofa cost?")
    assert state.returned == "I do not know."
    assert len(backend.requests) == 9
    assert "no price for sofa" in state.messages[2]["content"]


def test_every_call_fits_a_tools_signature(agent):
    jsonschema.Draft202012Validator.check_schema(agent.CALL)
    jsonschema.validate({"name": "calculator", "arguments": {"expression": "1 + 1"}}, agent.CALL)
    for wrong in (
        {"name": "calculator", "arguments": {"product": "lamp"}},
        {"name": "delete_files", "arguments": {}},
        {"name": "get_price", "arguments": {"product": "x" * 41}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, agent.CALL)


@pytest.mark.parametrize(
    ("expression", "value"),
    [("2 * (3 + 4)", 14), ("24.5*12", 294), ("-3 + 1", -2), ("1 / 4", 0.25), ("0.1 + 0.2", 0.3), ("10 / 3", 3.3333)],
)
def test_the_calculator(agent, expression, value):
    assert agent.use("calculator", {"expression": expression}) == {"value": value}


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "2 +",
        "__import__('os')",
        "2 ** 100",
        "x",
        "'a' * 3",
        "True + 1",
        "1 / 0",
        "(" * 90,
        "[1][0]",
        "2 if 1 else 3",
    ],
)
def test_the_calculator_does_only_arithmetic(agent, expression):
    assert "error" in agent.use("calculator", {"expression": expression})
