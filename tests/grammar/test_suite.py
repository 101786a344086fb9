"""The ratchet: what the official suite and real schemas ask is enforced exactly, or refused as the baseline says.

`python tests/grammar/update_baseline.py` records what newly is enforced; nothing goes back to being refused.
"""

from __future__ import annotations

import pytest
from schema_cases import DOCUMENT, Case, baseline, judge, official_suite, with_keyword_table

SUITE = list(official_suite())
FLOOR = 320
"""Groups of the suite that are enforced at the least."""


@pytest.fixture(scope="module")
def record():
    return baseline()["suite"]


@pytest.mark.parametrize("case", SUITE, ids=lambda case: case.name)
def test_a_group_is_judged_right_or_refused_as_before(case: Case, record) -> None:
    outcome = judge(case)
    assert outcome.accepted_invalid == []
    assert outcome.rejected_valid == []
    if outcome.refusal is not None:
        assert record[case.name] != "enforced", f"was enforced, is refused: {outcome.refusal}"
        assert outcome.refusal.keyword, "a refusal names the keyword"


def test_the_baseline_lists_every_group_and_keeps_its_floor(record) -> None:
    assert list(record) == [case.name for case in SUITE]
    assert sum(entry == "enforced" for entry in record.values()) >= FLOOR


def test_the_table_in_the_documents_is_the_baselines(record) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert document == with_keyword_table(document, record)
