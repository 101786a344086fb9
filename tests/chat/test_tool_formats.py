"""Every format of tool calls: what is written in it is allowed and read back, however it arrives."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from answers import Judge, count_looks, cuts, merged, read, summed
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.chat.answer_form import AnswerForm
from weft.chat.tool_formats import FORMATS, detect_format
from weft.errors import InvalidRequest

Calls = Sequence[tuple[str, dict[str, Any]]]
WORDS = {None: "None", True: "True", False: "False"}
SPECIAL = ["<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "<|python_tag|>"]


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def objects(calls: Calls, key: str) -> list[str]:
    return [dumped({"name": name, key: arguments}) for name, arguments in calls]


def python_value(value: Any) -> str:
    return WORDS[value] if value is None or isinstance(value, bool) else dumped(value)


def python_call(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={python_value(value)}' for key, value in arguments.items())})"


WRITERS = {
    "hermes": lambda calls: "\n".join(f"<tool_call>\n{each}\n</tool_call>" for each in objects(calls, "arguments")),
    "hermes_inline": lambda calls: "".join(f"<tool_call>{each}</tool_call>" for each in objects(calls, "arguments")),
    "mistral": lambda calls: f"[TOOL_CALLS][{', '.join(objects(calls, 'arguments'))}]",
    "mistral_named": lambda calls: "".join(f"[TOOL_CALLS]{name}[ARGS]{dumped(given)}" for name, given in calls),
    "llama3_json": lambda calls: "; ".join(objects(calls, "parameters")),
    "pythonic": lambda calls: f"[{', '.join(python_call(*call) for call in calls)}]",
}


def tool(name: str, parameters: Any = None) -> dict[str, Any]:
    given = {} if parameters is None else {"parameters": parameters}
    return {"type": "function", "function": {"name": name, **given}}


def judge(name: str, tools: Sequence[dict[str, Any]], special: Sequence[str] = SPECIAL, **options: Any) -> Judge:
    tag = AnswerForm(FORMATS[name], tuple(tools), **options).structural_tag()
    assert tag is not None
    return Judge(tag, special)


# --- round trips -----------------------------------------------------------------------------------------------------

TEXTS = st.text(st.sampled_from("ab é\"\\\n{}[](),=;'<"), max_size=8)
VALUES: list[tuple[dict[str, Any], st.SearchStrategy[Any]]] = [
    ({"type": "string"}, TEXTS),
    ({"type": "integer"}, st.integers(-1000, 1000)),
    ({"type": "boolean"}, st.booleans()),
    ({"type": "null"}, st.none()),
    ({"type": ["string", "null"]}, st.none() | TEXTS),
    ({"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}, st.none() | st.integers(0, 9)),
    ({"enum": ["a", None, True, 3]}, st.sampled_from(["a", None, True, 3])),
    ({"$ref": "#/$defs/T"}, st.lists(st.booleans(), max_size=3)),
    ({"anyOf": [{"$ref": "#/$defs/T"}, {"type": "boolean"}]}, st.lists(st.none(), max_size=2) | st.booleans()),
    ({"type": "object", "additionalProperties": {"type": "number"}}, st.dictionaries(TEXTS, st.integers(0, 5))),
]
DEFINITIONS = {"T": {"type": "array", "items": {"type": ["boolean", "null"]}}}


@st.composite
def tools_and_calls(draw: st.DrawFn) -> tuple[list[dict[str, Any]], Calls]:
    tools = [tool("now")]
    argued: dict[str, list[tuple[str, bool, st.SearchStrategy[Any]]]] = {"now": []}
    for name in draw(st.lists(st.sampled_from(["f", "g", "get_it", "g.h"]), min_size=1, unique=True)):
        chosen = draw(st.lists(st.sampled_from(VALUES), max_size=4))
        needed = sorted(draw(st.lists(st.booleans(), min_size=len(chosen), max_size=len(chosen))), reverse=True)
        argued[name] = [(f"p{at}", needed[at], values) for at, (_, values) in enumerate(chosen)]
        schema = {
            "type": "object",
            "properties": {f"p{at}": schema for at, (schema, _) in enumerate(chosen)},
            "required": [key for key, is_needed, _ in argued[name] if is_needed],
            "$defs": DEFINITIONS,
        }
        tools.append(tool(name, schema))
    calls = []
    for name in draw(st.lists(st.sampled_from(sorted(argued)), min_size=1, max_size=3)):
        given = [(key, values) for key, needed, values in argued[name] if needed or draw(st.booleans())]
        calls.append((name, {key: draw(values) for key, values in given}))
    return tools, calls


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=20)
@given(drawn=tools_and_calls(), places=st.lists(st.integers(0, 10_000), max_size=30))
def test_what_is_written_is_allowed_and_read_back(
    name: str, drawn: tuple[list[dict[str, Any]], Calls], places: list[int]
) -> None:
    tools, calls = drawn
    text = WRITERS[name](calls)
    assert judge(name, tools).takes(text)
    assert judge(name, tools, required=True).takes(text)
    assert judge(name, tools, required=True, parallel=False).takes(text) == (len(calls) == 1)
    reader = AnswerForm(FORMATS[name], tuple(tools)).reader
    pieces = merged(read(reader(), text))
    reasoning, content, found = summed(pieces)
    assert (reasoning, content) == ("", "")
    assert [(called, json.loads(arguments)) for called, arguments in found] == calls
    assert merged(read(reader(), *cuts(text, places))) == pieces


PARTS = [
    *(write([("f", {"a": [1, "x"], "b": None}), ("now", {})]) for write in WRITERS.values()),
    *("[TOOL_CALLS]", "[ARGS]", "<|python_tag|>", "[f(", "a=1", "b='x\\'", "True", ")", "]", "[", '{"name"'),
    *("; ", ", "),
    *(': "f"', '"parameters": ', '{"a": 1}', "}", " ", "é", '"', "f", "[CALL_ID]", "7"),
]


@pytest.mark.parametrize("name", FORMATS)
@given(
    parts=st.lists(st.sampled_from(PARTS), max_size=10),
    places=st.lists(st.integers(0, 10_000), max_size=30),
    whole=st.booleans(),
    names=st.sampled_from([None, {"f"}]),
)
def test_every_way_to_cut_gives_the_same(
    name: str, parts: list[str], places: list[int], whole: bool, names: set[str] | None
) -> None:
    text = "".join(parts)

    def pieces(*pushes: str) -> list[Any]:
        return merged(read(FORMATS[name].reader(names, whole=whole), *pushes))

    assert pieces(text) == pieces(*cuts(text, places)) == pieces(*text)
    _, content, calls = summed(pieces(text))
    assert calls or content == text
    if whole:
        assert all(isinstance(json.loads(arguments), dict) for _, arguments in calls)


@pytest.mark.parametrize("name", FORMATS)
def test_every_start_of_an_answer_can_be_the_end(name: str) -> None:
    """Generation is cut off anywhere: arguments are what was written of them, and no call is made up."""
    calls = [("f", {"a": [1, "x"], "b": "y"}), ("now", {})]
    text = WRITERS[name](calls)
    for length in range(len(text)):
        _, _, found = summed(read(FORMATS[name].reader({"f", "now"}), text[:length]))
        for (called, arguments), (expected, whole) in zip(found, calls, strict=False):
            assert called == expected
            assert dumped(whole).startswith(arguments)


@pytest.mark.parametrize("unit", ['[{"', '[{"name": "f", "', "[[", "f[ARGS]{", "f", "[", '[{"a":"\\"', "  "])
def test_the_work_is_linear_in_the_text(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = count_looks(monkeypatch)
    text = f"[TOOL_CALLS]{unit}" * 2000
    assert summed(read(FORMATS["mistral"].reader(whole=True), text))[1] == text
    assert looks() < 2 * len(text)


# --- what is allowed -------------------------------------------------------------------------------------------------

ADD = tool("add", {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}})
NOW = tool("now")


@pytest.mark.parametrize("special", [(), SPECIAL], ids=["text", "tokens"])
@pytest.mark.parametrize(
    ("name", "taken", "refused"),
    [
        (
            "llama3_json",
            ["", "hi", '{"a": 1}', '<|python_tag|>{"name": "now", "parameters": {}}', "[1]", '{"names": 1}'],
            [
                '{"name": "Bob"}',
                ' {"name": "now", "parameters": {}}',
                '{"name": "now", "parameters": {}};',
                '{ "name": "now", "parameters": {}}',
                '{"name": "add", "parameters": {"a": "1"}}',
            ],
        ),
        (
            "mistral",
            ["", "hi", 'hm[TOOL_CALLS] [{"name": "now", "arguments": {}}]', '[{"name": "x"}]'],
            ["[TOOL_CALLS][]", '[TOOL_CALLS][{"name": "now", "arguments": {}}] x', "[TOOL_CALLS]now[ARGS]{}"],
        ),
        (
            "mistral_named",
            [
                "",
                "hi",
                "hm[TOOL_CALLS]now[ARGS]{}",
                "[TOOL_CALLS]now[CALL_ID]aB3456789[ARGS]{}",
                '[TOOL_CALLS]add[ARGS]{"b": 1}[TOOL_CALLS]now[ARGS]{}',
            ],
            [
                "[TOOL_CALLS]",
                "[TOOL_CALLS]now",
                "[TOOL_CALLS]now[CALL_ID]1[ARGS]{}",
                "[TOOL_CALLS]sub[ARGS]{}",
                '[TOOL_CALLS]now[ARGS]{"a": 1}',
            ],
        ),
        (
            "pythonic",
            ["", "hi", "[1]", "[a](b)", "[add()]", "[add(b=1)]", "[add(a=1, b=2), now()]"],
            [
                "[sub()]",
                "[now(a=1)]",
                "[add(b=2, a=1)]",
                "[add(a=1,b=2)]",
                "[add(1)]",
                "[add(a='x')]",
                "[now()] x",
                " [now(",
            ],
        ),
    ],
)
def test_free_text_with_calls(name: str, taken: list[str], refused: list[str], special: Sequence[str]) -> None:
    constraint = judge(name, [ADD, NOW], special)
    for text in taken:
        assert constraint.takes(text), text
    for text in refused:
        assert not constraint.takes(text), text


@pytest.mark.parametrize("name", FORMATS)
def test_calls_or_content_under_a_constraint(name: str) -> None:
    form = AnswerForm(
        FORMATS[name], (ADD, NOW), content={"json_schema": {"type": "array", "items": {"type": "string"}}}
    )
    tag = form.structural_tag()
    assert tag is not None
    constraint = Judge(tag, SPECIAL)
    call = WRITERS[name]([("add", {"a": 1, "b": 2})])
    assert constraint.takes('["x"]')
    assert constraint.takes(call)
    for text in ("hi", "", '["x"]' + call, "[1]"):
        assert not constraint.takes(text), text
    for text in (json.dumps([call]), json.dumps(["x"]) + call):
        assert summed(read(form.reader(), text)) == ("", text, [])


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("parameters", "taken", "refused"),
    [
        (None, {}, {"a": 1}),
        ({"type": "object", "properties": {}}, {}, {"a": 1}),
        ({"properties": {"a": {"type": "integer"}}}, {"a": 1}, {"a": "x"}),
        ({"type": ["object", "null"], "properties": {"a": {}}, "required": ["a"]}, {"a": 1}, {}),
    ],
)
def test_arguments_are_an_object(name: str, parameters: Any, taken: Any, refused: Any) -> None:
    constraint = judge(name, [tool("f", parameters)], required=True)
    assert constraint.takes(WRITERS[name]([("f", taken)]))
    assert not constraint.takes(WRITERS[name]([("f", refused)]))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("parameters", [[], "x", {"type": "array"}, {"type": ["string"]}, {"type": 3}])
def test_parameters_of_no_object_are_refused(name: str, parameters: Any) -> None:
    with pytest.raises(InvalidRequest, match="tool f:") as caught:
        AnswerForm(FORMATS[name], (tool("f", parameters),)).structural_tag()
    assert caught.value.param == "tools"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"properties": {"a": {}}, "minProperties": 1}, "'minProperties'"),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object"}}}, r"'\$ref'"),
        ({"allOf": []}, "'allOf'"),
        ({"properties": {"a b": {}}}, "'a b'"),
        ({"properties": {}, "required": ["a"]}, "'required' names 'a'"),
        ({"properties": []}, "'properties' must be"),
    ],
)
def test_parameters_that_cannot_be_taken_apart_are_refused_for_python(parameters: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=f"tool f: .*{said}") as caught:
        AnswerForm(FORMATS["pythonic"], (tool("f", parameters),)).structural_tag()
    assert caught.value.param == "tools"


@pytest.mark.parametrize(("name", "tool_name"), [("pythonic", "get weather"), ("mistral_named", "a[b")])
def test_names_that_a_format_cannot_write_are_refused(name: str, tool_name: str) -> None:
    with pytest.raises(InvalidRequest, match="tool "):
        AnswerForm(FORMATS[name], (tool(tool_name),)).structural_tag()


def test_a_tool_needs_a_name() -> None:
    for broken in ({}, {"function": {}}, {"function": {"name": ""}}, {"function": 3}):
        with pytest.raises(InvalidRequest, match="'name'"):
            AnswerForm(FORMATS["hermes"], (broken,)).structural_tag()


@pytest.mark.parametrize(
    "text",
    [
        "[TOOL_CALLS]now[CALL_ID]aB3456789[ARGS]{}",
        "[TOOL_CALLS]now{}",
        '[TOOL_CALLS] [ {"name": "now", "arguments": {}} ] ',
    ],
)
def test_mistral_is_read_in_all_its_forms(text: str) -> None:
    for name in ("mistral", "mistral_named"):
        assert summed(read(FORMATS[name].reader({"now"}), text)) == ("", "", [("now", "{}")])


# --- reading Python --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "content", "calls"),
    [
        (
            "[f(a='it\\'s \"', b=[True, None, {'k': 1.5}])]",
            "",
            [("f", '{"a": "it\'s \\"", "b": [true, null, {"k": 1.5}]}')],
        ),
        (' [ f ( a = "True, x)" ) , g( ) ] ', "", [("f", '{"a": "True, x)"}'), ("g", "{}")]),
        ("[f(a=1)] and more", " and more", [("f", '{"a": 1}')]),
        ("[f(a=1, a=2)]", "=2)]", [("f", '{"a": 1')]),
        ("[f(a=1", "", [("f", '{"a": 1')]),
        ("[f(x)]", ")]", [("f", "")]),
        ("[f]", "[f]", []),
        ("text [f(a=1)]", "text [f(a=1)]", []),
    ],
)
def test_python_is_read_as_json(text: str, content: str, calls: list[tuple[str, str]]) -> None:
    assert summed(read(FORMATS["pythonic"].reader(), text)) == ("", content, calls)


# --- detection -------------------------------------------------------------------------------------------------------

QWEN = r"""
{%- for call in message.tool_calls %}
    {{- '\n<tool_call>\n{"name": "' }}{{- call.function.name }}{{- '", "arguments": ' }}
    {{- call.function.arguments | tojson }}{{- '}\n</tool_call>' }}
{%- endfor %}
"""
INLINE = r"""{%- for call in message.tool_calls -%}{{- "<tool_call>{\"name\": " ~ call.name ~ "}</tool_call>" -}}"""
LLAMA = r"""
{{- 'Respond in the format {"name": function name, "parameters": dictionary of argument name and its value}.' }}
{%- if message.tool_calls %}{{- '{"name": "' + message.tool_calls[0].function.name + '", "parameters": ' }}{% endif %}
"""
MISTRAL = (
    r"""{{ "[TOOL_CALLS] [" }}{% for call in message.tool_calls %}{{ call.function | tojson }}{% endfor %}{{ "]" }}"""
)
MISTRAL_NAMED = (
    r"""{% for c in message.tool_calls %}{{ "[TOOL_CALLS]" + c.function.name + "[ARGS]" + c.function.arguments }}"""
)
PYTHONIC = r"""
{{- 'Reply with [func_name1(param1=value1, param2=value2), func_name2(param=value)] and nothing else.' }}
"""
PYTHONIC_CODE = r"""{{- '[' }}{% for call in message.tool_calls %}{{ call.name + '(' }}{% endfor %}{{- ']' }}"""
XML = r"""{{ '<tool_call>\n<function=' + call.name + '>\n' }}"""


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (QWEN, "hermes"),
        (INLINE, "hermes_inline"),
        (LLAMA, "llama3_json"),
        ("{{ '<|python_tag|>' }}", "llama3_json"),
        (MISTRAL, "mistral"),
        (MISTRAL_NAMED, "mistral_named"),
        (PYTHONIC, "pythonic"),
        (PYTHONIC_CODE, "pythonic"),
        (XML, None),
        ("{% for m in messages %}{{ m.content }}{% endfor %}", None),
    ],
)
def test_the_format_is_told_from_the_template(template: str, expected: str | None) -> None:
    found = detect_format(template)
    assert (found.name if found is not None else None) == expected


def test_the_built_in_models_format_is_known() -> None:
    from importlib.resources import files

    config = json.loads((files("weft.seedling") / "model" / "tokenizer_config.json").read_text())
    found = detect_format(config["chat_template"])
    assert found is not None
    assert found.name == "hermes_inline"
