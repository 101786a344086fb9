r"""EBNF as llama.cpp and XGrammar write it, on grammars of the kind they come with."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_matcher import is_prefix, matches

from weft.errors import GrammarError
from weft.grammar.ebnf import parse_ebnf
from weft.grammar.expression import Alt, Atom, Chars, Expression, Ref, Repeat, Rule, Seq, Text, Token
from weft.grammar.grammar_parser import parse_grammar

JSON = r"""
# JSON, with white space as a recursive rule
root   ::= value
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws ( member ("," ws member)* )? "}" ws
member ::= string ":" ws value
array  ::=
  "[" ws (
            value
    ("," ws value)*
  )? "]" ws
string ::= "\"" (
    [^"\\\x7F\x00-\x1F] |                        # plain
    "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})      # escaped
  )* "\"" ws
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([eE] [-+]? [0-9]+)? ws
ws     ::= ([ \t\n] ws)?
"""

MOVES = r"""
root ::= "1. " move " " move "\n" ([1-9] [0-9]? ". " move " " move "\n")+
move ::= (pawn | piece | castle) [+#]?
piece ::= [NBKQR] [a-h]? [1-8]? "x"? square
pawn ::= ([a-h] "x")? square ("=" [NBKQR])?
square ::= [a-h] [1-8]
castle ::= "O-O" "-O"?
"""

LISTS = r"""
root ::= item+
item ::= "- " [^\r\n\x0b\x0c\x85\u2028\u2029]+ "\n"
"""

SUMS = r"""
root ::= sum "\n"
sum ::= sum [+-] product
      | product
product ::= product ("*" | "/") atom | atom
atom ::= [0-9]{1,3} | "(" sum ")" | call
call ::= atom "!" | name-2 "(" (sum ("," sum)*)? ")"
name-2 ::= [a-z_] [a-z_0-9]*
"""


@pytest.fixture(scope="module")
def json_expression() -> Expression:
    return parse_grammar(JSON)


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=4)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=50, deadline=None)
@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_json_is_taken(json_expression: Expression, value: object, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    if "\x7f" not in text:
        assert matches(json_expression, text)


@settings(max_examples=100, deadline=None)
@given(VALUES, st.data())
def test_only_json_is_taken(json_expression: Expression, value: object, data: st.DataObject) -> None:
    text = json.dumps(value)
    start = data.draw(st.integers(0, len(text)))
    text = (
        text[:start] + data.draw(st.text('{}[]",:\\u0e- ', max_size=2)) + text[start + data.draw(st.integers(0, 2)) :]
    )
    try:
        json.loads(text)
    except ValueError:
        assert not matches(json_expression, text)
    else:
        assert matches(json_expression, text) or text != text.lstrip()


@pytest.mark.parametrize(
    ("grammar", "taken", "refused"),
    [
        (
            MOVES,
            ["1. e4 e5\n2. Nf3 Nc6\n", "1. d4 Nf6\n2. c4 exd8=Q+\n3. O-O-O O-O\n"],
            ["1. e4 e5\n", "1. e4 e9\n2. a1 a1\n"],
        ),
        (LISTS, ["- a\n- b \u00e9\n"], ["- \n", "- a", "- a\r\n"]),
        (SUMS, ["1+2*3\n", "(1-22)/f(3,4!)\n", "f()!!+a_1(1)\n"], ["1234\n", "+1\n", "1+\n", "f(,)\n"]),
    ],
)
def test_grammars(grammar: str, taken: list[str], refused: list[str]) -> None:
    expression = parse_grammar(grammar)
    for text in taken:
        assert matches(expression, text)
        for end in range(len(text)):
            assert is_prefix(expression, text[:end]) is not False
    for text in refused:
        assert not matches(expression, text)


@pytest.mark.parametrize(
    ("body", "pattern"),
    [
        (r'"a\n\t\"\\\x41\u00e9\U0001F600"', 'a\n\t"\\\\A\u00e9\U0001f600'),
        (r"[a-c\]\-x-]", r"[a-c\]\-x]"),
        (r"[^a-c\n]", r"[^a-c\n]"),
        (".", r"[\s\S]"),
        ('"a"{2} "b"{1,} "c"{0,2}', "a{2}b+c{0,2}"),
        ('("a" | "b"?)* "c"+', "(?:a|b?)*c+"),
        ('"a" | | "b"', "a||b"),
        ('""', ""),
        ('"a"+?', "(?:a+)?"),
        ("[a-z]+ # not this\n  [0-9]", "[a-z]+[0-9]"),
        ('"a"\n | "b"\n', "a|b"),
    ],
)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_bodies_against_regexes(body: str, pattern: str, data: st.DataObject) -> None:
    expression = parse_ebnf(f"root ::= {body}")
    near = st.text("abcx-]\\A\n1", max_size=5)
    text = data.draw(st.one_of(near, st.from_regex(pattern, fullmatch=True)))
    assert matches(expression, text) == (re.fullmatch(pattern, text) is not None)


def test_special_tokens_have_their_names() -> None:
    match parse_ebnf('root ::= <think> "x" </think>'):
        case Seq((Token("<think>"), Text("x"), Token("</think>"))):
            pass
        case other:
            raise AssertionError(other)


def test_regular_rules_are_units_and_one_object_each() -> None:
    match parse_ebnf('root ::= word ("(" root ")")? word\nword ::= letter+ "."\nletter ::= [a-z]'):
        case Ref(Rule(body=Seq((Atom(Seq((Repeat(Chars()), Text(".")))) as first, Repeat(), second)))):
            assert first is second
        case other:
            raise AssertionError(other)


def test_counted_repeats_are_not_written_out() -> None:
    match parse_ebnf("root ::= [a-z]{3,100000}"):
        case Atom(Repeat(Chars(), 3, 100_000)):
            pass
        case other:
            raise AssertionError(other)


def test_rules_that_are_not_used_do_not_matter() -> None:
    assert matches(parse_ebnf('root ::= "a"\nother ::= other "b"'), "a")


def test_a_rule_without_end_is_no_alternative() -> None:
    expression = parse_ebnf('root ::= "a" | "b" never\nnever ::= "c" never')
    assert matches(expression, "a")
    assert not is_prefix(expression, "b")


def test_the_syntaxes_are_told_apart() -> None:
    assert matches(parse_grammar('start: "::=" # root ::= "x"'), "::=")
    assert matches(parse_grammar('# start: "x"\nroot\n::= "y"'), "y")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('root ::= "a', "line 1, column 10: a string that has no end"),
        ("root ::= [a", "line 1, column 10: a class of characters that has no end"),
        ('root ::= "x"\n  | b', "line 2, column 5: the rule b is used but not defined"),
        ('root ::= ("a"', "line 1, column 14: expected the end of a group, not the end"),
        ('root ::= "a")\nb ::= "x"', "line 1, column 13: a group that was never opened ends"),
        ('x ::= "a"', "there is no rule root"),
        ('root ::= "a"\nroot ::= "b"', "line 2, column 1: the rule root is defined twice"),
        ("root ::= [z-a]", "line 1, column 11: the range z-a is in the wrong order"),
        ("root ::= []", "no"),
        ('root ::= "\\q"', "line 1, column 11: the escape \\q is not known"),
        ('root ::= "\\ud800"', "\\ud800 is no character"),
        ('root ::= "a" (= "b")', "line 1, column 14: lookahead, (= ...), is not supported"),
        ('root ::= "a"{3,1}', "a count whose bounds are in order"),
        ('root ::= "a"{,3}', "expected {m}, {m,} or {m,n}"),
        ('root ::= "a"{99999999999}', "a count of at most"),
        ("root ::= <[12]>", "by name, not by number"),
        ('root ::= !<think> "a"', "by name, not by number or as what is not meant"),
        ('root ::= "a" | * "b"', "line 1, column 16: expected a string"),
        ('root ::= "a", "b"', "line 1, column 13: ',' means nothing here"),
        ('root ::= root "x"', "the rule root: it never comes to an end"),
        ("root ::= " + "(" * 200, "nested more than 100 deep"),
        ('root ::= "' + "\\\\" * 9999 + "\\", "a string that has no end"),
        ("root ::= r0\n" + "".join(f"r{n} ::= r{n + 1}\n" for n in range(25_000)) + 'r25000 ::= "x"', "too large"),
    ],
)
def test_refusals(source: str, message: str) -> None:
    with pytest.raises(GrammarError, match=re.escape(message)):
        parse_ebnf(source)


def test_the_shape_of_alternatives() -> None:
    match parse_ebnf('root ::= "a" | "b"'):
        case Atom(Alt((Text("a"), Text("b")))):
            pass
        case other:
            raise AssertionError(other)


PIECES = [
    *'"()[]{}|*+?.,:<>\\#\n^-! ',
    *(
        "root",
        "a",
        " ::= ",
        "{2}",
        "{1,}",
        "{0,3}",
        '"x"',
        "[a-z]",
        "(=",
        "<t>",
        "\ud800",
        "\0",
        "\u00e9",
        "\\u12",
        "\\x41",
    ),
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.booleans())
def test_whatever_is_written_is_read_or_refused(text: str, begun: bool) -> None:
    try:
        parse_ebnf("root ::= " + text if begun else text)
    except GrammarError as error:
        assert error.message
