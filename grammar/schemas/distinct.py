"""Arrays whose items are all different: each value is written in one way only, so that texts can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ..expression import EMPTY, NOTHING, Atom, Expression, Option, Text, alt, repeat, seq
from ..json_text import NULL, Spelling, inside_string
from .arrays import ArrayShape
from .checks import refuse
from .nodes import TRUE, Node
from .objects import ObjectShape
from .spelling import WORDS, spell_numbers, spell_strings
from .values import NULL as NULL_BIT

if TYPE_CHECKING:
    from .emit import Emitter

SPELLINGS: tuple[Spelling, ...] = ("raw", "ascii")


def distinct_items(emitter: Emitter, shape: ArrayShape, longest: int | None, pointer: str) -> Expression:
    """The texts of a set of arrays of distinct items: those with all strings raw, and those in ASCII.

    Raises:
        GrammarError: an item may be an array or an object that can be written in several ways.
    """
    if shape.contains:
        refuse(pointer, "uniqueItems", "not enforced together with contains")
    possible = [_how_many(node) for node in {*shape.prefix, shape.rest}]
    most = None if None in possible else sum(filter(None, possible))
    if most is None and shape.low > 1 and not all(map(_is_endless, {*shape.prefix, shape.rest})):
        refuse(pointer, "uniqueItems", "not enforced beside minItems where it is not plain how many values there are")
    longest = most if longest is None else longest if most is None else min(longest, most)
    if longest is not None and longest < shape.low:
        return NOTHING
    count = len(shape.prefix) if longest is None else min(len(shape.prefix), longest)
    more = longest is None or longest > count
    nodes = [shape.item(index) for index in range(count)] + [shape.rest] * more
    written = []
    for spelling in SPELLINGS:
        writer = _Writer(emitter, spelling, pointer)
        items = [writer.node(node) for node in nodes]
        ways = [() if item is NOTHING else (Option(item if isinstance(item, Atom) else Atom(item)),) for item in items]
        rest = ways[count] if more else ()
        written.append(emitter.bracketed(tuple(ways[:count]), rest, shape.low, longest, unique=True))
        if all(map(_is_plain, nodes)):
            break
    return alt(*written)


def _how_many(node: Node) -> int | None:
    """No fewer than the values in it; None where that is not plain to see."""
    values = node.values()
    if values.arrays or values.objects or any(shape.values is None for shape in values.strings):
        return None
    total = values.words.bit_count() + sum(len(shape.values or ()) for shape in values.strings)
    for shape in values.numbers:
        if shape.values is not None:
            total += len(shape.values)
        elif shape.low is None or shape.high is None or not shape.multiples:
            return None
        else:
            total += (shape.high - shape.low) // max(shape.multiples) + 1
    return total


def _is_endless(node: Node) -> bool:
    """Whether there plainly are values in it without end."""
    values = node.values()
    return any(
        shape.values is None and shape.high is None and not (shape.languages or shape.excluded)
        for shape in values.strings
    ) or any(shape.values is None and (shape.low is None or shape.high is None) for shape in values.numbers)


def _is_plain(node: Node) -> bool:
    """Whether its values look the same in ASCII, as far as it is seen from outside."""
    values = node.values()
    return not (values.arrays or values.objects) and all(
        shape.values is not None and all(map(str.isascii, shape.values)) for shape in values.strings
    )


class _Writer:
    """Writes sets of values so that each value has one spelling, and as regular expressions."""

    def __init__(self, emitter: Emitter, spelling: Spelling, pointer: str) -> None:
        self.emitter = emitter
        self.spelling = spelling
        self.pointer = pointer
        self._written: dict[Node, Expression | None] = {}

    def refuse(self, reason: str) -> NoReturn:
        refuse(self.pointer, "uniqueItems", reason)

    def node(self, node: Node) -> Expression:
        if node is TRUE:
            self.refuse("not enforced for items that may be any value")
        if node not in self._written:
            self._written[node] = None
            self._written[node] = self.write(node)
        written = self._written[node]
        if written is None:
            self.refuse("not enforced for items of a recursive schema")
        return written

    def write(self, node: Node) -> Expression:
        values = node.values()
        truths = values.words & ~NULL_BIT
        options = [WORDS[truths]] if truths else []
        options += [NULL] if values.words & NULL_BIT else []
        options += [spell_numbers(shape, canonical=True) for shape in values.numbers]
        options += [spell_strings(shape, self.spelling) for shape in values.strings]
        options += [self.array(shape) for shape in values.arrays]
        options += [self.object(shape) for shape in values.objects]
        return alt(*options)

    def array(self, shape: ArrayShape) -> Expression:
        longest = shape.longest()
        if shape.contains or (shape.unique and (longest is None or longest > 1)):
            self.refuse("not enforced for items that are arrays with contains or uniqueItems themselves")
        self.check_style()
        count = len(shape.prefix) if longest is None else min(len(shape.prefix), longest)
        comma = self.emitter.comma
        rest = NOTHING if longest == count else self.node(shape.rest)
        after = repeat(seq(comma, rest), max(shape.low - count, 0), None if longest is None else longest - count)
        for index in range(count - 1, -1, -1):
            following = seq(self.node(shape.prefix[index]), after)
            may_end = EMPTY if shape.low <= index else NOTHING
            after = alt(may_end, seq(comma, following) if index else following)
        if not count:
            high = None if longest is None else longest - 1
            items = seq(rest, repeat(seq(comma, rest), max(shape.low - 1, 0), high)) if longest != 0 else NOTHING
            after = alt(EMPTY if shape.low == 0 else NOTHING, items)
        return seq(Text("["), after, Text("]"))

    def object(self, shape: ObjectShape) -> Expression:
        names = list(dict.fromkeys((*shape.named, *shape.required)))
        possible = [name for name in names if not shape.value(name).is_empty()]
        if not set(shape.required) <= set(possible):
            return NOTHING
        if self.emitter.others(shape, len(possible), self.pointer):
            self.refuse("not enforced for items that are objects with properties of any name")
        if not self.emitter.ordered and len(possible) > 1:
            self.refuse("not enforced for items that are objects whose properties come in any order")
        required = len(shape.required)
        if shape.low > required or (shape.high is not None and required < shape.high < len(possible)):
            self.refuse("not enforced for items that are objects with bounds on how many properties they have")
        if shape.high is not None and shape.high <= required:
            possible = list(shape.required)
        self.check_style()
        return seq(Text("{"), self.members(shape, possible), Text("}"))

    def members(self, shape: ObjectShape, names: list[str]) -> Expression:
        """The members in their order; `started` is what follows a member, `fresh` what stands where there is none."""
        emitter = self.emitter
        started: Expression = EMPTY
        fresh: Expression = EMPTY
        for name in reversed(names):
            key = inside_string(Text(name), self.spelling) if name else EMPTY
            member = seq(Text('"'), key, Text('"'), emitter.colon, self.node(shape.value(name)))
            may_lack = name not in shape.required
            fresh = alt(seq(member, started), *([fresh] if may_lack else []))
            started = alt(seq(emitter.comma, member, started), *([started] if may_lack else []))
        return fresh

    def check_style(self) -> None:
        if self.emitter.style.flexible:
            self.refuse("not enforced for items that are arrays or objects where whitespace is flexible")
