"""Answers with reasoning, content and calls: what may be written, and what it is read as."""

from __future__ import annotations

from typing import Any

import pytest
from answers import Judge, cuts, merged, read, summed
from hypothesis import given
from hypothesis import strategies as st

from weft.chat.answer_form import AnswerForm
from weft.chat.pieces import CallOpened, ContentText, ReasoningText
from weft.chat.reasoning import ReasoningMarkers, find_reasoning
from weft.chat.tool_formats import FORMATS
from weft.errors import InvalidRequest

THINK = ReasoningMarkers()
TOOL = {"type": "function", "function": {"name": "now"}}
CALL = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'
DIGIT = {"regex": "[0-9]"}


def form(**options: Any) -> AnswerForm:
    return AnswerForm(FORMATS["hermes"], **options)


def judge(form: AnswerForm, special: tuple[str, ...] = ()) -> Judge:
    tag = form.structural_tag()
    assert tag is not None
    return Judge(tag, special)


# --- what may be written ---------------------------------------------------------------------------------------------


def test_nothing_is_constrained_without_tools_and_content() -> None:
    assert form().structural_tag() is None
    assert form(reasoning=THINK, reasoning_opened=True).structural_tag() is None


@pytest.mark.parametrize("special", [(), ("<think>", "</think>")], ids=["text", "tokens"])
@pytest.mark.parametrize(
    ("options", "taken", "refused"),
    [
        ({"content": DIGIT}, ["1"], ["", "12", "<think></think>1"]),
        (
            {"content": DIGIT, "reasoning": THINK},
            ["1", "<think></think>1", "<think>\nhm, 12\n</think>\n\n1"],
            ["x1", "<think>1", "<think></think>", "<think></think>\n\n\n1", "hm</think>1", "\n1"],
        ),
        (
            {"content": DIGIT, "reasoning": THINK, "reasoning_opened": True},
            ["</think>1", "\nhm\n</think>\n\n1"],
            ["1", "hm", "</think>", "</think></think>1"],
        ),
        (
            {"tools": (TOOL,), "reasoning": THINK},
            ["hi", CALL, f"<think>hm</think>\n\nSo: {CALL}", "<think>hm</think>"],
            ["<think></think><tool_call>", "<tool_call>"],
        ),
        (
            {"tools": (TOOL,), "reasoning": THINK, "required": True},
            [CALL, f"<think>hm {{</think>\n\n{CALL}"],
            ["hi", f"<think></think>hm{CALL}", "<think></think>"],
        ),
        (
            {"tools": (TOOL,), "content": DIGIT, "required": True},
            [CALL],
            ["1"],
        ),
    ],
)
def test_the_constraint_begins_after_the_reasoning(
    options: dict[str, Any], taken: list[str], refused: list[str], special: tuple[str, ...]
) -> None:
    constraint = judge(form(**options), special)
    for text in taken:
        assert constraint.takes(text), text
    for text in refused:
        assert not constraint.takes(text), text


def test_tools_need_a_format_and_required_calls_need_tools() -> None:
    with pytest.raises(InvalidRequest) as caught:
        AnswerForm(tools=(TOOL,))
    assert caught.value.param == "tools"
    with pytest.raises(InvalidRequest) as caught:
        form(required=True)
    assert caught.value.param == "tool_choice"


# --- what is read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [None, DIGIT])
@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("1", {}, ("", "1", [])),
        ("<think>hm</think>1", {}, ("", "<think>hm</think>1", [])),
        ("1", {"reasoning": THINK}, ("", "1", [])),
        ("\n<think>\n hm\n\nso \n</think>\n\n1", {"reasoning": THINK}, ("hm\n\nso", "1", [])),
        ("<think>\n\n</think>\n\n1", {"reasoning": THINK}, ("", "1", [])),
        ("<think>hm </thi", {"reasoning": THINK}, ("hm </thi", "", [])),
        ("<think>hm </think", {"reasoning": THINK, "reasoning_opened": True}, ("hm </think", "", [])),
        ("hm</think>1", {"reasoning": THINK, "reasoning_opened": True}, ("hm", "1", [])),
        ("<think>hm</think>1", {"reasoning": THINK, "reasoning_opened": True}, ("hm", "1", [])),
        ("1<think>hm</think>", {"reasoning": THINK}, ("", "1<think>hm</think>", [])),
        (f"<think>{CALL}</think>\n{CALL}", {"reasoning": THINK, "tools": (TOOL,)}, (CALL, "", [("now", "{}")])),
        (f"hm</think>{CALL}", {"reasoning": ReasoningMarkers("[T]", "</think>"), "reasoning_opened": True,
                               "tools": (TOOL,)}, ("hm", "", [("now", "{}")])),
        (CALL, {}, ("", CALL, [])),
    ],
)  # fmt: skip
def test_what_is_read(text: str, options: dict[str, Any], content: Any, expected: Any) -> None:
    assert summed(read(form(content=content, **options).reader(), text)) == expected


def test_an_answer_streams() -> None:
    reader = form(tools=(TOOL,), reasoning=THINK).reader()
    assert reader.push("<thi") == []
    assert reader.push("nk>\nLet me ") == [ReasoningText("Let me")]
    assert reader.push("see.\n") == [ReasoningText(" see.")]
    assert reader.push("</think") == []
    assert reader.push(">\n\nAh") == [ContentText("Ah")]
    assert reader.push(' <tool_call>{"name": "now"') == [ContentText(" "), CallOpened(0, "now")]
    assert reader.end() == []


PARTS = ["<think>", "</think>", "<th", "</", "hm", " ", "\n", CALL, "<tool_call>", "1"]


@given(
    parts=st.lists(st.sampled_from(PARTS), max_size=10),
    places=st.lists(st.integers(0, 10_000), max_size=20),
    opened=st.booleans(),
    tools=st.sampled_from([(), (TOOL,)]),
)
def test_every_way_to_cut_gives_the_same(parts: list[str], places: list[int], opened: bool, tools: Any) -> None:
    text = "".join(parts)

    def pieces(*pushes: str) -> list[Any]:
        return merged(read(form(tools=tools, reasoning=THINK, reasoning_opened=opened).reader(), *pushes))

    assert pieces(text) == pieces(*cuts(text, places)) == pieces(*text)


def test_arguments_may_nest_as_deeply_as_they_like() -> None:
    nested = '{"a": ' + "[" * 50_000 + "]" * 50_000 + "}"
    text = f'<tool_call>{{"name": "now", "arguments": {nested}}}</tool_call>'
    assert summed(read(form(tools=(TOOL,)).reader(), *cuts(text, range(0, len(text), 1000)))) == (
        "",
        "",
        [("now", nested)],
    )


# --- markers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{% set content = content.split('</think>')[-1] %}{{ '<think>\\n' }}", THINK),
        ("{{ '[THINK]' + message.thinking + '[/THINK]' }}", ReasoningMarkers("[THINK]", "[/THINK]")),
        ("{% for m in messages %}{{ m.content }}{% endfor %}", None),
    ],
)
def test_markers_are_told_from_the_template(template: str, expected: ReasoningMarkers | None) -> None:
    assert find_reasoning(template) == expected
