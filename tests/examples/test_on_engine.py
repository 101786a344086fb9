"""The examples, and what the language promises, on the built-in model."""

from __future__ import annotations

import json
from collections.abc import Iterator

import jsonschema
import pytest

import weft
from weft.errors import GrammarError, IncompleteOutput, PromptTooLong, UnknownVariable


@pytest.fixture(scope="module")
def engine() -> Iterator[weft.Engine]:
    with weft.Engine() as engine:
        yield engine
        engine.recount()


def test_extraction(example, engine, capsys):
    extraction = example("extraction")
    report = extraction.main(engine, limit=2)
    assert report.fields > 5
    assert 0 < report.forced_tokens < report.output_tokens
    schemas = json.loads((extraction.DATA / "schemas.json").read_text(encoding="utf-8"))
    lines = (extraction.DATA / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    for line, record in zip(lines[:2], report.records, strict=True):
        if record is not None:  # it may have run out of tokens, and says so
            jsonschema.validate(record, schemas[json.loads(line)["kind"]])
    assert "tokens/s" in capsys.readouterr().out


def test_agent(example, engine):
    agent = example("agent")
    state = agent.main(engine)
    assert isinstance(state.returned, str)
    for message in state.messages:
        if message["content"].startswith("<tool_call>"):
            call = message["content"].removeprefix("<tool_call>").removesuffix("</tool_call>")
            jsonschema.validate(json.loads(call), agent.CALL)


def test_judge(example, engine):
    judgement = example("judge").main(engine)
    assert judgement.verdict in ("pass", "fail")
    for name, vote in judgement.votes.items():
        assert (judgement.passes[name] > 0.5) == (vote == "pass")


def test_a_state_that_goes_on_finds_itself_cached(engine):
    """What a state, or a fork of it, asks next begins with what it asked before, generated tokens included."""

    @weft.function
    def program(s):
        s += weft.user("Tell me something about the old harbour of the town, and do take your time with it.")
        s += weft.assistant(weft.gen("first", regex="[a-z ]{20,30}", max_tokens=40))
        s += weft.user("And now?") + weft.assistant(weft.gen("second", max_tokens=4))
        for fork in s.fork(2):
            fork += weft.user("Go on.") + weft.assistant(weft.gen("third", max_tokens=4))

    state = program.run(backend=engine)
    first, second = state.meta("first"), state.meta("second")
    known = first.prompt_tokens + len(first.token_ids)
    assert second.prompt_tokens > known
    assert second.cached_tokens >= known - 2 * engine.options.page_size


def test_streams_add_up(engine):
    @weft.function
    def program(s):
        s += weft.user("Count.") + weft.assistant("One, " + weft.gen("x", max_tokens=12, temperature=1.0, seed=5))

    state = program.stream(backend=engine)
    assert "".join(state.text_iter("x")) == state.text_of("x")
    assert "".join(state.text_iter()) == state.text
    assert program.run(backend=engine)["x"] == state["x"]


def test_bad_input_is_told_by_name_and_the_engine_serves_on(engine):
    @weft.function
    def program(s, call, text="Hello"):
        s += weft.user(text) + weft.assistant(call)

    def read(call, **arguments):
        return program.run(call, backend=engine, **arguments)["x"]

    with pytest.raises(GrammarError):
        read(weft.gen("x", regex="("))
    with pytest.raises(GrammarError):
        read(weft.gen("x", json_schema={"type": "object", "properties": {"a": False}, "required": ["a"]}))
    with pytest.raises(PromptTooLong):
        read(weft.gen("x"), text="word " * 5000)
    with pytest.raises(UnknownVariable, match="'x' in this state; it has: 'y'"):
        read(weft.gen("y", max_tokens=1))
    with pytest.raises(IncompleteOutput):
        read(weft.gen("x", json_schema={"type": "object"}, max_tokens=1))
    assert read(weft.gen("x", choices=["yes", "no"])) in ("yes", "no")


def test_a_program_that_is_given_no_backend_runs_on_the_default(engine):
    @weft.function
    def program(s):
        s += weft.user("Yes or no?") + weft.assistant(weft.select("x", choices=["yes", "no"]))

    weft.set_default_backend(engine)
    try:
        assert sum(program.run().meta("x").probabilities.values()) == pytest.approx(1.0)
    finally:
        weft.set_default_backend(None)
