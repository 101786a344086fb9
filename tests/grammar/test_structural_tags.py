"""Structural tags: what they take, against plain readings of the text; and where they are refused."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from slow_matcher import SlowMask, is_prefix, matches

from weft.errors import GrammarError
from weft.grammar import Vocabulary, compile, structural_tag
from weft.grammar.compiler import parse
from weft.grammar.expression import Expression
from weft.grammar.structural_tags import parse_structural_tag


def read(tag: object) -> Expression:
    return parse_structural_tag(json.dumps(tag), parse)


CALLS = {
    "structures": [
        {"begin": "<function=add>", "schema": {"type": "array", "items": {"type": "boolean"}}, "end": "</function>"},
        {"begin": "<function=now>", "schema": {"const": {}}, "end": "</function>"},
    ],
    "triggers": ["<function="],
}
TAG = {"type": "tag", "begin": "<a>", "content": {"type": "any_text"}, "end": "</a>"}


def is_call_text(text: str) -> bool:
    """`CALLS`, by a plain reading: from the first trigger on to the first end."""
    while "<function=" in text:
        text = text[text.index("<function=") :]
        match = re.match(r"<function=(add|now)>(.*?)</function>", text, re.DOTALL)
        if match is None:
            return False
        try:
            value = json.loads(match[2])
        except ValueError:
            return False
        if json.dumps(value) != match[2]:
            return False
        fits = value == {} if match[1] == "now" else isinstance(value, list) and all(type(x) is bool for x in value)
        if not fits:
            return False
        text = text[match.end() :]
    return True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("just text, with < and </function>", True),
        ("<function=add>[true, false]</function>", True),
        ("so: <function=now>{}</function> and <function=add>[]</function>.", True),
        ("<function=now>{}</function><function=now>{}</function>", True),
        ("<function=now>{}", False),
        ("<function=sub>{}</function>", False),
        ("<function=add>{}</function>", False),
        ("<function=now>{}</function> <function=", False),
        ("<<function=now>{}</function>", True),
        ("<functio", True),
    ],
)
def test_text_with_calls(text: str, expected: bool) -> None:
    assert matches(read(CALLS), text) is expected
    assert matches(read({"type": "structural_tag", **CALLS}), text) is expected
    assert is_call_text(text) is expected


def test_random_texts_with_calls() -> None:
    expression = read(CALLS)
    rng = random.Random(7)
    pieces = ["<function=", "add>", "now>", "[true]", "[]", "{}", "</function>", "<", "x", "</"]
    seen = {True: 0, False: 0}
    for _ in range(600):
        text = "".join(rng.choices(pieces, k=rng.randrange(9)))
        expected = is_call_text(text)
        assert matches(expression, text) is expected, text
        seen[expected] += 1
    for _ in range(40):
        calls = [
            rng.choice(["<function=add>[true]</function>", "<function=now>{}</function>", "hm "]) for _ in range(4)
        ]
        assert matches(expression, "".join(calls))
    assert min(seen.values()) > 50


@pytest.mark.parametrize(
    ("tag", "taken", "refused"),
    [
        ({"type": "const_string", "value": "ab"}, ["ab"], ["a", "abc", ""]),
        ({"type": "json_schema", "json_schema": {"type": "boolean"}}, ["true"], ["1", ""]),
        ({"type": "regex", "pattern": "[ab]{2}"}, ["ab"], ["a"]),
        ({"type": "any_text"}, ["", "anything\n<a>"], []),
        ({"type": "any_text", "excludes": ["no", "x"]}, ["", "n o"], ["now", "ax"]),
        ({"type": "any_text", "max_chars": 2}, ["", "éé"], ["abc"]),
        ({"choices": ["yes", "no"]}, ["yes", "no"], ["yesno", ""]),
        ({"text": "<x> y"}, ["<x> y"], ["<x>"]),
        (
            {"type": "sequence", "elements": [{"type": "const_string", "value": "a"}, {"regex": "b*"}]},
            ["a", "abb"],
            ["b", "aa"],
        ),
        ({"type": "or", "elements": [{"text": "a"}, {"type": "regex", "pattern": "b+"}]}, ["a", "bb"], ["ab", ""]),
        (TAG, ["<a></a>", "<a>text</b></a>"], ["<a>", "<a></a></a>", "<a>x</a>y"]),
        (
            {"type": "tag", "begin": "(", "content": {"type": "any_text"}, "end": [")", "]"]},
            ["()", "(]", "(a]"],
            ["(", "(])", "()]"],
        ),
        ({"type": "tag", "begin": "(", "content": {"type": "any_text"}, "end": ""}, ["(", "(a)"], ["a"]),
        (
            {"type": "sequence", "elements": [{"type": "any_text"}, {"text": "--"}, {"regex": "[0-9-]"}]},
            ["--1", "a-b--2", "---"],
            ["--", "a--b", "----", "-1"],
        ),
        (
            {"type": "sequence", "elements": [{"type": "any_text"}, TAG, {"regex": "[0-9]?"}]},
            ["<a></a>", "x<a>y</a>1"],
            ["<a>", "", "<a></a><a></a>"],
        ),
        (
            {"type": "tags_with_separator", "tags": [TAG, {**TAG, "begin": "<b>"}], "separator": ", "},
            ["", "<a></a>", "<b>x</a>, <a>y</a>"],
            ["<a></a>,", "<a></a><a></a>", " "],
        ),
        (
            {"type": "tags_with_separator", "tags": [TAG], "separator": "", "at_least_one": True},
            ["<a></a>", "<a></a><a></a>"],
            [""],
        ),
        (
            {"type": "tags_with_separator", "tags": [TAG], "separator": ";", "stop_after_first": True},
            ["", "<a></a>"],
            ["<a></a>;<a></a>"],
        ),
        (
            {"type": "triggered_tags", "triggers": ["<a"], "tags": [TAG], "stop_after_first": True},
            ["", "free", "x<a>y</a>"],
            ["<a></a>x", "<ab"],
        ),
        (
            {"type": "triggered_tags", "triggers": ["<a"], "tags": [TAG], "at_least_one": True, "excludes": ["no"]},
            ["x<a>no</a>y", "<a></a><a></a>"],
            ["", "free", "no<a></a>", "<a></a>no"],
        ),
        (
            {
                "type": "tag",
                "begin": "[",
                "content": {"type": "triggered_tags", "triggers": ["<a>"], "tags": [TAG]},
                "end": "]",
            },
            ["[]", "[x<a>]</a>y]"],
            ["[", "[]]", "[<a>]"],
        ),
        (
            {"type": "dispatch", "rules": [["!", {"text": "a"}], ["?", {"regex": "b+"}]]},
            ["", "x!a?bb.", "!a!a"],
            ["!", "!b", "x?"],
        ),
        ({"type": "dispatch", "rules": [["!", {"text": "a"}]], "loop": False}, ["", "x!a"], ["!a.", "!a!a"]),
        ({"type": "star", "content": {"text": "a"}}, ["", "aaa"], ["ab"]),
        ({"type": "plus", "content": {"text": "a"}}, ["a", "aa"], [""]),
        ({"type": "repeat", "min": 1, "max": 2, "content": {"text": "a"}}, ["a", "aa"], ["", "aaa"]),
        ({"type": "repeat", "min": 1, "max": -1, "content": {"text": "a"}}, ["a", "aaaa"], [""]),
        ({"type": "optional", "content": TAG}, ["", "<a></a>"], ["<a></a><a></a>"]),
        ({"type": "token", "token": "</s>"}, ["</s>"], ["", "<"]),
        (
            {"type": "triggered_tags", "triggers": ["```"], "tags": [{**TAG, "begin": "```x"}]},
            ["``", "`", "a```x</a>"],
            ["````x</a>", "```"],  # the first three of four are the trigger
        ),
    ],
    ids=lambda value: value.get("type", "short") if isinstance(value, dict) else "",
)
def test_formats(tag: dict[str, Any], taken: list[str], refused: list[str]) -> None:
    expression = read({"type": "structural_tag", "format": tag})
    for text in taken:
        assert matches(expression, text), text
        assert is_prefix(expression, text[:-1]) is not False
    for text in refused:
        assert not matches(expression, text), text
    bare = read(tag)
    assert all(matches(bare, text) for text in taken)


def test_reasoning_and_then_a_schema() -> None:
    tag = {"reasoning_end": "</think>", "then": {"json_schema": {"type": "boolean"}}}
    expression = read(tag)
    for text in ("</think>true", "let me see. {\n</think>\n\nfalse"):
        assert matches(expression, text)
    for text in ("true", "</think>", "a</think>\n\n\ntrue", "a</think>true</think>true", "</think>true "):
        assert not matches(expression, text)
    begun = read({"reasoning_begin": "<think>", **tag})
    assert matches(begun, "<think>hm</think>true")
    assert not matches(begun, "hm</think>true")


@pytest.mark.parametrize(
    ("tag", "pointer", "message"),
    [
        ([], "", "an object is needed"),
        ({}, "", "it needs"),
        ({"type": "xml"}, "", "'xml' is not supported"),
        ({"format": {"type": "tag", "begin": "<", "end": ">"}}, "/format/content", "an object is needed"),
        ({"format": {"type": "any_text", "max_tokens": 3}}, "/format/max_tokens", "max_tokens is not supported"),
        ({"format": {"type": "token", "token": 7}}, "/format/token", "ids differ"),
        ({"format": {"type": "regex", "pattern": "a("}}, "/format/pattern", "in the structural tag"),
        ({"format": {"type": "const_string", "value": "a", "colour": 1}}, "/format/colour", "unknown field 'colour'"),
        ({**CALLS, "triggers": ["<f", "<function"]}, "/structures/0/begin", "exactly one trigger"),
        ({**CALLS, "triggers": ["<tool"]}, "/structures/0/begin", "not with none"),
        ({**CALLS, "triggers": []}, "/triggers", "at least one trigger"),
        ({**CALLS, "triggers": [""]}, "/triggers/0", "non-empty text"),
        (
            {"structures": [{"begin": "<x", "schema": {"type": "thing"}, "end": ">"}], "triggers": ["<x"]},
            "/structures/0/schema",
            "thing",
        ),
    ],
)
def test_refusals_name_the_place(tag: object, pointer: str, message: str) -> None:
    with pytest.raises(GrammarError, match=re.escape(message)) as caught:
        read(tag)
    assert caught.value.pointer is not None
    assert caught.value.pointer.startswith(pointer)


def test_what_is_no_json_or_nests_without_end() -> None:
    with pytest.raises(GrammarError, match="not JSON"):
        parse_structural_tag("{", parse)
    with pytest.raises(GrammarError, match="not JSON"):
        parse_structural_tag("[" * 100_000, parse)
    node: dict[str, Any] = {"text": "a"}
    for _ in range(100):
        node = {"type": "optional", "content": node}
    with pytest.raises(GrammarError, match="stand inside each other"):
        read(node)


def test_markers_that_overlap_are_refused() -> None:
    tags = [{**TAG, "begin": "x<t>y"}, {**TAG, "begin": "<t>"}]
    node = {"type": "triggered_tags", "triggers": ["x<t>", "<t>"], "tags": tags}
    with pytest.raises(GrammarError, match=r"/elements/0: .* overlap") as caught:
        read({"type": "sequence", "elements": [node]})
    assert caught.value.pointer == "/elements/0"
    with pytest.raises(GrammarError, match="half a surrogate pair") as caught:
        read({"format": {"type": "const_string", "value": "\ud800"}})
    assert caught.value.pointer == "/format"


TOKENS: list[bytes | None] = [
    *(bytes([byte]) for byte in range(256)),
    *(b"<t", b"ool>", b"tool>", b"x<", b"</", b"true", b"<tool>", b"</tool>", b"</tool>x", b"ab"),
    *(None, None, None),
]
SPECIAL = {"<tool>": len(TOKENS) - 3, "</tool>": len(TOKENS) - 2}
END = len(TOKENS) - 1
TOOLS = {
    "structures": [{"begin": "<tool>", "schema": {"enum": [True, "<tool>"]}, "end": "</tool>"}],
    "triggers": ["<tool>"],
}
THOUGHT = {"reasoning_begin": "<tool>", "reasoning_end": "</tool>", "then": {"regex": "(ab|true)*"}}


@pytest.mark.parametrize("special", [{}, {"<tool>": SPECIAL["<tool>"]}, SPECIAL], ids=["text", "half", "tokens"])
@pytest.mark.parametrize("tag", [TOOLS, CALLS, THOUGHT], ids=["tools", "calls", "thought"])
def test_the_engine_takes_what_the_expression_says(tag: dict[str, Any], special: dict[str, int]) -> None:
    """Every token at every place of random walks, with markers that are special tokens and with those that are not."""
    vocabulary = Vocabulary(TOKENS, [END], None, special)
    grammar = compile(structural_tag(tag), vocabulary=vocabulary)
    rng = random.Random(3)
    for _ in range(6):
        matcher = grammar.matcher()
        slow = SlowMask(read(tag), TOKENS, [END], special)
        for _ in range(12):
            bits = grammar.mask(matcher.mask_row())
            allowed = [token for token in range(len(TOKENS)) if bits[token // 32] >> (token % 32) & 1]
            verdicts = slow.allowed()
            assert None not in verdicts.values()
            assert allowed == sorted(verdicts)
            assert matcher.is_accepting() == slow.is_accepting()
            likely = [token for token in allowed if token > 256 and token != END]
            choices = likely if likely and rng.random() < 0.8 else [token for token in allowed if token != END]
            if not choices:
                break
            token = rng.choice(choices)
            assert matcher.advance(token)
            slow.advance(token)


def test_special_tokens_stand_for_markers_and_nowhere_else() -> None:
    vocabulary = Vocabulary(TOKENS, [END], None, SPECIAL)
    matcher = compile(structural_tag(TOOLS), vocabulary=vocabulary).matcher()
    assert not matcher.advance(SPECIAL["</tool>"])
    assert matcher.advance(ord("x"))
    assert matcher.advance(SPECIAL["<tool>"])
    assert not matcher.is_accepting()
    assert not matcher.advance(SPECIAL["<tool>"])
    assert matcher.advance(TOKENS.index(b"true"))
    assert not matcher.advance(TOKENS.index(b"</tool>"))  # the letters of a marker are not the marker
    assert matcher.advance(SPECIAL["</tool>"])
    assert matcher.is_accepting()
    assert matcher.advance(ord("<"))
    assert not matcher.advance(TOKENS.index(b"tool>"))  # nor are they free text
