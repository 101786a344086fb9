"""Calls between ``<tool_call>`` markers: what the constraint takes, and what is read."""

from __future__ import annotations

import json
import re

import pytest
from answers import Judge, count_looks, cuts, merged, read, summed
from hypothesis import given
from hypothesis import strategies as st

from weft.chat.answer_form import AnswerForm
from weft.chat.pieces import CallArguments, CallOpened, ContentText
from weft.chat.tool_formats import FORMATS

ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a"],
        },
    },
}
NOW = {"type": "function", "function": {"name": "now"}}
CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 1, "b": 2}}\n</tool_call>'
CALL_NOW = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'
INLINE = CALL.replace("\n", "")
MARKERS = ("<tool_call>", "</tool_call>")


def form(name: str = "hermes", **options: object) -> AnswerForm:
    return AnswerForm(FORMATS[name], (ADD, NOW), **options)  # type: ignore[arg-type]


def judge(form: AnswerForm, special: tuple[str, ...] = MARKERS) -> Judge:
    tag = form.structural_tag()
    assert tag is not None
    return Judge(tag, special)


@pytest.mark.parametrize("special", [(), MARKERS], ids=["text", "tokens"])
def test_free_text_with_calls(special: tuple[str, ...]) -> None:
    constraint = judge(form(), special)
    for text in ("", "hi < there", CALL, f"Now:\n{CALL}\n{CALL_NOW} done.", CALL_NOW + CALL):
        assert constraint.takes(text), text
    for text in (
        "<tool_call>",
        INLINE,
        CALL.replace("add", "sub"),
        CALL.replace("1", '"1"'),
        CALL.replace("2", "x"),
        CALL[:-1],
        CALL_NOW.replace("{}", '{"x": 1}'),
    ):
        assert not constraint.takes(text), text
    assert judge(form("hermes_inline"), special).takes(INLINE)
    assert not judge(form("hermes_inline"), special).takes(CALL)


def test_required_calls_are_the_whole_answer() -> None:
    several = judge(form(required=True))
    assert several.takes(CALL)
    assert several.takes(f"{CALL}\n{CALL_NOW}")
    for text in ("", "hi", f"hi {CALL}", f"{CALL} ", CALL + CALL_NOW, f"{CALL}\n"):
        assert not several.takes(text), text
    one = judge(form(required=True, parallel=False))
    assert one.takes(CALL)
    assert not one.takes(f"{CALL}\n{CALL_NOW}")


def test_at_most_one_call_where_not_parallel() -> None:
    constraint = judge(form(parallel=False))
    assert constraint.takes(f"hm {CALL}")
    assert constraint.takes("hm")
    assert not constraint.takes(f"{CALL}\n{CALL_NOW}")


def test_calls_or_content_under_a_constraint() -> None:
    wanted = form(content={"json_schema": {"type": "array", "items": {"type": "string"}}})
    constraint = judge(wanted)
    for text in ('["a"]', CALL, f"{CALL}\n{CALL_NOW}"):
        assert constraint.takes(text), text
    for text in ("hi", f'["a"]{CALL}', "1"):
        assert not constraint.takes(text), text
    text = json.dumps([CALL])
    assert summed(read(wanted.reader(), text)) == ("", text, [])


def test_calls_stream() -> None:
    reader = form().reader()
    assert reader.push("One <tool") == [ContentText("One ")]
    assert reader.push('_call>\n{"name": "ad') == []
    assert reader.push('d", "argu') == [CallOpened(0, "add")]
    assert reader.push('ments": {"a"') == [CallArguments(0, '{"a"')]
    assert reader.push(": 1}") == [CallArguments(0, ": 1}")]
    assert reader.push("}\n</tool_call>\n") == []
    assert reader.push('<tool_call>{"name": "now", ') == [CallOpened(1, "now")]
    assert reader.push("") == []
    assert reader.end() == []


