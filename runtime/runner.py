"""From a plan to tensors and back: the forward pass, sampling and scoring. The only file here that knows the device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch

from ..kernels.attention import AttentionPlan
from ..kernels.attention.branches import depths
from ..kernels.masked_sample import Adjust, Sampled, SamplingTensors, masked_sample
from .jobs import Drawn, SampleRow, Scored, ScoreRow
from .kv_cache import KVCache
from .lanes import Lanes
from .mask_pool import MaskPool
from .models.registry import Model
from .sequence import Chunk, Sequence


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws that the device may still be at.

    Attributes:
        sampled: a token for each row.
        likeliest: log-probabilities and ids of the likeliest tokens, best first, [rows, most]; None if none are wanted.
        counts: how many of them each row wants.
    """

    sampled: Sampled
    likeliest: tuple[torch.Tensor, torch.Tensor] | None
    counts: list[int]


class Runner:
    """Runs steps of one model over one KV pool."""

    def __init__(
        self, model: Model, cache: KVCache, masks: MaskPool, *, device: torch.device, lanes: Lanes | None = None
    ) -> None:
        self._model = model
        self._lanes = lanes or Lanes(1)
        self._cache = cache
        self._masks = masks
        self._device = device

    def close(self) -> None:
        """End the threads that shares of steps run on."""
        self._lanes.close()

    def warm_up(self) -> None:
        """Compute and draw one token, so that what is compiled at first use is so before the first request."""
        sequence = Sequence(ids=[0], match_limit=0, pages=[0])
        row = SampleRow(
            row=0, mask=0, position=0, seed=0, temperature=1.0, top_k=2, top_p=0.9, min_p=0.1, adjustments=[], top=0
        )
        self.collect(self.sample(self.forward([Chunk(sequence, 0, 1)]), [row]))

    @torch.inference_mode()
    def forward(self, chunks: list[Chunk]) -> torch.Tensor:
        """Last hidden states [T, hidden] of the chunks' tokens, packed in order; their KV is stored.

        Pages that forks take along are copied first.
        """
        self._fork(chunks)
        shares = self._lanes.run(self._forward, chunks, lambda chunk: chunk.count)
        return shares[0] if len(shares) == 1 else torch.cat(shares)

    @torch.inference_mode()
    def _forward(self, chunks: list[Chunk]) -> torch.Tensor:
        """`forward` of a share of the chunks."""
        page_size = self._cache.page_size
        ids: list[int] = []
        positions: list[int] = []
        slots: list[int] = []
        for chunk in chunks:
            pages = chunk.sequence.pages
            ids += chunk.tokens
            for place in range(chunk.start, chunk.start + chunk.count):
                slots.append(pages[place // page_size] * page_size + place % page_size)
            positions += _positions(chunk)
        plan = AttentionPlan.build(
            page_tables=[chunk.sequence.pages for chunk in chunks],
            query_lens=[chunk.count for chunk in chunks],
            context_lens=[chunk.start + chunk.count for chunk in chunks],
            page_size=page_size,
            device=self._device,
            scale=self._model.attention_scale,
            branches=[_branches(chunk) for chunk in chunks],
            batch_invariant=self._model.batch_invariant,
        )
        return self._model.forward(self._tensor(ids), self._tensor(positions), self._cache, self._tensor(slots), plan)

    def _fork(self, chunks: list[Chunk]) -> None:
        """Copy the pages that newcomers take along."""
        page_size = self._cache.page_size
        copies = [
            (chunk.fork, chunk.sequence.pages[chunk.start // page_size]) for chunk in chunks if chunk.fork is not None
        ]
        if copies:
            self._cache.copy(self._tensor([source for source, _ in copies]), self._tensor([to for _, to in copies]))

    @torch.inference_mode()
    def sample(self, hidden: torch.Tensor, rows: list[SampleRow]) -> list[Draws]:
        """Draw a token for each row under its mask; `collect` gives them."""
        if not rows:
            return []
        return self._lanes.run(partial(self._sample, hidden), rows, lambda _: 1)

    @torch.inference_mode()
    def _sample(self, hidden: torch.Tensor, rows: list[SampleRow]) -> Draws:
        """`sample` of a share of the rows."""
        logits = self._model.logits(hidden[self._tensor([row.row for row in rows])])
        params = SamplingTensors.build(
            temperature=[row.temperature for row in rows],
            top_k=[row.top_k for row in rows],
            top_p=[row.top_p for row in rows],
            min_p=[row.min_p for row in rows],
            seeds=[row.seed for row in rows],
            positions=[row.position for row in rows],
            adjust=Adjust.build(
                ((at, *change) for at, row in enumerate(rows) for change in row.adjustments), self._device
            ),
            device=self._device,
        )
        sampled = masked_sample(logits, self._masks.table, self._tensor([row.mask for row in rows]), params)
        counts = [row.top for row in rows]
        return Draws(sampled, logits.log_softmax(dim=-1).topk(max(counts)) if max(counts) else None, counts)

    def collect(self, draws: list[Draws]) -> list[Drawn]:
        """Wait for what `sample` launched: a token for each row."""
        return [drawn for share in draws for drawn in _drawn(share)]

    @torch.inference_mode()
    def score(self, hidden: torch.Tensor, rows: list[ScoreRow], count: int = 0) -> list[list[Scored]]:
        """How likely each row's tokens are after its hidden state, and the `count` likeliest there."""
        if not rows:
            return []
        logprobs = self._model.logits(hidden[self._tensor([row.row for row in rows])]).log_softmax(dim=-1)
        places = [at for at, row in enumerate(rows) for _ in row.tokens]
        tokens = [token for row in rows for token in row.tokens]
        chosen = iter(logprobs[self._tensor(places), self._tensor(tokens)].tolist())
        tops = _likeliest(logprobs, [count] * len(rows))
        return [[Scored(next(chosen), top) for _ in row.tokens] for row, top in zip(rows, tops, strict=True)]

    @torch.inference_mode()
    def summed(self, hidden: torch.Tensor, rows: list[int]) -> list[float]:
        """The float32 sum of some hidden states, [hidden]."""
        values: list[float] = hidden[self._tensor(rows)].float().sum(dim=0).tolist()
        return values

    def _tensor(self, values: list[int]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.int64, device=self._device)


def _drawn(draws: Draws) -> list[Drawn]:
    sampled = draws.sampled
    tokens, logprobs, allowed = sampled.tokens.tolist(), sampled.logprobs.tolist(), sampled.allowed.tolist()
    tops = _pairs(*draws.likeliest, draws.counts) if draws.likeliest else [()] * len(tokens)
    return [Drawn(*each) for each in zip(tokens, logprobs, allowed, tops, strict=True)]


def _branches(chunk: Chunk) -> tuple[int, ...]:
    """The parents of the branches that are computed once this chunk is."""
    return chunk.sequence.branches[: max(0, chunk.start + chunk.count - chunk.sequence.plain)]


def _positions(chunk: Chunk) -> list[int]:
    """Where each of a chunk's tokens stands in its text; branches of one depth stand beside each other."""
    end = chunk.start + chunk.count
    if not chunk.sequence.branches:
        return list(range(chunk.start, end))
    plain = chunk.sequence.plain
    positions = list(range(chunk.start, min(end, plain)))
    branches = depths(_branches(chunk))[max(0, chunk.start - plain) :]
    return positions + [plain + depth for depth in branches]


def _likeliest(logprobs: torch.Tensor, counts: list[int]) -> list[tuple[tuple[int, float], ...]]:
    """For each row of `logprobs`, [rows, vocabulary], its likeliest tokens: as many as `counts` says."""
    most = max(counts)
    return _pairs(*logprobs.topk(most, dim=-1), counts) if most else [()] * len(counts)


def _pairs(values: torch.Tensor, ids: torch.Tensor, counts: list[int]) -> list[tuple[tuple[int, float], ...]]:
    """(id, value) pairs of [rows, most] tensors, as many for each row as `counts` says."""
    rows = zip(ids.tolist(), values.tolist(), counts, strict=True)
    return [tuple(zip(row_ids[:count], row_values[:count], strict=True)) for row_ids, row_values, count in rows]
