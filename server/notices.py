"""What `weft serve` has to tell whoever runs it, in the order in which it happens."""

from __future__ import annotations

from dataclasses import dataclass

from .wire.messages import EngineInfo


@dataclass(frozen=True, slots=True)
class Loading:
    """The server listens; /health is 503 until `Serving`."""

    url: str
    model: str
    engine_pid: int


@dataclass(frozen=True, slots=True)
class Stage:
    """What the engine being loaded is at."""

    stage: str


@dataclass(frozen=True, slots=True)
class Serving:
    """The engine is loaded, for the first time or again: requests are taken."""

    url: str
    model: str
    engine_pid: int
    info: EngineInfo


@dataclass(frozen=True, slots=True)
class EngineLost:
    """The engine process ended by itself; every request it had has failed.

    Attributes:
        restarting: another is being started; else the server ends.
        attempt: the how many-th restart of the last ten minutes that is.
    """

    reason: str
    restarting: bool
    attempt: int


@dataclass(frozen=True, slots=True)
class WorkerServing:
    """An API worker takes connections. There are none where the API is in the main process."""

    pid: int


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """An API worker ended by itself; its connections are broken, and its requests are aborted.

    Attributes:
        restarting, attempt: as `EngineLost`'s.
    """

    pid: int
    reason: str
    restarting: bool
    attempt: int


@dataclass(frozen=True, slots=True)
class Draining:
    """New connections are refused; `requests` in flight have `timeout` seconds to end. Comes again as they do."""

    requests: int
    timeout: float


Notice = Loading | Stage | Serving | EngineLost | WorkerServing | WorkerLost | Draining
