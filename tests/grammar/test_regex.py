"""regex= means what `re.fullmatch` means, pattern what ECMA-262 and `re.search` both mean, or is refused by name."""

from __future__ import annotations

import random
import re
import warnings

import interegular
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from slow_matcher import matches

from weft.errors import GrammarError
from weft.grammar import compile
from weft.grammar.expression import NOTHING, size
from weft.grammar.regex_parser import MAX_NESTING, MAX_SOURCE, parse_ecma, parse_python
from weft.grammar.regex_syntax import MAX_ASSERTIONS

PLAIN = [
    *("a", "b", "é", " ", '"', r"\\", r"\.", ".", "[ab]", "[^a]", r"[^ab\n]", r"\d", r"\w", r"\S", r"[\d_]", r"[^\w]"),
    *("[]a]", r"\x41", r"\u00e9", "[a-c-]", "x{", "{", "}", "]", r"\n", r"[\]\-]", "()", "[+*]"),
]
SPECIAL = [
    r"^",
    "$",
    r"\b",
    r"\B",
    r"\A",
    r"\Z",
    "(?m:^)",
    "(?m:$)",
    "(?<=a)",
    "(?<!a)",
    r"(?<=\w)",
    "(?<=ab)",
    "(?<!ab)",
]
ENDINGS = ["*", "+", "?", "{2}", "{1,3}", "{,2}", "{2,}", "*?", "+?", "??"]


def _grow(inner: st.SearchStrategy[str], looks: list[str]) -> st.SearchStrategy[str]:
    wrapped = st.tuples(inner, st.sampled_from(["(?:{})", "({})", "(?i:{})", "(?s:{})", "(?a:{})", "(?>{})", *looks]))
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("(?:{0[0]}|{0[1]})".format),
        st.tuples(inner, st.sampled_from(ENDINGS)).map("(?:{0[0]}){0[1]}".format),
        st.tuples(st.sampled_from(["a", ".", r"\w", "(?:ab)"]), st.sampled_from(["*+", "++", "?+", "{1,2}+"])).map(
            "".join
        ),
        wrapped.map(lambda pair: pair[1].format(pair[0])),
    )


PLAIN_REGEXES = st.recursive(st.sampled_from(PLAIN), lambda inner: _grow(inner, []), max_leaves=6)
LOOKS = ["(?={})", "(?!{})", "(?=.*{})", "(?!.*{})", "(?:(?!{}).)*"]
REGEXES = st.recursive(
    st.one_of(st.sampled_from(PLAIN), st.sampled_from(SPECIAL)), lambda inner: _grow(inner, LOOKS), max_leaves=7
)
TEXTS = st.text(alphabet='abécAK_ 1٣\n".\\x{}]-+', max_size=6)


def _compiled(source: str) -> re.Pattern[str] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return re.compile(source)
        except (re.error, OverflowError, ValueError):
            return None


@settings(max_examples=400, deadline=None)
@given(source=REGEXES, texts=st.lists(TEXTS, min_size=3, max_size=12))
def test_takes_exactly_what_fullmatch_takes(source, texts):
    oracle = _compiled(source)
    try:
        expression = parse_python(source)
    except GrammarError as error:
        assert oracle is None or error.keyword not in ("syntax", "length", "nesting"), source
        return
    assert oracle is not None, source
    for text in texts:
        assert matches(expression, text) == bool(oracle.fullmatch(text)), (source, text)


@settings(max_examples=300, deadline=None)
@given(source=REGEXES, texts=st.lists(TEXTS, min_size=3, max_size=12))
def test_a_pattern_takes_no_more_than_search_and_at_its_widest_no_less(source, texts):
    oracle = _compiled(source)
    assume(oracle is not None)
    try:
        expression, widest = parse_ecma(source), parse_ecma(source, widest=True)
    except GrammarError as error:
        assert error.keyword != "syntax"
        return
    for text in texts:
        found = bool(oracle.search(text))
        assert found or not matches(expression, text), (source, text)
        assert matches(widest, text) or not found, (source, text)
        if text.isascii() and "\n" not in text:  # where the dialects agree
            assert matches(expression, text) == found, (source, text)


