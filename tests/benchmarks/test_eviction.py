"""Eviction that knows the program computes less again than LRU: the benchmark itself, on a few seeds."""

from __future__ import annotations

import pytest

from weft.benchmarks.eviction import EACH_ALONE, MIXTURE, Simulation, arrivals, total

PAGES, PERIOD = 220, 1200


def test_a_mixture_computes_less_again_and_no_kind_in_it_more() -> None:
    outcome = total(MIXTURE, seeds=range(4), num_pages=PAGES, period=PERIOD)
    assert outcome.program.total() < 0.7 * outcome.lru.total()
    for kind in MIXTURE:
        assert outcome.program[kind] <= outcome.lru[kind], kind


@pytest.mark.parametrize("workload", EACH_ALONE, ids=lambda workload: next(iter(workload)))
def test_no_kind_by_itself_computes_more_again(workload: dict[str, int]) -> None:
    (kind,) = workload
    outcome = total(workload, seeds=range(2), num_pages=PAGES, period=PERIOD)
    assert outcome.program[kind] <= outcome.lru[kind]


def test_a_simulation_is_the_same_each_time_and_ends_with_its_books_in_order() -> None:
    runs = []
    for _ in range(2):
        simulation = Simulation(PAGES, knows_programs=True)
        runs.append(simulation.run(arrivals(MIXTURE, seed=7, period=300)))
        simulation.scheduler.recount()
        assert not simulation.scheduler.running
        assert not simulation.scheduler.waiting
    assert runs[0] == runs[1]
