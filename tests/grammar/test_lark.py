"""Lark's syntax, against Lark's own Earley parser without a lexer: it takes a text exactly when the expression does."""

from __future__ import annotations

import logging
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import LarkError
from slow_matcher import is_prefix, matches

from weft.errors import GrammarError
from weft.grammar import Vocabulary, compile
from weft.grammar.expression import Atom, Expression, Repeat, Seq, Text
from weft.grammar.grammar_parser import parse_grammar
from weft.grammar.lark_syntax import parse_lark

ARITHMETIC = r"""
?start: sum
?sum: product | sum "+" product -> add | sum "-" product -> sub
?product: atom | product "*" atom -> mul | product "/" atom -> div
?atom: NUMBER -> number | "-" atom -> neg | NAME -> var | "(" sum ")"
%import common.CNAME -> NAME
%import common.NUMBER
%import common.WS_INLINE
%ignore WS_INLINE
"""

JSON = r"""
?start: value
?value: object | array | string | SIGNED_NUMBER -> number | "true" -> true | "false" -> false | "null" -> null
array: "[" [value ("," value)*] "]"
object: "{" [pair ("," pair)*] "}"
pair: string ":" value
string: ESCAPED_STRING
%import common (ESCAPED_STRING, SIGNED_NUMBER, WS)
%ignore WS
"""

SQL = r"""
start: _statement (";" _statement)* ";"?
_statement: select | insert
select: "select"i _columns "from"i NAME ["where"i condition] ["limit"i INT]
_columns: "*" | _list{column}
column: NAME ["as"i NAME]
insert: "insert"i "into"i NAME "(" _list{NAME} ")" "values"i "(" _list{value} ")"
?condition: condition "or"i conjunct | conjunct
?conjunct: conjunct "and"i test | test
test: NAME (OPERATOR value | "in"i "(" _list{value} ")") | "(" condition ")"
value: INT | SQL_STRING
_list{item}: item ("," item)*
OPERATOR: "=" | "<>" | /[<>]=?/
SQL_STRING: "'" /[^']/* "'"
NAME: /[a-z_]\w{0,7}/i
%import common (INT, WS)
%ignore WS
%ignore /--[^\n]*/
"""

EXPRESSIONS = r"""
start: ternary
?ternary: disjunction ["if" disjunction "else" ternary] | "lambda" [NAME ("," NAME)*] ":" ternary
?disjunction: disjunction "or" comparison | comparison
?comparison: comparison ("<" | ">" | "==" | "in" | "not" "in") primary | "not" comparison | primary
?primary: call | attribute | subscript | literal | NAME | "(" ternary ")"
call: primary "(" [ternary ("," ternary)* ","?] ")"
attribute: primary "." NAME
subscript: primary "[" (ternary | ternary? ":" ternary?) "]"
literal: /[0-9]+/ | STRING | "[" [ternary ("," ternary)*] "]"
NAME.2: /[a-z]+/
STRING: /r?("(?!"").*?(?<!\\)(\\\\)*?"|'(?!'').*?(?<!\\)(\\\\)*?')/i
%ignore " "
"""

FEATURES = r"""
start: pair{WORD, "="} ~ 1..2 | HEX~2 tail? | "x".."z" COMMENT | nested
pair{left, sign}: left sign _quoted{left}
_quoted{inner}: "<" inner ">"
tail: /[.!]+/
nested: | "(" nested ")" nested
WORD: ("a" | "B"i | LETTERS)+
LETTERS: /c d # verbose
   e/x | "\u00e9" | "\n"
HEX: /[0-9a-f]/i ["_"]
COMMENT: "/*" /(.|\n)*?/ "*/"
"""

