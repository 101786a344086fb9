"""What eviction costs in tokens computed again: LRU beside the policy that knows the program, without any model.

    python -m weft.benchmarks.eviction

Clients of five kinds drive the true scheduler, radix tree and policies; only the forward pass is left out, and the
clock is steps. Every seed draws other clients, and both policies serve the same ones, under the same small cache. A
kind's *recomputed* tokens are those computed for it beyond what an unbounded cache has to compute. Each kind runs
alone, and all together in a mixture, whose rows tell the kinds apart again.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console
from rich.table import Table

from ..radix_cache import LRU, Node, PagePool, ProgramLRU, RadixTree
from ..request import ProgramHints
from ..runtime.programs import Programs
from ..runtime.scheduler import Scheduler, Sequence

PAGE_SIZE = 16
Ids = list[int]


@dataclass(frozen=True)
class Call:
    """Prompt and output of a call; the client goes on once it has ended."""

    prompt: Ids
    output: Ids
    hints: ProgramHints


@dataclass(frozen=True)
class Pause:
    """The client does something else for some steps."""

    steps: int


@dataclass(frozen=True)
class Together:
    """Clients run side by side; this one goes on once all have ended."""

    clients: list[Client]


@dataclass(frozen=True)
class Branch:
    """`session` forks."""

    session: str
    children: list[str]


@dataclass(frozen=True)
class Release:
    """A session, or a batch, is over."""

    name: str


Action = Call | Pause | Together | Branch | Release
Client = Generator[Action, None, None]


class Draw:
    """One client's random numbers, and names that no other client has."""

    def __init__(self, seed: str) -> None:
        self._rng = random.Random(seed)
        self.name = seed
        self._names = itertools.count()

    def between(self, low: int, high: int) -> int:
        return self._rng.randint(low, high)

    def text(self, low: int, high: int) -> Ids:
        """As many tokens, that no other text begins with."""
        return [self._rng.getrandbits(30) for _ in range(self.between(low, high))]

    def session(self) -> str:
        return f"{self.name}/{next(self._names)}"


def shared(name: str, length: int) -> Ids:
    """The beginning that all clients of a kind have in common."""
    return Draw(name).text(length, length)


def chat(draw: Draw) -> Client:
    """A user who talks on after a while, in a session that stays open."""
    session = draw.session()
    yield from _talk(draw, shared("chat", 64), ProgramHints(session))
    yield Release(session)


def silent(draw: Draw) -> Client:
    """The same over an API that says nothing of sessions."""
    yield from _talk(draw, shared("silent", 64), ProgramHints())


def _talk(draw: Draw, text: Ids, hints: ProgramHints) -> Client:
    for _ in range(draw.between(3, 7)):
        text = text + draw.text(15, 60)
        output = draw.text(15, 60)
        yield Call(text, output, hints)
        text = text + output
        yield Pause(draw.between(20, 250))


def agent(draw: Draw) -> Client:
    """A task by many tool calls, each of which takes its time."""
    session = draw.session()
    text = shared("agent", 200) + draw.text(30, 80)
    for _ in range(draw.between(3, 8)):
        output = draw.text(15, 40)
        yield Call(text, output, ProgramHints(session))
        yield Pause(draw.between(5, 80))
        text = text + output + draw.text(20, 80)
    yield Call(text, draw.text(15, 40), ProgramHints(session))
    yield Release(session)


def tree(draw: Draw) -> Client:
    """Thoughts that fork; of each fork one branch is taken further, the others end."""
    open_sessions = [draw.session()]
    hints = ProgramHints(open_sessions[0])
    text = shared("tree", 48) + draw.text(60, 150)
    for _ in range(draw.between(2, 4)):
        output = draw.text(15, 40)
        yield Call(text, output, hints)
        text = text + output
        size = draw.between(2, 4)
        group = draw.session()
        branches = [ProgramHints(f"{group}.{place}", group, size) for place in range(size)]
        yield Branch(open_sessions[-1], [str(branch.session) for branch in branches])
        thoughts = [_thought(draw, text, branch) for branch in branches]
        yield Together([client for client, _ in thoughts])
        for branch in branches[1:]:
            yield Release(str(branch.session))
        hints = branches[0]
        open_sessions.append(str(hints.session))
        text = thoughts[0][1] + draw.text(5, 15)
    for session in open_sessions:
        yield Release(session)


