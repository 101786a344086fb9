"""The benchmark of the cache's tiers computes what it says: the whole prompt, then its tail only."""

from __future__ import annotations

from pathlib import Path

from weft.benchmarks.serving.model import SMALL, write_model
from weft.benchmarks.tiers import Bench


def test_each_tier_spares_the_prefill(tmp_path: Path) -> None:
    bench = Bench(write_model(tmp_path / "model", SMALL), tokens=100, rounds=1)
    sides = bench.sides(tmp_path / "cache")
    assert [(side.name, side.computed) for side in sides] == [
        ("nowhere", 100),
        ("device", 4),
        ("host memory", 4),
        ("disk", 4),
    ]
    assert all(side.seconds > 0 for side in sides)
