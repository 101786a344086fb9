"""LRU against the plain rule: of the leaves on offer, the one whose last use lies furthest back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weft.radix_cache import LRU

steps = st.lists(st.tuples(st.sampled_from(["touch", "offer", "withdraw", "evict"]), st.integers(0, 4)), max_size=300)


@given(steps)
def test_the_victim_is_the_least_recently_used_on_offer(history: list[tuple[str, int]]) -> None:
    policy: LRU[int] = LRU()
    for node in range(5):
        policy.touch(node)
    recency = list(range(5))  # least recent first
    offered: set[int] = set()
    for action, node in history:
        if action == "touch":
            policy.touch(node)
            recency.remove(node)
            recency.append(node)
        elif action == "offer" and node not in offered:
            policy.offer(node)
            offered.add(node)
        elif action == "withdraw" and node in offered:
            policy.withdraw(node)
            offered.remove(node)
        elif action == "evict" and (victim := policy.victim()) is not None:
            policy.forget(victim)
            policy.touch(victim)  # comes back as a new node would
            offered.remove(victim)
            recency.remove(victim)
            recency.append(victim)
        assert policy.victim() == next((node for node in recency if node in offered), None)
        assert len(policy) == len(offered)
        assert all((node in policy) == (node in offered) for node in range(5))


def test_touches_of_a_few_leaves_do_not_grow_the_heap() -> None:
    policy: LRU[str] = LRU()
    for leaf in "abc":
        policy.touch(leaf)
        policy.offer(leaf)
    for _ in range(10_000):
        policy.touch("b")
    assert len(policy._heap) < 200
    assert policy.victim() == "a"


def test_a_part_split_off_inherits_the_history_of_the_whole() -> None:
    policy: LRU[str] = LRU()
    for leaf in ("lower", "other"):
        policy.touch(leaf)
        policy.offer(leaf)
    policy.inherit("upper", "lower")
    policy.forget("lower")
    policy.offer("upper")
    assert policy.victim() == "upper"
