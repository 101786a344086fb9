"""The same ratchet over schemas that people use, formats asserted: see `test_suite.py`."""

from __future__ import annotations

import pytest
from schema_cases import baseline, judge, maskbench

CASES = list(maskbench())
PARTS = 20
FLOOR = 0.95


@pytest.fixture(scope="module")
def record():
    return baseline()["maskbench"]


@pytest.mark.parametrize("part", range(PARTS))
def test_schemas_are_judged_right_or_refused_as_before(part: int, record) -> None:
    for case in CASES[part::PARTS]:
        outcome = judge(case)
        assert outcome.accepted_invalid == [], case.name
        assert outcome.rejected_valid == [], case.name
        if outcome.refusal is not None:
            assert record[case.name] != "enforced", f"{case.name} was enforced, is refused: {outcome.refusal}"


def test_the_baseline_lists_every_schema_and_keeps_its_floor(record) -> None:
    assert list(record) == [case.name for case in CASES]
    assert sum(entry == "enforced" for entry in record.values()) >= FLOOR * len(CASES)
