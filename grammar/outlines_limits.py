"""Fuel: how large a constraint may become. Counted, never timed, so that the same constraint always has the same fate.

Compiling to a deterministic automaton can grow exponentially, so that is rehearsed here on classes of characters,
state by state, and given up past a bound before the real compiler, which has none, is started.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import NoReturn

from ..errors import GrammarError
from .expression import Alt, Chars, Expression, Ranges, Repeat, Seq, Text, size

MAX_NODES = 200_000
MAX_STATES = 30_000
MAX_STEPS = 500_000
MAX_TRANSITIONS = 32_000_000
WIDE_SET = 256
NARROW_SHARE = 32


def check_size(expression: Expression) -> None:
    """Refuse an expression that is too large when written out. Raises GrammarError."""
    nodes = size(expression)
    if nodes > MAX_NODES:
        raise GrammarError(
            f"the constraint is too large: more than {MAX_NODES} nodes when its repeats and references are written out",
            keyword="size",
        )


def check_automaton(expression: Expression, vocabulary_size: int) -> None:
    """Refuse an expression whose automaton is too large to build, or to index by a vocabulary. Raises GrammarError."""
    fuel = _Fuel(vocabulary_size)
    automaton = _Automaton(expression, fuel)
    first = automaton.closure((automaton.start,))
    seen = {first}
    pending = [first]
    while pending:
        state = pending.pop()
        fuel.state({automaton.sets[place] for place in state})
        targets: dict[int, list[int]] = {}
        for place in state:
            after = automaton.after[place]
            classes = automaton.classes[place]
            fuel.step(len(classes))
            for character_class in classes:
                targets.setdefault(character_class, []).append(after)
        for target in {tuple(places) for places in targets.values()}:
            follower = automaton.closure(target)
            if follower not in seen:
                seen.add(follower)
                pending.append(follower)


@lru_cache(maxsize=4096)
def _byte_states(ranges: Ranges) -> int:
    """About how many states stand inside the UTF-8 characters of a set."""
    beyond_ascii = sum(last > 0x7F for _, last in ranges)
    return 8 + beyond_ascii // 2 if beyond_ascii else 0


class _Fuel:
    """What one rehearsal has used up. Raises GrammarError past a bound."""

    def __init__(self, vocabulary_size: int) -> None:
        self.vocabulary_size = vocabulary_size
        self.states = self.steps = self.transitions = 0

    def step(self, count: int) -> None:
        self.steps += count
        if self.steps > MAX_STEPS:
            self.refuse(f"building its automaton takes more than {MAX_STEPS} steps")

    def state(self, sets: set[Ranges]) -> None:
        """One more state, that reads characters of `sets`, byte by byte; a wide one takes most tokens."""
        self.states += 1 + sum(map(_byte_states, sets))
        is_wide = any(sum(last - first + 1 for first, last in ranges) > WIDE_SET for ranges in sets)
        self.transitions += self.vocabulary_size if is_wide else self.vocabulary_size // NARROW_SHARE
        if self.states > MAX_STATES:
            self.refuse(f"its automaton has more than {MAX_STATES} states")
        if self.transitions > MAX_TRANSITIONS:
            self.refuse(
                f"its automaton has {self.states} states or more, which take more than {MAX_TRANSITIONS} transitions "
                f"over {self.vocabulary_size} tokens"
            )

    def refuse(self, reason: str) -> NoReturn:
        raise GrammarError(
            f"the constraint is too large: {reason}; shorten its counted repeats, or make its alternatives begin "
            "differently",
            keyword="size",
        )


class _Automaton:
    """A Thompson automaton: places that read a character, joined by ordered branches.

    The order is kept because the compiler's automaton keeps it too (its states are ordered sets).
    """

    def __init__(self, expression: Expression, fuel: _Fuel) -> None:
        self.fuel = fuel
        self.after: list[int] = []  # a reading place's follower; -1 for a branch
        self.branches: list[tuple[int, ...]] = []  # a branch's targets; () for a reading place
        self.sets: list[Ranges] = []
        self.end = self._place(())
        self.start = self._build(expression, self.end)
        self._closures: dict[int, tuple[int, ...]] = {}
        self.classes = self._classify()

    def closure(self, places: tuple[int, ...]) -> tuple[int, ...]:
        """The reading places reachable without reading, in order of preference."""
        if len(places) == 1:
            return self._closure(places[0])
        reached: dict[int, None] = {}
        for entry in places:
            known = self._closure(entry)
            self.fuel.step(len(known))
            reached.update(dict.fromkeys(known))
        return tuple(reached)

    def _closure(self, entry: int) -> tuple[int, ...]:
        known = self._closures.get(entry)
        if known is None:
            reached: dict[int, None] = {}
            stack = [entry]
            while stack:
                place = stack.pop()
                if place not in reached:
                    reached[place] = None
                    stack.extend(reversed(self.branches[place]))
            self.fuel.step(len(reached))
            known = tuple(place for place in reached if self.after[place] >= 0 or place == self.end)
            self._closures[entry] = known
        return known

    def _place(self, ranges: Ranges, after: int = -1, branches: tuple[int, ...] = ()) -> int:
        self.after.append(after)
        self.branches.append(branches)
        self.sets.append(ranges)
        return len(self.after) - 1

    def _build(self, node: Expression, after: int) -> int:
        match node:
            case Chars(ranges):
                return self._place(ranges, after)
            case Text(content):
                for character in reversed(content):
                    after = self._place(((ord(character), ord(character)),), after)
                return after
            case Seq(items):
                for item in reversed(items):
                    after = self._build(item, after)
                return after
            case Alt(options):
                return self._place((), branches=tuple(self._build(option, after) for option in options))
            case Repeat(item, low, high):
                entry = after
                if high is None:
                    entry = self._place(())
                    self.branches[entry] = (self._build(item, entry), after)
                else:
                    for _ in range(high - low):
                        entry = self._place((), branches=(self._build(item, entry), after))
                for _ in range(low):
                    entry = self._build(item, entry)
                return entry
            case _:
                raise GrammarError(f"outlines-core cannot compile this constraint: it has no {type(node).__name__}")

    def _classify(self) -> list[tuple[int, ...]]:
        """Per place, which classes of characters it reads; characters no set tells apart are of one class."""
        distinct = set(self.sets)
        bounds = sorted({edge for ranges in distinct for first, last in ranges for edge in (first, last + 1)})
        signatures: dict[tuple[int, ...], int] = {}
        members: dict[Ranges, set[int]] = {ranges: set() for ranges in distinct}
        owners: list[list[int]] = [[] for _ in bounds]
        order = list(distinct)
        for index, ranges in enumerate(order):
            for first, last in ranges:
                pieces = range(bisect_right(bounds, first) - 1, bisect_right(bounds, last))
                self.fuel.step(len(pieces))
                for piece in pieces:
                    owners[piece].append(index)
        for owner in owners:
            character_class = signatures.setdefault(tuple(owner), len(signatures))
            for index in owner:
                members[order[index]].add(character_class)
        tuples = {ranges: tuple(sorted(classes)) for ranges, classes in members.items()}
        return [tuples[ranges] for ranges in self.sets]
