"""What an engine has done so far, and what it holds now."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineStats:
    """Counts since the engine started, and the state of its queue and pages now.

    Attributes:
        running, waiting: sequences holding pages, and queued ones, with requests whose prompt is being read from disk.
        pages_total, pages_free, pages_cached, pages_in_use: total is the sum of the other three; cached pages belong
            to the radix tree (locked or not), pages in use to one sequence alone.
        pages_evictable: cached pages that no running sequence holds.
        prompt_tokens: prompt tokens of admitted requests; `cached_tokens` of them came from the cache.
        looked_up_tokens: prompt tokens that might have come from there: not those of mean-pooled embeddings.
        computed_tokens: tokens that went through a forward pass.
        generated_tokens: output tokens so far, of requests in flight too; `forced_tokens` of them were not sampled.
        drafted_tokens: tokens put into passes as guesses at what comes next; `accepted_tokens` of them came indeed.
        steps: forward passes.
        requests: requests ended, by "stop", "length", "abort", "deadline", "error", and "score"/"embed" for those
            kinds.
        retractions: running sequences sent back to the queue for want of pages.
        mask_hits, mask_misses: mask rows found on the device, and uploaded.
        evicted_pages: cached pages given up because others were wanted; those of `flush_cache` are not counted.
        demoted_pages: of these, the ones that host memory or the disk has instead.
        host_hit_tokens, disk_hit_tokens: tokens whose KV came back from there, with a request or with a sequence that
            goes on after a retraction.
        host_cache_bytes, disk_cache_bytes: what the tiers hold now; host memory for what was read from disk and waits,
            too.
        compile_seconds: what compiling constraints took in all, those refused included.
        compile_buckets: how many of these compilations took at most so many seconds, by the seconds as text; "+Inf"
            has them all.
    """

    running: int = 0
    waiting: int = 0
    pages_total: int = 0
    pages_free: int = 0
    pages_cached: int = 0
    pages_in_use: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    computed_tokens: int = 0
    generated_tokens: int = 0
    forced_tokens: int = 0
    steps: int = 0
    requests: tuple[tuple[str, int], ...] = ()
    retractions: int = 0
    mask_hits: int = 0
    mask_misses: int = 0
    pages_evictable: int = 0
    evicted_pages: int = 0
    demoted_pages: int = 0
    host_hit_tokens: int = 0
    disk_hit_tokens: int = 0
    host_cache_bytes: int = 0
    disk_cache_bytes: int = 0
    looked_up_tokens: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    compile_seconds: float = 0.0
    compile_buckets: tuple[tuple[str, int], ...] = (("+Inf", 0),)

    @property
    def sampled_tokens(self) -> int:
        """Output tokens that were drawn from the model's distribution."""
        return self.generated_tokens - self.forced_tokens

    @property
    def cache_hit_rate(self) -> float:
        """Share of prompt tokens that came from the cache."""
        return self.cached_tokens / self.prompt_tokens if self.prompt_tokens else 0.0
