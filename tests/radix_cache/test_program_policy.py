"""What programs say moves the turns of leaves, within bounds; without a word of theirs it is LRU."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from weft.radix_cache import LRU, PagePool, ProgramLRU, RadixTree, Strength
from weft.radix_cache.program_policy import CREDIT, SEVERAL

CAPACITY = 10


def policy_with(*nodes: str, max_holders: int = 100) -> ProgramLRU[str]:
    """A policy with leaves used one after the other, a page each."""
    policy: ProgramLRU[str] = ProgramLRU(CAPACITY, max_holders=max_holders)
    for node in nodes:
        policy.advance(1)
        policy.touch(node)
        policy.offer(node)
    return policy


def order(policy: ProgramLRU[str]) -> str:
    """The leaves in the order in which they would be evicted."""
    gone = []
    while (victim := policy.victim()) is not None:
        policy.forget(victim)
        gone.append(victim)
    return "".join(gone)


def test_what_is_held_goes_last_and_the_surest_of_all() -> None:
    policy = policy_with(*"abcd")
    policy.hold("session", "b", Strength.OPEN)
    policy.hold("batch", "a", Strength.SURE)
    assert order(policy) == "cdba"


def test_a_released_session_is_one_of_many_again() -> None:
    policy = policy_with(*"abc")
    policy.hold("session", "a", Strength.OPEN)
    policy.release("session")
    policy.release("session")
    assert order(policy) == "abc"


def test_a_new_path_takes_the_place_of_the_old_one() -> None:
    policy = policy_with(*"abc")
    policy.hold("session", "a", Strength.OPEN)
    policy.hold("session", "b", Strength.OPEN)
    assert order(policy) == "acb"


def test_what_only_a_finished_branch_used_goes_first() -> None:
    policy = policy_with(*"xpab")
    policy.hold("parent", "p", Strength.OPEN)
    policy.branch("parent", ["one", "two"])
    policy.hold("one", "pa", Strength.OPEN, is_branch=True)
    policy.hold("two", "pb", Strength.OPEN, is_branch=True)
    policy.release("one")
    assert policy.victim() == "a"
    policy.touch("a")  # somebody uses it all the same
    assert policy.victim() == "x"
    policy.release("two")
    assert order(policy) == "bxap", "the parent's own path is still held"


def test_branches_hold_their_parents_path_until_they_have_one_of_their_own() -> None:
    policy = policy_with(*"pxa")
    policy.hold("parent", "p", Strength.OPEN)
    policy.branch("parent", ["one", "two"])
    policy.release("parent")
    policy.hold("one", "a", Strength.OPEN, is_branch=True)
    assert order(policy) == "xap"


def test_what_several_programs_used_holds_its_own_beside_sessions() -> None:
    policy = policy_with(*"abc")
    policy.visit("one", "a")
    policy.visit("two", "a")
    policy.hold("session", "c", Strength.OPEN)
    policy.touch("a")
    policy.advance(CAPACITY // 4)
    assert order(policy) == "bca"


def test_a_holder_that_never_comes_back_is_overtaken() -> None:
    policy = policy_with("a")
    policy.hold("gone", "a", Strength.OPEN)
    policy.advance(int(CREDIT[Strength.OPEN] * CAPACITY) - 1)
    policy.touch("b")
    policy.offer("b")
    assert policy.victim() == "b"
    policy.advance(2)
    policy.touch("b")
    assert policy.victim() == "a"


def test_only_so_many_holders_are_remembered() -> None:
    policy = policy_with(*"abc", max_holders=2)
    for holder in "abc":
        policy.hold(holder, holder, Strength.OPEN)
    assert policy.holders == 2
    assert policy.victim() == "a"


PAGE = 2
prompts = st.lists(st.integers(0, 1), min_size=PAGE, max_size=12)
holders = st.sampled_from(["s", "t", "u", "v"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("use"), prompts, holders, st.sampled_from([None, Strength.OPEN, Strength.SURE])),
        st.tuples(st.just("branch"), holders, holders),
        st.tuples(st.just("release"), holders),
        st.tuples(st.just("evict"), st.integers(1, 4)),
    ),
    max_size=40,
)


def use(tree: RadixTree, ids: list[int]) -> object:
    """One round of a request: match, lock, take, insert, unlock. Gives where it ends, or None for want of room."""
    whole = ids[: len(ids) // PAGE * PAGE]
    match = tree.match(whole)
    tree.lock(match.node)
    missing = len(whole) // PAGE - len(match.pages)
    tree.evict(max(0, missing - tree.pool.free))
    pages = tree.pool.take(missing)
    node = None if pages is None else tree.insert(whole, [*match.pages, *pages]).node
    tree.unlock(match.node)
    return node


@given(steps)
@settings(max_examples=80)
def test_the_books_of_holders_and_nodes_agree_whatever_happens(history: list[tuple]) -> None:
    policy: ProgramLRU = ProgramLRU(8)
    tree = RadixTree(PagePool(8), PAGE, policy)
    for action, *arguments in history:
        if action == "use":
            ids, holder, strength = arguments
            node = use(tree, ids)
            if node is not None and strength is not None:
                policy.hold(holder, tree.path(node), strength)
        elif action == "branch":
            policy.branch(arguments[0], [arguments[1]])
        elif action == "release":
            policy.release(arguments[0])
        else:
            tree.evict(arguments[0])
        tree.recount()
        nodes = [node for node in tree._walk() if node.parent is not None]
        assert set(policy._uses) == set(policy._stamps) == set(nodes)
        for holder, held in policy._holders.items():
            assert held.nodes == {node for node in nodes if holder in policy._uses[node].holders}
        for node in nodes:
            assert policy._uses[node].holders <= set(policy._holders)
            if len(policy._uses[node].holders) > 1:
                assert policy._uses[node].holder is SEVERAL


@given(st.lists(st.one_of(prompts, st.integers(1, 4)), max_size=40))
@settings(max_examples=60)
def test_without_holders_it_evicts_as_lru_does(history: list[list[int] | int]) -> None:
    trees = [RadixTree(PagePool(8), PAGE, policy) for policy in (LRU(), ProgramLRU(8))]
    for step in history:
        for tree in trees:
            if isinstance(step, int):
                tree.evict(step)
            else:
                use(tree, step)
        kept = [sorted((node.key, tuple(node.blocks)) for node in tree._walk()) for tree in trees]
        assert kept[0] == kept[1]
