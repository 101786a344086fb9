"""Which requests have run out of time."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Protocol


class Timed(Protocol):
    """A job that may have a deadline, in seconds of the monotonic clock; infinity is none."""

    request_id: str
    deadline: float


class Deadlines:
    """The deadlines of jobs in flight, at a heap's cost for each request and a look for each step.

    Only the ids of jobs are kept: `jobs`, the engine's own, says which of them are still in flight.
    """

    def __init__(self, jobs: Mapping[str, Timed]) -> None:
        self._jobs = jobs
        self._heap: list[tuple[float, str]] = []

    def watch(self, job: Timed) -> None:
        """Keep an eye on a job, if it has a deadline at all."""
        if job.deadline == float("inf"):
            return
        if len(self._heap) > 2 * len(self._jobs) + 64:
            self._heap = [entry for entry in self._heap if self._is_live(*entry)]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (job.deadline, job.request_id))

    @property
    def next(self) -> float | None:
        """The earliest deadline there may be; None for none."""
        return self._heap[0][0] if self._heap else None

    def pop(self, now: float) -> str | None:
        """The id of a job in flight whose deadline has passed, the earliest first; None when there is none left."""
        while self._heap and self._heap[0][0] <= now:
            deadline, request_id = heapq.heappop(self._heap)
            if self._is_live(deadline, request_id):
                return request_id
        return None

    def _is_live(self, deadline: float, request_id: str) -> bool:
        job = self._jobs.get(request_id)
        return job is not None and job.deadline == deadline