GRAMMARS = {
    "arithmetic": (ARITHMETIC, ["1+2*3", "-(a - 1.5) / b2", "((1))", "a--1", " 1e5 "], "1+-*/() a."),
    "json": (JSON, ['{"a": [1, -2.5e3, "x\\n\\"y"]}', "[]", ' {"k" :null}', '"\\\\"', "[[1], {}]"], '"\\{}[],: 1an'),
    "sql": (
        SQL,
        [
            "select * from t",
            "SELECT a, b as c FROM t WHERE (x = 1 or y in (1, 'z')) and z <> 'q' limit 3;",
            "insert into t (a, b) values (1, 'x'); select a from t",
            "select a -- why\nfrom t",
        ],
        "'(),;=<> a1sel-\n",
    ),
    "expressions": (
        EXPRESSIONS,
        [
            "f(x, y)[1:].z",
            "a if b else lambda x, y: [1, 'q'][0]",
            "not a in b",
            'r"\\"" == x()',
            "a[:](b,)",
            "(a).b or c",
        ],
        "()[].,:'\"\\ anor1",
    ),
    "features": (
        FEATURES,
        ["a=<b>", "Bcde=<\u00e9\n>a=<a>", "F_0", "aB..!", "y/* * */", "(())()", ""],
        "abBcde=<>()_/*F0.\u00e9\n",
    ),
}


class Oracle:
    def __init__(self, source: str) -> None:
        self.parser = Lark(source, parser="earley", lexer="dynamic_complete")

    def __call__(self, text: str) -> bool:
        try:
            self.parser.parse(text)
        except LarkError:
            return False
        return True


PAIRS: dict[str, tuple[Expression, Oracle]] = {}


def pair(name: str) -> tuple[Expression, Oracle]:
    if name not in PAIRS:
        source = GRAMMARS[name][0]
        PAIRS[name] = parse_grammar(source), Oracle(source)
    return PAIRS[name]


@pytest.mark.parametrize("name", GRAMMARS)
def test_texts_of_the_language_and_all_that_begins_them(name: str) -> None:
    expression, oracle = pair(name)
    for text in GRAMMARS[name][1]:
        assert oracle(text)
        assert matches(expression, text), text
        for end in range(len(text)):
            assert is_prefix(expression, text[:end]) is not False, text[:end]
            assert matches(expression, text[:end]) == oracle(text[:end]), text[:end]


@pytest.mark.parametrize("name", GRAMMARS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_texts_near_the_language(name: str, data: st.DataObject) -> None:
    expression, oracle = pair(name)
    _, samples, alphabet = GRAMMARS[name]
    text = data.draw(st.sampled_from(samples))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 2)))
        text = text[:start] + data.draw(st.text(alphabet, max_size=2)) + text[end:]
    assert matches(expression, text) == oracle(text), text


BYTES = Vocabulary([*(bytes([byte]) for byte in range(256)), None], eos_ids=[256])


@pytest.mark.parametrize("name", GRAMMARS)
def test_the_engine_takes_the_same_texts(name: str) -> None:
    _, oracle = pair(name)
    grammar = compile(grammar=GRAMMARS[name][0], vocabulary=BYTES)
    for sample in GRAMMARS[name][1]:
        for text in (sample, sample[:-1], sample[1:], sample + sample[:1], sample[::-1]):
            matcher = grammar.matcher()
            taken = all(matcher.advance(byte) for byte in text.encode()) and matcher.is_accepting()
            assert taken == oracle(text), text


@st.composite
def small_grammars(draw: st.DrawFn) -> str:
    names = ["start", "a", "b"][: draw(st.integers(1, 3))]
    leaves = st.sampled_from(['"x"', '"y"', "/x+/", "T", *names, *names])

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.lists(inner, min_size=2, max_size=3).map(" ".join),
            st.lists(inner, min_size=2, max_size=3).map(lambda options: f"({' | '.join(options)})"),
            st.builds("({}){}".format, inner, st.sampled_from(["?", "*", "+", "~2", "~0..2"])),
            inner.map("[{}]".format),
        )

    rules = [f"{name}: {draw(st.recursive(leaves, grow, max_leaves=5))}" for name in names]
    return "\n".join([*rules, 'T: "y" | "xy"', *(['%ignore "z"'] if draw(st.booleans()) else [])])


