"""What is known of recursive expressions before they are loaded: rules, what can be empty, left recursion."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slow_matcher import matches

from weft.errors import GrammarError
from weft.grammar import expression as ex
from weft.grammar.engine.analysis import analyse
from weft.grammar.engine.program import write


@st.composite
def systems(draw: st.DrawFn) -> list[ex.Rule]:
    """Rules that refer to each other."""
    rules = [ex.Rule(f"rule{index}") for index in range(draw(st.integers(1, 4)))]
    leaves = st.sampled_from(
        [ex.EMPTY, ex.Text("a"), ex.Atom(ex.optional(ex.Text("b"))), ex.both(ex.one_of("ab"), ex.one_of("bc"))]
        + [ex.Ref(rule) for rule in rules]
        + [ex.seq(ex.Text("("), ex.Ref(rule)) for rule in rules]
    )
    bodies = st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda items: ex.seq(*items)),
            st.lists(inner, min_size=1, max_size=3).map(lambda items: ex.alt(*items)),
            st.tuples(inner, st.integers(0, 1)).map(lambda given: ex.repeat(given[0], given[1], 3)),
            inner.map(lambda item: ex.Elements(((ex.Option(item),),), low=1)),
        ),
        max_leaves=5,
    )
    for rule in rules:
        rule.body = draw(bodies)
    return rules


@given(systems())
def test_rules_are_nullable_where_the_empty_text_matches(rules: list[ex.Rule]) -> None:
    whole = ex.alt(*map(ex.Ref, rules))
    try:
        analysis = analyse(whole)
    except GrammarError as error:
        assert error.keyword == "left_recursion"
        return
    assert set(analysis.rules) == set(rules)
    assert analysis.nullable <= set(rules)
    for rule in rules:
        if "Elements" not in repr(rule.body):  # an item of no text is none of JSON's, and not looked for
            assert (rule in analysis.nullable) == matches(ex.Ref(rule), "")


@pytest.mark.parametrize(
    "before", [ex.EMPTY, ex.optional(ex.Text("a")), ex.Elements(), ex.Atom(ex.optional(ex.Text("b")))]
)
def test_left_recursion_is_refused_by_the_name_of_a_rule_on_the_way_round(before: ex.Expression) -> None:
    outside, first, second = ex.Rule("outside"), ex.Rule("first"), ex.Rule("second")
    first.body = ex.alt(ex.seq(before, ex.Ref(second), ex.Text("a")), ex.Text("b"))
    second.body = ex.repeat(ex.Ref(first), 1, 2)
    outside.body = ex.seq(ex.Text("x"), ex.Ref(first))
    with pytest.raises(GrammarError, match=r"rule (first|second) is left-recursive"):
        analyse(ex.Ref(outside))


def test_a_rule_that_reads_something_first_may_come_again() -> None:
    rule = ex.Rule("rule")
    rule.body = ex.alt(ex.EMPTY, ex.seq(ex.optional(ex.Text("a")), ex.Text("("), ex.Ref(rule), ex.Ref(rule)))
    assert analyse(ex.Ref(rule)).nullable == {rule}


def test_parts_that_are_shared_are_looked_at_once() -> None:
    """Written out, this has 3**150 parts."""
    rule = ex.Rule("rule")
    shared: ex.Expression = ex.alt(ex.EMPTY, ex.seq(ex.Text("("), ex.Ref(rule), ex.Text(")")))
    for _ in range(150):
        shared = ex.Seq((shared, ex.Alt((shared, ex.EMPTY)), ex.Repeat(shared, 1, 2)))
    rule.body = shared
    assert rule in analyse(shared).nullable


def test_a_long_chain_of_rules_takes_one_pass() -> None:
    rules = [ex.Rule(f"rule{index}") for index in range(20_000)]
    for rule, following in pairwise(rules):
        rule.body = ex.seq(ex.Ref(following), ex.optional(ex.Text("a")))
    rules[-1].body = ex.EMPTY
    assert len(analyse(ex.Ref(rules[0])).nullable) == len(rules)


def test_what_nests_too_deeply_is_refused() -> None:
    expression: ex.Expression = ex.one_of("ab")
    for _ in range(100_000):
        expression = ex.Repeat(expression, 0, 1)
    with pytest.raises(GrammarError, match="deep"):
        write(expression)
