"""Random JSON Schemas and values for Hypothesis, over so few names and values that keywords meet.

Numbers are quarters and divisors powers of two, so that an oracle that computes in floats computes exactly.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = ["a", "b", "ab", "é", ""]
STRINGS = ["", "a", "b", "ab", "ba", "aab", "é", "日a", '"', "0", "a\tb"]
NUMBERS = [0, 1, -1, 2, 3, 5, 10, -7, 0.5, 1.25, -2.75, 100]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]
PATTERNS = ["a", "^a", "b$", "^(a|b)*$", "^.{2}$", "[^a]", "^a?b?$"]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.integers(-40, 40).map(lambda quarters: quarters / 4),
    st.sampled_from(STRINGS),
    st.text(st.sampled_from("abé0"), max_size=3),
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(NAMES) | st.sampled_from(STRINGS), inner, max_size=4),
    ),
    max_leaves=6,
)
"""JSON values."""

_counts = st.integers(0, 3)
_names = st.lists(st.sampled_from(NAMES), max_size=2, unique=True)


def _one(keyword: str, argument: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return argument.map(lambda drawn: {keyword: drawn})


def _plain() -> st.SearchStrategy[dict[str, Any]]:
    """Keywords without schemas in them."""
    return st.one_of(
        _one("type", st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True)),
        _one("enum", st.lists(values, min_size=1, max_size=4)),
        _one("const", values),
        *(_one(keyword, st.sampled_from(NUMBERS)) for keyword in ("minimum", "maximum", "exclusiveMinimum")),
        _one("exclusiveMaximum", st.sampled_from(NUMBERS)),
        _one("multipleOf", st.sampled_from([1, 2, 0.5, 0.25, 4])),
        *(_one(keyword, _counts) for keyword in ("minLength", "maxLength", "minItems", "maxItems")),
        *(_one(keyword, _counts) for keyword in ("minProperties", "maxProperties")),
        _one("pattern", st.sampled_from(PATTERNS)),
        _one("required", _names),
        _one("uniqueItems", st.booleans()),
        _one("dependentRequired", st.dictionaries(st.sampled_from(NAMES), _names, max_size=2)),
    )


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Keywords with schemas in them."""
    several = st.lists(inner, min_size=1, max_size=3)
    by_name = st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    return st.one_of(
        _one("properties", by_name),
        _one("additionalProperties", inner),
        _one("patternProperties", st.dictionaries(st.sampled_from(PATTERNS), inner, max_size=2)),
        _one("propertyNames", inner),
        _one("items", inner),
        _one("prefixItems", several),
        st.fixed_dictionaries({"contains": inner}, optional={"minContains": _counts, "maxContains": _counts}),
        *(_one(keyword, several) for keyword in ("allOf", "anyOf", "oneOf")),
        _one("not", inner),
        st.fixed_dictionaries({"if": inner}, optional={"then": inner, "else": inner}),
        _one("dependentSchemas", by_name),
        _one("unevaluatedProperties", inner),
        _one("unevaluatedItems", inner),
    )


def _merged(parts: st.SearchStrategy[dict[str, Any]], most: int) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(parts, max_size=most).map(
        lambda drawn: {key: value for part in drawn for key, value in part.items()}
    )


schemas: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | _merged(_plain(), 3),
    lambda inner: _merged(_plain() | _nested(inner) | _nested(inner), 4),
    max_leaves=5,
)
"""Schemas of draft 2020-12, valid ones, without references."""