@settings(max_examples=100, deadline=None)
@given(small_grammars(), st.lists(st.text("xyz", max_size=5), max_size=8))
def test_random_grammars(source: str, texts: list[str]) -> None:
    try:
        oracle = Oracle(source)
    except LarkError:  # two ways to write the same alternative, which only matters for trees
        return
    try:
        expression = parse_lark(source)
    except GrammarError as error:
        assert "never comes to an end" in error.message
        assert not any(map(oracle, texts))
        return
    for text in ["", *texts]:
        assert matches(expression, text) == oracle(text), text


GAPS = {
    "spaces": ["/[ \\t]+/"],
    "spaces and comments": ["WS", "SH_COMMENT"],
    "one terminal for both": ["(WS | SH_COMMENT)+"],
    "comments with their line's end": ["WS_INLINE", "/#[^\\n]*\\n?/"],
    "lines that matter": ["WS_INLINE", "SH_COMMENT", "/\\\\\\n/"],
    "comments from end to end": ["C_COMMENT", "CPP_COMMENT", "WS"],
}


@pytest.mark.parametrize("name", GAPS)
@settings(max_examples=120, deadline=None)
@given(text=st.lists(st.sampled_from(["a", "b", " ", "\n", "#", "/*", "*/", "//", "\\\n", "#a\n", " "]), max_size=9))
def test_ignored_terminals_go_as_far_as_they_can(name: str, text: list[str]) -> None:
    if name not in PAIRS:
        line = '"\\n"' if name == "lines that matter" else '"b"'
        source = "\n".join(
            [
                f'start: ("a" | {line})* "b"?',
                "%import common (WS, WS_INLINE, SH_COMMENT, C_COMMENT, CPP_COMMENT)",
                *(f"%ignore {ignored}" for ignored in GAPS[name]),
            ]
        )
        PAIRS[name] = parse_lark(source), Oracle(source)
    expression, oracle = PAIRS[name]
    assert matches(expression, "".join(text)) == oracle("".join(text))


def test_counted_repeats_are_not_written_out() -> None:
    match parse_lark('start: ("a" "b") ~ 2..100000'):
        case Seq((Repeat(Seq((Text("a"), Text("b"))), 2, 100_000),)) | Repeat(_, 2, 100_000):
            pass
        case other:
            raise AssertionError(other)


def test_terminals_are_units_and_one_object_each() -> None:
    expression = parse_lark('start: WORD "," WORD\nWORD: /[a-z]+/')
    assert isinstance(expression, Seq)
    first, comma, second = expression.items
    assert isinstance(first, Atom)
    assert first is second
    assert isinstance(comma, Text)


def test_a_lazy_terminal_matches_as_little_as_it_can() -> None:
    expression = parse_lark("start: COMMENT\nCOMMENT: /<!--.*?-->/s")
    assert matches(expression, "<!-- a\n-- > -->")
    assert not matches(expression, "<!-- a --> b -->")


def test_special_tokens_have_their_names() -> None:
    expression = parse_lark("start: <tool_call> /[a-z]+/ <|end|>")
    assert matches(expression, "<tool_call>abc<|end|>")


def test_overriding_and_extending_what_is_imported() -> None:
    source = 'start: INT "." WORD\n%import common (INT, DIGIT, WORD)\n%override DIGIT: "0".."1"\n%extend WORD: "?"'
    expression = parse_lark(source)
    oracle = Oracle(source)
    for text in ["01.ab", "2.a", "1.?", "0.1"]:
        assert matches(expression, text) == oracle(text), text


