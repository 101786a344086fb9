"""The state that a program writes and reads: a handle on a chain."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NoReturn, overload

from ..errors import ProgramError, UnknownVariable
from ..request import Segment
from .chain import Chain, Piece
from .feed import Signal, Stream, Wait, in_loop, in_thread
from .ir import Expression, RoleClose, RoleOpen, Turn, flatten
from .slots import Entry, Gathered, until_done, value_of, variable_of
from .transcript import Transcript
from .values import Meta, Variable


class State:
    """What a program has written, and what the model has.

    ``s += ...`` only queues; reading waits. What went wrong with a call is raised where its value is read, and again
    by whatever is written after it to the same state; what came before stays readable. A name written twice holds
    what was written last.

    The body of a program holds its state from the inside: a name that nothing has written yet raises at once. `run`
    and `stream` give it from the outside: such a name is waited for until the program has ended.
    """

    def __init__(self, chain: Chain, *, inside: bool) -> None:
        self._chain = chain
        self._inside = inside

    def __repr__(self) -> str:
        return f"<State {self._chain.session}: {', '.join(self._chain.entries) or 'no variables'}>"

    # --- writing ---

    def __iadd__(self, expression: Expression | str) -> State:
        """Write text, calls and turns.

        Raises:
            UnsupportedNode: this is not something to write, or the backend cannot do it.
            UnknownOption: the backend does not enforce the constraint.
            ProgramError: a turn inside a turn, or the program has ended.
        """
        self._chain.write(flatten(expression))
        return self

    def system(self) -> AbstractContextManager[State]:
        """``with s.system(): s += ...`` writes a system turn."""
        return self._turn("system")

    def user(self) -> AbstractContextManager[State]:
        """``with s.user(): s += ...`` writes a user's turn."""
        return self._turn("user")

    def assistant(self) -> AbstractContextManager[State]:
        """``with s.assistant(): s += ...`` writes an assistant's turn."""
        return self._turn("assistant")

    def tool(self) -> AbstractContextManager[State]:
        """``with s.tool(): s += ...`` writes a tool's turn."""
        return self._turn("tool")

    @contextmanager
    def _turn(self, role: str) -> Iterator[State]:
        self._chain.write([RoleOpen(role)])
        try:
            yield self
        finally:
            self._chain.write([RoleClose()])

    def tool_result(self, result: Any) -> None:
        """Write a tool's turn: text as it is, anything else as JSON."""
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        self._chain.write(flatten(Turn("tool", text)))

    def fork(self, size: int) -> Forks:
        """`size` states that begin as this one and go on side by side. Raises `ProgramError` for a size below 1."""
        if not isinstance(size, int) or size < 1:
            raise ProgramError(f"fork: the size must be a whole number of at least 1, not {size!r}", param="size")
        return Forks(self, [State(chain, inside=self._inside) for chain in self._chain.fork(size)])

    def join(self, forks: Iterable[State]) -> State:
        """End `forks` and take over their variables, each name as a list with one value for every fork that wrote it.

        Does not wait: reading does.
        """
        chains = [fork._chain for fork in forks]
        if any(chain.run is not self._chain.run or chain is self._chain for chain in chains):
            raise ProgramError("join: these are not forks of this program's states", param="forks")
        self._chain.gather(chains)
        return self

    # --- reading ---

    def __getitem__(self, name: str) -> Any:
        """The value of a variable, once it is there.

        Text for plain generations, regexes and choices; the parsed value for a JSON Schema; the instance for a
        pydantic model; a list for what was gathered from forks. The same object each time.

        Raises:
            UnknownVariable: nothing has written it.
            IncompleteOutput, InvalidOutput: the text does not read as what was asked for.
            WeftError: whatever the call failed of.
        """
        return in_thread(self._read(name, value_of))

    async def get(self, name: str) -> Any:
        """``s[name]`` for async programs."""
        return await in_loop(self._read(name, value_of))

    def meta(self, name: str) -> Meta:
        """Tokens, log-probabilities, finish reason, probabilities ... of a variable. Raises as ``s[name]`` does."""
        variable: Variable = in_thread(self._read(name, variable_of))
        return variable.meta

    def text_of(self, name: str) -> str:
        """A variable's text as generated, complete or not."""
        return self.meta(name).text

    def __contains__(self, name: object) -> bool:
        """Whether something has written a variable of this name, be it there yet or not."""
        return name in self._chain.entries

    @property
    def variables(self) -> tuple[str, ...]:
        """The names that can be read, in the order in which they were first written."""
        return tuple(self._chain.entries)

    @property
    def text(self) -> str:
        """All text written so far, in all turns, without what the chat template adds. Waits; raises `error`."""
        return in_thread(self._whole()).text

    async def get_text(self) -> str:
        """`text` for async programs."""
        return (await in_loop(self._whole())).text

    @property
    def messages(self) -> list[dict[str, str]]:
        """The chat turns written so far, as ``{"role", "content"}``. Waits; raises `error`."""
        return in_thread(self._whole()).messages

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What was written so far, up to the failure if there was one. Waits; raises nothing."""
        in_thread(self._settle())
        return self._chain.transcript.segments

    def text_iter(self, name: str | None = None) -> Stream[str]:
        """Text as it comes, for ``for`` and ``async for``: of the whole state, or of one variable.

        The pieces add up to `text`, or to ``text_of(name)``; they are small where the program was started by
        `stream`, else one for each call. A failure is raised after the text that came before it.
        """
        return Stream(self._whole_pieces) if name is None else Stream(lambda: self._pieces_of(name))

    # --- the run ---

    @property
    def error(self) -> BaseException | None:
        """What went wrong so far: what the program's body raised, or the first call of this state to fail."""
        chain = self._chain
        raised = chain.run.error if chain is chain.run.root else None
        return raised or chain.error

    @property
    def returned(self) -> Any:
        """What the program's body returned; None until then."""
        return self._chain.run.returned

    @property
    def done(self) -> bool:
        """Whether the program has ended."""
        return self._chain.run.finished.done()

    def wait(self) -> State:
        """Wait for the program's end, whether it fails or not. Not for use in its own body."""
        in_thread(self._until_finished())
        return self

    async def wait_async(self) -> State:
        """`wait` for event loops."""
        await in_loop(self._until_finished())
        return self

    def when_done(self, call: Callable[[], None]) -> None:
        """Call `call` once the program has ended, in whichever thread notices; at once if it has."""
        self._chain.run.finished.add_done_callback(lambda _: call())

    def abort(self) -> None:
        """Give up what has no result yet, in all of the program's states: reading it raises `Aborted`."""
        self._chain.run.abort("the program was aborted")

    # --- waiting, written once for threads and event loops ---

    def _read(self, name: str, take: Callable[[Entry], Any]) -> Wait[Any]:
        entry = yield from self._entry(name)
        yield from until_done(entry)
        return take(entry)

    def _entry(self, name: str) -> Wait[Entry]:
        chain = self._chain
        while True:
            last_look, seen = self._inside or chain.feed.closed, len(chain.feed.items)
            entry = chain.entries.get(name)
            if entry is not None:
                return entry
            if last_look:
                self._raise_unknown(name)
            yield (chain.feed.beyond(seen),)

    def _raise_unknown(self, name: str) -> NoReturn:
        if not self._inside and self.error is not None:
            raise self.error
        known = ", ".join(map(repr, self._chain.entries)) or "none"
        raise UnknownVariable(f"no variable {name!r} in this state; it has: {known}", param=str(name))

    def _settle(self) -> Wait[None]:
        chain = self._chain
        yield (chain.settled() if self._inside else chain.run.finished,)

    def _until_finished(self) -> Wait[None]:
        if self._inside:
            raise ProgramError("a program cannot wait for its own end: read what it needs instead")
        yield (self._chain.run.finished,)

    def _whole(self) -> Wait[Transcript]:
        yield from self._settle()
        if self.error is not None:
            raise self.error
        return self._chain.transcript

    def _whole_pieces(self) -> Iterator[str | tuple[Signal, ...]]:
        feed = self._chain.feed
        end = next(self._settle())
        seen = 0
        while True:
            done = end[0].done()
            while seen < len(feed.items):
                seen += 1
                if text := feed.items[seen - 1].text:
                    yield text
            if done:
                break
            yield (*end, feed.beyond(seen))
        if self.error is not None:
            raise self.error

    def _pieces_of(self, name: str) -> Iterator[str | tuple[Signal, ...]]:
        entry = yield from self._entry(name)
        if isinstance(entry, Gathered):
            raise ProgramError(f"{name!r} was gathered from forks: stream the forks themselves", param=name)
        seen = 0
        while True:
            yield (entry.feed.beyond(seen),)
            piece: Piece = entry.feed.items[seen]
            seen += 1
            if piece.slot is entry and piece.text:
                yield piece.text
            if piece.slot is entry and piece.last:
                break
        entry.outcome()


class Forks(Sequence[State]):
    """The states of one fork, in order."""

    def __init__(self, parent: State, states: Sequence[State]) -> None:
        self._parent = parent
        self._states = tuple(states)

    def __len__(self) -> int:
        return len(self._states)

    @overload
    def __getitem__(self, place: int) -> State: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[State]: ...
    def __getitem__(self, place: int | slice) -> State | Sequence[State]:
        return self._states[place]

    def __setitem__(self, place: int, state: State) -> None:
        """Makes ``forks[0] += ...`` possible; a fork cannot be replaced."""
        if state is not self._states[place]:
            raise ProgramError("a fork cannot be replaced by another state; write to it with +=")

    def join(self) -> State:
        """``parent.join(forks)``; gives the parent."""
        return self._parent.join(self)
