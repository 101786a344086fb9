"""One state's nodes, run strictly in order on the programs' event loop; forks are chains of their own.

Any thread writes: `write` and `fork` only queue. The loop's worker takes one step after another and exists only while
there are steps. A failure is sticky: the steps after it fail with the same error, and nothing is left waiting.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import Aborted, ProgramError
from ..request import GenerateRequest, GenerateResult, ProgramHints, ScoreResult
from .backend import Ticket
from .feed import Feed, Signal, new_signal
from .interpreter import Call, Outcome, Scene, check, interpret, request_id
from .ir import Fork, Gen, Node, RoleClose, RoleOpen, Select, Text
from .loop import spawn
from .slots import Entry, Gathered, Slot
from .transcript import Transcript
from .values import Variable

if TYPE_CHECKING:
    from .run import Run


@dataclass(frozen=True, slots=True)
class Piece:
    """A bit of a chain's text, for those who stream it.

    Attributes:
        slot: the call it came of; None for the program's own text.
        text: possibly empty. The first piece of a call, when it is written, is.
        last: the call is done.
    """

    slot: Slot | None
    text: str
    last: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A queued node, with where its result goes or the chains that it starts."""

    node: Node
    slot: Slot | None = None
    children: tuple[Chain, ...] = ()

    @property
    def calls(self) -> bool:
        """Whether requests come of it."""
        return self.slot is not None

    @property
    def leads_to_calls(self) -> bool:
        """Whether it calls, or the chains that it starts are known to call, on from where this one is."""
        return self.calls or any(child.will_call() for child in self.children)