@settings(max_examples=100, deadline=None)
@given(source=PLAIN_REGEXES, texts=st.lists(TEXTS, min_size=3, max_size=8), seed=st.integers(0, 2**32))
def test_a_compiled_regex_takes_and_draws_what_fullmatch_takes(vocabulary, accepts, walk, source, texts, seed):
    oracle = _compiled(source)
    assume(oracle is not None)
    try:
        parse_python(source)
    except GrammarError:
        return
    try:
        grammar = compile(vocabulary=vocabulary, regex=source)
    except GrammarError as error:
        assert error.keyword == "empty"
        assert not any(oracle.fullmatch(text) for text in texts)
        return
    for text in texts:
        assert accepts(grammar, text) == bool(oracle.fullmatch(text)), (source, text)
    drawn = walk(grammar, random.Random(seed), 60)
    assert drawn is None or oracle.fullmatch(drawn), (source, drawn)


@pytest.mark.parametrize(
    ("source", "taken", "left"),
    [
        ("(a|ab)(c|bcd)", ["ac", "abcd", "abc"], ["abbc"]),
        ("a*?b??", ["", "aaa", "aab"], ["ba"]),
        ("^a$|^b$", ["a", "b"], ["ab", ""]),
        (r"\Aab\Z", ["ab"], ["b", "ab\n"]),
        ("(^a|b)c", ["ac", "bc"], ["c"]),
        ("a$\n", ["a\n"], ["a", "a\n\n"]),
        ("(?m)^a$\n^b$", ["a\nb"], ["ab", "a\n"]),
        ("(?:[ab]+(?:,|$))+", ["a", "a,b", "a,b,"], ["", ",", "a,,b"]),
        ("(?:^|,)a(?:$|b)", ["a", ",a", "ab", ",ab"], ["b", "a,"]),
        (r"\bfoo\b", ["foo"], ["fo", "foo "]),
        (r"\w+\b.*", ["foo", "foo bar", "a-"], ["", "-"]),
        (r"\b\w+\b(?: \b\w+\b)*", ["ab", "ab c é"], ["ab  c", " a"]),
        (r"\B", [], ["", "a"]),
        (r"(?=.*\d)(?=.*[a-z]).{3,}", ["ab1", "1!a"], ["abc", "a1", "123"]),
        (r"(?!-)[a-z-]+(?<!-)", ["a", "a-b"], ["-a", "a-", "-"]),
        (r".*(?<!\.exe)", ["a.ex", "", "exe"], ["a.exe", ".exe"]),
        ("<!--(?:(?!-->).)*-->", ["<!---->", "<!--->-->", "<!-- - -->"], ["<!-- --> -->"]),
        ("a(?=b)b", ["ab"], ["a"]),
        ("(?:a(?=b)b)+", ["ab", "abab"], ["aab"]),
        ("a(?=b)c", [], ["abc", "ac"]),
        ("(?=a)*b", ["b"], ["ab"]),
        ("a++b", ["ab", "aab"], ["b"]),
        (".*+b", [], ["b", "ab"]),
        ("a{1,2}+a", ["aaa"], ["aa", "aaaa"]),
        ("(?>a|b)c", ["ac"], ["c"]),
        ("(?i)straße", ["STRAßE", "ſtraẞe"], ["strasse"]),
        ("(?i)k(?-i:k)", ["Kk", "\u212ak"], ["kK"]),
        ("(?ia)[k-l]", ["K", "l"], ["\u212a"]),
        ("(?i)[^k]", ["a"], ["K", "\u212a"]),
        (r"(?a:\w)\w", ["aé"], ["éa"]),
        ("(?x) a b # c\n [ ] \\ ", ["ab  "], ["ab"]),
        ("(?s:.).", ["\na"], ["a\n"]),
        (r"\d+", ["12", "٣"], ["½", "a"]),
        (".", ["a", "é", "😀", "\r"], ["\n", ""]),
        ("[^x]", ["\n", "é", "😀"], ["x"]),
        (r"[\b]\0\101[\101]", ["\b\0AA"], ["b"]),
        ("x{,2}y{,}", ["", "xx", "xxyyy"], ["xxx"]),
        ("x{a}|{1", ["x{a}", "{1"], ["xa"]),
        (r"[+-\-]", ["+", ",", "-"], ["."]),
        (r"\U0001F600\N{DIGIT ONE}", ["😀1"], ["a"]),
        ("a(?#note)+", ["aa"], [""]),
        ("()", [""], ["a"]),
    ],
)
def test_takes(source, taken, left):
    expression = parse_python(source)
    for text in taken:
        assert matches(expression, text), text
        assert re.fullmatch(source, text)
    for text in left:
        assert not matches(expression, text), text
        assert not re.fullmatch(source, text)


