"""regex= means what `re.fullmatch` means, or is refused by name."""

from __future__ import annotations

import random
import re
import warnings

import interegular
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.errors import GrammarError
from weft.grammar import compile
from weft.grammar.regex_parser import MAX_NESTING, MAX_SOURCE, parse_ecma, parse_python

ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "é",
        " ",
        '"',
        r"\\",
        r"\.",
        ".",
        "[ab]",
        "[^a]",
        "[^ab\\n]",
        r"\d",
        r"\w",
        r"\S",
        r"[\d_]",
        r"[^\w]",
        *("[]a]", r"\x41", r"\u00e9", "[a-c-]", "x{", "{", "}", "]", r"\n", r"[\]\-]", "()", "[+*]"),
    ]
)
REGEXES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{,2}", "{2,}", "*?", "+?", "??"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
        inner.map(lambda regex: f"(?P<name>{regex})" if "(?P<" not in regex else regex),
    ),
    max_leaves=6,
)
TEXTS = st.text(alphabet='abcé_ 1٣\n".\\Ax{}]-+', max_size=6)


def _compiles(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            re.compile(source)
        except re.error:
            return False
    return True


@settings(max_examples=200, deadline=None)
@given(source=REGEXES, texts=st.lists(TEXTS, min_size=3, max_size=12), seed=st.integers(0, 2**32))
def test_takes_exactly_what_fullmatch_takes(vocabulary, accepts, walk, source, texts, seed):
    if not _compiles(source):  # two groups of one name, say
        with pytest.raises(GrammarError):
            compile(vocabulary=vocabulary, regex=source)
        return
    grammar = compile(vocabulary=vocabulary, regex=source)
    for text in texts:
        assert accepts(grammar, text) == bool(re.fullmatch(source, text)), (source, text)
    drawn = walk(grammar, random.Random(seed), 60)
    assert drawn is None or re.fullmatch(source, drawn), (source, drawn)


@pytest.mark.parametrize(
    ("source", "taken", "left"),
    [
        ("a|ab", ["a", "ab"], ["", "b", "abb"]),
        ("(ab)*", ["", "ab", "ababab"], ["a", "aba"]),
        ("(a|ab)(c|bcd)", ["ac", "abcd", "abc"], ["abbc"]),
        ("a*?b??", ["", "aaa", "aab"], ["ba"]),
        ("^a$|^b$", ["a", "b"], ["ab", ""]),
        (r"\Aab\Z", ["ab"], ["b", "ab\n"]),
        ("^(?:a|b)+$", ["abba"], [""]),
        ("(^a|b)c", ["ac", "bc"], ["c"]),
        (r"\d+", ["12", "٣"], ["½", "a"]),
        (".", ["a", "é", "😀", "\r"], ["\n", ""]),
        ("[^x]", ["\n", "é", "😀"], ["x"]),
        (r"[\b]", ["\b"], ["b"]),
        ("x{,2}y{,}", ["", "xx", "xxyyy"], ["xxx"]),
        ("x{a}|{1", ["x{a}", "{1"], ["xa"]),
        (r"[+-\-]", ["+", ",", "-"], ["."]),
        (r"\U0001F600", ["😀"], ["a"]),
        ("", [""], ["a"]),
        ("()", [""], ["a"]),
        ("(?:|a)b", ["b", "ab"], ["aab"]),
        ("a{3}", ["aaa"], ["aa", "aaaa"]),
    ],
)
def test_takes(vocabulary, accepts, source, taken, left):
    grammar = compile(vocabulary=vocabulary, regex=source)
    for text in taken:
        assert accepts(grammar, text), text
        assert re.fullmatch(source, text)
    for text in left:
        assert not accepts(grammar, text), text
        assert not re.fullmatch(source, text)


@pytest.mark.parametrize("source", ["(a|b)*abb", "[a-c]{2,4}x?", "(ab|a)(bc|c)?", "((a|b)c)+", "a{0,3}b{1,2}"])
def test_agrees_with_interegular(vocabulary, accepts, walk, source):
    grammar = compile(vocabulary=vocabulary, regex=source)
    machine = interegular.parse_pattern(source).to_fsm()
    rng = random.Random(0)
    for _ in range(30):
        drawn = walk(grammar, rng, 60)
        assert drawn is None or machine.accepts(drawn)
        text = "".join(rng.choice("abcx") for _ in range(rng.randrange(7)))
        assert accepts(grammar, text) == machine.accepts(text)


@pytest.mark.parametrize(
    ("source", "keyword", "offset"),
    [
        ("a(?=b)b", "lookahead", 1),
        ("a(?!b)c", "lookahead", 1),
        ("(?<=a)b", "lookbehind", 0),
        ("(?<!a)b", "lookbehind", 0),
        (r"(a)\1", "backreference", 3),
        (r"(?P<x>a)(?P=x)", "backreference", 8),
        (r"\bword", "word boundary", 0),
        (r"wo\Brd", "word boundary", 2),
        ("a^b", "anchor", 1),
        ("a$b", "anchor", 1),
        ("(a$)+", "anchor", 2),
        ("^*a", "anchor", 0),
        ("(?i)a", "inline flag", 0),
        ("(?s:.)", "inline flag", 0),
        ("a(?-i:b)", "inline flag", 1),
        ("(?>ab)", "atomic group", 0),
        ("a++", "possessive quantifier", 2),
        ("a{1,2}+", "possessive quantifier", 6),
        ("(a)(?(1)b|c)", "conditional group", 3),
        (r"[\101]", "octal escape", 1),
        (r"\N{DIGIT ONE}", "named character", 0),
        ("a\x00b", "NUL", 1),
        ("a**", "syntax", 2),
        ("*a", "syntax", 0),
        ("(a", "syntax", 0),
        ("a)", "syntax", 1),
        ("[a", "syntax", 2),
        ("[b-a]", "syntax", 2),
        (r"[a-\d]", "syntax", 2),
        (r"\q", "syntax", 0),
        (r"\x4", "syntax", 2),
        ("a\\", "syntax", 2),
        ("a{3,2}", "repeat", 0),
        ("a{100000}", "repeat", 0),
        ("(" * (MAX_NESTING + 1) + ")" * (MAX_NESTING + 1), "nesting", MAX_NESTING),
    ],
)
def test_refuses_by_name_and_place(vocabulary, source, keyword, offset):
    with pytest.raises(GrammarError) as caught:
        compile(vocabulary=vocabulary, regex=source)
    assert caught.value.keyword == keyword
    assert caught.value.pointer == str(offset)
    assert f"offset {offset}" in caught.value.message


@pytest.mark.parametrize("source", [r"[^\s\S]", r"a[^\d\D]b", r"[\ud800-\udfff]"])
def test_refuses_what_no_text_can_match(vocabulary, source):
    with pytest.raises(GrammarError, match="no text"):
        compile(vocabulary=vocabulary, regex=source)


def test_an_impossible_alternative_is_only_left_out(vocabulary, accepts):
    grammar = compile(vocabulary=vocabulary, regex=r"[^\s\S]x|a([^\w\W])?b")
    assert accepts(grammar, "ab")
    assert not accepts(grammar, "x")


@pytest.mark.parametrize(
    "source",
    [
        "(a|b)*a(a|b){30}",
        "((a{0,100}){0,100}){0,100}",
        "(a?){1000}a{1000}",
        r"\w{500}",
        "(((((a{9}){9}){9}){9}){9}){9}",
        "(a|aa)*" * 8000,
        "".join(f"[^{chr(0x100 + index)}]" for index in range(9000)),  # every set cuts through all others
    ],
)
def test_refuses_what_grows_too_large(vocabulary, source):
    with pytest.raises(GrammarError, match="too large") as caught:
        compile(vocabulary=vocabulary, regex=source)
    assert caught.value.keyword == "size"


def test_refuses_a_source_that_is_too_long(vocabulary):
    with pytest.raises(GrammarError, match="at most"):
        compile(vocabulary=vocabulary, regex="a" * (MAX_SOURCE + 1))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab\\()[]{}^$|*+?.-,:1<>=!Pdw\n\x00\ud800é", max_size=12))
def test_any_source_is_read_or_refused(source):
    for parse in (parse_python, parse_ecma):
        try:
            parse(source)
        except GrammarError as error:
            assert error.keyword


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab\\()[]{}|*+?.-,:1", max_size=9))
def test_what_python_cannot_compile_is_refused(source):
    if not _compiles(source):
        with pytest.raises(GrammarError):
            parse_python(source)
