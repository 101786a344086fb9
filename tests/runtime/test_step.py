"""The order of a step: what the host does while the device is at work, with a device that only takes notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weft.request import GenerateRequest, Sampling
from weft.runtime import Engine
from weft.runtime.jobs import Drawn, SampleRow
from weft.runtime.outbox import Outbox
from weft.runtime.runner import Runner
from weft.runtime.sequence import Chunk, Sequence
from weft.runtime.step import run_step
from weft.runtime.ticket import GenerateTicket


class FakeDevice:
    """Notes the calls; draws 1, 2, 3 ... for the rows."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes

    def forward(self, chunks: list[Chunk]) -> str:
        self.notes.append("launch forward")
        return "hidden"

    def sample(self, hidden: str, rows: list[SampleRow]) -> list[SampleRow]:
        assert hidden == "hidden"
        self.notes.append("launch sampling")
        return rows

    def collect(self, sampled: list[SampleRow]) -> list[Drawn]:
        self.notes.append("wait")
        return [Drawn(at + 1, 0.0, 1) for at in range(len(sampled))]


def row(at: int) -> SampleRow:
    return SampleRow(at, -1, 0, 0, 0.0, 0, 1.0, 0.0, [], 0)


@pytest.mark.parametrize("overlap", [True, False])
def test_a_step_is_told_while_the_next_one_runs(overlap: bool) -> None:
    notes: list[str] = []
    outbox = Outbox(holds=overlap)
    chunks = [Chunk(Sequence([1], 0), 0, 1)]

    def find_rows(_: list[Chunk]) -> dict[Sequence, list[SampleRow]]:
        notes.append("masks")
        return {chunks[0].sequence: [row(0)]}

    for step in (1, 2):
        run_step(FakeDevice(notes), chunks, outbox, find_rows)
        notes.append(f"commit {step}")
        outbox.put(lambda step=step: notes.append(f"tell {step}"))
    outbox.flush()
    first, second = ([], ["tell 1"]) if overlap else (["tell 1"], [])
    assert notes == [
        "launch forward",
        "masks",
        "launch sampling",
        "wait",
        "commit 1",
        *first,
        "launch forward",
        *second,
        "masks",
        "launch sampling",
        "wait",
        "commit 2",
        "tell 2",
    ]


def test_draws_go_to_the_sequences_whose_rows_they_are() -> None:
    sequences = [Sequence([at], 0) for at in range(3)]
    rows = {sequences[0]: [row(0)], sequences[1]: [row(1), row(2)], sequences[2]: []}
    outcome = run_step(FakeDevice([]), [Chunk(each, 0, 1) for each in sequences], Outbox(), lambda _: rows)
    drawn = {sequence: [each.token for each in draws] for sequence, draws in outcome.drawn.items()}
    assert drawn == {sequences[0]: [1], sequences[1]: [2, 3], sequences[2]: []}


def test_what_is_held_keeps_its_order() -> None:
    told: list[int] = []
    outbox = Outbox(holds=True)
    outbox.put(lambda: told.append(1))
    outbox.put(lambda: outbox.put(lambda: told.append(3)))
    outbox.put(lambda: told.append(2))
    assert told == []
    outbox.flush()
    assert told == [1, 2, 3]


def test_the_engine_keeps_to_that_order(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []

    def noted(owner: Any, name: str, note: str) -> None:
        method = getattr(owner, name)

        def call(*args: Any) -> Any:
            notes.append(note)
            return method(*args)

        monkeypatch.setattr(owner, name, call)

    with Engine(tiny_folder, device="cpu", overlap=True) as engine:
        noted(Runner, "forward", "forward")
        noted(Runner, "sample", "sample")
        noted(Runner, "collect", "wait")
        noted(GenerateTicket, "put_event", "event")
        noted(GenerateTicket, "put_result", "result")
        noted(engine._rows, "find", "masks")
        request = GenerateRequest(id="r", prompt="Say: ", sampling=Sampling(max_tokens=3, ignore_eos=True))
        engine.generate(request).result(60)
        assert any(line.startswith("overlap: on, because") for line in engine.choices)
    step = ["masks", "sample", "wait"]
    assert notes == ["forward", *step, *["forward", "event", *step] * 2, "event", "result"]