class Chain:
    """A state's nodes and what came of them.

    Attributes:
        run: the program run it belongs to.
        hints: what its requests say of the program; `session` names the chain.
        transcript: what was written so far; replaced, never changed, by the worker alone.
        entries: the results that are or will be there, by name, those inherited through a fork included.
        own: the names written here rather than inherited.
        feed: the text so far, in pieces.
        error: the first failure.
    """

    def __init__(self, run: Run, hints: ProgramHints, parent: Chain | None = None) -> None:
        self.run = run
        self.hints = hints
        self.transcript = Transcript()
        self.entries: dict[str, Entry] = dict(parent.entries) if parent else {}
        self.own: dict[str, None] = {}
        self.feed: Feed[Piece] = Feed()
        self.error: Exception | None = None
        self.open_role: str | None = parent.open_role if parent else None
        self._form: str | None = parent._form if parent else None  # "turns" or "text", once anything is written
        self._steps: deque[Step] = deque()
        self._working = parent is not None  # a fork's work begins when its parent's has come so far
        self._closed: str | None = None
        self._settling: list[Signal] = []
        self._lock = threading.RLock()
        self._ticket: Ticket[Any] | None = None
        self._calls = 0
        self._forks = 0
        self._streamed = 0

    @property
    def session(self) -> str:
        """The chain's name, unique among all runs."""
        return self.hints.session or ""

    # --- any thread ---

    def write(self, nodes: Sequence[Node]) -> None:
        """Queue nodes, all or none.

        Raises:
            ProgramError: a turn inside a turn, text or a call between turns, or the chain is closed.
            UnsupportedNode, UnknownOption: the backend cannot do it.
        """
        with self._lock:
            role, form = self.open_role, self._form
            for node in nodes:
                check(node, self.run.capabilities)
                if isinstance(node, RoleOpen):
                    if role is not None:
                        raise ProgramError(f"turns do not nest: {node.role} inside {role}", param=node.role)
                    if form == "text":
                        raise ProgramError(f"a {node.role} turn after text outside any turn: put that text in a turn")
                    role, form = node.role, "turns"
                elif isinstance(node, RoleClose):
                    role = None
                elif role is None and (isinstance(node, Gen | Select) or (isinstance(node, Text) and node.text)):
                    if form == "turns":
                        what = "text" if isinstance(node, Text) else "a call"
                        raise ProgramError(f"{what} between turns: write it in a turn, as in assistant(gen(...))")
                    form = "text"
            steps = [Step(node, Slot(node, self.feed) if isinstance(node, Gen | Select) else None) for node in nodes]
            self._queue(steps)
            self.open_role, self._form = role, form

    def fork(self, size: int) -> tuple[Chain, ...]:
        """Start `size` chains with what was written so far; they need not wait to be written to."""
        with self._lock:
            self._check_open()
            self._forks += 1
            group = f"{self.session}.{self._forks}"
            hints = ProgramHints(fork_group=group, fork_size=size, batch=self.hints.batch)
            children = self.run.add_chains([replace(hints, session=f"{group}.{place}") for place in range(size)], self)
            self._queue([Step(Fork(size), children=children)])
            return children

    def gather(self, children: Sequence[Chain]) -> None:
        """Close `children` and take over their variables as lists, one value for each chain that wrote the name."""
        with self._lock:
            self._check_open()
            for name in dict.fromkeys(name for child in children for name in child.own):
                parts = tuple(child.entries[name] for child in children if name in child.own)
                self.entries[name] = Gathered(name, parts)
                self.own[name] = None
            self.feed.push(Piece(None, ""))  # whoever waits for a name looks again
        for child in children:
            child.close("this fork was joined")

    def close(self, reason: str) -> None:
        """Take no more nodes. What is queued still runs; then the backend is told that the session is over."""
        with self._lock:
            if self._closed is not None:
                return
            self._closed = reason
            working = self._working
        if not working:
            self._finish()

    def will_call(self) -> bool:
        """Whether a call is queued, here or in a fork from here."""
        with self._lock:
            return any(step.leads_to_calls for step in self._steps)

    def settled(self) -> Signal:
        """Done once nothing is queued or running."""
        with self._lock:
            signal = new_signal(done=not self._working)
            if self._working:
                self._settling.append(signal)
            return signal

    def abort(self, error: Aborted) -> None:
        """Fail what is queued, and give up the request in flight."""
        with self._lock:
            self.error = self.error or error
            ticket = self._ticket
        if ticket is not None:
            ticket.abort()

    def _check_open(self) -> None:
        if self._closed is not None:
            raise ProgramError(f"{self._closed}: its state can be read, no longer written")

    def _queue(self, steps: Sequence[Step]) -> None:
        """Add steps and see that somebody works on them. The lock is held."""
        self._check_open()
        for step in steps:
            if step.slot is not None:
                self.feed.push(Piece(step.slot, ""))
                if step.slot.node.name is not None:
                    self.entries[step.slot.node.name] = step.slot
                    self.own[step.slot.node.name] = None
        self._steps.extend(steps)
        if steps and not self._working:
            self._working = True
            spawn(self._work())

    # --- the event loop ---

    def start(self, transcript: Transcript, error: Exception | None) -> None:
        """Begin a fork's work where its parent stands, which may be at an error."""
        self.transcript = transcript
        with self._lock:
            self.error = self.error or error
        if transcript.text:
            self.feed.push(Piece(None, transcript.text))
        spawn(self._work())

    async def _work(self) -> None:
        while (step := self._next()) is not None:
            if self.error is not None:
                self._fail(step, self.error)
                continue
            try:
                await self._run(step)
            except asyncio.CancelledError:
                self._fail(step, Aborted("the call was cancelled: the process is ending"))
            except Exception as error:  # whatever it is, it is raised where the result is read
                self._fail(step, error)

    def _next(self) -> Step | None:
        with self._lock:
            if self._steps:
                return self._steps.popleft()
            self._working = False
            settling, self._settling = self._settling, []
            closed = self._closed is not None
        if closed:
            self._finish()
        for signal in settling:
            signal.set_result(None)
        return None

    def _finish(self) -> None:
        """The last thing that happens to a chain; happens once."""
        self.feed.close()
        self.run.chain_finished(self)

    def _fail(self, step: Step, error: Exception) -> None:
        with self._lock:
            self.error = self.error or error
        if step.slot is not None:
            step.slot.fail(self.error)
            self.feed.push(Piece(step.slot, "", last=True))
        for child in step.children:
            child.start(self.transcript, self.error)

    async def _run(self, step: Step) -> None:
        if step.children:
            self.run.backend.fork(self.session, [child.session for child in step.children])
            for child in step.children:
                child.start(self.transcript, None)
            return
        self._streamed = 0
        self.transcript, meta = await self._drive(step)
        if isinstance(step.node, Text):
            self.feed.push(Piece(None, step.node.text))
        if step.slot is not None and meta is not None:
            step.slot.settle(Variable(step.slot.node, meta))
            self.feed.push(Piece(step.slot, meta.text[self._streamed :], last=True))

    async def _drive(self, step: Step) -> Outcome:
        calls = interpret(step.node, self.transcript, self._scene(step))
        answer: GenerateResult | ScoreResult | None = None
        while True:
            try:
                call = calls.send(answer)
            except StopIteration as end:
                outcome: Outcome = end.value
                return outcome
            try:
                batch = self.run.batch
                answer = await self._answer(batch.tell(call, self.run.id) if batch else call, step.slot)
            finally:
                self._ticket = None

    def _scene(self, step: Step) -> Scene:
        self._calls += step.calls
        name = step.slot.node.name if step.slot else None
        with self._lock:
            more = any(later.leads_to_calls for later in self._steps)
        return Scene(
            backend=self.run.backend,
            capabilities=self.run.capabilities,
            sampling=self.run.sampling,
            request_id=request_id(self.session, self._calls, name),
            hints=replace(self.hints, more_calls=more),
        )

    async def _answer(self, call: Call, slot: Slot | None) -> GenerateResult | ScoreResult:
        if isinstance(call, GenerateRequest):
            return await self._generate(call, slot)
        ticket = self.run.backend.score(call)
        self._hold(ticket)
        return await ticket

    async def _generate(self, request: GenerateRequest, slot: Slot | None) -> GenerateResult:
        submit = self.run.backend.generate
        # A constraint may first have to be compiled; meanwhile the other programs go on.
        ticket = submit(request) if request.constraint is None else await asyncio.to_thread(submit, request)
        self._hold(ticket)
        if self.run.stream:
            async for event in ticket:
                if event.text:
                    self._streamed += len(event.text)
                    self.feed.push(Piece(slot, event.text))
        return await ticket

    def _hold(self, ticket: Ticket[Any]) -> None:
        """Keep the ticket in reach of `abort`, which may have come before it."""
        with self._lock:
            self._ticket = ticket
            given_up = self.error is not None
        if given_up:
            ticket.abort()
