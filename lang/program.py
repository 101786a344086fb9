"""`function` turns a Python function into a program, and the ways to run it."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from ..errors import Aborted, ProgramError, UnknownOption
from ..request import Sampling
from .backend import Backend
from .batch import DEFAULT_IN_FLIGHT, run_all, run_all_async
from .common_prefix import Batch
from .default import default_backend
from .run import Run
from .state import State

P = ParamSpec("P")
R = TypeVar("R")

_OWN_OPTIONS = ("backend", "sampling", "stream")
_bodies: set[asyncio.Task[None]] = set()  # a loop holds its tasks only weakly


def function(body: Callable[Concatenate[State, P], R]) -> Program[P, R]:
    """Make a program of a function whose first parameter is the state it writes.

    ::

        @weft.function
        def extract(s, document):
            s += weft.user(f"Who is this about? {document}")
            s += weft.assistant(weft.gen("name", max_tokens=20))


        state = extract.run(document="...")
        print(state["name"])

    Raises `ProgramError` where the function takes no state, or a parameter is called as an option of `run`.
    """
    return Program(body)


class Program(Generic[P, R]):
    """A program. Its function may be ``async``: then it is run by `arun`, `arun_batch` or `stream`.

    What the runs have in common: `backend` is where calls go (the default backend if None), `sampling` holds the
    options of calls that do not give their own, and all other arguments are the function's. A failing call raises
    where its value is read, and shows in `State.error`; it is no error of `run` itself. What the function itself
    raises, `run` and `arun` raise.
    """

    def __init__(self, body: Callable[Concatenate[State, P], R]) -> None:
        functools.update_wrapper(self, body)
        self.name: str = getattr(body, "__name__", "program")
        self.is_async = inspect.iscoroutinefunction(body)
        self._body = body
        self._signature = inspect.signature(body)
        parameters = list(self._signature.parameters.values())
        if not parameters or parameters[0].kind not in (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        ):
            raise ProgramError(f"{self.name} needs a first parameter for the state that it writes")
        for parameter in parameters:
            if parameter.name in _OWN_OPTIONS:
                raise ProgramError(
                    f"{self.name}: a parameter cannot be called {parameter.name!r}, which is an option of run",
                    param=parameter.name,
                )

    def __repr__(self) -> str:
        return f"<Program {self.name}{self._signature}>"

    def __call__(self, state: State, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function inside another program, on that one's state."""
        if not isinstance(state, State):
            raise ProgramError(
                f"{self.name}(...) takes a state and runs inside a program; to start it: {self.name}.run"
            )
        return self._body(state, *args, **kwargs)

    def run(
        self,
        *args: Any,
        backend: Backend | None = None,
        sampling: Sampling | None = None,
        stream: bool = False,
        **arguments: Any,
    ) -> State:
        """Run the program to its end and give its state; with `stream` as `stream` does.

        Raises:
            ProgramError, UnknownOption: the arguments are not the function's; the function is async.
            Exception: whatever the function raises.
        """
        if stream:
            return self.stream(*args, backend=backend, sampling=sampling, **arguments)
        self._refuse_async("arun")
        run = self._open(backend, sampling, stream=False)
        self._execute(run, args, arguments)
        state = State(run.root, inside=False)
        try:
            state.wait()
        except BaseException:  # interrupted while waiting
            state.abort()
            raise
        if run.error is not None:
            raise run.error
        return state

    def stream(
        self,
        *args: Any,
        backend: Backend | None = None,
        sampling: Sampling | None = None,
        **arguments: Any,
    ) -> State:
        """Start the program and give its state at once; `State.text_iter` brings the text token by token.

        An async function runs in the event loop that this is called from. What goes wrong raises where text or values
        are read.
        """
        run = self._open(backend, sampling, stream=True)
        return self._start(run, args, arguments)

    async def arun(
        self,
        *args: Any,
        backend: Backend | None = None,
        sampling: Sampling | None = None,
        **arguments: Any,
    ) -> State:
        """`run` for event loops; a function that is not async gets a thread. Cancelling it aborts the program."""
        run = self._open(backend, sampling, stream=False)
        state = State(run.root, inside=False)
        if self.is_async:
            await self._execute_async(run, args, arguments)
        else:
            self._start(run, args, arguments)
        try:
            await state.wait_async()
        except asyncio.CancelledError:
            state.abort()
            raise
        if run.error is not None:
            raise run.error
        return state

    def run_batch(
        self,
        items: Iterable[Mapping[str, Any]],
        *,
        backend: Backend | None = None,
        sampling: Sampling | None = None,
        max_in_flight: int = DEFAULT_IN_FLIGHT,
        progress: bool = False,
    ) -> list[State]:
        """Run the program once for each item, which is its arguments, and give the states in the items' order.

        A failure, be it of a call, of the function or of an item that does not fit it, stays with its item: reading
        that state raises it, and `State.error` has it.

        Args:
            items: any iterable; it is read as places become free.
            max_in_flight: most programs running at once.
            progress: show a progress bar.
        """
        self._refuse_async("arun_batch")
        batch = Batch(backend or default_backend())
        try:
            return run_all(self.name, self._starter(batch, sampling), items, max_in_flight, progress)
        finally:
            batch.end()

    async def arun_batch(
        self,
        items: Iterable[Mapping[str, Any]],
        *,
        backend: Backend | None = None,
        sampling: Sampling | None = None,
        max_in_flight: int = DEFAULT_IN_FLIGHT,
        progress: bool = False,
    ) -> list[State]:
        """`run_batch` for event loops. Cancelling it aborts what runs."""
        batch = Batch(backend or default_backend())
        try:
            return await run_all_async(self.name, self._starter(batch, sampling), items, max_in_flight, progress)
        finally:
            batch.end()

    def _open(self, backend: Backend | None, sampling: Sampling | None, *, stream: bool) -> Run:
        return Run(backend or default_backend(), sampling or Sampling(), stream=stream)

    def _starter(self, batch: Batch, sampling: Sampling | None) -> Callable[[Mapping[str, Any]], State]:
        def start(item: Mapping[str, Any]) -> State:
            run = Run(batch.backend, sampling or Sampling(), stream=False, batch=batch)
            return self._start(run, (), item)

        return start

    def _start(self, run: Run, args: tuple[Any, ...], arguments: Mapping[str, Any]) -> State:
        """Run the body beside the caller: an async one as a task, another in a thread. Its errors stay with the run."""
        if self.is_async:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                run.end()
                raise ProgramError(f"{self.name} is async: start it from a running event loop") from None
            task = loop.create_task(self._execute_async(run, args, arguments))
            _bodies.add(task)
            task.add_done_callback(_bodies.discard)
        else:
            context = contextvars.copy_context()
            threading.Thread(
                target=context.run, args=(self._execute, run, args, arguments), name=f"weft-{self.name}", daemon=True
            ).start()
        return State(run.root, inside=False)

    def _execute(self, run: Run, args: tuple[Any, ...], arguments: Mapping[str, Any]) -> None:
        try:
            run.returned = self._bind(run, args, arguments)
        except BaseException as error:  # kept with the run, where every way of running it finds it
            run.end(error)
        else:
            run.end()

    async def _execute_async(self, run: Run, args: tuple[Any, ...], arguments: Mapping[str, Any]) -> None:
        try:
            body: Coroutine[Any, Any, Any] = self._bind(run, args, arguments)
            run.returned = await body
        except asyncio.CancelledError:
            run.end(Aborted("the program's task was cancelled"))
            raise
        except BaseException as error:
            run.end(error)
        else:
            run.end()

    def _bind(self, run: Run, args: tuple[Any, ...], arguments: Mapping[str, Any]) -> Any:
        """Call the body on the run's state. Raises by name what arguments it does not take, or lacks."""
        if not isinstance(arguments, Mapping):
            raise ProgramError(
                f"{self.name}: an item must map argument names to values, not {type(arguments).__name__}"
            )
        state = State(run.root, inside=True)
        parameters = self._signature.parameters
        takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
        names = list(parameters)[1:]
        for name in arguments:
            if name not in names and not takes_any:
                raise UnknownOption(f"{self.name} has no argument {name!r}; it has: {', '.join(names)}", param=name)
        try:
            bound = self._signature.bind(state, *args, **arguments)
        except TypeError as error:
            raise ProgramError(f"{self.name}: {error}") from error
        return self._body(*bound.args, **bound.kwargs)

    def _refuse_async(self, instead: str) -> None:
        if self.is_async:
            raise ProgramError(f"{self.name} is async: use `await {self.name}.{instead}(...)`")