@pytest.mark.parametrize(
    ("source", "taken", "left"),
    [
        ("a", ["a", "xay"], ["", "x"]),
        ("^a", ["a", "ab"], ["ba"]),
        ("^a|b$", ["a", "ax", "b", "xb"], ["xa", "bx"]),
        ("^(a|b$)", ["a", "ab", "b"], ["bb"]),
        ("^a$", ["a"], ["a\n", "ab"]),
        (r"^a\Z", ["a"], ["a\n"]),
        ("(?i)^ab$", ["aB"], ["b"]),
        (r"^\d$", ["1"], ["٣"]),
        (r"^\w$", ["a"], ["é"]),
        (r"^\W$", ["-"], ["é", "a"]),
        (r"^[^\d]$", ["a", "é"], ["1", "٣"]),
        (r"^\s$", [" ", "\u3000"], ["\ufeff", "\x85"]),
        (r"^\S$", ["a"], ["\ufeff", "\x85", " "]),
        (r"^(?!\d)", ["a"], ["1", "٣"]),
        ("^.$", ["a", "😀"], ["\n", "\r", "\u2028"]),
        (r"^\p{Lu}\p{Letter}\P{L}$", ["Aa1", "ÉéX"[:2] + "-"], ["aa1", "AaB"]),
        (r"^\p{gc=Nd}\p{ASCII}$", ["٣a"], ["aa"]),
        (r"^\cJ\x41\u0042\u{1F600}\ud83d\ude00\/\-\_\@$", ["\nAB😀😀/-_@"], ["J"]),
        ("^(?<year>[0-9]{4})$", ["2024"], ["24"]),
        (r"^[\w-.]+$", ["a-b.c"], ["a b"]),
        ("^[^]$", ["a", "\n"], [""]),
        ("^x{,2}{1$", ["xx{1", "{1"], ["xxx{1"]),
        (r"((?:[^/]*/)*)(?=\.(yaml|yml|json))", ["a/b.json", "x.yml"], ["json"]),
        (r"^(?!.*--)[a-z-]+$", ["a-b"], ["a--b"]),
        (r"^((?!foo).)*$", ["fo", ""], ["afoo"]),
        ("(?<=xy*)z", ["xyz", "xz"], ["yz"]),
    ],
)
def test_a_pattern_takes(source, taken, left):
    expression = parse_ecma(source)
    for text in taken:
        assert matches(expression, text), text
    for text in left:
        assert not matches(expression, text), text


@pytest.mark.parametrize(
    "source", ["(a|b)*abb", "[a-c]{2,4}x?", "(ab|a)(bc|c)?", "((a|b)c)+", "(?!ab)[abc]{2}", "a.(?=x)x"]
)
def test_agrees_with_interegular(source):
    expression = parse_python(source)
    machine = interegular.parse_pattern(source).to_fsm()
    rng = random.Random(0)
    for _ in range(60):
        text = "".join(rng.choice("abcx") for _ in range(rng.randrange(7)))
        assert matches(expression, text) == machine.accepts(text), text


@pytest.mark.parametrize(
    ("source", "keyword", "offset"),
    [
        (r"(a)\1", "backreference", 3),
        (r"(?P<x>a)(?P=x)", "backreference", 8),
        ("(a)(?(1)b|c)", "conditional group", 3),
        ("(?:(?=.*a)b)*", "lookahead", 3),
        (r"(?:[a-]\b)*", "word boundary", 7),
        ("(?:a?$b?)+", "anchor", 5),
        ("(?:a(?<=ba))*", "lookbehind", 4),
        ("(?<=a$)b", "lookbehind", 0),
        ("(?:ab|c)++", "possessive quantifier", 8),
        ("(?>a*)a", "atomic group", 0),
        ("(?<=a|bc)d", "syntax", 0),
        ("a**", "syntax", 2),
        ("*a", "syntax", 0),
        ("^*a", "syntax", 1),
        ("a(?i)b", "syntax", 1),
        ("(?au:b)", "syntax", 0),
        ("(a", "syntax", 0),
        ("a)", "syntax", 1),
        ("[a", "syntax", 2),
        ("[b-a]", "syntax", 0),
        (r"[a-\d]", "syntax", 0),
        (r"\q", "syntax", 0),
        (r"\x4", "syntax", 0),
        ("a\\", "syntax", 2),
        ("(?P<a>x)(?P<a>y)", "syntax", 12),
        ("a{3,2}", "repeat", 1),
        ("a{99999999999}", "repeat", 1),
        ("(" * (MAX_NESTING + 1) + ")" * (MAX_NESTING + 1), "nesting", MAX_NESTING),
        (r"\b" * (MAX_ASSERTIONS + 1), "size", 2 * MAX_ASSERTIONS),
        (r"(?:a?\bb?){0,8}" * 10, "size", 0),
        ("a" * (MAX_SOURCE + 1), "length", 0),
    ],
)
def test_refuses_by_name_and_place(source, keyword, offset):
    with pytest.raises(GrammarError) as caught:
        parse_python(source)
    assert (caught.value.keyword, caught.value.pointer) == (keyword, str(offset))
    assert f"offset {offset}" in caught.value.message


