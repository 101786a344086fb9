"""Which pages are free. A page is a number; what it holds, and where, is the caller's."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import IntegrityError


class PagePool:
    """The free pages among `num_pages`, numbered from 0. Each page is free or taken, and never both.

    Who takes a page owns it until giving it back, or until handing it on (`RadixTree.insert` takes ownership over).
    The order is deterministic: a fresh pool hands out 0, 1, 2 ..., and the pages given back last are taken first.

    Args:
        num_pages: how many pages there are, at least 1. Raises ValueError for fewer.
    """

    def __init__(self, num_pages: int) -> None:
        if num_pages < 1:
            raise ValueError(f"a page pool needs at least 1 page, not {num_pages}")
        self.num_pages = num_pages
        self._free = list(range(num_pages - 1, -1, -1))  # a stack: its end is taken next
        self._taken = bytearray(num_pages)

    @property
    def free(self) -> int:
        """How many pages are free."""
        return len(self._free)

    @property
    def taken(self) -> int:
        """How many pages have an owner."""
        return self.num_pages - len(self._free)

    def is_taken(self, page: int) -> bool:
        """Whether `page` is one of the pool's and has an owner."""
        return 0 <= page < self.num_pages and self._taken[page] == 1

    def take(self, count: int) -> list[int] | None:
        """Take `count` pages, all or nothing.

        Returns:
            The pages, owned by the caller from now on; None, and nothing changed, when fewer are free.

        Raises:
            ValueError: `count` is negative.
        """
        if count < 0:
            raise ValueError(f"cannot take {count} pages")
        if count > len(self._free):
            return None
        keep = len(self._free) - count
        pages = self._free[keep:][::-1]
        del self._free[keep:]
        for page in pages:
            self._taken[page] = 1
        return pages

    def give(self, pages: Iterable[int]) -> None:
        """Give pages back; the caller owned them and must not use them any more.

        Raises:
            IntegrityError: a page that is not the pool's, or is free already, or is named twice. Nothing is given then.
        """
        pages = list(pages)
        self.check_taken(pages)
        for page in pages:
            self._taken[page] = 0
        self._free.extend(reversed(pages))

    def check_taken(self, pages: list[int]) -> None:
        """Raise `IntegrityError` unless `pages` are distinct pages of this pool that have an owner."""
        if len(set(pages)) != len(pages):
            twice = next(page for page in pages if pages.count(page) > 1)
            raise IntegrityError(f"page {twice} is named twice in one list of pages")
        for page in pages:
            if not 0 <= page < self.num_pages:
                raise IntegrityError(f"page {page} is foreign: this pool has pages 0 to {self.num_pages - 1}")
            if not self._taken[page]:
                raise IntegrityError(f"page {page} is free already: it has no owner who could hand it over")

    def recount(self) -> None:
        """Compare the stack of free pages with the flags, page by page. Raises `IntegrityError` on any difference."""
        free = set(self._free)
        if len(free) != len(self._free):
            raise IntegrityError(
                f"{len(self._free)} pages are listed as free, but only {len(free)} of them are distinct"
            )
        flagged = {page for page, taken in enumerate(self._taken) if not taken}
        if free != flagged:
            raise IntegrityError(f"pages listed as free and pages flagged as free differ in {sorted(free ^ flagged)}")

    def __repr__(self) -> str:
        return f"PagePool({self.num_pages} pages, {self.free} free)"
