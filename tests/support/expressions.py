"""Random expressions for Hypothesis, over few enough characters that different parts of one often meet."""

from __future__ import annotations

from hypothesis import strategies as st

from weft.grammar import expression as ex

LETTERS = 'ab01.é日😀"\\'
PLAIN = ex.without(ex.ANY_CHARACTER, ex.one_of('"\\'), ex.chars([(0, 0x1F)]))
KEY = ex.Atom(ex.repeat(PLAIN))
"""What a key may be, between its quotes, without escapes."""

STRING = ex.Atom(ex.seq(ex.text('"'), ex.repeat(PLAIN), ex.text('"')))
NUMERAL = ex.seq(
    ex.repeat(ex.one_of("01"), 1, 4), ex.optional(ex.seq(ex.text("."), ex.repeat(ex.one_of("012345"), 1, 3)))
)
BRACKETS = ex.Rule("brackets")
BRACKETS.body = ex.alt(ex.one_of("ab"), ex.seq(ex.text("("), ex.repeat(ex.Ref(BRACKETS), 0, 2), ex.text(")")), ex.EMPTY)


def _leaves() -> st.SearchStrategy[ex.Expression]:
    letters = st.sampled_from(LETTERS)
    return st.one_of(
        st.text(letters, max_size=4).map(ex.text),
        st.text(letters, min_size=1, max_size=4).map(ex.one_of),
        st.just(ex.ANY_CHARACTER),
        st.sampled_from([ex.chars([(0x80, 0x7FF)]), ex.chars([(0x800, 0x2FFFF)]), PLAIN, STRING]),
        st.tuples(st.sampled_from([2, 3, 4, 7, 25]), st.integers(0, 2)).map(
            lambda given: ex.both(NUMERAL, ex.Multiple(*given))
        ),
    )


def _bounds(most: int) -> st.SearchStrategy[tuple[int, int | None]]:
    counts = st.tuples(st.integers(0, most), st.none() | st.integers(0, most))
    return counts.map(lambda given: (given[0], None if given[1] is None else given[0] + given[1]))


def regular() -> st.SearchStrategy[ex.Expression]:
    """Regular expressions, with intersections and exclusions."""
    return st.recursive(
        _leaves(),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda items: ex.seq(*items)),
            st.lists(inner, min_size=1, max_size=3).map(lambda items: ex.alt(*items)),
            st.tuples(inner, _bounds(3)).map(lambda given: ex.repeat(given[0], *given[1])),
            st.tuples(inner, inner).map(lambda given: ex.both(*given)),
            st.tuples(inner, inner).map(lambda given: ex.without(*given)),
            inner.map(lambda item: item if item is ex.NOTHING else ex.Atom(item)),
        ),
        max_leaves=8,
    )


@st.composite
def members(draw: st.DrawFn, values: st.SearchStrategy[ex.Expression]) -> ex.Expression:
    """An object, with its braces."""
    names = draw(st.lists(st.sampled_from(["a", "b", "ab", "é", '"', "", "0"]), max_size=3, unique=True))
    named = tuple(ex.Member(name, draw(values), draw(st.booleans())) for name in names)
    keys = st.sampled_from(
        [
            (KEY,),
            (),
            (ex.Atom(ex.both(KEY, ex.seq(ex.text("a"), ex.repeat(ex.ANY_CHARACTER)))),),
            (ex.Atom(ex.repeat(ex.one_of("ab"), 0, 1)), ex.Atom(ex.repeat(ex.one_of("ab"), 2, 2))),
        ]
    )
    others = tuple((key, draw(values)) for key in draw(keys))
    low, high = draw(_bounds(2))
    inside = ex.Members(named, others, low, high, ordered=draw(st.booleans()))
    return ex.seq(ex.text("{"), inside, ex.text("}"))


@st.composite
def elements(draw: st.DrawFn, values: st.SearchStrategy[ex.Expression]) -> ex.Expression:
    """An array, with its brackets."""
    counters = tuple(draw(st.lists(_bounds(2), max_size=2)))
    options = st.lists(
        st.tuples(values, st.integers(0, (1 << len(counters)) - 1)).map(lambda given: ex.Option(*given)), max_size=2
    ).map(tuple)
    first = tuple(draw(st.lists(options, max_size=2)))
    low, high = draw(_bounds(2))
    return ex.seq(ex.text("["), ex.Elements(first, draw(options), low, high, counters), ex.text("]"))


@st.composite
def unique_elements(draw: st.DrawFn) -> ex.Expression:
    """An array of different items."""
    values = st.sampled_from([STRING, ex.Atom(ex.one_of("ab0")), ex.Atom(ex.repeat(ex.one_of("01"), 1, 2))])
    options = st.lists(values.map(ex.Option), min_size=1, max_size=2, unique_by=lambda option: option.value).map(tuple)
    low, high = draw(_bounds(2))
    first = tuple(draw(st.lists(options, max_size=1)))
    return ex.seq(ex.text("["), ex.Elements(first, draw(options), low, high, unique=True), ex.text("]"))


def _repeated(given: tuple[ex.Expression, int, int | None]) -> ex.Expression:
    item, low, more = given
    return ex.repeat(item, low, None if more is None else low + more)


def expressions() -> st.SearchStrategy[ex.Expression]:
    """Objects and arrays of regular values and of each other, brackets, special tokens; none takes the empty text."""
    values = st.one_of(
        st.sampled_from(
            [STRING, ex.text("0"), ex.Atom(ex.repeat(ex.one_of("01"), 1)), ex.seq(ex.Token("<t>"), ex.text("a"))]
        ),
        st.just(ex.seq(ex.text("("), ex.Ref(BRACKETS), ex.text(")"))),
        regular().map(lambda item: ex.seq(ex.text("0"), item)),  # never empty, as no JSON value is
    )
    return st.recursive(
        st.one_of(values, unique_elements()),
        lambda inner: st.one_of(
            members(inner),
            elements(inner),
            st.lists(inner, min_size=1, max_size=3).map(lambda items: ex.seq(*items)),
            st.lists(inner, min_size=1, max_size=3).map(lambda items: ex.alt(*items)),
            st.tuples(inner, st.integers(1, 2), st.sampled_from([0, 1, None])).map(_repeated),
        ),
        max_leaves=5,
    )
