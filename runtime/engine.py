"""The engine: many callers, one thread, one step after another.

`Engine.submit` checks a request, compiles its constraint and puts a job into the inbox, all in the caller's thread.
The engine's own thread does the rest; `_step` is the whole way of a token.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, overload

import torch

from ..errors import Aborted, DeadlineExceeded, EngineClosed, EngineError, InvalidRequest, Overloaded, WeftError
from ..grammar import SUPPORTED
from ..radix_cache import Node, PagePool, ProgramLRU, RadixTree, TierCounts
from ..request import (
    AnyRequest,
    Capabilities,
    EmbedRequest,
    EmbedResult,
    GenerateRequest,
    GenerateResult,
    ScoreRequest,
    ScoreResult,
    Segment,
)
from . import scheduler as scheduling
from .cache_tiers import close_tiers, make_tiers
from .deadlines import Deadlines
from .engine_thread import EngineThread, promised
from .folder import resolve
from .intake import Intake
from .jobs import AnyJob, Drawn, GenerateJob, ScoreJob
from .loader import DISK_CACHE_BYTES, EngineOptions, Loaded, load
from .outbox import Outbox
from .programs import Programs
from .rows import GenerationRows
from .scheduler import Chunk, Scheduler
from .speculation import Speculation
from .stats import EngineStats
from .step import run_step
from .ticket import GenerateTicket, Ticket
from .tokenizer import Tokenizer

log = logging.getLogger("weft.runtime")


class Engine:
    """A model, its KV cache and the loop that serves requests. Thread-safe; satisfies the language's `Backend`.

    Args:
        model: a Hugging Face model folder or a GGUF file; None is the built-in model.
        name: what the model is called; its folder's name by default.
        device: "auto", "cpu", "cuda" ...
        dtype: "auto", "float32", "bfloat16" or "float16".
        quantization: what the weights of linear layers become when they are loaded: "int8", "int4" or "dynamic-int8",
            which rounds activations too; None leaves them as they are. See docs/quantization.md.
        page_size: tokens a KV page holds.
        num_pages: KV pages; None chooses by memory.
        max_running: most sequences computed at once.
        max_queue: most requests waiting; one more is refused with `Overloaded`.
        prefill_chunk: most prefill tokens of a step.
        max_context: bound on prompt and output together, where less than the model's is wanted.
        batch_invariant: float32 and fixed reduction shapes: a request's output is the same, bit for bit, alone, in a
            full batch and on a warm cache. Slower.
        radix_cache: keep and share computed prefixes.
        host_cache_bytes: host memory for prefixes that the device has no room for; None chooses by the device.
        cache_dir: a directory for prefixes that outlive the engine; None is none. docs/cache.md says who may read them.
        disk_cache_bytes: most bytes of files there.
        speculation: "auto" guesses ahead by prompt lookup where that pays, "prompt_lookup" wherever there is a guess,
            "off" never. The output is the same.
        overlap: tell callers of a step while the next one runs; None does so where the device runs beside the host.
        eviction: which cached prefixes go when pages run out: "program", by what programs are known to do next, or
            "lru", the least recently used.
        seed: seeds the seeds of requests that bring none.
        progress: told what loading is at, a few words at a time, from the thread that loads.

    Raises:
        ModelError: the folder cannot be loaded.
        InvalidRequest: an option is out of its range.
        EngineError: there is no folder to keep compiled grammar functions in.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        name: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        quantization: str | None = None,
        page_size: int = 16,
        num_pages: int | None = None,
        max_running: int = 64,
        max_queue: int = 4096,
        prefill_chunk: int = 512,
        max_context: int | None = None,
        batch_invariant: bool = False,
        radix_cache: bool = True,
        host_cache_bytes: int | None = None,
        cache_dir: str | Path | None = None,
        disk_cache_bytes: int = DISK_CACHE_BYTES,
        speculation: str = "auto",
        overlap: bool | None = None,
        eviction: str = "program",
        seed: int = 0,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        default_name, folder = resolve(model)
        self.name = name or default_name
        self.folder = folder
        self.options = EngineOptions(
            device=device,
            dtype=dtype,
            quantization=quantization,
            page_size=page_size,
            num_pages=num_pages,
            max_running=max_running,
            max_queue=max_queue,
            prefill_chunk=prefill_chunk,
            max_context=max_context,
            batch_invariant=batch_invariant,
            radix_cache=radix_cache,
            host_cache_bytes=host_cache_bytes,
            cache_dir=cache_dir,
            disk_cache_bytes=disk_cache_bytes,
            speculation=speculation,
            overlap=overlap,
            eviction=eviction,
            seed=seed,
        )
        progress("reading the tokenizer")
        self.tokenizer = Tokenizer(folder)
        self._thread = EngineThread(f"weft-engine-{self.name}")
        given_up = threading.Event()

        def tell(stage: str) -> None:
            if given_up.is_set():
                raise EngineClosed("loading was given up")
            progress(stage)

        try:
            loaded = self._thread.call(lambda: load(folder, self.options, self.tokenizer.vocabulary, tell))
            self._set_up(loaded)
        except BaseException:  # an interrupt, say: the load ends at its next stage, and no thread outlives the caller
            given_up.set()
            self._thread.finish()
            self._thread.join()
            raise
        self._thread.finish(self._run)

    def _set_up(self, loaded: Loaded) -> None:
        """Make all that stands around a loaded model."""
        options = self.options
        self.context_length = loaded.context_length
        self.embedding_size = loaded.config.hidden_size
        self._intake = Intake(
            self.tokenizer,
            vocab_size=loaded.config.vocab_size,
            context_length=loaded.context_length,
            cache_tokens=loaded.num_pages * options.page_size,
            seed=options.seed,
        )
        self._runner = loaded.runner
        self._masks = loaded.masks
        self._pool = PagePool(loaded.num_pages)
        policy = ProgramLRU[Node](loaded.num_pages) if options.eviction == "program" else None
        self._tree = RadixTree(self._pool, options.page_size, policy, enabled=options.radix_cache)
        self._programs = Programs(self._tree, policy)
        self._tiers, lines = make_tiers(self.folder, self.options, loaded, self._tree)
        self.choices = (*loaded.choices, *lines)
        self._scheduler = Scheduler(
            self._pool,
            self._tree,
            page_size=options.page_size,
            max_running=options.max_running,
            prefill_chunk=options.prefill_chunk,
            tiers=self._tiers,
            programs=self._programs,
        )
        self._outbox = Outbox(holds=loaded.overlaps)
        self._speculation = Speculation(options.speculation, token_cost=loaded.token_cost)
        self._inbox: queue.SimpleQueue[AnyJob | Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._in_flight: dict[str, AnyJob] = {}
        self._closing = False
        self._jobs: dict[str, AnyJob] = {}
        self._deadlines = Deadlines(self._jobs)
        self._owners: dict[scheduling.Sequence, AnyJob] = {}
        self._rows = GenerationRows(
            self._owners,
            self._scheduler,
            self._masks,
            self._speculation,
            budget=options.prefill_chunk,
            fail=lambda job, error: self._end(job, _as_weft_error(error, job)),
        )
        self._counts: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._recounted_at = 0
        self._process = os.getpid()

    # --- the callers' side ---

    @overload
    def submit(self, request: GenerateRequest) -> GenerateTicket[GenerateResult]: ...
    @overload
    def submit(self, request: ScoreRequest) -> Ticket[ScoreResult]: ...
    @overload
    def submit(self, request: EmbedRequest) -> Ticket[EmbedResult]: ...

    def submit(self, request: AnyRequest) -> Ticket[Any]:
        """Queue a request. What is wrong with the request itself is raised at once; the ticket brings the rest.

        Raises:
            InvalidRequest (PromptTooLong, GrammarError, ...): the request cannot be served as it is.
            Overloaded: `max_queue` requests are waiting.
            EngineClosed: the engine was closed, or died.
        """
        self._check_process()
        job = self._intake.job(request, self.abort)
        with self._lock:
            if self._closing:
                raise EngineClosed("the engine is closed")
            same = self._in_flight.get(request.id)
            if same is not None and not same.ticket.done:
                raise InvalidRequest(f"a request with the id {request.id!r} is in flight", param="id")
            if len(self._in_flight) >= self.options.max_queue + self.options.max_running:
                raise Overloaded(f"{len(self._in_flight)} requests are in flight: try again later")
            self._in_flight[request.id] = job
            self._inbox.put(job)
        return job.ticket

    def generate(self, request: GenerateRequest) -> GenerateTicket[GenerateResult]:
        """`submit` for a generation."""
        return self.submit(request)

    def score(self, request: ScoreRequest) -> Ticket[ScoreResult]:
        """`submit` for a scoring."""
        return self.submit(request)

    def embed(self, request: EmbedRequest) -> Ticket[EmbedResult]:
        """`submit` for an embedding."""
        return self.submit(request)

    def abort(self, request_id: str) -> None:
        """Abort a request: its pages are free within a step. Unknown ids are ignored, since it may just have ended."""
        self._inbox.put(lambda: self._abort(request_id))

    def capabilities(self) -> Capabilities:
        """What this backend can do."""
        return Capabilities(
            model=self.name,
            token_ids=True,
            constraints=SUPPORTED,
            embed=True,
            tools=self.tokenizer.template is not None,
            context_length=self.context_length,
        )

    def render(self, segments: Sequence[Segment], tools: Sequence[Mapping[str, Any]] = ()) -> tuple[int, ...]:
        """The prompt ids of a program's state; see `prompt.py`."""
        return tuple(self.tokenizer.render(segments, tools))

    def fork(self, session: str, children: Sequence[str]) -> None:
        """A hint that eviction may use: `children` are about to go on from `session`'s prefix."""
        self._inbox.put(lambda: self._programs.fork(session, children))

    def release(self, session: str) -> None:
        """A hint that eviction may use: nobody comes back to the prefix of `session`, or of a batch of that id."""
        self._inbox.put(lambda: self._programs.release(session))

    def stats(self) -> EngineStats:
        """Counts so far; taken between steps."""
        counts: EngineStats = self._on_thread(self._stats)
        return counts

    def recount(self) -> None:
        """Check, between steps, that every page and lock is accounted for; raises the difference."""
        self._on_thread(self._scheduler.recount)

    def flush_cache(self) -> None:
        """Forget every cached prefix that no running request holds, on the device, in host memory and on disk."""
        self._on_thread(self._flush_cache)

    def close(self) -> None:
        """Stop after the current step. Requests still in flight get `EngineClosed`. Idempotent."""
        if os.getpid() != self._process:
            return  # a fork's copy, which never ran
        with self._lock:
            closing, self._closing = self._closing, True
        if not closing:
            self._inbox.put(lambda: None)
        self._intake.close()
        if not self._thread.is_current:
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_process(self) -> None:
        """Raise `EngineClosed` in a fork of the engine's process: there the thread that answers does not exist."""
        if os.getpid() != self._process:
            raise EngineClosed("the engine runs in the process that made it, not in a fork of that process")

    def _on_thread(self, call: Callable[[], Any]) -> Any:
        """Run `call` between two steps and give its result; after the engine has ended, run it here."""
        self._check_process()
        if self._thread.is_current:
            return call()
        run, answer = promised(call)
        with self._lock:
            alive = not self._closing
            if alive:
                self._inbox.put(run)
        if not alive:
            self._thread.join()
            return call()
        return answer.result()

    # --- the engine's thread ---

    def _run(self) -> None:
        reason = "the engine was closed before it could answer"
        in_order = False
        try:
            while self._receive():
                self._step()
            in_order = True
        except Exception as error:  # the books are wrong: no later step could be trusted
            log.exception("the engine died")
            reason = f"the engine died: {error}"
        finally:
            try:
                self._answer_all(EngineClosed(reason))
            finally:
                close_tiers(self._tiers, flush=in_order)
                self._runner.close()

    def _answer_all(self, error: EngineClosed) -> None:
        """The last thing the engine does: whoever waits is answered first, then the pages are put back."""
        with self._lock:
            self._closing = True
        calls: list[Callable[[], None]] = []
        while not self._inbox.empty():  # from now on only aborts are put in
            item = self._inbox.get()
            if callable(item):
                calls.append(item)
            else:
                self._jobs[item.request_id] = item
        jobs = list(self._jobs.values())
        for job in jobs:
            if not job.done:
                job.fail(error, time.monotonic())
        self._outbox.flush()
        for job in jobs:
            try:
                self._retire(job)
            except WeftError:
                log.exception("the pages of request %s cannot be put back", job.request_id)
        self._jobs.clear()
        for call in calls:
            try:
                call()
            except Exception:
                log.exception("a call could not be made once the engine had ended")

    def _receive(self) -> bool:
        """Take what arrived: jobs, aborts and calls. Waits where there is nothing else to do. False: closing."""
        if not self._scheduler.running and not self._scheduler.waiting:
            self._outbox.flush()
            if self._inbox.empty():
                self._check_when_idle()
            self._wait()
        self._drain_inbox()
        return not self._closing

    def _wait(self) -> None:
        """Until something arrives. Requests whose prefix is being read from disk run out of time here."""
        deadline = self._deadlines.next
        try:
            item = self._inbox.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            self._end_overdue(time.monotonic())
        else:
            self._take(item)

    def _check_when_idle(self) -> None:
        """Recount once after each busy spell: a fault in the books is told in the log, not found weeks later."""
        if self._counts["steps"] == self._recounted_at:
            return
        self._recounted_at = self._counts["steps"]
        try:
            self._scheduler.recount()
        except WeftError:
            log.exception("the books of the KV cache are wrong")

    def _drain_inbox(self) -> None:
        while True:
            try:
                self._take(self._inbox.get_nowait())
            except queue.Empty:
                return

    def _take(self, item: AnyJob | Callable[[], None]) -> None:
        if callable(item):
            item()
            return
        item.outbox = self._outbox
        self._jobs[item.request_id] = item
        self._deadlines.watch(item)
        try:
            if isinstance(item, GenerateJob):
                item.start(time.monotonic())
            if not item.done and not self._fetch(item):
                self._start(item)
        except Exception as error:  # one request's fault is never the engine's end
            self._end(item, _as_weft_error(error, item))
        else:
            self._retire(item)

    def _fetch(self, job: AnyJob) -> bool:
        """Whether the disk has more of a job's prompt; the job is then queued when that is read."""
        if self._tiers is None:
            return False
        sequence = job.sequences[0]
        ids = sequence.ids[: sequence.match_limit]
        return self._tiers.fetch(ids, sequence.salt, lambda: self._inbox.put(lambda: self._fetched(job)))

    def _fetching(self) -> int:
        """How many jobs wait for the disk: they own no sequence yet."""
        return sum(self._owners.keys().isdisjoint(job.sequences) for job in self._jobs.values())

    def _fetched(self, job: AnyJob) -> None:
        if self._jobs.get(job.request_id) is job and not job.done:  # else it was aborted meanwhile
            self._start(job)

    def _flush_cache(self) -> None:
        self._tree.clear()
        if self._tiers is not None:
            self._tiers.clear()

    def _start(self, job: AnyJob) -> None:
        for sequence in job.first:
            self._queue(job, sequence)

    def _queue(self, job: AnyJob, sequence: scheduling.Sequence) -> None:
        self._owners[sequence] = job
        self._scheduler.add(sequence)

    def _step(self) -> None:
        """One step: admit, plan and guess ahead, forward, find the masks, sample, commit; see `step.py`."""
        self._end_overdue(time.monotonic())
        chunks = self._rows.draft(self._scheduler.plan())
        if not chunks:
            self._outbox.flush()
            return
        self._admit(chunks, time.monotonic())
        decodes = not any(chunk.sequence.is_prefilling for chunk in chunks)
        started = time.monotonic()
        try:
            outcome = run_step(self._runner, chunks, self._outbox, self._rows.find)
        except Exception as error:
            log.exception("a step failed; the requests in it get an error")
            for chunk in chunks:
                job = self._owners.get(chunk.sequence)
                if job is not None:  # else it ended before, by an error of its own
                    self._end(job, EngineError(f"the step failed: {error}"))
            return
        finally:
            self._masks.release_all()
        computed = sum(chunk.count for chunk in chunks)
        if decodes:
            self._speculation.cost.observe(computed, time.monotonic() - started)
        self._counts["steps"] += 1
        self._counts["computed"] += computed
        start = 0
        for chunk in chunks:
            hidden = outcome.hidden[start : start + chunk.count]
            self._commit(chunk, hidden, outcome.drawn.get(chunk.sequence, []))
            start += chunk.count

    def _commit(self, chunk: Chunk, hidden: torch.Tensor, drawn: list[Drawn]) -> None:
        """Give a chunk's outcome to its job. What goes wrong here is that job's error alone."""
        sequence = chunk.sequence
        job = self._owners.get(sequence)
        if job is None:
            return  # its job ended earlier in this step
        now = time.monotonic()
        is_last = chunk.is_last
        try:
            if isinstance(job, GenerateJob):
                if drawn:
                    job.take_all(drawn, now)
                    job.drafter.settle(self._speculation, len(chunk.draft))
            elif isinstance(job, ScoreJob):
                rows = job.rows(sequence, chunk.start, chunk.count)
                scored = self._runner.score(hidden, rows, job.top_logprobs)
                job.take(sequence, chunk.start, rows, scored, now)
            else:
                summed = self._runner.summed(hidden, job.rows(chunk.start, chunk.count))
                job.take(summed, chunk.start + chunk.count, is_last, now)
            if not job.failed:  # what a job failed on is not shared: its KV may be wrong
                self._scheduler.computed(chunk)
            if isinstance(job, ScoreJob) and is_last and not job.done:
                self._next_choices(job, sequence)
        except Exception as error:
            self._end(job, _as_weft_error(error, job))
            return
        self._retire(job)

    def _admit(self, chunks: list[Chunk], now: float) -> None:
        """Count those whose first chunk is among `chunks`."""
        for chunk in chunks:
            job = self._owners.get(chunk.sequence)
            if job is not None and chunk.sequence is job.sequences[0] and not job.times.admitted:
                self._counts["prompt"] += job.prompt_tokens
                self._counts["cached"] += job.cached_tokens
                if self._tree.enabled and chunk.sequence.match_limit:
                    self._counts["looked_up"] += job.prompt_tokens
                job.admitted(now)

    def _next_choices(self, job: ScoreJob, done: scheduling.Sequence) -> None:
        """Some choices are scored: free them, and after the first ones queue the others, whose prompt is cached now."""
        self._scheduler.finish(done)
        del self._owners[done]
        for sequence in job.after(done):
            self._queue(job, sequence)

    def _retire(self, job: AnyJob) -> None:
        """Free what a job held, once it is done."""
        if not job.done:
            return
        let_go = self._scheduler.drop if job.failed else self._scheduler.finish
        for sequence in job.sequences:
            if self._owners.pop(sequence, None) is not None:
                let_go(sequence)
        if self._jobs.pop(job.request_id, None) is None:
            return
        if isinstance(job, GenerateJob):
            self._counts["generated"] += job.output_tokens
            self._counts["forced"] += job.forced_tokens
        self._ended[job.outcome] += 1
        with self._lock:
            if self._in_flight.get(job.request_id) is job:  # the id may be in use again: its answer was there already
                del self._in_flight[job.request_id]

    def _end(self, job: AnyJob, error: WeftError) -> None:
        if not job.done:
            job.fail(error, time.monotonic())
        self._retire(job)

    def _end_overdue(self, now: float) -> None:
        while (request_id := self._deadlines.pop(now)) is not None:
            job = self._jobs[request_id]
            allowed = job.deadline - job.times.arrived
            self._end(job, DeadlineExceeded(f"request {request_id} was not done within its {allowed:g} seconds"))

    def _abort(self, request_id: str) -> None:
        job = self._jobs.get(request_id)
        if job is not None:
            self._end(job, Aborted(f"request {request_id} was aborted"))

    def _stats(self) -> EngineStats:
        free, cached = self._pool.free, self._tree.cached_pages
        tiers = self._tiers.counts if self._tiers is not None else TierCounts()
        unfinished = [job for job in self._jobs.values() if isinstance(job, GenerateJob)]
        compiled = self._intake.compiled()
        return EngineStats(
            running=len(self._scheduler.running),
            waiting=len(self._scheduler.waiting) + self._fetching(),
            pages_total=self._pool.num_pages,
            pages_free=free,
            pages_cached=cached,
            pages_in_use=self._pool.num_pages - free - cached,
            pages_evictable=self._tree.evictable_pages,
            prompt_tokens=self._counts["prompt"],
            cached_tokens=self._counts["cached"],
            looked_up_tokens=self._counts["looked_up"],
            computed_tokens=self._counts["computed"],
            generated_tokens=self._counts["generated"] + sum(job.output_tokens for job in unfinished),
            drafted_tokens=self._speculation.drafted,
            accepted_tokens=self._speculation.accepted,
            forced_tokens=self._counts["forced"] + sum(job.forced_tokens for job in unfinished),
            steps=self._counts["steps"],
            requests=tuple(sorted(self._ended.items())),
            retractions=self._scheduler.retractions,
            mask_hits=self._masks.hits,
            mask_misses=self._masks.misses,
            evicted_pages=self._tree.evicted_pages,
            demoted_pages=tiers.demoted_pages,
            host_hit_tokens=tiers.host_tokens,
            disk_hit_tokens=tiers.disk_tokens,
            host_cache_bytes=self._tiers.host.used_bytes if self._tiers is not None else 0,
            disk_cache_bytes=self._tiers.disk_bytes if self._tiers is not None else 0,
            compile_seconds=compiled.total,
            compile_buckets=compiled.buckets(),
        )


def _as_weft_error(error: Exception, job: AnyJob) -> WeftError:
    """What a job's caller is told; what was not foreseen is logged with its trace."""
    if isinstance(error, WeftError):
        return error
    log.error("request %s failed", job.request_id, exc_info=error, extra={"request_id": job.request_id})
    return EngineError(f"the request failed: {error}")
