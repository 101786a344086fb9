"""Who holds what, as the scheduler tells it, and that eviction follows: without torch."""

from __future__ import annotations

from weft.radix_cache import Node, PagePool, ProgramLRU, RadixTree
from weft.request import ProgramHints
from weft.runtime.programs import Programs
from weft.runtime.scheduler import Scheduler, Sequence

PAGE = 4


class Setting:
    """A scheduler over a small pool, and calls that run alone on it."""

    def __init__(self, num_pages: int) -> None:
        pool = PagePool(num_pages)
        self.policy = ProgramLRU[Node](num_pages)
        self.tree = RadixTree(pool, PAGE, self.policy)
        self.programs = Programs(self.tree, self.policy)
        self.scheduler = Scheduler(
            pool, self.tree, page_size=PAGE, max_running=4, prefill_chunk=64, programs=self.programs
        )

    def call(self, ids: list[int], hints: ProgramHints | None = None) -> int:
        """Run a prompt to its end; gives how many of its tokens were cached."""
        sequence = Sequence(ids=[*ids, 0], match_limit=len(ids), hints=hints or ProgramHints())
        self.scheduler.add(sequence)
        while sequence.remaining:
            for chunk in self.scheduler.plan():
                self.scheduler.computed(chunk)
        self.scheduler.finish(sequence)
        self.scheduler.recount()
        return sequence.cached or 0


def test_an_open_session_keeps_its_path_and_a_released_one_does_not() -> None:
    for released, kept in ((False, 8), (True, 0)):
        setting = Setting(8)
        setting.call([1] * 8, ProgramHints("s"))
        if released:
            setting.programs.release("s")
        for other in range(2, 6):
            setting.call([other] * 12)
        assert setting.call([1] * 8) == kept


def test_a_batch_keeps_what_its_items_have_in_common() -> None:
    for told, kept in ((8, 8), (0, 0)):
        setting = Setting(8)
        for item in range(2):
            hints = ProgramHints(f"item {item}", batch="b", common_prefix=told)
            setting.call([1] * 8 + [10 + item] * 4, hints)
            setting.programs.release(f"item {item}")
        if not told:
            setting.programs = Programs(setting.tree, None)
        for other in range(2, 4):
            setting.call([other] * 20)
        assert setting.call([1] * 8) == kept, "what two programs used has no credit while nobody holds anything"


def test_finished_branches_go_before_everything_else() -> None:
    setting = Setting(12)
    setting.call([9] * 8)
    setting.call([1] * 8, ProgramHints("parent"))
    setting.programs.fork("parent", ["parent.1.0", "parent.1.1"])
    for place in range(2):
        setting.call([1] * 8 + [20 + place] * 8, ProgramHints(f"parent.1.{place}", "parent.1", 2))
        setting.programs.release(f"parent.1.{place}")
    setting.call([3] * 20)
    assert setting.tree.probe([1] * 8 + [20] * 8, 16).length < 16
    assert setting.tree.probe([1] * 8, 8).length == 8
    assert setting.tree.probe([9] * 8, 8).length == 8


def test_what_was_retracted_is_there_when_it_returns_and_held_no_longer() -> None:
    setting = Setting(12)
    first = Sequence(ids=[1, 2, 3], match_limit=2)
    second = Sequence(ids=[4, 5, 6], match_limit=2)
    scheduler = setting.scheduler
    for sequence in (first, second):
        scheduler.add(sequence)
    while not scheduler.retractions:
        for chunk in scheduler.plan():
            scheduler.computed(chunk)
            chunk.sequence.ids.append(7)
    assert setting.policy.holders == 1
    scheduler.finish(second)
    assert setting.policy.holders == 0
    scheduler.finish(first)
    scheduler.recount()
