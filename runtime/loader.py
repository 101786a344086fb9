"""From a model folder to a runner: device, dtype and page count are chosen here, each with its reason."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..errors import InvalidRequest, ModelError
from ..grammar import Vocabulary
from ..grammar.warm_up import warm_up
from ..kernels.dispatch import explain
from ..kernels.linear import packed
from ..kernels.linear.layer import unquantized
from ..kernels.linear.quantized import BATCH_INVARIANT, KINDS, MakeQuantized
from .kv_cache import KVCache
from .lanes import Lanes
from .mask_pool import MaskPool
from .models.checkpoint import open_checkpoint
from .models.config import ModelConfig
from .models.loading import Weights
from .models.registry import build
from .runner import Runner
from .speculation import MODES

log = logging.getLogger("weft.runtime")

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
CPU_CACHE_BYTES = 1 << 30
DISK_CACHE_BYTES = 16 << 30
GPU_CACHE_SHARE = 0.85
TOKEN_COST = {"cpu": 0.25, "cuda": 0.01}
"""What one more token adds to a small pass, as a share of the pass's fixed cost; a first guess, then measured."""
PACE = 1.0
"""Least seconds between two words on how far reading the weights has come."""
EVICTIONS = ("program", "lru")


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How an engine is set up; see `Engine` for each field's meaning."""

    device: str = "auto"
    dtype: str = "auto"
    quantization: str | None = None
    page_size: int = 16
    num_pages: int | None = None
    max_running: int = 64
    max_queue: int = 4096
    prefill_chunk: int = 512
    max_context: int | None = None
    batch_invariant: bool = False
    radix_cache: bool = True
    host_cache_bytes: int | None = None
    cache_dir: str | Path | None = None
    disk_cache_bytes: int = DISK_CACHE_BYTES
    speculation: str = "auto"
    overlap: bool | None = None
    eviction: str = "program"
    seed: int = 0

    def validate(self) -> None:
        """Raise `InvalidRequest` naming the first option out of its range."""
        for name in ("page_size", "max_running", "max_queue", "prefill_chunk", "num_pages", "max_context"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidRequest(f"{name} must be at least 1, not {value}", param=name)
        if self.host_cache_bytes is not None and self.host_cache_bytes < 0:
            raise InvalidRequest(
                f"host_cache_bytes must be 0 at least, not {self.host_cache_bytes}", param="host_cache_bytes"
            )
        if self.disk_cache_bytes < 1:
            raise InvalidRequest(
                f"disk_cache_bytes must be at least 1, not {self.disk_cache_bytes}", param="disk_cache_bytes"
            )
        if self.cache_dir == "":
            raise InvalidRequest("cache_dir is empty: name a directory, or leave it out", param="cache_dir")
        for name in ("cache_dir", "host_cache_bytes"):
            if getattr(self, name) and not self.radix_cache:
                raise InvalidRequest(f"{name} keeps what the radix cache gives up, and that is off", param=name)
        if self.speculation not in MODES:
            modes = ", ".join(MODES)
            raise InvalidRequest(f"speculation must be one of {modes}, not {self.speculation!r}", param="speculation")
        if self.eviction not in EVICTIONS:
            raise InvalidRequest(
                f"eviction must be one of {', '.join(EVICTIONS)}, not {self.eviction!r}", param="eviction"
            )
        if self.dtype not in ("auto", *DTYPES):
            raise InvalidRequest(f"dtype must be auto or one of {', '.join(DTYPES)}, not {self.dtype!r}", param="dtype")
        if self.quantization is not None and self.quantization not in KINDS:
            message = f"quantization must be one of {', '.join(KINDS)}, not {self.quantization!r}"
            raise InvalidRequest(message, param="quantization")
        if self.batch_invariant and self.quantization not in (None, *BATCH_INVARIANT):
            raise InvalidRequest(
                f"batch_invariant does not go with quantization {self.quantization!r}: in another batch a row's sum "
                f"may be taken in another order; {' and '.join(sorted(BATCH_INVARIANT))} is exact",
                param="quantization",
            )


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready to run.

    Attributes:
        token_cost: what one more token adds to a small pass, as a share of its fixed cost; a first guess.
        overlaps: callers are told of a step while the next one runs.
        choices: what was chosen and why, a line each, for people.
    """

    runner: Runner
    cache: KVCache
    masks: MaskPool
    config: ModelConfig
    num_pages: int
    context_length: int
    device: torch.device
    dtype: torch.dtype
    token_cost: float
    overlaps: bool
    choices: tuple[str, ...]


def load(
    folder: Path, options: EngineOptions, vocabulary: Vocabulary, progress: Callable[[str], None] = lambda _: None
) -> Loaded:
    """Load a folder or GGUF file, and what constraints over its vocabulary share. `progress` is told what it is at.

    Raises:
        ModelError: the folder is at fault.
        InvalidRequest: an option is.
        EngineError: the grammar engine has no place to keep what it compiles.
    """
    options.validate()
    with ThreadPoolExecutor(1, "weft-grammar") as beside:  # it needs no tensors, and its time is mostly loading code
        grammar_engine = beside.submit(warm_up, vocabulary)
        loaded = _load(folder, options, progress)
        progress("preparing the grammar engine")
        choices = (*loaded.choices, grammar_engine.result())
    for line in choices:
        log.info(line)
    return replace(loaded, choices=choices)


def _load(folder: Path, options: EngineOptions, progress: Callable[[str], None]) -> Loaded:
    config, source = open_checkpoint(folder)
    device, device_reason = _choose_device(options.device)
    dtype, dtype_reason = _choose_dtype(options, config, device)
    overlaps, overlap_reason = _choose_overlap(options.overlap, device)
    progress(f"reading the weights onto {device}")
    dense, linear_choice = unquantized(device, dtype, batch_invariant=options.batch_invariant)
    quantized = MakeQuantized(options.quantization) if options.quantization is not None else None
    weights = Weights(
        source,
        dtype=dtype,
        device=device,
        make_linear=quantized or dense,
        make_head=quantized if quantized is not None and quantized.takes_head else dense,
        progress=paced(lambda done, count: progress(f"reading the weights onto {device}: {done} of {count} tensors")),
    )
    context = min(options.max_context or config.max_positions, config.max_positions)
    config = replace(config, max_positions=context)  # tables of positions are made no longer
    model = build(config, weights, batch_invariant=options.batch_invariant)
    num_pages, pages_reason = _choose_pages(options, config, device, dtype, context)
    progress(f"making a KV cache of {num_pages} pages")
    cache = KVCache(
        num_layers=config.num_layers,
        num_kv_heads=config.num_kv_heads,
        head_dim=config.head_dim,
        num_pages=num_pages,
        page_size=options.page_size,
        dtype=dtype,
        device=device,
    )
    lanes, lanes_choice = _choose_lanes(options, device)
    masks = MaskPool(max(256, 2 * options.max_running), config.vocab_size, device)
    choices = (
        f"device: {device}, because {device_reason}",
        f"dtype: {str(dtype).removeprefix('torch.')}, because {dtype_reason}",
        f"overlap: {'on' if overlaps else 'off'}, because {overlap_reason}",
        *((f"weights: {source.notice}",) if source.notice is not None else ()),
        *((f"quantization: {quantized.explain()}, because it was asked for",) if quantized is not None else ()),
        f"lanes: {lanes_choice}",
        f"pages: {num_pages} of {options.page_size} tokens, because {pages_reason}",
        *map(str, (explain(device, batch_invariant=options.batch_invariant) | {"linear": linear_choice}).values()),
    )
    runner = Runner(model, cache, masks, device=device, lanes=lanes)
    progress("warming up")
    runner.warm_up()
    return Loaded(
        runner=runner,
        cache=cache,
        masks=masks,
        config=config,
        num_pages=num_pages,
        context_length=min(context, num_pages * options.page_size),
        device=device,
        dtype=dtype,
        overlaps=overlaps,
        token_cost=TOKEN_COST.get(device.type, TOKEN_COST["cuda"]),
        choices=choices,
    )


def paced(tell: Callable[[int, int], None], clock: Callable[[], float] = time.monotonic) -> Callable[[int, int], None]:
    """`tell` for those calls that come at least `PACE` seconds after the last told one, or after this one."""
    last = clock()

    def told(done: int, count: int) -> None:
        nonlocal last
        now = clock()
        if now - last >= PACE:
            last = now
            tell(done, count)

    return told


def _choose_device(wanted: str) -> tuple[torch.device, str]:
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda"), "a CUDA device is there"
        return torch.device("cpu"), "no CUDA device is there"
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise InvalidRequest(f"device {wanted!r} is not one torch knows", param="device") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InvalidRequest("device 'cuda' was asked for, but torch finds no CUDA device", param="device")
    return device, "it was asked for"


def _choose_overlap(wanted: bool | None, device: torch.device) -> tuple[bool, str]:
    if wanted is not None:
        return wanted, "it was asked for"
    if device.type == "cpu":
        return False, "a CPU computes in the thread that launches"
    return True, "the device runs beside the host"


def _choose_dtype(options: EngineOptions, config: ModelConfig, device: torch.device) -> tuple[torch.dtype, str]:
    if options.batch_invariant:
        if options.dtype not in ("auto", "float32"):
            raise InvalidRequest(f"batch_invariant computes in float32, not {options.dtype}", param="dtype")
        return torch.float32, "batch_invariant computes in float32"
    if options.dtype != "auto":
        return DTYPES[options.dtype], "it was asked for"
    if device.type == "cpu" and config.dtype == "bfloat16" and packed.why_not(device, torch.bfloat16) is None:
        return torch.bfloat16, "the weights are and the CPU has instructions for it"
    if device.type == "cpu":
        return torch.float32, "float32 is the default on a CPU, unless the weights and its instructions are bfloat16"
    if config.dtype not in DTYPES:
        raise ModelError(f"config.json names the dtype {config.dtype!r}; known are {', '.join(DTYPES)}")
    return DTYPES[config.dtype], "config.json says so"


def _choose_lanes(options: EngineOptions, device: torch.device) -> tuple[Lanes, str]:
    if device.type != "cpu":
        return Lanes(1), f"1, because the device is {device.type}"
    if options.batch_invariant:
        return Lanes(1), "1, because batch_invariant asks for the same number of threads in every step"
    threads = torch.get_num_threads()
    return Lanes(threads), f"{threads}, because torch uses that many threads"


def _choose_pages(
    options: EngineOptions, config: ModelConfig, device: torch.device, dtype: torch.dtype, context: int
) -> tuple[int, str]:
    if options.num_pages is not None:
        return options.num_pages, "it was asked for"
    page_bytes = 2 * config.num_layers * config.num_kv_heads * config.head_dim * options.page_size * dtype.itemsize
    enough = options.max_running * -(-context // options.page_size)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        budget, where = int(free * GPU_CACHE_SHARE), f"{GPU_CACHE_SHARE:.0%} of the device's free memory"
    else:
        budget, where = CPU_CACHE_BYTES, f"{CPU_CACHE_BYTES >> 20} MiB of host memory"
    if enough * page_bytes <= budget:
        return enough, f"{options.max_running} requests of full context need no more"
    one = -(-context // options.page_size)
    return max(one, budget // page_bytes), f"that fills {where}"
