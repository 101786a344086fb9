"""The order of a step's work on the device and on the host. Knows neither torch nor a kind of device.

    device:  | forward t ---------------------------- | sample t |            | forward t + 1 ---
    host:    launch | tell of t - 1 | masks of t | launch | wait | commit t | plan t + 1 | launch

A launch returns while the device still works. So what the last step brought is told, and this one's mask rows are
found, at no cost; and nothing between the first launch and `collect` may wait for the device. What must come before a
launch is what decides its tokens: the draws of the step before, the grammars' advance by them, since forced text joins
the very next pass, and ends, so that no pass computes what nobody wants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar

from .jobs import Drawn, SampleRow
from .outbox import Outbox
from .sequence import Chunk
from .sequence import Sequence as Tokens

HiddenT = TypeVar("HiddenT")
SampledT = TypeVar("SampledT")


class Device(Protocol[HiddenT, SampledT]):
    """What runs a step. One that computes in the caller's thread has nothing to overlap, and is right all the same."""

    def forward(self, chunks: list[Chunk]) -> HiddenT:
        """Launch the forward pass of `chunks`."""
        ...

    def sample(self, hidden: HiddenT, rows: list[SampleRow]) -> SampledT:
        """Launch the draws of `rows` from what `forward` gives."""
        ...

    def collect(self, sampled: SampledT) -> list[Drawn]:
        """Wait for the draws, one for each row."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome(Generic[HiddenT]):
    """What a step gave.

    Attributes:
        hidden: last hidden states of all chunks' tokens, in order.
        drawn: by sequence, what was drawn for each of its rows.
    """

    hidden: HiddenT
    drawn: dict[Tokens, list[Drawn]]


def run_step(
    device: Device[HiddenT, SampledT],
    chunks: list[Chunk],
    outbox: Outbox,
    find_rows: Callable[[list[Chunk]], Mapping[Tokens, Sequence[SampleRow]]],
) -> Outcome[HiddenT]:
    """Run a step's chunks. `find_rows` gives each sequence's rows to sample, their masks found; it is called once.

    Raises whatever the device or `find_rows` raise; what `outbox` held is delivered by then, unless the launch failed.
    """
    hidden = device.forward(chunks)
    outbox.flush()
    rows = find_rows(chunks)
    sampled = device.sample(hidden, [row for each in rows.values() for row in each])
    drawn = iter(device.collect(sampled))
    return Outcome(hidden, {sequence: list(islice(drawn, len(each))) for sequence, each in rows.items()})