@pytest.mark.parametrize(
    ("source", "keyword"),
    [
        (r"\p{Script=Greek}", "unicode property"),
        (r"(?<a>x)\k<a>", "backreference"),
        ("a++", "possessive quantifier"),
        ("[]a]", "character set"),
        ("[^]a]", "character set"),
        (r"\h", "syntax"),
        (r"\u{110000}", "syntax"),
        (r"\c1", "syntax"),
    ],
)
def test_a_pattern_is_refused_by_name(source, keyword):
    with pytest.raises(GrammarError) as caught:
        parse_ecma(source)
    assert caught.value.keyword == keyword


@pytest.mark.parametrize(
    "source", [r"[^\s\S]", r"a[^\d\D]b", r"[\ud800-\udfff]", "a^b", "a$b", "(?=a)b", r"a\bb", "(?!)"]
)
def test_what_no_text_can_match_is_nothing(source):
    assert parse_python(source) is NOTHING


@pytest.mark.parametrize("source", ["a{1000000000}", "((a{0,1000}){0,1000}){0,1000}", r"(?:(?=a)\w){100000}"])
def test_counted_repeats_are_not_written_out(source):
    parsed = parse_python(source)
    assert len(repr(parsed)) < 20_000
    assert size(parsed) >= 0


@pytest.mark.parametrize("sign", [r"\b", "(?=a)", "^|", "(?<!a)"])
@pytest.mark.parametrize("between", [r"\w*", "a?", "(?:b|c)*"])
def test_many_assertions_cost_no_more_than_their_number(sign, between):
    parsed = parse_python(
        f"(?:{sign}){between}" * (MAX_ASSERTIONS - 1) if "|" not in sign else f"(?:{sign}){between}" * 9
    )
    assert parsed is not None


def test_deep_look_around_is_read():
    depth = MAX_NESTING - 1
    assert matches(parse_python("(?=" * depth + "a" + ")" * depth + "ab"), "ab")
    assert matches(parse_python("(?!" * depth + "a" + ")" * depth + "bb"), "bb")


def test_case_is_folded_as_re_does_for_every_character_with_case():
    cased = "".join(c for c in map(chr, range(0x20000)) if c.lower() != c or c.upper() != c)
    sample = [*random.Random(0).sample(cased, 150), *"iIİıſsSKkßẞµμΐΐ\u0345ιſtst"]
    for character in sample:
        taken = {character, *re.findall("(?i)" + re.escape(character), cased)}
        ranges = parse_python("(?i)" + re.escape(character))
        assert all(matches(ranges, other) for other in taken), character
        assert sum(matches(ranges, other) for other in sample) == sum(other in taken for other in sample), character


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab\\()[]{}^$|*+?.-,:1<>=!Pdwimxsk#\n\x00\ud800é", max_size=12))
def test_any_source_is_read_or_refused(source):
    for parse in (parse_python, parse_ecma):
        try:
            parse(source)
        except GrammarError as error:
            assert error.keyword
            assert error.pointer is not None


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.sampled_from([*"ab\\()[]{}^$|*+?.-,:1<>=!#ix ", "(?", "(?<!", "(?x)", "(?a", "{2}", "\\1", "\\b"]),
        max_size=8,
    )
)
def test_what_python_cannot_compile_is_refused_and_nothing_else_is_called_a_syntax_error(parts):
    source = "".join(parts)
    try:
        parse_python(source)
    except GrammarError as error:
        assert error.keyword != "syntax" or _compiled(source) is None, source
    else:
        assert _compiled(source) is not None, source
