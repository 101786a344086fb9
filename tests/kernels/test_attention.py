"""attention: every path against a direct computation, on pages full of garbage."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.kernels import AttentionPlan, attention
from weft.kernels.attention import batched, cpu, invariant, reference


class Pool:
    """Sequences whose keys and values lie scattered over pages; every other place holds NaN.

    `heads` query heads share `kv` key heads of width `width`.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        heads: int = 6,
        kv: int = 2,
        width: int = 16,
        page_size: int = 16,
        dtype: torch.dtype = torch.float32,
        seed: int = 0,
    ) -> None:
        generator = torch.Generator().manual_seed(seed)

        def draw(length: int, count: int) -> torch.Tensor:
            return torch.randn(length, count, width, generator=generator).to(dtype)

        self.page_size, self.lengths = page_size, list(lengths)
        self.queries = [draw(length, heads) for length in lengths]
        self.keys = [draw(length, kv) for length in lengths]
        self.values = [draw(length, kv) for length in lengths]
        needed = [-(-length // page_size) for length in lengths]
        free = list(range(sum(needed) + 3))
        random.Random(seed).shuffle(free)
        self.tables = [[free.pop() for _ in range(count)] for count in needed]
        self.k_pages = torch.full((kv, sum(needed) + 3, page_size, width), torch.nan, dtype=dtype)
        self.v_pages = self.k_pages.clone()
        self.lay_out()

    def lay_out(self) -> None:
        """Store the keys and values in their pages."""
        for table, keys, values in zip(self.tables, self.keys, self.values, strict=True):
            positions = torch.arange(len(keys))
            places = torch.tensor(table)[positions // self.page_size], positions % self.page_size
            self.k_pages[:, *places] = keys.transpose(0, 1)
            self.v_pages[:, *places] = values.transpose(0, 1)

    def plan(
        self,
        chunks: Sequence[tuple[int, int, int]],
        *,
        branches: Sequence[Sequence[int]] = (),
        batch_invariant: bool = False,
    ) -> AttentionPlan:
        """For chunks (sequence, first new position, end)."""
        return AttentionPlan.build(
            [self.tables[sequence] for sequence, _, _ in chunks],
            [end - start for _, start, end in chunks],
            [end for _, _, end in chunks],
            self.page_size,
            "cpu",
            scale=0.3,
            branches=branches,
            batch_invariant=batch_invariant,
        )

    def query(self, chunks: Sequence[tuple[int, int, int]]) -> torch.Tensor:
        return torch.cat([self.queries[sequence][start:end] for sequence, start, end in chunks])

    def expected(
        self, chunks: Sequence[tuple[int, int, int]], window: int | None = None, softcap: float = 0.0
    ) -> torch.Tensor:
        """float64, one query and one head at a time."""
        rows = []
        for sequence, start, end in chunks:
            query, keys, values = (tensor[sequence].double() for tensor in (self.queries, self.keys, self.values))
            groups = query.shape[1] // keys.shape[1]
            for position in range(start, end):
                heads = []
                for head in range(query.shape[1]):
                    seen = slice(0 if window is None else max(0, position + 1 - window), position + 1)
                    scores = keys[seen, head // groups] @ query[position, head] * 0.3
                    if softcap:
                        scores = (scores / softcap).tanh() * softcap
                    heads.append(scores.softmax(0) @ values[seen, head // groups])
                rows.append(torch.stack(heads))
        return torch.stack(rows)


MIXED = [(0, 4, 5), (1, 0, 40), (2, 99, 100), (3, 30, 33), (4, 10, 64), (5, 16, 17), (6, 0, 1), (7, 16, 24)]
LENGTHS = [end for _, _, end in MIXED]


@pytest.mark.parametrize("path", [reference.attention, batched.attention, invariant.attention, cpu.attention])
@pytest.mark.parametrize(
    ("heads", "kv", "width", "page_size", "dtype"),
    [
        (6, 2, 16, 16, torch.float32),
        (4, 4, 8, 1, torch.float32),
        (3, 1, 24, 24, torch.float32),
        (9, 3, 64, 128, torch.bfloat16),
        (8, 2, 32, 16, torch.float16),
    ],
)
def test_every_path_attends_to_what_the_definition_says(
    path: object, heads: int, kv: int, width: int, page_size: int, dtype: torch.dtype
) -> None:
    pool = Pool(LENGTHS, heads=heads, kv=kv, width=width, page_size=page_size, dtype=dtype)
    plan = pool.plan(MIXED, batch_invariant=path is invariant.attention)
    with torch.inference_mode():
        got = path(pool.query(MIXED), pool.k_pages, pool.v_pages, plan)  # type: ignore[operator]
    assert got.dtype == dtype
    tolerance = {torch.float32: 2e-6, torch.bfloat16: 2e-2, torch.float16: 2e-3}[dtype]
    torch.testing.assert_close(got.double(), pool.expected(MIXED), atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("path", [reference.attention, batched.attention, invariant.attention, cpu.attention])
@pytest.mark.parametrize("window", [None, 1, 5, 16, 17, 70, 1000])
@pytest.mark.parametrize("softcap", [0.0, 1.5])
def test_windows_and_caps(path: object, window: int | None, softcap: float) -> None:
    pool = Pool(LENGTHS)
    plan = pool.plan(MIXED, batch_invariant=path is invariant.attention).within(window)
    with torch.inference_mode():
        got = path(pool.query(MIXED), pool.k_pages, pool.v_pages, plan, softcap)  # type: ignore[operator]
    torch.testing.assert_close(got.double(), pool.expected(MIXED, window, softcap), atol=3e-6, rtol=3e-6)


def test_a_long_chunk_is_capped_a_few_queries_at_a_time() -> None:
    pool = Pool([200])
    for chunks, window in ([[(0, 0, 200)], None], [[(0, 30, 200)], None], [[(0, 30, 199)], 40]):
        plan = pool.plan(chunks).within(window)
        got = batched.attention(pool.query(chunks), pool.k_pages, pool.v_pages, plan, 2.0)
        torch.testing.assert_close(got.double(), pool.expected(chunks, window, 2.0), atol=3e-6, rtol=3e-6)


def test_a_plan_is_cut_once_a_window() -> None:
    plan = Pool(LENGTHS).plan(MIXED)
    assert plan.within(7) is plan.within(7)
    assert plan.within(None) is plan.within(100) is plan  # no sequence is longer
    with pytest.raises(ValueError, match="window of 0"):
        plan.within(0)


def test_a_window_reads_only_the_pages_it_sees() -> None:
    pool = Pool([1600, 1600])
    [batch] = pool.plan([(0, 1599, 1600), (1, 1599, 1600)]).within(30).short
    assert len(batch.pages) == 2 * 2
    [sequence] = pool.plan([(0, 1500, 1600)]).within(30).long
    assert sequence.context == 1600 - 1500 // 16 * 16 + 32


def test_the_plan_chooses_the_path() -> None:
    pool = Pool(LENGTHS)
    query, pages = pool.query(MIXED), (pool.k_pages, pool.v_pages)
    for batch_invariant, path in ((False, cpu.attention), (True, invariant.attention)):
        plan = pool.plan(MIXED, batch_invariant=batch_invariant)
        assert torch.equal(attention(query, *pages, plan), path(query, *pages, plan))
        got = attention(query, *pages, plan, window=9, softcap=2.0)
        assert torch.equal(got, path(query, *pages, plan.within(9), 2.0))


def test_unlike_lengths_go_into_several_batches() -> None:
    lengths = [3000, 2, 2900, 5, 1, 64]
    pool = Pool(lengths, heads=2, kv=1, width=8)
    chunks = [(sequence, length - 1, length) for sequence, length in enumerate(lengths)]
    plan = pool.plan(chunks)
    assert 1 < len(plan.short) < len(lengths)
    got = batched.attention(pool.query(chunks), pool.k_pages, pool.v_pages, plan)
    torch.testing.assert_close(got.double(), pool.expected(chunks), atol=1e-6, rtol=1e-5)


def invariant_result(
    pool: Pool, chunks: Sequence[tuple[int, int, int]], window: int | None, softcap: float
) -> dict[tuple[int, int], torch.Tensor]:
    """The invariant path's result for each (sequence, position)."""
    plan = pool.plan(chunks, batch_invariant=True).within(window)
    with torch.inference_mode():
        out = invariant.attention(pool.query(chunks), pool.k_pages, pool.v_pages, plan, softcap)
    places = [(sequence, position) for sequence, start, end in chunks for position in range(start, end)]
    return dict(zip(places, out, strict=True))


@settings(max_examples=max(10, settings().max_examples // 4))  # each example is many calls
@given(st.data())
def test_batch_and_chunks_change_no_bit(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 150), min_size=1, max_size=4))
    pool = Pool(lengths, seed=data.draw(st.integers(0, 3)))
    window, softcap = data.draw(st.sampled_from([None, 1, 20, 64, 90])), data.draw(st.sampled_from([0.0, 3.0]))
    whole = {}
    for sequence, length in enumerate(lengths):
        whole |= invariant_result(pool, [(sequence, 0, length)], window, softcap)
    done = [0] * len(lengths)
    while any(start < length for start, length in zip(done, lengths, strict=True)):
        chunks = []
        for sequence, length in enumerate(lengths):
            if done[sequence] < length and (not chunks or data.draw(st.booleans())):
                end = min(length, done[sequence] + data.draw(st.sampled_from([1, 16, 50, 150])))
                chunks.append((sequence, done[sequence], end))
                done[sequence] = end
        for place, row in invariant_result(pool, chunks, window, softcap).items():
            assert torch.equal(row, whole[place]), place


@pytest.mark.parametrize(
    ("tables", "new", "context", "message"),
    [
        ([], [], [], "at least 1"),
        ([[1]], [1, 1], [1], "all must be equal"),
        ([[1], [2]], [1, 0], [3, 4], "sequence 1: 0 new tokens of 4"),
        ([[1]], [5], [4], "sequence 0: 5 new tokens of 4"),
        ([[1]], [1], [17], "sequence 0: 1 new tokens of 17 on 1 pages of 16"),
    ],
)
def test_contradicting_lengths_are_refused(
    tables: list[list[int]], new: list[int], context: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        AttentionPlan.build(tables, new, context, 16, "cpu", scale=1.0)


def ways(parents: Sequence[int], plain: int) -> list[list[int]]:
    """For each branch token the places of all it sees, by the definition: itself, its parent, and so on."""
    found = []
    for place in range(len(parents)):
        way = []
        at = place
        while at >= 0:
            way.append(plain + at)
            at = parents[at]
        found.append([*range(plain), *reversed(way)])
    return found


def trees(most: int) -> st.SearchStrategy[list[int]]:
    """Parents of up to `most` branch tokens."""
    return st.lists(st.integers(0, 2**16), min_size=1, max_size=most).map(
        lambda drawn: [value % (place + 1) - 1 for place, value in enumerate(drawn)]
    )


@pytest.mark.parametrize("path", [reference.attention, batched.attention, invariant.attention, cpu.attention])
@settings(max_examples=max(8, settings().max_examples // 5))
@given(data=st.data())
def test_a_branch_sees_what_it_would_see_alone(path: object, data: st.DataObject) -> None:
    """Beside plain sequences, with part of the tree computed before; the invariant path to the bit."""
    parents = data.draw(trees(20))
    plain = data.draw(st.integers(0, 90))
    length = plain + len(parents)
    start = data.draw(st.integers(0, length - 1))
    end = data.draw(st.integers(max(start, plain) + 1, length))
    shape: dict[str, int] = {"heads": 2, "kv": 1, "width": 8, "page_size": data.draw(st.sampled_from([1, 16, 24]))}
    pool = Pool([20, length, 40], **shape)
    chunks = [(0, 3, 20), (1, start, end), (2, 39, 40)]
    exact = path is invariant.attention
    window = data.draw(st.sampled_from([None, 2, 30]))
    plan = pool.plan(chunks, branches=[(), parents[: end - plain], ()], batch_invariant=exact).within(window)
    got = path(pool.query(chunks), pool.k_pages, pool.v_pages, plan)[17 : 17 + end - start]  # type: ignore[operator]
    for place in range(max(start, plain - 2), end):  # of the plain ones two will do
        way = ways(parents, plain)[place - plain] if place >= plain else list(range(place + 1))
        alone = Pool([len(way)], **shape)
        for own, one in ((alone.keys, pool.keys), (alone.values, pool.values), (alone.queries, pool.queries)):
            own[0] = one[1][way]
        alone.lay_out()
        last = [(0, len(way) - 1, len(way))]
        if exact:
            plan = alone.plan(last, batch_invariant=True).within(window)
            wanted = path(alone.query(last), alone.k_pages, alone.v_pages, plan)
            assert torch.equal(got[place - start], wanted[0]), place
        else:
            wanted = alone.expected(last, window)[0]
            torch.testing.assert_close(got[place - start].double(), wanted, atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize(
    ("branches", "message"),
    [
        ([(0,)], "sequence 0: the parent of branch token 0 stands in place 0, which is not before it"),
        ([(-1, -2)], "branch token 1"),
        ([(-1,) * 6], "6 branch tokens of 5"),
        ([(), ()], "branches of 2 sequences for 1"),
    ],
)
def test_branches_that_are_no_tree_are_refused(branches: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AttentionPlan.build([[1]], [3], [5], 16, "cpu", scale=1.0, branches=branches)
