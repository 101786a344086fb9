"""What a text may be: one expression for regexes, schemas, grammars, choices and tool calls alike.

Front ends build these over Unicode characters; `weft.grammar.engine` lowers them to bytes, interns them and takes
derivatives. Build them with the lower-case functions, which keep a simple normal form: no sequence inside a sequence,
and an expression that no text can match is `NOTHING` wherever that is plain to see.

Expressions are compared by identity. Lone surrogates, which no UTF-8 text holds, are never matched. *Regular*
expressions are those without `Ref`, `Members`, `Elements` and `Token`; only they may stand in `Both`, `Not` and `Atom`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_CHARACTER = 0x10FFFF
Ranges = tuple[tuple[int, int], ...]
"""Code points as sorted, disjoint, inclusive (first, last) pairs."""

ALL_RANGES: Ranges = ((0, 0xD7FF), (0xE000, MAX_CHARACTER))


@dataclass(frozen=True, slots=True, eq=False)
class Chars:
    """One character out of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """Exactly this text, which is not empty."""

    content: str


@dataclass(frozen=True, slots=True, eq=False)
class Seq:
    """One after the other; of nothing, the empty text."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Alt:
    """Any one of several; of none, no text at all."""

    options: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """From `low` to `high` times the same; None is without end. Never written out, whatever the counts."""

    item: Expression
    low: int
    high: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Both:
    """A text that every one of `items` matches: intersection. At least one of them is no `Not`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Not:
    """A text that `item` does not match. Stands only inside a `Both`, beside what is matched."""

    item: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Multiple:
    """An unsigned numeral without exponent whose value times 10**places is a whole multiple of `modulus`.

    Digits, then perhaps a point and digits; after `places` of those only zeros may follow. Combine it with `Both` to
    say what a numeral looks like: leading zeros and a trailing point are not this node's business.
    """

    modulus: int
    places: int


@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """The same texts as `item`; the engine caches token masks by what is left of it, whatever follows.

    To be put around each unit that many constraints share: a JSON string, a number, a date.
    """

    item: Expression


