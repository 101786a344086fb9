"""Several requests to the engine for one call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")
OutcomeT = TypeVar("OutcomeT")

AT_ONCE = 64
"""So many of a call's requests are with the engine at a time: a long list does not fill the queue for everybody."""


async def for_each(
    items: Sequence[ItemT], work: Callable[[int, ItemT], Awaitable[OutcomeT]], at_once: int = AT_ONCE
) -> list[OutcomeT]:
    """The outcomes of `work(place, item)`, in the items' order.

    The first one that fails, or a cancellation, cancels all others, and nothing goes on when this returns.
    """
    room = asyncio.Semaphore(at_once)

    async def one(at: int, item: ItemT) -> OutcomeT:
        async with room:
            return await work(at, item)

    tasks = [asyncio.create_task(one(at, item)) for at, item in enumerate(items)]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
