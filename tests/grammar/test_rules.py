"""Rules made into one expression, against the texts the rules give when they are simply written out."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_matcher import matches

from weft.errors import GrammarError
from weft.grammar.expression import (
    EMPTY,
    Alt,
    Atom,
    Expression,
    Ref,
    Repeat,
    Rule,
    Seq,
    Text,
    alt,
    optional,
    repeat,
    seq,
)
from weft.grammar.left_recursion import straighten
from weft.grammar.rule_graph import Fuel, body, components, parts, uses
from weft.grammar.rules import settle

LENGTH = 4


def written_out(start: Rule) -> set[str]:
    """Every text of at most `LENGTH` characters, by writing out until nothing new comes."""
    rules = [rule for group in components(start, lambda rule: uses(rule, Fuel())) for rule in group]
    known: dict[Rule, set[str]] = {rule: set() for rule in rules}

    def join(left: set[str], right: set[str]) -> set[str]:
        return {one + other for one in left for other in right if len(one + other) <= LENGTH}

    def texts(node: Expression) -> set[str]:
        match node:
            case Text(content):
                return {content} if len(content) <= LENGTH else set()
            case Ref(rule):
                return known[rule]
            case Alt(options):
                return set().union(*map(texts, options))
            case Seq(items):
                result = {""}
                for item in items:
                    result = join(result, texts(item))
                return result
            case Repeat(item, low, high):
                once = texts(item)
                layer = {""}
                for _ in range(low):
                    layer = join(layer, once)
                result = set(layer)
                for _ in range(LENGTH + 1 if high is None else high - low):
                    layer = join(layer, once)
                    result |= layer
                return result
            case _:
                raise AssertionError(node)

    while True:
        found = {rule: texts(body(rule)) for rule in rules}
        if found == known:
            return known[start]
        known = {rule: known[rule] | found[rule] for rule in rules}


@st.composite
def rule_sets(draw: st.DrawFn) -> Rule:
    rules = [Rule(name) for name in "ABC"[: draw(st.integers(1, 3))]]
    leaves = st.sampled_from([Text("x"), Text("y"), EMPTY, *map(Ref, rules), *map(Ref, rules)])

    def grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        return st.one_of(
            st.lists(inner, min_size=2, max_size=3).map(lambda items: seq(*items)),
            st.lists(inner, min_size=2, max_size=3).map(lambda items: alt(*items)),
            st.builds(repeat, inner, st.integers(0, 1), st.sampled_from([None, 2])),
            inner.map(optional),
        )

    for rule in rules:
        rule.body = draw(st.recursive(leaves, grow, max_leaves=6))
    return rules[0]


@settings(max_examples=150, deadline=None)
@given(rule_sets(), st.booleans())
def test_settled_rules_match_what_the_rules_give(start: Rule, atoms: bool) -> None:
    expected = written_out(start)
    try:
        expression = settle(start, atoms=atoms)
    except GrammarError as error:
        assert "left-recursive" in error.message or ("never comes to an end" in error.message and not expected)
        return
    for length in range(LENGTH + 1):
        for letters in itertools.product("xy", repeat=length):
            text = "".join(letters)
            assert matches(expression, text) == (text in expected), text


def sums() -> Rule:
    """Sums and products as textbooks write them, through three rules that begin with each other."""
    start, total, product, number = Rule("start"), Rule("sum"), Rule("product"), Rule("number")
    start.body = Ref(total)
    total.body = alt(Ref(product), seq(Ref(total), Text("+"), Ref(product)))
    product.body = alt(Ref(number), seq(Ref(product), Text("*"), Ref(number)))
    number.body = alt(Text("1"), seq(Text("("), Ref(start), Text(")")))
    return start


def test_left_recursion_of_several_rules() -> None:
    expression = settle(sums(), atoms=False)
    for text in ["1", "1+1*1", "(1+1)*1+1", "((1))"]:
        assert matches(expression, text)
    for text in ["", "+1", "1+", "(1", "1 1"]:
        assert not matches(expression, text)


def test_rules_that_are_not_recursive_leave_no_reference() -> None:
    start, word, pair = Rule("start"), Rule("word"), Rule("pair")
    word.body = repeat(Text("x"), 1)
    pair.body = seq(Ref(word), Text("="), Ref(word))
    start.body = repeat(Ref(pair))
    match settle(start, atoms=False):
        case Repeat(Seq((Repeat(), Text("="), Repeat())), 0, None):
            pass
        case other:
            raise AssertionError(other)
    assert isinstance(settle(start, atoms=True), Atom)


def test_empty_texts_before_a_rule_that_begins_with_itself() -> None:
    space, start = Rule("space"), Rule("start")
    space.body = optional(seq(Text(" "), Ref(space)))
    start.body = alt(seq(Ref(space), Ref(start), Text("x")), Text("y"))
    expression = settle(start, atoms=True)
    assert matches(expression, "yx")
    assert matches(expression, "   yxx")
    assert matches(expression, "  yx")
    assert not matches(expression, " y")


def test_a_rule_that_never_ends_is_refused_by_name() -> None:
    start = Rule("start")
    start.body = seq(Text("x"), Ref(start))
    with pytest.raises(GrammarError, match=r"start.*never comes to an end"):
        settle(start, atoms=False)


def test_left_recursion_that_goes_on_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.grammar.left_recursion.MAX_ROUNDS", 1)
    start = Rule("loop")
    start.body = alt(EMPTY, seq(Ref(start), Ref(start), Text("x")))
    with pytest.raises(GrammarError, match="the rule loop is left-recursive"):
        straighten(start, Fuel())


def test_rules_that_double_at_every_level_are_not_written_out() -> None:
    for atoms in (True, False):
        rules = [Rule(f"r{level}") for level in range(60)]
        for rule, below in itertools.pairwise(rules):
            rule.body = seq(Ref(below), Ref(below))
        rules[-1].body = alt(Text("x"), Text("y"))
        found = nodes(settle(rules[0], atoms=atoms))
        assert 10 < len(found) < 10_000
        assert not any(
            isinstance(inner, Atom) for node in found if isinstance(node, Atom) for inner in nodes(node.item)
        )


def test_thousands_of_chained_rules() -> None:
    rules = [Rule(f"r{level}") for level in range(3000)]
    for rule, below in itertools.pairwise(rules):
        rule.body = alt(Text("x"), seq(Text("y"), Ref(below)))
    rules[-1].body = Text("z")
    expression = settle(rules[0], atoms=True)
    assert matches(expression, "yyyyx")
    assert not matches(expression, "yyyyz")


def nodes(expression: Expression) -> list[Expression]:
    """The nodes, each once, with those of the rules referred to."""
    seen: dict[int, Expression] = {}
    pending = [expression]
    while pending:
        node = pending.pop()
        if id(node) not in seen:
            seen[id(node)] = node
            pending.extend([body(node.rule)] if isinstance(node, Ref) else parts(node))
            pending.extend([node.item] if isinstance(node, Atom) else [])
    return list(seen.values())