@pytest.mark.parametrize(
    ("text", "content", "calls"),
    [
        ("  just text", "  just text", []),
        ("  ", "  ", []),
        (f"  {CALL}\n\n{CALL_NOW}\n", "", [("add", '{"a": 1, "b": 2}'), ("now", "{}")]),
        ("a <tool_call> b", "a <tool_call> b", []),
        ('<tool_call>{"name": "sub", "arguments": {}}</tool_call>', None, []),
        ('<tool_call>{"name": "add", "arguments": {"a": [1, {"b"', "", [("add", '{"a": [1, {"b"')]),
        ('<tool_call>{"name": "add"}</tool_call>', "", [("add", "{}")]),
        ('<tool_call>{"name": "add", "arguments": {}}</tool_', "", [("add", "{}")]),
        ('<tool_call>{"name": "add', None, []),
        ('<tool_call>{"arguments": {"a": 1}, "name": "add"}</tool_call>', "", [("add", '{"a": 1}')]),
        ('<tool_call>{"name": "add", "arguments": "{\\"a\\": 1}"}</tool_call>', "", [("add", '{"a": 1}')]),
        ('<tool_call>{"name": "add", "arguments": {"a": }} more', "}} more", [("add", '{"a": ')]),
    ],
)
def test_what_is_read(text: str, content: str | None, calls: list[tuple[str, str]]) -> None:
    assert summed(read(form().reader(), text)) == ("", text if content is None else content, calls)


PARTS = st.sampled_from(
    (
        CALL,
        INLINE,
        CALL_NOW,
        "<tool_call>",
        "</tool_call>",
        '{"name": "add", ',
        '"arguments": ',
        '"{}"',
        '{"a": 1e5',
        "}",
        "tru",
        "\\u12",
        "ab \n",
        "<",
        '"',
        ",",
        "é",
        "tool_call>",
        ' {"arguments": [{}], "name"',
        ":",
        "-0.5",
    )
)


@given(parts=st.lists(PARTS, max_size=12), places=st.lists(st.integers(0, 10_000), max_size=30), whole=st.booleans())
def test_every_way_to_cut_gives_the_same(parts: list[str], places: list[int], whole: bool) -> None:
    text = "".join(parts)

    def pieces(*pushes: str) -> list[object]:
        return merged(read(FORMATS["hermes"].reader(whole=whole), *pushes))

    assert pieces(text) == pieces(*cuts(text, places)) == pieces(*text)


@pytest.mark.parametrize("unit", ['{"', '{"a": "', "[", '{"a":{', "  ", '{",":"', '{"a":"\\"'])
def test_the_work_is_linear_in_the_text(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guess at a call is given up where it breaks, which must not lie far behind where the next one begins."""
    looks = count_looks(monkeypatch)
    text = f"<tool_call>{unit}" * 2000
    assert summed(read(FORMATS["hermes"].reader(whole=True), text))[1] == text
    assert looks() < 2 * len(text)


def plain_reading(text: str) -> tuple[str, list[tuple[str, object]]]:
    """A whole text by `json` alone: content, without segments of nothing but whitespace, and calls."""
    segments, calls, place = [""], [], 0
    while (start := text.find("<tool_call>", place)) >= 0:
        segments[-1] += text[place:start]
        place = start + len("<tool_call>")
        try:
            value, end = json.JSONDecoder().raw_decode(text, re.compile(r"[ \t\r\n]*").match(text, place).end())
            arguments = value.get("arguments", {})
            arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
            closing = re.compile(r"[ \t\r\n]*</tool_call>").match(text, end)
            if closing and isinstance(arguments, dict) and isinstance(value["name"], str):
                calls.append((value["name"], arguments))
                segments.append("")
                place = closing.end()
                continue
        except (ValueError, KeyError, AttributeError):
            pass
        segments[-1] += "<tool_call>"
    segments[-1] += text[place:]
    return "".join(each for each in segments if each.strip() or not calls), calls


@given(parts=st.lists(PARTS, max_size=12))
def test_whole_texts_are_read_as_json_reads_them(parts: list[str]) -> None:
    text = "".join(parts)
    _, content, calls = summed(read(FORMATS["hermes"].reader(whole=True), text))
    assert (content, [(name, json.loads(arguments)) for name, arguments in calls]) == plain_reading(text)
