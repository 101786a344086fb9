"""What a step does for its generations: guesses behind their chunks, and the rows that are drawn from, with masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import WeftError
from .jobs import AnyJob, GenerateJob, SampleRow
from .mask_pool import MaskPool
from .scheduler import Scheduler
from .sequence import Chunk, Sequence
from .speculation import Speculation


class GenerationRows:
    """Drafts and sample rows. What fails for one job is that job's error alone.

    Args:
        owners: each queued or running sequence's job; the engine changes it.
        budget: most tokens of a step beyond one for each decoding sequence.
        fail: ends a job by an error.
    """

    def __init__(
        self,
        owners: Mapping[Sequence, AnyJob],
        scheduler: Scheduler,
        masks: MaskPool,
        speculation: Speculation,
        *,
        budget: int,
        fail: Callable[[AnyJob, Exception], None],
    ) -> None:
        self._owners = owners
        self._scheduler = scheduler
        self._masks = masks
        self._speculation = speculation
        self._budget = budget
        self._fail = fail

    def draft(self, chunks: list[Chunk]) -> list[Chunk]:
        """Put guesses behind the chunks of decoding sequences, where they pay and find room in the step."""
        if self._speculation.mode == "off":
            return chunks
        decoding = {chunk.sequence for chunk in chunks if self._decodes(chunk)}
        others = sum(chunk.count for chunk in chunks if chunk.sequence not in decoding)
        room = min(self._budget - others, self._masks.capacity - len(chunks))
        drafted = []
        for chunk in chunks:
            job = self._owners.get(chunk.sequence)
            if chunk.sequence in decoding and isinstance(job, GenerateJob):
                try:
                    tokens = job.draft(self._speculation, len(decoding))
                except Exception as error:
                    self._fail(job, error)
                    continue
                if tokens:
                    chunk = self._scheduler.draft(chunk, tokens[: max(room, 0)])
                    room -= len(chunk.draft)
            drafted.append(chunk)
        return drafted

    def find(self, chunks: list[Chunk]) -> dict[Sequence, list[SampleRow]]:
        """The rows of this step to sample, by sequence, their masks on the device."""
        rows = {}
        start = 0
        for chunk in chunks:
            last = start + chunk.known - 1
            start += chunk.count
            job = self._owners.get(chunk.sequence)
            if not isinstance(job, GenerateJob) or not chunk.is_last:
                continue
            try:
                rows[chunk.sequence] = self._of(job, chunk, last)
            except Exception as error:
                self._fail(job, error)
        return rows

    def _decodes(self, chunk: Chunk) -> bool:
        is_generation = isinstance(self._owners.get(chunk.sequence), GenerateJob)
        return is_generation and chunk.is_last and not chunk.sequence.is_prefilling

    def _of(self, job: GenerateJob, chunk: Chunk, last: int) -> list[SampleRow]:
        """The rows of one job: after its last known token, the step's row `last`, and along its draft."""
        rows: list[SampleRow] = []
        for place in job.places(len(chunk.draft)):
            mask = -1
            if place.grammar is not None:
                try:
                    mask = self._masks.acquire(place.grammar, place.row)
                except WeftError:
                    if not rows:
                        raise
                    break  # met again, and told, if this place of the draft is reached indeed
            rows.append(job.sample_row(last + place.ahead, mask, place, chunk.draft[: place.ahead]))
        return rows