@dataclass(eq=False)
class Rule:
    """A named expression that may refer to itself. `body` is set once, after the references to it are made."""

    name: str
    body: Expression | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Ref:
    """What `rule` matches. Left recursion, also through what may be empty, is refused by the engine."""

    rule: Rule


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """The special token of this name (as ``<tool_call>``), or its name as text in a vocabulary without that token."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A property of `Members`. One whose value is `NOTHING` may not be there."""

    name: str
    value: Expression
    required: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """The members of a JSON object, between its braces: distinct keys in any order, unless `ordered`.

    Attributes:
        named: properties by name, in the schema's order.
        others: (key, value) for all other keys; `key` is a regular expression over what stands between the quotes, as
            JSON spells it (`json_text.inside_string`), and the keys of different pairs exclude each other. The names of
            `named` are taken out of them by the engine.
        low, high: bounds on the number of keys, None for no upper one. Until `low` is met no key comes twice; one that
            is not in `named` may after that, and counts each time.
        ordered: named members come in the order of `named`, and before the others.
        comma, colon: what stands between members, and between a key and its value.
    """

    named: tuple[Member, ...]
    others: tuple[tuple[Expression, Expression], ...] = ()
    low: int = 0
    high: int | None = None
    ordered: bool = False
    comma: Expression = field(default_factory=lambda: Text(", "))
    colon: Expression = field(default_factory=lambda: Text(": "))


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One way an item of `Elements` may be; `counts` has bit k set where such an item counts for `counters[k]`."""

    value: Expression
    counts: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """The items of a JSON array, between its brackets.

    Attributes:
        first: for each of the first positions, the ways an item there may be.
        rest: the ways every later item may be; empty where there are none.
        low, high: bounds on the number of items, None for no upper one.
        counters: (low, high) for each counter, how many items must and may count for it. A text is taken if some
            choice of options gives counts within bounds: for exact counts the options must exclude each other.
        unique: no two items have the same text. Every item must then be an `Atom` in which a value has one spelling.
        comma: what stands between items.
    """

    first: tuple[tuple[Option, ...], ...] = ()
    rest: tuple[Option, ...] = ()
    low: int = 0
    high: int | None = None
    counters: tuple[tuple[int, int | None], ...] = ()
    unique: bool = False
    comma: Expression = field(default_factory=lambda: Text(", "))


Expression = Chars | Text | Seq | Alt | Repeat | Both | Not | Multiple | Atom | Ref | Token | Members | Elements

EMPTY = Seq(())
NOTHING = Alt(())
ANY_CHARACTER = Chars(ALL_RANGES)


def merge(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted and disjoint, whatever the order and overlap of the pairs given."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    """Every code point from 0 to `MAX_CHARACTER` that is not in `ranges` (merged)."""
    gaps = []
    start = 0
    for first, last in ranges:
        if first > start:
            gaps.append((start, first - 1))
        start = last + 1
    if start <= MAX_CHARACTER:
        gaps.append((start, MAX_CHARACTER))
    return tuple(gaps)


def intersect(left: Ranges, right: Ranges) -> Ranges:
    """Code points that are in both (each merged)."""
    common = []
    i = j = 0
    while i < len(left) and j < len(right):
        first, last = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if first <= last:
            common.append((first, last))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def chars(ranges: Iterable[tuple[int, int]]) -> Expression:
    """One character out of `ranges`, in any order."""
    usable = intersect(merge(ranges), ALL_RANGES)
    return Chars(usable) if usable else NOTHING


def one_of(characters: str) -> Expression:
    """One of these characters."""
    return chars((ord(character), ord(character)) for character in characters)


def text(content: str) -> Expression:
    """Exactly this text; `NOTHING` where it holds half a surrogate pair."""
    if not content.isascii() and any("\ud800" <= character <= "\udfff" for character in content):
        return NOTHING
    return Text(content) if content else EMPTY


def seq(*items: Expression) -> Expression:
    """`items`, one after the other."""
    flat: list[Expression] = []
    for item in items:
        if item is NOTHING:
            return NOTHING
        if isinstance(item, Seq):
            flat.extend(item.items)
        else:
            flat.append(item)
    if not flat:
        return EMPTY
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def alt(*options: Expression) -> Expression:
    """Any one of `options`."""
    flat: dict[Expression, None] = {}
    for option in options:
        if isinstance(option, Alt):
            flat.update(dict.fromkeys(option.options))
        else:
            flat[option] = None
    if not flat:
        return NOTHING
    return next(iter(flat)) if len(flat) == 1 else Alt(tuple(flat))


def repeat(item: Expression, low: int = 0, high: int | None = None) -> Expression:
    """`item` from `low` to `high` times; an empty range is no text at all."""
    if high is not None and low > high:
        return NOTHING
    if item is NOTHING:
        return EMPTY if low == 0 else NOTHING
    if high == 0 or item is EMPTY:
        return EMPTY
    return item if (low, high) == (1, 1) else Repeat(item, low, high)


def optional(item: Expression) -> Expression:
    """`item` or the empty text."""
    return repeat(item, 0, 1)


def both(*items: Expression) -> Expression:
    """A text that all of `items`, at least one of which is no `Not`, match."""
    flat: dict[Expression, None] = {}
    for item in items:
        if item is NOTHING:
            return NOTHING
        flat.update(dict.fromkeys(item.items if isinstance(item, Both) else (item,)))
    return next(iter(flat)) if len(flat) == 1 else Both(tuple(flat))


def without(item: Expression, *excluded: Expression) -> Expression:
    """What `item` matches and none of `excluded` does."""
    kept = [one for one in excluded if one is not NOTHING]
    return both(item, *map(Not, kept)) if kept else item


def texts(contents: Iterable[str]) -> Expression:
    """Any one of these texts, factored by what they begin with, so that thousands of them cost little."""
    usable = sorted({content for content in contents if text(content) is not NOTHING})
    return _factored(usable, 0, len(usable), 0)


def _factored(contents: list[str], start: int, end: int, depth: int) -> Expression:
    """What is left, past `depth`, of the sorted `contents[start:end]`, which agree so far."""
    options: list[Expression] = []
    if start < end and len(contents[start]) == depth:
        options.append(EMPTY)
        start += 1
    while start < end:
        letter = contents[start][depth]
        stop = start + 1
        while stop < end and contents[stop][depth] == letter:
            stop += 1
        shared = _shared(contents[start], contents[stop - 1], depth)
        options.append(seq(Text(contents[start][depth:shared]), _factored(contents, start, stop, shared)))
        start = stop
    return alt(*options)


def _shared(left: str, right: str, depth: int) -> int:
    """Up to where the two, sorted and alike to `depth`, are alike."""
    end = min(len(left), len(right))
    while depth < end and left[depth] == right[depth]:
        depth += 1
    return depth


def size(expression: Expression) -> int:
    """Nodes when every counted repeat is written out; shared parts count each time they are used."""
    known: dict[int, int] = {}

    def visit(node: Expression) -> int:
        count = known.get(id(node))
        if count is None:
            count = known[id(node)] = measure(node)
        return count

    def measure(node: Expression) -> int:
        match node:
            case Text(content):
                return len(content)
            case Seq(items) | Alt(items) | Both(items):
                return 1 + sum(map(visit, items))
            case Repeat(item, low, high):
                return 1 + visit(item) * max(low + 1 if high is None else high, 1)
            case Not(item) | Atom(item):
                return 1 + visit(item)
            case _:
                return 1

    return visit(expression)


def lengths(expression: Expression) -> tuple[int, int | None]:
    """The fewest and most characters a match of a regular expression can have, or bounds on them; None is no end."""
    match expression:
        case Chars():
            return 1, 1
        case Text(content):
            return len(content), len(content)
        case Seq(items):
            bounds = [lengths(item) for item in items]
            return sum(low for low, _ in bounds), _total(high for _, high in bounds)
        case Alt(options):
            bounds = [lengths(option) for option in options] or [(0, 0)]
            highs = [high for _, high in bounds]
            known = [high for high in highs if high is not None]
            return min(low for low, _ in bounds), max(known) if len(known) == len(highs) else None
        case Repeat(item, low, high):
            shortest, longest = lengths(item)
            unbounded = longest != 0 and (high is None or longest is None)
            return shortest * low, None if unbounded else (longest or 0) * (high or 0)
        case Both(items):
            bounds = [lengths(item) for item in items]
            known = [high for _, high in bounds if high is not None]
            return max(low for low, _ in bounds), min(known) if known else None
        case Atom(item):
            return lengths(item)
        case _:
            return 0, None


def _total(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