def test_the_python_grammar_of_the_library() -> None:
    source = "start: test\n%import python.test\n%ignore /[ \\t]+/"
    expression = parse_lark(source)
    for text in ["f(a, *b, c=1)[2:3] if not x.y else {1: 'q'}", "lambda x, y=1: (yield)", "[i for i in b if i]"]:
        assert matches(expression, text), text
    for text in ["f(", "a if b", "lambda 1: x", "'q"]:
        assert not matches(expression, text), text


def test_priorities_are_ignored_with_a_notice(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        parse_lark("start.2: A\nA.-1: /a/\n")
    assert "priorities are ignored, every reading counts: start, A" in caplog.text


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('start: "a', "line 1, column 8: a string that has no end"),
        ("start: /a", "line 1, column 8: a regex that has no end"),
        ('start: "x"\n  | b', "line 2, column 5: b is used but not defined"),
        ('start: "x"\n"y"', "line 2, column 1: Expecting option"),
        ('start: ("a" | %extend i)', "line 1, column 15: Expecting a value"),
        ("start: n\nn: | n\nA: (a | %extend i)", "line 3, column 9: unexpected %extend"),
        ("start: (a", "line 1, column 10: unexpected end of the line"),
        ('a: "x"', "start is used but not defined"),
        ("start: A\nA: B\nB: A", "the terminal A is recursive"),
        ("start: A\n%declare A", "A is only declared"),
        ("start: A\nA: b", "the rule b cannot stand in a terminal"),
        ("start: /(/", "line 1, column 8: terminal /(/"),
        ("start: A\nA: /(a)\\1/", "line 1, column 8: terminal A"),
        ("start: x\n%import .files.x", "files is not supported"),
        ("start: x\n%import nowhere.x", "no 'nowhere' to import from"),
        ("start: NOPE\n%import common.NOPE", "common has no NOPE"),
        ('start: "a"\nstart: "b"', "start is defined twice"),
        ('start: a{"x"}\na{y}: a{a{y}}', "more than 5000 rules"),
        ('start: a{"x"}\na: "x"', "a takes 0 arguments, not 1"),
        ('start: "x"~3..2', "wrong order"),
        ('start: ""', '"" is empty'),
        ("start: /x/l", "flags of /x/l"),
        ("start: <[12]>", "by name, not by number"),
        ("start: " + "(" * 200, "nested more than 100 deep"),
        ('start: "x"' + "\n" * 5000 + 'a: "y"', "blank characters"),
        ("start: A0\n" + "".join(f"A{n}: A{n + 1} A{n + 1}\n" for n in range(60)) + 'A60: "x"', "too large"),
    ],
)
def test_refusals(source: str, message: str) -> None:
    with pytest.raises(GrammarError, match=re.escape(message)):
        parse_lark(source)


@pytest.mark.parametrize("opening", ['start: "', "start: /", "start: "])
def test_backslashes_without_end_are_refused_at_once(opening: str) -> None:
    with pytest.raises(GrammarError):
        parse_lark(opening + "\\" * 9999 + "\n")


def test_chains_of_terminals() -> None:
    def chain(count: int) -> str:
        return "start: A0\n" + "".join(f'A{n}: A{n + 1} "y"\n' for n in range(count)) + f'A{count}: "x"'

    assert matches(parse_lark(chain(90)), "x" + "y" * 90)
    with pytest.raises(GrammarError, match="more than 100 deep"):
        parse_lark(chain(3000))


PIECES = [
    *'"/()[]{}|*+?~.,:;<>\\#\n ',
    *("start", "a", "T", ": ", "->", "..", "~2", '"x"', "/y/", "%import ", "%ignore ", "%declare ", "%extend ", "\n"),
    *("common.WS", "start: ", '"i', "//", "<t>", "!", "\ud800", "\0", "\u00e9", "(?", "(?<!", "\\u12", "\\x"),
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.booleans())
def test_whatever_is_written_is_read_or_refused(text: str, begun: bool) -> None:
    try:
        parse_lark("start: " + text if begun else text)
    except GrammarError as error:
        assert error.message
