"""Write down what is enforced now: `python tests/grammar/update_baseline.py [--check]`.

The table of keywords in `docs/grammar.md` is written along with it. Refuses to move a schema back from enforced to
refused, and to record one that is judged wrongly. With `--check` nothing is written; either way it prints what is
refused, by keyword, and every wrong judgement.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from schema_cases import BASELINE, DOCUMENT, baseline, judge, maskbench, official_suite, with_keyword_table


def main() -> None:
    parser = argparse.ArgumentParser(description="Record which schemas are enforced.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    known = baseline() if BASELINE.exists() else {"suite": {}, "maskbench": {}}
    record = {}
    problems = []
    for collection, cases in (("suite", official_suite()), ("maskbench", maskbench())):
        outcomes = {case.name: judge(case) for case in cases}
        record[collection] = {name: outcome.entry() for name, outcome in outcomes.items()}
        refusals = Counter(str(outcome.refusal.keyword) for outcome in outcomes.values() if outcome.refusal)
        print(
            f"{collection}: {len(outcomes) - refusals.total()} of {len(outcomes)} enforced; refused: {dict(refusals)}"
        )
        for name, outcome in outcomes.items():
            problems += [f"{name}: accepts the invalid {text[:200]}" for text in outcome.accepted_invalid]
            problems += [f"{name}: rejects the valid {text[:200]}" for text in outcome.rejected_valid]
            if outcome.refusal and known[collection].get(name) == "enforced":
                problems.append(f"{name}: was enforced, is refused: {outcome.refusal}")
    print(*problems, sep="\n")
    if problems:
        sys.exit(f"{len(problems)} problems: nothing is recorded")
    if not options.check:
        BASELINE.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        document = with_keyword_table(DOCUMENT.read_text(encoding="utf-8"), record["suite"])
        DOCUMENT.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()
