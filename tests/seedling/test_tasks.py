"""The corpora of choices, tools, answers and copying: what an example promises, it holds."""

import json
import random
import re
from itertools import pairwise

import pytest
from jsonschema import Draft202012Validator

from weft.seedling import answers, choices, copying, tools
from weft.seedling.arithmetic import calculate
from weft.seedling.drawing import Draw, divide, listed, sections
from weft.seedling.example import Example
from weft.seedling.tool_kinds import chains, tool_kinds

SPLITS = ("train", "values", "templates")
MODULES = {"choice": choices, "tools": tools, "answer": answers, "copy": copying}
COUNT = 300


def examples(task: str, split: str, count: int = COUNT, seed: int = 7) -> list[Example]:
    rng = random.Random(seed)
    return [MODULES[task].sample(rng, split) for _ in range(count)]


def said(example: Example) -> str:
    """All that the model reads or says, as one text."""
    return "\n".join(message["content"] or "" for message in example.messages)


def calls(example: Example) -> list[tuple[dict, int]]:
    """The functions called, each with the position of its message."""
    found = []
    for at, message in enumerate(example.messages):
        found += [(call["function"], at) for call in message.get("tool_calls", ())]
    return found


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("task", MODULES)
def test_examples_are_chats_that_end_with_the_assistant(task: str, split: str) -> None:
    for example in examples(task, split):
        assert example.task == task
        assert example.messages[-1]["role"] == "assistant"
        assert example.messages[-1]["content"].strip()
        roles = [message["role"] for message in example.messages]
        assert "system" not in roles[1:]
        assert ("user", "user") not in pairwise(roles)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("task", MODULES)
def test_the_same_seed_gives_the_same_examples(task: str, split: str) -> None:
    assert examples(task, split, 50) == examples(task, split, 50)
    assert examples(task, split, 50) != examples(task, split, 50, seed=8)


@pytest.mark.parametrize("task", MODULES)
def test_no_hole_of_a_template_is_left_open(task: str) -> None:
    # JSON aside, a brace or an alternative in what people say is a template that was not filled.
    for example in examples(task, "train", 600):
        for message in example.messages:
            if message["role"] == "user" and '{"' not in message["content"]:
                assert "{" not in message["content"], message["content"]


@pytest.mark.parametrize("split", SPLITS)
def test_the_answer_is_one_of_the_choices_and_every_choice_is_named(split: str) -> None:
    for example in examples("choice", split):
        assert example.messages[-1]["content"] in example.choices
        assert 2 <= len(example.choices) <= 6
        assert len(set(example.choices)) == len(example.choices)


def test_listed_choices_stand_in_the_prompt() -> None:
    for example in examples("choice", "train"):
        prompt = said(Example(example.task, example.messages[:-1]))
        plain = {option.lower() for option in example.choices} <= {"yes", "no", "positive", "negative", "a", "b"}
        assert plain or all(option in prompt for option in example.choices)


def test_labels_of_two_options_are_balanced() -> None:
    pairs = [one for one in examples("choice", "train", 6000) if len(one.choices) == 2]
    for low, high in (("no", "yes"), ("A", "B"), ("incorrect", "correct"), ("fail", "pass")):
        right = [one.messages[-1]["content"] for one in pairs if set(one.choices) == {low, high}]
        assert len(right) > 20
        assert 0.25 < right.count(high) / len(right) < 0.75
    first = [one.messages[-1]["content"] == one.choices[0] for one in pairs]
    assert 0.45 < sum(first) / len(first) < 0.55


@pytest.mark.parametrize("split", SPLITS)
def test_tool_calls_fit_the_tools_that_are_offered(split: str) -> None:
    for example in examples("tools", split):
        offered = {tool["function"]["name"]: tool["function"] for tool in example.tools}
        assert len(offered) == len(example.tools)
        assert 2 <= len(offered) <= 6
        for function in offered.values():
            Draft202012Validator.check_schema(function["parameters"])
            assert function["description"]
        for call, _ in calls(example):
            parameters = offered[call["name"]]["parameters"]
            arguments = json.loads(call["arguments"])
            Draft202012Validator({**parameters, "additionalProperties": False}).validate(arguments)
            assert call["arguments"] == json.dumps(arguments, ensure_ascii=False)
            in_schema_order = [name for name in parameters["properties"] if name in arguments]
            assert list(arguments) == in_schema_order


@pytest.mark.parametrize("split", SPLITS)
def test_each_call_is_followed_by_its_result(split: str) -> None:
    for example in examples("tools", split):
        for at, message in enumerate(example.messages):
            if message.get("tool_calls"):
                result = example.messages[at + 1]
                assert result["role"] == "tool"
                assert [call["id"] for call in message["tool_calls"]] == [result["tool_call_id"]]


_RESPELT = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d|[\d.() +*/-]+")


def test_arguments_are_copied_from_what_was_said_before() -> None:
    """Strings are copied, unless they are a date, a time or a sum, which have a spelling of their own."""
    copied = made = 0
    for example in examples("tools", "values", 600):
        for call, at in calls(example):
            before = said(Example("tools", example.messages[:at]))
            for value in json.loads(call["arguments"]).values():
                if isinstance(value, str) and not _RESPELT.fullmatch(value):
                    copied += value in before
                    made += value not in before
    # A few are put together from two results: "order A-7 is shipped".
    assert copied > 20 * made


