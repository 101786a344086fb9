"""The slow reference for `weft.grammar.expression`: derivatives by character, in plain Python, with no cleverness.

`matches(expression, text)` and `is_prefix(expression, text)` judge whole texts; `SlowMask` tries every token of a small
vocabulary byte by byte. Everything follows the docstrings of the expression nodes and nothing follows the engine.

A state is an interned `Node`, so that equal states are the same object and every derivative is computed once. Seen
from here a text is a sequence of *symbols*: characters, and `Special` tokens where a vocabulary has them.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from weft.grammar import expression as ex

SEARCH_LIMIT = 20_000
"""States a search for a continuation visits before it says that it does not know."""


@dataclass(frozen=True)
class Special:
    """A special token, as a symbol of a text."""

    name: str


Symbol = str | Special


class Node:
    """An interned state: `kind` and its parts. Two nodes of one `Machine` are equal exactly when they are the same."""

    __slots__ = ("kind", "parts")

    def __init__(self, kind: str, parts: tuple[Any, ...]) -> None:
        self.kind = kind
        self.parts = parts

    def __repr__(self) -> str:
        return f"{self.kind}{self.parts!r}"


@dataclass(frozen=True, eq=False)
class _Members:
    """`Members` with its parts loaded: (name, spelled name between quotes, value, required), and (key, value)."""

    named: tuple[tuple[str, Node, Node, bool], ...]
    others: tuple[tuple[Node, Node], ...]
    low: int
    high: int | None
    ordered: bool
    comma: Node
    colon: Node


@dataclass(frozen=True, eq=False)
class _Elements:
    """`Elements` with its parts loaded: options are (value, counts)."""

    first: tuple[tuple[tuple[Node, int], ...], ...]
    rest: tuple[tuple[Node, int], ...]
    low: int
    high: int | None
    counters: tuple[tuple[int, int | None], ...]
    unique: bool
    comma: Node

    def options(self, index: int) -> tuple[tuple[Node, int], ...]:
        """The ways item `index` may be."""
        if self.high is not None and index >= self.high:
            return ()
        return self.first[index] if index < len(self.first) else self.rest

    def satisfied(self, index: int, counts: tuple[int, ...]) -> bool:
        """Whether the array may end after `index` items."""
        return index >= self.low and all(count >= low for count, (low, _) in zip(counts, self.counters, strict=True))

    def counted(self, counts: tuple[int, ...], bits: int) -> tuple[int, ...] | None:
        """The counts with one more item of these bits; None where one is too many."""
        raised = []
        for k, (count, (low, high)) in enumerate(zip(counts, self.counters, strict=True)):
            count += bits >> k & 1
            if high is not None and count > high:
                return None
            raised.append(count if high is not None else min(count, low))
        return tuple(raised)

    def after(self, index: int) -> int:
        """The position after `index`, held at where nothing changes any more."""
        last = max(len(self.first), self.low, self.high or 0)
        return min(index + 1, last + 1)


class Machine:
    """The states of one expression, with the special tokens that the vocabulary has."""

    def __init__(self, expression: ex.Expression, specials: Iterable[str] = ()) -> None:
        self.specials = frozenset(specials)
        self._interned: dict[tuple[Hashable, ...], Node] = {}
        self._loaded: dict[ex.Expression, Node] = {}
        self._rules: dict[ex.Rule, Node] = {}
        self._nullable_rules: set[ex.Rule] = set()
        self._nullable: dict[Node, bool] = {}
        self._derived: dict[tuple[Node, Symbol], Node] = {}
        self._deriving: set[tuple[Node, Symbol]] = set()
        self._live: dict[Node, bool | None] = {}
        self._live_rules: set[ex.Rule] = set()
        self.nothing = self._node("nothing")
        self.empty = self._node("empty")
        self.start = self.load(expression)
        self._load_rules()
        self._find_nullable_rules()

    # Building: each function returns the interned node in normal form.

    def _node(self, kind: str, *parts: Hashable) -> Node:
        key = (kind, *parts)
        if key not in self._interned:
            self._interned[key] = Node(kind, parts)
        return self._interned[key]

    def _text(self, content: str) -> Node:
        return self._node("text", content) if content else self.empty

    def _seq(self, *items: Node) -> Node:
        result = self.empty
        for item in reversed(items):
            result = self._pair(item, result)
        return result

    def _pair(self, head: Node, tail: Node) -> Node:
        if head is self.nothing or tail is self.nothing:
            return self.nothing
        if head is self.empty:
            return tail
        if tail is self.empty:
            return head
        spine = []
        while head.kind == "seq":
            first, head = head.parts
            spine.append(first)
        for item in (head, *reversed(spine)):
            tail = self._node("seq", item, tail)
        return tail

    def _alt(self, options: Iterable[Node]) -> Node:
        flat: set[Node] = set()
        for option in options:
            flat |= option.parts[0] if option.kind == "alt" else {option}
        flat.discard(self.nothing)
        if not flat:
            return self.nothing
        return next(iter(flat)) if len(flat) == 1 else self._node("alt", frozenset(flat))

    def _both(self, items: Iterable[Node]) -> Node:
        flat: set[Node] = set()
        for item in items:
            flat |= item.parts[0] if item.kind == "both" else {item}
        flat.discard(self._node("not", self.nothing))
        if self.nothing in flat or not flat:
            return self.nothing
        return next(iter(flat)) if len(flat) == 1 else self._node("both", frozenset(flat))

    def _repeat(self, item: Node, low: int, high: int | None) -> Node:
        if high == 0 or item is self.empty:
            return self.empty
        if item is self.nothing:
            return self.empty if low == 0 else self.nothing
        return item if (low, high) == (1, 1) else self._node("repeat", item, low, high)

    def load(self, expression: ex.Expression) -> Node:
        """The state that matches what `expression` does."""
        if expression not in self._loaded:
            self._loaded[expression] = self._load(expression)
        return self._loaded[expression]

    def _load(self, expression: ex.Expression) -> Node:
        match expression:
            case ex.Chars(ranges):
                return self._node("chars", ranges)
            case ex.Text(content):
                return self._text(content)
            case ex.Seq(items):
                return self._seq(*map(self.load, items))
            case ex.Alt(options):
                return self._alt(map(self.load, options))
            case ex.Repeat(item, low, high):
                return self._repeat(self.load(item), low, high)
            case ex.Both(items):
                return self._both(map(self.load, items))
            case ex.Not(item):
                return self._node("not", self.load(item))
            case ex.Multiple(modulus, places):
                return self._node("multiple", modulus, places, 0, -1, False)
            case ex.Atom(item):
                return self.load(item)
            case ex.Ref(rule):
                self._rules.setdefault(rule, self.nothing)
                return self._node("ref", rule)
            case ex.Token(name):
                return self._node("token", name) if name in self.specials else self._text(name)
            case ex.Members():
                return self._load_members(expression)
            case ex.Elements():
                return self._load_elements(expression)

    def _load_members(self, members: ex.Members) -> Node:
        shape = _Members(
            named=tuple(
                (member.name, self._spelled(member.name), self.load(member.value), member.required)
                for member in members.named
            ),
            others=tuple((self.load(key), self.load(value)) for key, value in members.others),
            low=members.low if members.low > sum(member.required for member in members.named) else 0,
            high=members.high,
            ordered=members.ordered,
            comma=self.load(members.comma),
            colon=self.load(members.colon),
        )
        return self._node("members", shape, frozenset(), frozenset(), 0)

    def _load_elements(self, elements: ex.Elements) -> Node:
        def options(given: Sequence[ex.Option]) -> tuple[tuple[Node, int], ...]:
            return tuple((self.load(option.value), option.counts) for option in given)

        shape = _Elements(
            first=tuple(map(options, elements.first)),
            rest=options(elements.rest),
            low=elements.low,
            high=elements.high,
            counters=elements.counters,
            unique=elements.unique,
            comma=self.load(elements.comma),
        )
        return self._node("elements", shape, 0, (0,) * len(shape.counters), frozenset())

    def _spelled(self, name: str) -> Node:
        """A key between its quotes: each character raw, where JSON has it so, or as `json.dumps` escapes it."""
        letters = []
        for letter in name:
            spellings = {json.dumps(letter)[1:-1], json.dumps(letter, ensure_ascii=False)[1:-1]}
            letters.append(self._alt(map(self._text, spellings)))
        return self._seq(*letters)

    def _load_rules(self) -> None:
        loaded: set[ex.Rule] = set()
        while waiting := self._rules.keys() - loaded:
            for rule in waiting:
                if rule.body is None:
                    raise ValueError(f"rule {rule.name} has no body")
                loaded.add(rule)
                self._rules[rule] = self.load(rule.body)

    # Whether a state takes the empty text.

    def _find_nullable_rules(self) -> None:
        grown = True
        while grown:
            self._nullable.clear()
            found = {rule for rule, body in self._rules.items() if self.nullable(body)}
            grown = found != self._nullable_rules
            self._nullable_rules = found
        self._nullable.clear()

    def nullable(self, node: Node) -> bool:
        """Whether `node` takes the empty text."""
        if node not in self._nullable:
            self._nullable[node] = self._is_nullable(node)
        return self._nullable[node]

    def _is_nullable(self, node: Node) -> bool:
        match node.kind, node.parts:
            case "empty", _:
                return True
            case "seq", (head, tail):
                return self.nullable(head) and self.nullable(tail)
            case "alt", (options,):
                return any(map(self.nullable, options))
            case "both", (items,):
                return all(map(self.nullable, items))
            case "not", (item,):
                return not self.nullable(item)
            case "repeat", (item, low, _):
                return low == 0 or self.nullable(item)
            case "ref", (rule,):
                return rule in self._nullable_rules
            case "multiple", (modulus, places, remainder, decimals, digits):
                return digits and remainder * 10 ** (places - max(decimals, 0)) % modulus == 0
            case "members", (shape, seen, _, count):
                return count >= shape.low and all(name in seen for name, _, _, required in shape.named if required)
            case "elements", (shape, index, counts, _):
                return shape.satisfied(index, counts)
            case "item", (shape, index, counts, seen, value, content):
                return content not in seen and self.nullable(value) and shape.satisfied(index, counts)
            case _:  # nothing, chars, text, token, key
                return False

    # The derivative: what may follow a symbol.

    def derive(self, node: Node, symbol: Symbol) -> Node:
        """What `node` still takes after `symbol`.

        Raises:
            ValueError: a rule begins with itself.
        """
        key = (node, symbol)
        if key not in self._derived:
            if key in self._deriving:
                raise ValueError(f"left recursion at {node}")
            self._deriving.add(key)
            try:
                self._derived[key] = self._derive(node, symbol)
            finally:
                self._deriving.discard(key)
        return self._derived[key]

    def _derive(self, node: Node, symbol: Symbol) -> Node:
        match node.kind, node.parts:
            case "chars", (ranges,):
                taken = isinstance(symbol, str) and any(first <= ord(symbol) <= last for first, last in ranges)
                return self.empty if taken else self.nothing
            case "text", (content,):
                return self._text(content[1:]) if content[0] == symbol else self.nothing
            case "token", (name,):
                return self.empty if symbol == Special(name) else self.nothing
            case "seq", (head, tail):
                first = self._pair(self.derive(head, symbol), tail)
                return self._alt((first, self.derive(tail, symbol))) if self.nullable(head) else first
            case "alt", (options,):
                return self._alt(self.derive(option, symbol) for option in options)
            case "both", (items,):
                return self._both(self.derive(item, symbol) for item in items)
            case "not", (item,):
                return self._node("not", self.derive(item, symbol))
            case "repeat", (item, low, high):
                left = self._repeat(item, max(low - 1, 0), None if high is None else high - 1)
                return self._pair(self.derive(item, symbol), left)
            case "ref", (rule,):
                return self.derive(self._rules[rule], symbol)
            case "multiple", (modulus, places, remainder, decimals, digits):
                return self._derive_multiple(modulus, places, remainder, decimals, digits, symbol)
            case "members", parts:
                return self.derive(self._next_member(*parts), symbol)
            case "key", parts:
                return self._derive_key(*parts, symbol)
            case "elements", parts:
                return self.derive(self._next_element(*parts), symbol)
            case "item", (shape, index, counts, seen, value, content):
                inside = self._item(shape, index, counts, seen, self.derive(value, symbol), content + str(symbol))
                if content in seen or not self.nullable(value):
                    return inside
                after = self._node("elements", shape, index, counts, seen | {content})
                return self._alt((inside, self.derive(after, symbol)))
            case _:  # nothing, empty
                return self.nothing

    def _derive_multiple(
        self, modulus: int, places: int, remainder: int, decimals: int, digits: bool, symbol: Symbol
    ) -> Node:
        """`decimals` is how many of them were read, held at `places`, and -1 before the point."""
        if symbol == "." and decimals < 0 and digits:
            return self._node("multiple", modulus, places, remainder, 0, True)
        if not isinstance(symbol, str) or symbol not in "0123456789":
            return self.nothing
        if decimals == places:
            return self._node("multiple", modulus, places, remainder, decimals, True) if symbol == "0" else self.nothing
        remainder = (remainder * 10 + int(symbol)) % modulus
        return self._node("multiple", modulus, places, remainder, decimals + 1 if decimals >= 0 else -1, True)

    def _next_member(self, shape: _Members, seen: frozenset[str], keys: frozenset[str], count: int) -> Node:
        """All ways one more member may be, with the comma before it, and the state after it."""
        if shape.high is not None and count >= shape.high:
            return self.nothing
        quote = self._text('"')
        ways = []
        for k, (name, spelled, value, _) in enumerate(shape.named):
            if name in seen or (
                shape.ordered and (None in seen or any(later in seen for later, *_ in shape.named[k:]))
            ):
                continue
            after = self._after_member(shape, seen | {name}, keys, count)
            ways.append(self._seq(quote, spelled, quote, shape.colon, value, after))
        for key, value in shape.others:
            ways.append(self._seq(quote, self._key(shape, seen, keys, count, key, value, "")))
        return self._pair(shape.comma, self._alt(ways)) if count else self._alt(ways)

    def _after_member(self, shape: _Members, seen: frozenset[str | None], keys: frozenset[str], count: int) -> Node:
        """After one more member. The keys that were there matter until there are enough of them.

        Of `seen`, None stands for others, where no name may follow them.
        """
        count += 1
        if count >= shape.low:
            keys = frozenset()
        return self._node("members", shape, seen, keys, min(count, max(shape.low, shape.high or 0, 1)))

    def _key(self, *parts: Any) -> Node:
        """Inside the key of a member that is none of the named; the last part is what was read of it."""
        key = parts[4]
        return self.nothing if key is self.nothing else self._node("key", *parts)

    def _derive_key(
        self,
        shape: _Members,
        seen: frozenset[str | None],
        keys: frozenset[str],
        count: int,
        key: Node,
        value: Node,
        content: str,
        symbol: Symbol,
    ) -> Node:
        inside = self._key(shape, seen, keys, count, self.derive(key, symbol), value, content + str(symbol))
        if symbol != '"' or not self.nullable(key) or not self._is_free(shape, keys, content):
            return inside
        after = self._after_key(shape, seen, keys, count, content)
        return self._alt((inside, self._seq(shape.colon, value, after)))

    def _after_key(
        self, shape: _Members, seen: frozenset[str | None], keys: frozenset[str], count: int, content: str
    ) -> Node:
        passed = seen | {None} if shape.ordered else seen
        return self._after_member(shape, passed, keys | {json.loads(f'"{content}"')}, count)

    def _is_free(self, shape: _Members, keys: frozenset[str], content: str) -> bool:
        """Whether this is the spelling of a key that is not named and, where that matters, was not there yet."""
        try:
            name = json.loads(f'"{content}"')
        except ValueError:
            return False
        return name not in keys and all(name != taken for taken, *_ in shape.named)

    def _next_element(self, shape: _Elements, index: int, counts: tuple[int, ...], seen: frozenset[str]) -> Node:
        """All ways one more item may be, with the comma before it, and the state after it."""
        ways = []
        for value, bits in shape.options(index):
            raised = shape.counted(counts, bits)
            if raised is None:
                continue
            if shape.unique:
                ways.append(self._item(shape, shape.after(index), raised, seen, value, ""))
            else:
                ways.append(self._pair(value, self._node("elements", shape, shape.after(index), raised, seen)))
        return self._alt(ways) if index == 0 else self._pair(shape.comma, self._alt(ways))

    def _item(
        self, shape: _Elements, index: int, counts: tuple[int, ...], seen: frozenset[str], value: Node, content: str
    ) -> Node:
        """Inside an item of which no two may be alike; `index` and `counts` hold after it, `content` was read."""
        parts = (shape, index, counts, seen, value, content)
        return self.nothing if value is self.nothing else self._node("item", *parts)

    def after(self, symbols: Iterable[Symbol], start: Node | None = None) -> Node:
        """The state after `symbols`."""
        node = self.start if start is None else start
        for symbol in symbols:
            node = self.derive(node, symbol)
        return node

    # Whether a state takes any text at all.

    def is_live(self, node: Node) -> bool | None:
        """Whether some text brings `node` to its end; None where the search was given up."""
        if node not in self._live:
            self._find_live_rules()
            self._live[node] = self._is_live(node)
        return self._live[node]

    def _find_live_rules(self) -> None:
        """The rules that some text matches, by growing from none. Does its work once."""
        if self._live_rules or not self._rules:
            return
        grown = True
        while grown:
            found = {rule for rule, body in self._rules.items() if self._is_live(body)}
            grown = found != self._live_rules
            self._live_rules = found

    def _is_live(self, node: Node) -> bool | None:
        match node.kind, node.parts:
            case "nothing", _:
                return False
            case "seq", (head, tail):
                return _all(self._is_live, (head, tail))
            case "alt", (options,):
                return _any(self._is_live, options)
            case "repeat", (item, low, _):
                return True if low == 0 else self._is_live(item)
            case "ref", (rule,):
                return rule in self._live_rules
            case (("both" | "not" | "multiple"), _):
                return self._search(node)
            case "members", parts:
                return self._members_live(*parts)
            case "key", parts:
                return self._key_live(*parts)
            case "elements", (shape, index, counts, seen):
                return self._elements_live(shape, index, counts, seen)
            case "item", (shape, index, counts, seen, value, content):
                words = (content + word for word in self.words(value, len(seen) + 1) if content + word not in seen)
                return _any(lambda word: self._elements_live(shape, index, counts, seen | {word}), words)
            case _:  # empty, chars, text, token
                return True

    def _search(self, node: Node) -> bool | None:
        """Breadth first over the states after `node`, for one that accepts."""
        seen = {node}
        waiting = deque(seen)
        while waiting:
            state = waiting.popleft()
            if self.nullable(state):
                return True
            for symbol in self.representatives(state):
                reached = self.derive(state, symbol)
                if reached is not self.nothing and reached not in seen:
                    seen.add(reached)
                    waiting.append(reached)
            if len(seen) > SEARCH_LIMIT:
                return None
        return False

    def _members_live(
        self, shape: _Members, seen: frozenset[str | None], keys: frozenset[str], count: int
    ) -> bool | None:
        passed = max((k for k, (name, *_) in enumerate(shape.named) if name in seen), default=-1)
        allowed = must = 0
        unknown = False
        for k, (name, _, value, required) in enumerate(shape.named):
            if name in seen:
                continue
            reachable = not (shape.ordered and (None in seen or k < passed))
            live = self._is_live(value) if reachable else False
            if required:
                must += 1
                if live is False:
                    return False
                unknown |= live is None
            allowed += bool(live)
        if shape.high is not None and max(count + must, shape.low) > shape.high:
            return False
        missing = shape.low - count - allowed
        if missing > 0:
            free: set[str] = set()
            for key, value in shape.others:
                if self._is_live(value):
                    words = self.words(key, 2 * (missing + len(keys) + len(shape.named)))
                    free |= {json.loads(f'"{word}"') for word in words if self._is_free(shape, keys, word)}
            if len(free) < missing:
                return None if unknown or shape.others else False
        return None if unknown else True

    def _key_live(
        self,
        shape: _Members,
        seen: frozenset[str | None],
        keys: frozenset[str],
        count: int,
        key: Node,
        value: Node,
        content: str,
    ) -> bool | None:
        def ends(word: str) -> bool | None:
            if not self._is_free(shape, keys, content + word):
                return False
            return self._is_live(self._after_key(shape, seen, keys, count, content + word))

        live = self._is_live(value)
        if live is not True:
            return live
        return _any(ends, self.words(key, 2 * (len(shape.named) + len(keys)) + 1))

    def _elements_live(
        self, shape: _Elements, index: int, counts: tuple[int, ...], seen: frozenset[str]
    ) -> bool | None:
        """Depth first over (index, counts) and, where items are unique, the texts that are taken."""
        visited = set()
        waiting = [(index, counts, seen)]
        unknown = False
        while waiting:
            state = waiting.pop()
            if state in visited:
                continue
            visited.add(state)
            index, counts, seen = state
            if shape.satisfied(index, counts):
                return True
            if len(visited) > SEARCH_LIMIT:
                return None
            for value, bits in shape.options(index):
                raised = shape.counted(counts, bits)
                live = self._is_live(value)
                unknown |= live is None
                if raised is None or not live:
                    continue
                taken = [frozenset[str]()]
                if shape.unique:
                    needed = max(shape.low, len(shape.first)) + sum(low for low, _ in shape.counters) + 1
                    taken = [seen | {word} for word in self.words(value, needed + len(seen)) if word not in seen]
                waiting += [(shape.after(index), raised, texts) for texts in taken]
        return None if unknown else False

    def words(self, node: Node, limit: int) -> Iterator[str]:
        """Different texts that a regular `node` takes, the shortest first: `limit` of them, or all there are."""
        waiting: deque[tuple[Node, str]] = deque([(node, "")])
        visited = found = 0
        while waiting and found < limit and visited < SEARCH_LIMIT:
            state, content = waiting.popleft()
            visited += 1
            if self.nullable(state):
                found += 1
                yield content
            for first, last in self.classes(state):
                for code in range(first, min(last, first + limit) + 1):
                    reached = self.derive(state, chr(code))
                    if reached is self.nothing:
                        break
                    if reached.kind not in ("both", "not") or self._is_live(reached) is not False:
                        waiting.append((reached, content + chr(code)))

    # The characters that a state tells apart.

    def classes(self, node: Node) -> list[tuple[int, int]]:
        """The code points UTF-8 has, cut into ranges whose characters lead `node` alike."""
        cuts = {0, 0xD800, 0xE000, ex.MAX_CHARACTER + 1}
        self._cut(node, cuts, set())
        edges = sorted(cuts)
        ranges = zip(edges, (edge - 1 for edge in edges[1:]), strict=False)
        return [(first, last) for first, last in ranges if first <= last and not 0xD800 <= first <= 0xDFFF]

    def _cut(self, node: Node, cuts: set[int], visited: set[Node]) -> None:
        if node in visited:
            return
        visited.add(node)
        match node.kind, node.parts:
            case "chars", (ranges,):
                for first, last in ranges:
                    cuts |= {first, last + 1}
            case "text", (content,):
                cuts |= {ord(content[0]), ord(content[0]) + 1}
            case "seq", (head, tail):
                self._cut(head, cuts, visited)
                if self.nullable(head):
                    self._cut(tail, cuts, visited)
            case (("alt" | "both"), (items,)):
                for item in items:
                    self._cut(item, cuts, visited)
            case "not", (item,):
                self._cut(item, cuts, visited)
            case "repeat", (item, _, _):
                self._cut(item, cuts, visited)
            case "ref", (rule,):
                self._cut(self._rules[rule], cuts, visited)
            case "multiple", _:
                cuts |= set(range(ord("0"), ord("9") + 2)) | {ord("."), ord(".") + 1}
            case "members", parts:
                self._cut(self._next_member(*parts), cuts, visited)
            case "key", (_, _, _, _, key, _, _):
                self._cut(key, cuts, visited)
                cuts |= {ord('"'), ord('"') + 1}
            case "elements", parts:
                self._cut(self._next_element(*parts), cuts, visited)
            case "item", (shape, index, counts, seen, value, content):
                self._cut(value, cuts, visited)
                if self.nullable(value):
                    self._cut(self._node("elements", shape, index, counts, seen | {content}), cuts, visited)

    def representatives(self, node: Node) -> list[str]:
        """One character of each class."""
        return [chr(first) for first, _ in self.classes(node)]


def _any(judge: Callable[..., bool | None], items: Iterable[object]) -> bool | None:
    unknown = False
    for item in items:
        verdict = judge(item)
        if verdict:
            return True
        unknown |= verdict is None
    return None if unknown else False


def _all(judge: Callable[..., bool | None], items: Iterable[object]) -> bool | None:
    unknown = False
    for item in items:
        verdict = judge(item)
        if verdict is False:
            return False
        unknown |= verdict is None
    return None if unknown else True


@lru_cache(maxsize=64)
def _machine(expression: ex.Expression) -> Machine:
    return Machine(expression)


def matches(expression: ex.Expression, text: str) -> bool:
    """Whether `text` is wholly what `expression` says; a special token counts as its name."""
    machine = _machine(expression)
    return machine.nullable(machine.after(text))


def is_prefix(expression: ex.Expression, text: str) -> bool | None:
    """Whether `text` can be continued to a match, or is one; None where that was too long to find out."""
    machine = _machine(expression)
    return machine.is_live(machine.after(text))


class SlowMask:
    """Which tokens of a small vocabulary may come next, each tried byte by byte.

    Args:
        tokens: the bytes of each token, None for a special one.
        eos_ids: special tokens that end the text.
        special: ids of special tokens by name; others are never allowed.
    """

    def __init__(
        self,
        expression: ex.Expression,
        tokens: Sequence[bytes | None],
        eos_ids: Iterable[int],
        special: Mapping[str, int] | None = None,
    ) -> None:
        self.tokens = tokens
        self.eos_ids = frozenset(eos_ids)
        self.names = {token: name for name, token in (special or {}).items()}
        self.machine = Machine(expression, special or {})
        self.node = self.machine.start
        self.pending = b""

    def allowed(self) -> dict[int, bool | None]:
        """For every token that is not refused: True, or None where it is not known whether it leads anywhere."""
        verdicts = {token: self.verdict(token) for token in range(len(self.tokens))}
        return {token: verdict for token, verdict in verdicts.items() if verdict is not False}

    def verdict(self, token: int) -> bool | None:
        """Whether `token` may come next."""
        if token in self.eos_ids:
            return self.is_accepting()
        node, pending = self._after(token)
        return self._is_live(node, pending)

    def is_accepting(self) -> bool:
        """Whether the text may end here."""
        return not self.pending and self.machine.nullable(self.node)

    def advance(self, token: int) -> None:
        """Take `token`, which may be refused: nothing is allowed after it then."""
        self.node, self.pending = self._after(token)

    def _after(self, token: int) -> tuple[Node, bytes]:
        data = self.tokens[token]
        if data is None:
            name = self.names.get(token)
            if name is None or self.pending:
                return self.machine.nothing, b""
            return self.machine.derive(self.node, Special(name)), b""
        node, pending = self.node, self.pending
        for byte in data:
            pending += bytes([byte])
            if _code_points(pending) is None:
                return self.machine.nothing, b""
            if len(pending) == _length(pending[0]):
                node, pending = self.machine.derive(node, pending.decode()), b""
        return node, pending

    def _is_live(self, node: Node, pending: bytes) -> bool | None:
        if not pending:
            return self.machine.is_live(node)
        between = _code_points(pending)
        if between is None:
            return False
        low, high = between
        letters = [
            chr(max(first, low)) for first, last in self.machine.classes(node) if max(first, low) <= min(last, high)
        ]
        return _any(lambda letter: self.machine.is_live(self.machine.derive(node, letter)), letters)


def _length(lead: int) -> int:
    """Bytes of the character that begins with `lead`."""
    return 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def _code_points(pending: bytes) -> tuple[int, int] | None:
    """The first and last character whose UTF-8 begins with `pending`; None where there is none."""
    lead = pending[0]
    if 0x80 <= lead < 0xC2 or lead > 0xF4 or any(not 0x80 <= byte < 0xC0 for byte in pending[1:]):
        return None
    length = _length(lead)
    code = lead if length == 1 else lead & (0x7F >> length)
    for byte in pending[1:]:
        code = code << 6 | byte & 0x3F
    open_bits = 6 * (length - len(pending))
    low, high = code << open_bits, (code << open_bits) + (1 << open_bits) - 1
    low, high = max(low, (0, 0, 0x80, 0x800, 0x10000)[length]), min(high, ex.MAX_CHARACTER)
    if low >= 0xD800 and high <= 0xDFFF:
        return None
    return (low, high) if low <= high else None
