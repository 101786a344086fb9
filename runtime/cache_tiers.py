"""Sets up the tiers below the device's pages as the options ask for, and ends them. docs/cache.md has the whole."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import torch

from ..kernels.dispatch import explain
from ..radix_cache import DiskStore, DiskTier, PageKeys, RadixTree, Tiers
from .fingerprint import fingerprint
from .loader import EngineOptions, Loaded
from .page_mover import KVPageMover

log = logging.getLogger("weft.runtime")

MOST_HOST_BYTES = 16 << 30
HOST_SHARE = 8
"""The host tier beside a GPU takes one part in so many of the machine's memory, at most `MOST_HOST_BYTES`."""
FLUSH_SECONDS = 5.0
"""How long the end of an engine may take for writing what it holds to disk."""
NEUTRAL = frozenset(
    {
        "cache_dir",
        "device",  # what was chosen for these two is a fact of its own
        "disk_cache_bytes",
        "dtype",
        "eviction",
        "host_cache_bytes",
        "max_context",
        "max_queue",
        "max_running",
        "num_pages",
        "overlap",
        "prefill_chunk",
        "radix_cache",
        "seed",
        "speculation",
    }
)
"""Options that a page's content does not depend on. One that is not named here is taken to change it."""


def make_tiers(
    folder: Path, options: EngineOptions, loaded: Loaded, tree: RadixTree
) -> tuple[Tiers | None, tuple[str, ...]]:
    """The tiers, None where there are none; and what was chosen and why, a line each, for people.

    Raises:
        ModelError: a file of the model cannot be read.
    """
    if not options.radix_cache:
        return None, ()
    host_bytes, host_line = _choose_host(options, loaded.device)
    lines = (host_line, _disk_line(options))
    for line in lines:
        log.info(line)
    if not host_bytes and options.cache_dir is None:
        return None, lines
    mover = KVPageMover([*loaded.cache.keys, *loaded.cache.values])
    name = fingerprint(folder, _facts(options, loaded, mover))
    disk = None
    if options.cache_dir is not None:
        directory = Path(options.cache_dir).expanduser().absolute()
        disk = DiskTier(DiskStore(directory, name, mover.page_bytes, options.disk_cache_bytes))
    return Tiers(tree, mover, PageKeys(name, options.page_size), host_bytes=host_bytes, disk=disk), lines


def close_tiers(tiers: Tiers | None, *, flush: bool) -> None:
    """End the tiers' threads. With `flush`, what they and the device hold is written to disk before, as time allows."""
    if tiers is None:
        return
    deadline = time.monotonic() + FLUSH_SECONDS
    try:
        if flush:
            tiers.flush(deadline)
    except Exception:
        log.exception("the cache could not be written to disk; what is there already stays")
    finally:
        tiers.close(deadline if flush else time.monotonic())


def _choose_host(options: EngineOptions, device: torch.device) -> tuple[int, str]:
    if options.host_cache_bytes is not None:
        if not options.host_cache_bytes:
            return 0, "host cache: off, because it was asked for"
        return options.host_cache_bytes, f"host cache: {_mib(options.host_cache_bytes)}, because it was asked for"
    if device.type == "cpu":
        return 0, "host cache: off, because the pages of a CPU lie in host memory already"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    chosen = min(MOST_HOST_BYTES, memory // HOST_SHARE)
    return chosen, f"host cache: {_mib(chosen)}, because the machine has {_mib(memory)} of memory"


def _disk_line(options: EngineOptions) -> str:
    if options.cache_dir is None:
        return "disk cache: off, because no cache_dir was given"
    return f"disk cache: {_mib(options.disk_cache_bytes)} in {options.cache_dir}, because it was asked for"


def _facts(options: EngineOptions, loaded: Loaded, mover: KVPageMover) -> dict[str, object]:
    """What the content of a page depends on, beside the model's files and its tokens."""
    device = loaded.device
    facts: dict[str, object] = {name: value for name, value in asdict(options).items() if name not in NEUTRAL}
    facts |= {
        "weft": version("weft"),
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "cpu": torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else "",
        "dtype": loaded.dtype,
        "page_bytes": mover.page_bytes,
        "paths": [choice.path for choice in explain(device, batch_invariant=options.batch_invariant).values()],
    }
    if options.batch_invariant:
        facts["threads"] = torch.get_num_threads()
    return facts


def _mib(count: int) -> str:
    return f"{count >> 20} MiB"