def _thought(draw: Draw, text: Ids, hints: ProgramHints) -> tuple[Client, Ids]:
    """A branch of two calls written at once, and the text it comes to."""
    first, more, second = draw.text(20, 50), draw.text(5, 15), draw.text(5, 10)

    def run() -> Client:
        yield Call(text, first, replace(hints, more_calls=True))
        yield Call(text + first + more, second, hints)

    return run(), text + first + more + second


def batch(draw: Draw) -> Client:
    """Items with a long beginning in common, that come a few at a time."""
    name = draw.session()
    prefix = draw.text(150, 250)
    pause = draw.between(0, 60)

    def item() -> Client:
        session = draw.session()
        yield Call(
            prefix + draw.text(40, 100), draw.text(10, 30), ProgramHints(session, batch=name, common_prefix=len(prefix))
        )
        yield Release(session)

    for _ in range(draw.between(4, 8)):
        yield Together([item() for _ in range(draw.between(1, 5))])
        yield Pause(pause)
    yield Release(name)


def noise(draw: Draw) -> Client:
    """Single calls of nobody in particular, one after the other."""
    for _ in range(draw.between(3, 8)):
        yield Call(draw.text(50, 300), draw.text(10, 40), ProgramHints())
        yield Pause(draw.between(0, 30))


KINDS: dict[str, Callable[[Draw], Client]] = {
    "chat": chat,
    "chat without hints": silent,
    "agent": agent,
    "tree of thought": tree,
    "batch": batch,
    "one-shot": noise,
}


@dataclass
class _Running:
    """A client under way: what it waits for, and whom to tell of its end."""

    kind: str
    actions: Iterator[Action]
    parent: _Running | None = None
    children: int = 0


class Simulation:
    """Serves clients until all have ended, and counts the tokens computed for each kind."""

    def __init__(
        self, num_pages: int, *, knows_programs: bool, max_running: int = 16, prefill_chunk: int = 256
    ) -> None:
        pool = PagePool(num_pages)
        policy = ProgramLRU[Node](num_pages) if knows_programs else None
        tree_of_all = RadixTree(pool, PAGE_SIZE, LRU() if policy is None else policy)
        self.programs = Programs(tree_of_all, policy)
        self.scheduler = Scheduler(
            pool,
            tree_of_all,
            page_size=PAGE_SIZE,
            max_running=max_running,
            prefill_chunk=prefill_chunk,
            programs=self.programs,
        )
        self.computed: Counter[str] = Counter()
        self._now = 0
        self._due: list[tuple[int, int, _Running]] = []
        self._numbers = itertools.count()
        self._calls: dict[Sequence, tuple[_Running, Ids]] = {}

    def run(self, arrivals: list[tuple[int, str, Client]]) -> Counter[str]:
        """Serve (step, kind, client) until the last has ended."""
        for step, kind, client in arrivals:
            self._wake(step, _Running(kind, client))
        while self._due or self._calls:
            if not self._calls:
                self._now = max(self._now, self._due[0][0])
            while self._due and self._due[0][0] <= self._now:
                self._go_on(heapq.heappop(self._due)[2])
            self._step()
            self._now += 1
        return self.computed

    def _wake(self, step: int, client: _Running) -> None:
        heapq.heappush(self._due, (step, next(self._numbers), client))

    def _go_on(self, client: _Running) -> None:
        """Let a client act until it has to wait."""
        for action in client.actions:
            match action:
                case Call(prompt, output, hints):
                    sequence = Sequence(ids=list(prompt), match_limit=len(prompt) - 1, hints=hints)
                    self._calls[sequence] = (client, list(reversed(output)))
                    self.scheduler.add(sequence)
                    return
                case Pause(steps):
                    self._wake(self._now + steps, client)
                    return
                case Together(clients):
                    client.children = len(clients)
                    for child in clients:
                        self._wake(self._now, _Running(client.kind, child, client))
                    return
                case Branch(session, children):
                    self.programs.fork(session, children)
                case Release(name):
                    self.programs.release(name)
        parent = client.parent
        if parent is not None:
            parent.children -= 1
            if not parent.children:
                self._wake(self._now, parent)

    def _step(self) -> None:
        for chunk in self.scheduler.plan():
            sequence = chunk.sequence
            client, output = self._calls[sequence]
            self.computed[client.kind] += chunk.count
            is_last = chunk.is_last
            self.scheduler.computed(chunk)
            if not is_last:
                continue
            if output:
                sequence.ids.append(output.pop())
            if not output:
                self.scheduler.finish(sequence)
                del self._calls[sequence]
                self._wake(self._now, client)


