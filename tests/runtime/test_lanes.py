"""Shares of a step: where it is cut, and that they run as one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weft.request import GenerateRequest, Sampling
from weft.runtime import Engine
from weft.runtime.lanes import ROWS, UNEVEN, Lanes, cut


@given(st.lists(st.integers(1, 200), min_size=1, max_size=40), st.integers(1, 16))
def test_cuts_keep_order_and_are_even_or_none(rows: list[int], lanes: int) -> None:
    ends = cut(rows, lanes)
    assert ends == sorted(ends)
    assert ends[-1] == len(rows)
    if len(ends) > 1:
        starts = [0, *ends[:-1]]
        sums = [sum(rows[start:stop]) for start, stop in zip(starts, ends, strict=True)]
        assert len(ends) == lanes
        assert all(start < stop for start, stop in zip(starts, ends, strict=True))
        assert sum(rows) >= ROWS * lanes
        assert max(sums) * lanes <= UNEVEN * sum(rows)


def test_many_decodes_are_cut_and_a_lone_prefill_is_not() -> None:
    assert cut([1] * 64, 2) == [32, 64]
    assert cut([512], 2) == [1]
    assert cut([1] * 7, 2) == [7]
    assert cut([1] * 10 + [500], 2) == [11]
    assert cut([10] * 4, 5) == [4]


def test_a_lane_computes_alone_and_the_others_as_before() -> None:
    threads = torch.get_num_threads()
    lanes = Lanes(2)
    try:
        counts = lanes.run(lambda share: (len(share), torch.get_num_threads()), list(range(32)), lambda _: 1)
        assert counts == [(16, 1), (16, 1)]
        torch.set_num_threads(threads)
        assert lanes.run(len, list(range(32)), lambda _: 1) == [16, 16]
        assert torch.get_num_threads() == threads
    finally:
        lanes.close()


def test_the_error_of_a_share_is_raised() -> None:
    def fail(share: list[int]) -> None:
        if 20 in share:
            raise ValueError("twenty")

    lanes = Lanes(2)
    try:
        with pytest.raises(ValueError, match="twenty"):
            lanes.run(fail, list(range(32)), lambda _: 1)
        assert lanes.run(len, list(range(32)), lambda _: 1) == [16, 16]
    finally:
        lanes.close()


def test_a_step_in_shares_gives_what_a_step_in_one_gives(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among many: each request's tokens are those it has alone, up to ties that rounding decides."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    requests = [
        GenerateRequest(
            id=str(at),
            prompt=tuple(range(at, at + 5 + at % 7)),
            sampling=Sampling(max_tokens=12, ignore_eos=True, temperature=0.7, seed=at),
        )
        for at in range(40)
    ]
    with Engine(tiny_folder, device="cpu", dtype="float32") as engine:
        assert any(choice.startswith("lanes: 2") for choice in engine.choices)
        together = [ticket.result(60).token_ids for ticket in map(engine.generate, requests)]
        alone = [engine.generate(request).result(60).token_ids for request in requests]
    assert sum(ours == theirs for ours, theirs in zip(together, alone, strict=True)) >= 38
