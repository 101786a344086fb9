"""Text, turns and tools, as they reach the backend."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft import lang as weft
from weft.errors import ProgramError
from weft.lang import ScriptedBackend
from weft.lang.transcript import Transcript
from weft.request import Segment, SegmentKind

TOOL = {"type": "function", "function": {"name": "price", "description": "", "parameters": {"type": "object"}}}


def prompts(body) -> list[str]:
    backend = ScriptedBackend(lambda prompt, request: "ANSWER")
    weft.function(body).run(backend=backend)
    return backend.prompts


def test_turns_as_calls_and_as_blocks_are_the_same():
    def calls(s):
        s += weft.system("Be brief.") + weft.user("Hi" + " there")
        s += weft.assistant("Well: " + weft.gen("x"))
        s += weft.assistant(weft.gen("y"))

    def blocks(s):
        with s.system():
            s += "Be brief."
        with s.user():
            s += "Hi"
            s += " there"
        with s.assistant() as inner:
            inner += "Well: "
            inner += weft.gen("x")
        with s.assistant():
            s += weft.gen("y")

    first = "<system>\nBe brief.\n<user>\nHi there\n<assistant>\nWell: "
    assert prompts(calls) == prompts(blocks) == [first, first + "ANSWER\n<assistant>\n"]


def test_text_outside_turns_is_plain():
    def body(s):
        s += "The capital of France is" + weft.gen("x", stop=".") + "."
        s += weft.gen("y")

    assert prompts(body) == ["The capital of France is", "The capital of France isANSWER."]


@pytest.mark.parametrize("stray", ["between", weft.gen("x"), weft.select("x", choices=["a", "b"])])
def test_nothing_stands_between_turns(stray):
    def body(s):
        s += weft.user("Hello")
        with pytest.raises(ProgramError, match="between turns"):
            s += stray
        s += weft.assistant(weft.gen("answer"))

    assert prompts(body) == ["<user>\nHello\n<assistant>\n"]


def test_a_turn_after_plain_text_is_refused():
    def body(s):
        s += "Once"
        with pytest.raises(ProgramError, match="user turn after text"):
            s += weft.user("Hello")
        s += weft.gen("more")

    assert prompts(body) == ["Once"]


def test_an_open_empty_turn_is_rendered_open():
    def body(s):
        s += weft.user("") + weft.assistant(weft.gen("x"))

    assert prompts(body) == ["<user>\n\n<assistant>\n"]


def test_tools_and_their_results():
    def body(s):
        s += weft.tools([TOOL, {"name": "now"}])
        s += weft.user("?") + weft.assistant("call")
        s.tool_result({"é": 1})
        s.tool_result("plain")
        s += weft.tool("as text") + weft.assistant(weft.gen("x"))

    (prompt,) = prompts(body)
    assert prompt.startswith('<tools>\n{"type": "function", "function": {"name": "price"')
    assert '{"type": "function", "function": {"name": "now"}}\n' in prompt
    assert prompt.endswith('<tool>\n{"é": 1}\n<tool>\nplain\n<tool>\nas text\n<assistant>\n')


@pytest.mark.parametrize("wrong", [[3], [{"type": "function", "function": {}}], [{"description": "nameless"}]])
def test_what_is_no_tool_is_refused(wrong):
    with pytest.raises(ProgramError, match=r"tools\[0\]"):
        weft.tools(wrong)


def test_a_turn_inside_a_turn_is_refused():
    with pytest.raises(ProgramError, match="user inside assistant"):
        weft.assistant("a" + weft.user("b"))

    def body(s):
        with s.user():
            s += "question"
            with pytest.raises(ProgramError, match="assistant inside user"):
                s += weft.assistant("x")
            with pytest.raises(ProgramError, match="system inside user"), s.system():
                pass
        s += weft.assistant(weft.gen("x"))

    assert prompts(body) == ["<user>\nquestion\n<assistant>\n"]


def test_what_is_refused_writes_nothing_at_all():
    def body(s):
        with s.user(), pytest.raises(ProgramError):
            s += "lost" + weft.gen("lost") + weft.user("x")
        assert "lost" not in s
        s += weft.assistant(weft.gen("x"))

    assert prompts(body) == ["<user>\n\n<assistant>\n"]


def test_messages_text_and_segments():
    @weft.function
    def program(s):
        s += weft.user("Hi")
        s += weft.assistant("Yes, " + weft.gen("x") + "!")

    state = program.run(backend=ScriptedBackend({"x": "you"}))
    assert state.text == "HiYes, you!"
    assert state.messages == [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes, you!"}]
    assert state.segments == (
        Segment("Hi", "user", 0, closed=True),
        Segment("Yes, ", "assistant", 1, closed=True),
        Segment("you", "assistant", 1, closed=True, kind=SegmentKind.GENERATED),
        Segment("!", "assistant", 1, closed=True),
    )


@given(st.lists(st.text(max_size=5), max_size=6))
def test_how_text_is_cut_makes_no_difference(pieces):
    def written(parts):
        transcript = Transcript().open("user")
        for part in parts:
            transcript = transcript.write(part)
        return transcript.close().write("after")

    assert written(pieces) == written(["".join(pieces)])


def test_generated_ids_stay_verbatim_and_apart():
    transcript = Transcript().write("a").generated("b", (7, 8)).write("c").write("d")
    assert [segment.text for segment in transcript.segments] == ["a", "b", "cd"]
    assert transcript.segments[1].token_ids == (7, 8)
