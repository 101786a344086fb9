"""The radix tree over token ids whose edges own runs of pages.

A *block* is one page's worth of token ids. Edges are runs of whole blocks, and children differ in their first block,
so a prefix is shared in whole pages only. Who owns a page:

    PagePool.take            the caller
    insert                   the tree, from then on; pages it did not keep went back to the pool (`Insertion.freed`)
    match                    nothing changes hands: the pages are the tree's, and may be read while they are locked
    lock ... unlock          still the tree's, and in this interval never evicted
    evict, clear             the pool again

so that free + cached + (pages callers took and have not inserted or given back) = total, always.

The round of a request: `match` its prompt, `lock` the node before anything else can evict, take pages for the rest and
fill them, `insert` prompt and output with the matched pages in front, `unlock`. Nothing here is thread-safe: one
thread, the engine's, owns pool and tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .errors import IntegrityError
from .pages import PagePool
from .policy import LRU, EvictionPolicy
from .probe import Probe, probe

Block = tuple[int, ...]
Key = tuple[str, Block]  # the salt stands on the edges that leave the root and is "" below


class Node:
    """The end of an edge, and a handle for `lock`: it stands for all tokens from the root to this edge's end.

    A handle stays good until its pages are evicted, wholly or in part; edges that are split keep it good. `lock`
    refuses a handle that went stale.
    """

    __slots__ = ("blocks", "children", "holds", "key", "names", "pages", "parent", "refs", "used")

    def __init__(self, parent: Node | None, key: Key, blocks: list[Block], pages: list[int]) -> None:
        self.parent = parent
        self.key = key
        self.blocks = blocks
        self.pages = pages
        self.children: dict[Key, Node] = {}
        self.holds = 0  # locks taken on this very node
        self.refs = 0  # locks on this node or below it
        self.names: list[bytes] = []  # a name for each page, or none at all: the tiers', who fill it in when they ask
        self.used = 0  # when it was last matched or inserted, by the tree's count of such uses

    @property
    def is_evictable(self) -> bool:
        """Whether this is an unlocked leaf; the root never is."""
        return self.parent is not None and self.refs == 0 and not self.children


@dataclass(frozen=True, slots=True)
class Match:
    """The longest cached prefix, in whole pages.

    Attributes:
        node: to be locked before the pages are read.
        pages: the pages that hold the prefix, in order. The tree's.
        length: how many tokens that is: ``len(pages) * page_size``.
    """

    node: Node
    pages: list[int]
    length: int


@dataclass(frozen=True, slots=True)
class Insertion:
    """What became of inserted pages.

    Attributes:
        node: where the inserted ids end, to be locked by whoever goes on from here.
        pages: the pages that hold the ids from now on, in order; where a prefix was cached already under other pages,
            these are the cached ones. Empty when the cache is off.
        freed: the caller's pages that went back to the pool, because their tokens were cached already.
    """

    node: Node
    pages: list[int]
    freed: list[int]


class RadixTree:
    """Prefixes of token ids, each kept once.

    Args:
        pool: where pages come from and go back to.
        page_size: tokens a page, at least 1.
        policy: which leaf goes first; a fresh `LRU` unless given. A policy serves one tree.
        enabled: False makes every match empty and every insertion a giving back.

    Attributes:
        evicted_pages: how many pages `evict` has freed so far; `clear` is not counted.
        version: changes with every insertion and eviction, that is whenever a probe may find something else.
        on_evict: told of each leaf that `evict` is about to free, while its pages still hold what they hold.
    """

    def __init__(
        self,
        pool: PagePool,
        page_size: int,
        policy: EvictionPolicy[Node] | None = None,
        *,
        enabled: bool = True,
    ) -> None:
        if page_size < 1:
            raise ValueError(f"a page needs room for at least 1 token, not {page_size}")
        self.pool = pool
        self.page_size = page_size
        self.enabled = enabled
        self._policy: EvictionPolicy[Node] = LRU() if policy is None else policy
        self._root = Node(None, ("", ()), [], [])
        self._owned: set[int] = set()
        self._locked_pages = 0
        self.evicted_pages = 0
        self.version = 0
        self.on_evict: Callable[[Node], None] | None = None
        self._uses = 0

    @property
    def cached_pages(self) -> int:
        """How many pages the tree owns, locked or not."""
        return len(self._owned)

    @property
    def locked_pages(self) -> int:
        """How many of them lie under a lock; each counts once, however many locks share it."""
        return self._locked_pages

    @property
    def evictable_pages(self) -> int:
        """How many pages `evict` could free now: a lock covers its whole path, so everything else is within reach."""
        return len(self._owned) - self._locked_pages

    def match(self, ids: Sequence[int], salt: str = "") -> Match:
        """Find the longest cached prefix of `ids` among those inserted with `salt`.

        Rounded down to whole pages. An edge matched in part is split in two, which moves pages between nodes and
        frees none; the path counts as used now. The caller locks `Match.node` before the next `evict` or `clear`.
        """
        node, depth = self._descend(self._blocks(ids), salt) if self.enabled else (self._root, 0)
        self._touch_path(node)
        pages = [page for part in self.path(node) for page in part.pages]
        return Match(node, pages, depth * self.page_size)

    def probe(self, ids: Sequence[int], limit: int, salt: str = "", last: Probe | None = None) -> Probe:
        """How much of ``ids[:limit]`` is cached, in whole pages, changing nothing.

        `last` is an earlier probe of the same ids and salt: what it found, where that is still there, is not compared
        again.
        """
        if not self.enabled:
            return Probe(self._root, 0, 0)
        return probe(self._root, self.page_size, ids, limit, salt, last)

    def lock(self, node: Node) -> None:
        """Keep everything from the root to `node` from eviction, until `unlock`. Locks are counted.

        Raises:
            IntegrityError: `node`'s pages were evicted since it was handed out.
        """
        if node.parent is None and node is not self._root:
            raise IntegrityError("cannot lock a node whose pages were evicted; lock right after match or insert")
        node.holds += 1
        for part in self._upward(node):
            if part.is_evictable:
                self._policy.withdraw(part)
            if part.refs == 0:
                self._locked_pages += len(part.pages)
            part.refs += 1

    def unlock(self, node: Node) -> None:
        """Undo one `lock(node)`. The pages stay cached, and may be evicted once no lock covers them.

        Raises:
            IntegrityError: no lock on `node` is left to undo.
        """
        if node.holds == 0:
            raise IntegrityError("cannot unlock a node that is not locked")
        node.holds -= 1
        for part in self._upward(node):
            part.refs -= 1
            if part.refs == 0:
                self._locked_pages -= len(part.pages)
            if part.is_evictable:
                self._policy.offer(part)

    def insert(self, ids: Sequence[int], pages: Sequence[int], salt: str = "") -> Insertion:
        """Cache that `pages` hold `ids`: whole pages only, ``len(ids) == len(pages) * page_size``.

        Before, the caller owns `pages`, save those that `match` gave it, which are the tree's. After, the tree owns
        `Insertion.pages` and the caller none of them; pages for what was cached already under other pages went back to
        the pool (`Insertion.freed`), so a caller that goes on must go on with `Insertion.pages`, under a lock on
        `Insertion.node`. With the cache off all pages go back: insert only what nobody reads any more.

        Raises:
            IntegrityError: the lengths disagree, or a page is free, foreign, named twice or cached under other ids.
                No page changes hands then.
        """
        if len(ids) != len(pages) * self.page_size:
            raise IntegrityError(f"{len(ids)} token ids do not fill {len(pages)} pages of {self.page_size}")
        self.pool.check_taken(list(pages))
        if not self.enabled:
            self.pool.give(pages)
            return Insertion(self._root, [], list(pages))
        blocks = self._blocks(ids)
        node, depth = self._descend(blocks, salt)
        kept = [page for part in self.path(node) for page in part.pages]
        freed = [mine for mine, cached in zip(pages, kept, strict=False) if mine != cached]
        fresh = list(pages[depth:])
        for page in (*freed, *fresh):
            if page in self._owned:
                raise IntegrityError(f"page {page} is cached already, for other tokens than it is inserted for now")
        if fresh:
            node = self._add_leaf(node, salt, blocks[depth:], fresh)
        self.pool.give(freed)
        self._touch_path(node)
        return Insertion(node, kept + fresh, freed)

    def evict(self, count: int) -> int:
        """Free up to `count` pages of unlocked leaves, in the policy's order, each leaf from its end backwards.

        Returns:
            How many pages went back to the pool: ``min(count, evictable_pages)``.
        """
        freed = self._free(count, self.on_evict)
        self.evicted_pages += freed
        return freed

    def clear(self) -> int:
        """Free everything that no lock covers. Returns how many pages went back to the pool."""
        return self._free(self.evictable_pages)

    def path(self, node: Node) -> list[Node]:
        """The nodes from the root's child to `node`; empty for the root."""
        return list(self._upward(node))[-2::-1]

    def newest_first(self) -> list[Node]:
        """Every node with pages, the most recently used first, and none before its parent."""
        nodes = sorted(self._walk(), key=lambda node: -node.used)  # stable: a walk meets parents first
        return [node for node in nodes if node.pages]

    def _free(self, count: int, tell: Callable[[Node], None] | None = None) -> int:
        freed = 0
        while freed < count and (leaf := self._policy.victim()) is not None:
            surplus = len(leaf.pages) - (count - freed)
            if surplus > 0:
                self._split(leaf, surplus)  # the upper part stays; `leaf`, the lower one, goes
            if tell is not None:
                tell(leaf)
            freed += len(leaf.pages)
            self._remove_leaf(leaf)
        return freed

    def recount(self) -> None:
        """Rebuild every count by walking the tree, and compare. Raises `IntegrityError` on any difference."""
        self.pool.recount()
        seen: set[int] = set()
        locked = 0
        evictable = 0
        for node in self._walk():
            self._check_node(node)
            for page in node.pages:
                if page in seen:
                    raise IntegrityError(f"page {page} stands in the tree twice")
                if not self.pool.is_taken(page):
                    raise IntegrityError(f"page {page} is cached, yet the pool holds it free")
                seen.add(page)
            locked += len(node.pages) if node.refs else 0
            evictable += node.is_evictable
        _agree("cached pages", sorted(self._owned), sorted(seen))
        _agree("locked pages", self._locked_pages, locked)
        _agree("leaves on offer to the policy", len(self._policy), evictable)

    def _check_node(self, node: Node) -> None:
        _agree("pages of an edge", len(node.pages), len(node.blocks))
        _agree("names of an edge's pages", len(node.names), len(node.pages) if node.names else 0)
        _agree("locks on a node", node.refs, node.holds + sum(child.refs for child in node.children.values()))
        _agree("an unlocked leaf being on offer", node in self._policy, node.is_evictable)
        if any(len(block) != self.page_size for block in node.blocks):
            raise IntegrityError(f"an edge has a block that is not of {self.page_size} tokens")
        if node is not self._root and not node.pages:
            raise IntegrityError("an edge has no pages")
        for key, child in node.children.items():
            if child.parent is not node or child.key != key or child.blocks[:1] != [key[1]]:
                raise IntegrityError("a child does not stand where its parent lists it")
            if node is not self._root and key[0]:
                raise IntegrityError("a salt stands below the root")

    def _blocks(self, ids: Sequence[int]) -> list[Block]:
        size = self.page_size
        return [tuple(ids[start : start + size]) for start in range(0, len(ids) - size + 1, size)]

    def _descend(self, blocks: list[Block], salt: str) -> tuple[Node, int]:
        """The node where the longest cached prefix of `blocks` ends, and its length in blocks. May split an edge."""
        node, depth = self._root, 0
        while depth < len(blocks):
            child = node.children.get(self._key(node, salt, blocks[depth]))
            if child is None:
                break
            shared = _common(child.blocks, blocks, depth)
            node = child if shared == len(child.blocks) else self._split(child, shared)
            depth += shared
            if node is not child:
                break
        return node, depth

    def _key(self, parent: Node, salt: str, block: Block) -> Key:
        return (salt if parent is self._root else "", block)

    def _split(self, node: Node, at: int) -> Node:
        """Cut an edge after `at` blocks. `node` stays its lower part, so handles keep their meaning; returns the upper.

        Every lock on `node` or below covers the upper part too, so it inherits the references, and no count changes.
        """
        parent = _parent(node)
        upper = Node(parent, node.key, node.blocks[:at], node.pages[:at])
        upper.refs = node.refs
        parent.children[node.key] = upper
        node.parent, node.key = upper, ("", node.blocks[at])
        node.blocks, node.pages = node.blocks[at:], node.pages[at:]
        upper.names, node.names, upper.used = node.names[:at], node.names[at:], node.used
        upper.children[node.key] = node
        self._policy.inherit(upper, node)
        return upper

    def _add_leaf(self, parent: Node, salt: str, blocks: list[Block], pages: list[int]) -> Node:
        if parent.is_evictable:
            self._policy.withdraw(parent)
        leaf = Node(parent, self._key(parent, salt, blocks[0]), blocks, pages)
        parent.children[leaf.key] = leaf
        self._owned.update(pages)
        self.version += 1
        self._policy.touch(leaf)
        self._policy.offer(leaf)
        return leaf

    def _remove_leaf(self, leaf: Node) -> None:
        parent = _parent(leaf)
        self._policy.forget(leaf)
        del parent.children[leaf.key]
        leaf.parent = None  # the handle is stale from now on
        self.version += 1
        self._owned.difference_update(leaf.pages)
        self.pool.give(leaf.pages)
        if parent.is_evictable:
            self._policy.offer(parent)

    def _touch_path(self, node: Node) -> None:
        self._uses += 1
        for part in self.path(node):
            part.used = self._uses
            self._policy.touch(part)

    def _upward(self, node: Node) -> Iterator[Node]:
        """`node` and its ancestors, the root last."""
        part: Node | None = node
        while part is not None:
            yield part
            part = part.parent

    def _walk(self) -> Iterator[Node]:
        """Every node, the root first."""
        stack = [self._root]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(node.children.values())

    def __repr__(self) -> str:
        return f"RadixTree({self.cached_pages} pages cached, {self.locked_pages} locked, {self.pool!r})"


def _parent(node: Node) -> Node:
    if node.parent is None:
        raise IntegrityError("the root of the tree has no edge to change")
    return node.parent


def _common(edge: list[Block], blocks: list[Block], start: int) -> int:
    """How many of `edge`'s blocks stand in `blocks` from `start` on; the first is known to."""
    shared = 1
    limit = min(len(edge), len(blocks) - start)
    while shared < limit and edge[shared] == blocks[start + shared]:
        shared += 1
    return shared


def _agree(what: str, counted: object, found: object) -> None:
    if counted != found:
        raise IntegrityError(f"{what}: the books say {counted}, a walk of the tree finds {found}")