def test_some_requests_take_several_calls_and_some_none() -> None:
    """A request is a user's message; the calls up to the next one are for it."""
    counts: list[int] = []
    for example in examples("tools", "train", 1000):
        for message in example.messages:
            if message["role"] == "user":
                counts.append(0)
            elif message.get("tool_calls"):
                counts[-1] += 1
    assert 0.05 < counts.count(0) / len(counts) < 0.2
    assert 0.08 < sum(count > 1 for count in counts) / len(counts) < 0.3
    assert set(counts) == {0, 1, 2, 3}


def test_calculators_are_right() -> None:
    seen = 0
    for example in examples("tools", "train", 1500):
        for call, at in calls(example):
            expression = next(iter(json.loads(call["arguments"]).values()), None)
            if call["name"] == "calculator" and isinstance(expression, str):
                seen += 1
                assert calculate(expression) in example.messages[at + 1]["content"]
    assert seen > 10


@pytest.mark.parametrize(
    ("expression", "value"),
    [("12 * 7.5 + 3", "93"), ("(2 + 3) * 4", "20"), ("10 / 4", "2.5"), ("1 / 3", "0.33"), ("0.1 + 0.2", "0.3")],
)
def test_calculate(expression: str, value: str) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize("expression", ["__import__('os')", "2 ** 3", "'a' * 3", "x + 1"])
def test_calculate_refuses_what_is_not_arithmetic(expression: str) -> None:
    with pytest.raises(ValueError, match="not arithmetic"):
        calculate(expression)


@pytest.mark.parametrize("split", SPLITS)
def test_answers_stand_in_the_context(split: str) -> None:
    """A short answer is a span of what the user gave; a sentence holds only small words besides."""
    small_talk = {reply for reply, _ in answers.small_talk()} | {"The text does not say."}
    for example in examples("answer", split):
        for at, message in enumerate(example.messages):
            if message["role"] != "assistant" or message["content"] in small_talk:
                continue
            context = said(Example("answer", example.messages[:at])).lower()
            words = message["content"].lower().rstrip(".").split()
            known = [word for word in words if word in context]
            assert message["content"].lower() in context or len(known) >= len(words) / 3, message["content"]


@pytest.mark.parametrize("split", SPLITS)
def test_copied_records_fit_their_schema_and_hold_only_what_stands_in_the_text(split: str) -> None:
    def leaves(value: object) -> list[object]:
        if isinstance(value, dict | list):
            return [leaf for one in (value.values() if isinstance(value, dict) else value) for leaf in leaves(one)]
        return [value]

    seen = 0
    for example in examples("copy", split):
        if example.schema is None:
            continue
        seen += 1
        Draft202012Validator(example.schema).validate(example.record)
        prompt, answer = example.messages[0]["content"], example.messages[-1]["content"]
        assert answer == json.dumps(example.record, ensure_ascii=False)
        assert f"Schema: {json.dumps(example.schema, ensure_ascii=False)}\n" in prompt
        text = prompt.partition("\nText: ")[2]
        for leaf in leaves(example.record):
            assert leaf is None or isinstance(leaf, bool) or str(leaf) in text
    assert seen > COUNT / 4


@pytest.mark.parametrize("task", MODULES)
def test_whole_examples_are_not_shared_between_splits(task: str) -> None:
    train = {said(example) for example in examples(task, "train", 2000)}
    shared = [one for one in examples(task, "templates", 400) if said(one) in train]
    assert not shared


def test_held_out_questions_never_come_up_in_training() -> None:
    questions = sections("questions.txt")
    held = [one for name in ("topics", "tones", "intents", "recommends") for one in divide(questions[name])[1]]
    prompts = "\n".join(said(example) for example in examples("choice", "train", 4000))
    assert held
    assert not [question for question in held if question in prompts and len(question.split()) > 3]


def test_dividing_is_total_and_disjoint() -> None:
    for lines in sections("questions.txt").values():
        kept, held = divide(lines)
        assert kept
        assert held
        assert not set(kept) & set(held)
        assert set(kept) | set(held) == set(lines)
    with pytest.raises(ValueError, match="at least two"):
        divide(("one",))


def test_draws_follow_the_split() -> None:
    items = tuple(f"item {number}" for number in range(200))
    kept, held = divide(items)
    assert {Draw(random.Random(1), "train").value(items) for _ in range(50)} <= set(kept)
    assert {Draw(random.Random(1), "values").value(items) for _ in range(50)} <= set(held)
    assert {Draw(random.Random(1), "values").template(items) for _ in range(50)} <= set(kept)
    assert {Draw(random.Random(1), "templates").template(items) for _ in range(50)} <= set(held)


def test_chains_name_tools_that_exist() -> None:
    kinds = tool_kinds()
    assert len(kinds) >= 64
    assert len(chains()) >= 25
    for chain in chains():
        for step in chain.steps:
            kind = kinds[step.family]
            required = {key for key, param in kind.params.items() if param.required}
            assert required <= step.arguments.keys() <= kind.params.keys()
            assert step.keep.keys() <= kind.outcome.keys() | {"value"}


def test_lists_may_run_over_lines() -> None:
    assert listed("one two\n  three") == ("one", "two", "three")
    assert listed("one\n  two; three;\n four;", ";") == ("one two", "three", "four")
