"""Hostile input ends in a grammar or in a `GrammarError`, within a counted bound: never in anything else, nor never.

Nothing here looks at a clock. What was counted (expressions in a store) is asserted where counting is the point; that a
case comes to its end at all is asserted by running it.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hostile_constraints import GRAMMARS, KEYWORDS, REGEXES, SCHEMAS, TAGS
from hypothesis import given, settings
from hypothesis import strategies as st
from schema_cases import BYTES, accepts

from weft.errors import GrammarError
from weft.grammar import Vocabulary, compile
from weft.grammar.compiler import parse
from weft.grammar.constraints import json_schema, regex
from weft.grammar.engine.limits import Limits
from weft.grammar.engine.matcher import compile_expression
from weft.grammar.engine.store import Store

STEPS = 24


def fate(**constraint: Any) -> str:
    """Compile and use a constraint: "served", or the keyword of the error that refused it, then or later."""
    rng = random.Random(0)
    try:
        grammar = compile(vocabulary=BYTES, **constraint)
        matcher = grammar.matcher()
        for _ in range(STEPS):
            bits = grammar.mask(matcher.mask_row())
            allowed = [token for token in range(BYTES.size) if int(bits[token // 32]) >> (token % 32) & 1]
            assert allowed, "a mask that forbids everything"
            assert matcher.advance(rng.choice(allowed))
            matcher.forced()
            if matcher.is_finished():
                break
    except GrammarError as error:
        assert str(error)
        return error.keyword or error.param or "refused"
    return "served"


@pytest.mark.parametrize("name", REGEXES)
def test_hostile_regexes(name: str) -> None:
    fate(regex=REGEXES[name])


@pytest.mark.parametrize("name", REGEXES)
def test_hostile_patterns(name: str) -> None:
    fate(json_schema=json.dumps({"type": "string", "pattern": REGEXES[name]}))
    fate(json_schema=json.dumps({"type": "object", "patternProperties": {REGEXES[name]: {"type": "null"}}}))


@pytest.mark.parametrize("name", ["nested plus", "equal choices", "counts in counts", "counts in counts in counts"])
def test_what_blows_up_elsewhere_is_small_here(name: str) -> None:
    assert fate(regex=REGEXES[name]) == "served"
    store = Store(BYTES)
    before = store.size
    store.add(parse(regex(REGEXES[name])))
    assert store.size - before < 10_000


def test_counts_are_never_written_out() -> None:
    for count in (1_000, 1_000_000):
        for source in (
            {"type": "string", "maxLength": count},
            {"type": "string", "minLength": count},
            {"type": "array", "maxItems": count},
            {"type": "array", "items": {"type": "string", "maxLength": count}, "minItems": count},
            {"type": "object", "minProperties": count},
        ):
            store = Store(BYTES)
            before = store.size
            store.add(parse(json_schema(source)))
            assert store.size - before < 5_000, source


@pytest.mark.parametrize("order", ["any", "schema"])
@pytest.mark.parametrize("name", SCHEMAS)
def test_hostile_schemas(name: str, order: str) -> None:
    source = SCHEMAS[name]
    fate(json_schema=source if isinstance(source, str) else json.dumps(source), property_order=order)


def test_what_nothing_can_meet_is_refused_and_does_not_hang() -> None:
    for name in ("itself", "itself by name", "endless", "bounds of no number", "all different of few"):
        assert fate(json_schema=json.dumps(SCHEMAS[name])) not in ("served", "size", "steps"), name


@pytest.mark.parametrize("name", GRAMMARS)
def test_hostile_grammars(name: str) -> None:
    if not name.startswith("EBNF"):
        pytest.importorskip("lark")
    fate(grammar=GRAMMARS[name])


def test_hostile_choices() -> None:
    assert fate(choices=[f"choice {i}" for i in range(100_000)]) in ("served", "length", "size")
    assert fate(choices=["a" * 100_000, "a" * 100_001]) in ("served", "length", "size")
    for choices in (["\ud800"], [""], ["a\0b"], []):
        fate(choices=choices)


@pytest.mark.parametrize("name", TAGS)
def test_hostile_structural_tags(name: str) -> None:
    fate(structural_tag=TAGS[name])


@pytest.mark.parametrize(
    "constraint",
    [{"regex": REGEXES["exponential automaton"]}, {"json_schema": SCHEMAS["oneOf of many"]}, {"regex": "(a|"}],
    ids=["a large regex", "a large schema", "a broken regex"],
)
def test_the_same_constraint_always_has_the_same_fate(constraint: dict[str, Any]) -> None:
    assert len({fate(**constraint) for _ in range(3)}) == 1


def test_a_failed_compile_leaves_others_served() -> None:
    vocabulary = Vocabulary(BYTES.tokens, BYTES.eos_ids)
    good = compile(regex="a{2,3}", vocabulary=vocabulary)
    for source in (REGEXES["deep groups"], REGEXES["a count beyond any number"], "["):
        try:
            compile(regex=source, vocabulary=vocabulary)
        except GrammarError:
            continue
    assert accepts(good, "aaa")
    assert not accepts(good, "a")


def test_bounds_are_counted_and_name_what_was_too_large() -> None:
    wide = parse(json_schema({"enum": [f"value {i}" for i in range(2_000)]}))
    with pytest.raises(GrammarError, match="too large") as caught:
        Store(BYTES, Limits(compile_steps=50)).add(wide)
    assert caught.value.keyword in ("size", "steps")
    grammar = compile_expression(parse(regex("(.*a){50}|[a-f]{9}")), BYTES, Limits(mask_steps=50))
    with pytest.raises(GrammarError, match="50 units of work") as caught:
        grammar.mask(grammar.matcher().mask_row())
    assert caught.value.keyword == "steps"


@settings(deadline=None, max_examples=200)
@given(source=st.text(st.sampled_from("ab()[]{}|*+?.^$\\d01,-=!<:P"), max_size=20))
def test_any_regex_is_served_or_refused(source: str) -> None:
    fate(regex=source)
    fate(json_schema={"pattern": source})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200)
@given(schema=st.dictionaries(st.sampled_from(KEYWORDS), JSON, max_size=4))
def test_any_schema_is_served_or_refused(schema: dict[str, Any]) -> None:
    fate(json_schema=schema)


@settings(deadline=None, max_examples=100)
@given(source=st.text(max_size=40))
def test_any_text_as_any_constraint_is_served_or_refused(source: str) -> None:
    fate(json_schema=source)
    fate(regex=source)
    fate(structural_tag=source)