def arrivals(kinds: dict[str, int], seed: int, period: int) -> list[tuple[int, str, Client]]:
    """So many clients of each kind, that come at random within `period` steps."""
    rng = random.Random(seed)
    return [
        (rng.randrange(period), kind, KINDS[kind](Draw(f"{seed}/{kind}/{number}")))
        for kind, count in kinds.items()
        for number in range(count)
    ]


@dataclass(frozen=True)
class Outcome:
    """Recomputed tokens of each kind, by policy, and the least that had to be computed."""

    least: Counter[str]
    lru: Counter[str]
    program: Counter[str]


def compare(kinds: dict[str, int], seed: int, num_pages: int, period: int) -> Outcome:
    """Serve the same clients under both policies, and with a cache that never evicts."""

    def run(pages: int, knows_programs: bool) -> Counter[str]:
        return Simulation(pages, knows_programs=knows_programs).run(arrivals(kinds, seed, period))

    least = run(1 << 16, False)
    lru, program = run(num_pages, False), run(num_pages, True)
    for computed in (lru, program):
        computed.subtract(least)
    return Outcome(least, lru, program)


MIXTURE = {"chat": 10, "chat without hints": 4, "agent": 8, "tree of thought": 6, "batch": 5, "one-shot": 8}
ALONE = {"chat": 40, "chat without hints": 40, "agent": 30, "tree of thought": 24, "batch": 16, "one-shot": 30}
EACH_ALONE = [{kind: count} for kind, count in ALONE.items()]


def total(workload: dict[str, int], seeds: Iterable[int], num_pages: int, period: int) -> Outcome:
    """The sums over `seeds`."""
    sums = Outcome(Counter(), Counter(), Counter())
    for seed in seeds:
        one = compare(workload, seed, num_pages, period)
        sums.least.update(one.least)
        sums.lru.update(one.lru)
        sums.program.update(one.program)
    return sums


def _row(name: str, outcome: Outcome, kind: str | None = None) -> list[str]:
    least, lru, program = (
        each[kind] if kind else each.total() for each in (outcome.least, outcome.lru, outcome.program)
    )
    change = f"{(program - lru) / lru:+.1%}" if lru else "none"
    return [name, f"{least}", f"{lru}", f"{program}", change]


def main() -> None:
    parser = argparse.ArgumentParser(description="Tokens computed again, by eviction policy.")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--pages", type=int, default=300, help="pages of 16 tokens")
    parser.add_argument("--period", type=int, default=1200, help="steps within which clients arrive")
    parser.add_argument("--first-seed", type=int, default=2000, help="credits were chosen on seeds below 2000")
    options: Any = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    table = Table("workload", "least to compute", "recomputed, LRU", "recomputed, program", "change")
    for workload in EACH_ALONE:
        (kind,) = workload
        table.add_row(*_row(f"{kind} alone", total(workload, seeds, options.pages, options.period)))
    mixed = total(MIXTURE, seeds, options.pages, options.period)
    table.add_section()
    for kind in MIXTURE:
        table.add_row(*_row(f"mixture: {kind}", mixed, kind))
    table.add_row(*_row("mixture", mixed))
    Console().print(table)


if __name__ == "__main__":
    main()
