"""What Prometheus is told: the engine's counters as they are, and histograms of what requests went through.

Names and meanings mirror vLLM's, under `weft:`. All of it stands in the engine process, since several API processes
may share an engine. `METRICS` has every metric there is, in the order they are shown; `describe` is that as a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ..request import EmbedResult, FinishReason, GenerateRequest, ScoreResult, Times, TokenEvent
from ..runtime.histogram import Histogram

if TYPE_CHECKING:
    from ..runtime.stats import EngineStats

MAX_REASONS = 64
"""Most reasons of rejections told apart; those that come after them are "other"."""
OUTCOMES = ("stop", "length", "abort", "deadline", "error", "score", "embed")

Kind = Literal["gauge", "counter", "histogram"]
Values = dict[tuple[str, ...], float]
"""Numbers by the values of a metric's own labels."""

SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)
LONG = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
TOKENS = tuple(float(digit * 10**power) for power in range(6) for digit in (1, 2, 5))


@dataclass(frozen=True, slots=True)
class MetricType:
    """A metric: its name without `weft:` and without a counter's `_total`, and its labels beside `model_name`."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """As Prometheus knows it."""
        return f"weft:{self.name}_total" if self.kind == "counter" else f"weft:{self.name}"


METRICS = (
    MetricType("build_info", "gauge", "Always 1; its labels say what runs.", ("version",)),
    MetricType("num_requests_running", "gauge", "Sequences that are computed now (a score has one for each choice)."),
    MetricType("num_requests_waiting", "gauge", "Sequences that wait in the engine's queue."),
    MetricType(
        "num_requests_preparing",
        "gauge",
        "Requests that are not in the queue yet, since their constraint is compiled or their text tokenised.",
    ),
    MetricType("kv_cache_usage_perc", "gauge", "Share of the KV pages that running sequences hold, from 0 to 1."),
    MetricType(
        "kv_cache_pages",
        "gauge",
        "KV pages: free, cached (kept for the prefixes they hold), or in_use by one sequence alone; they sum to all.",
        ("state",),
    ),
    MetricType("prefix_cache_queries", "counter", "Prompt tokens looked up in the prefix cache, at admission."),
    MetricType("prefix_cache_hits", "counter", "Prompt tokens found in the prefix cache."),
    MetricType("evicted_pages", "counter", "Cached KV pages given up because others were wanted."),
    MetricType("demoted_pages", "counter", "Evicted KV pages that host memory or the disk has instead."),
    MetricType(
        "promoted_tokens", "counter", "Tokens whose KV was copied back to the device, from host or disk.", ("tier",)
    ),
    MetricType("cache_tier_bytes", "gauge", "What host memory and the cache directory hold.", ("tier",)),
    MetricType("num_preemptions", "counter", "Running sequences sent back to the queue for want of KV pages."),
    MetricType("prompt_tokens", "counter", "Prompt tokens of admitted requests, those found in the cache included."),
    MetricType("generation_tokens", "counter", "Output tokens, forced ones included."),
    MetricType("forced_tokens", "counter", "Output tokens that a constraint left no choice about, so not sampled."),
    MetricType("computed_tokens", "counter", "Tokens that went through a forward pass, of prompts and outputs."),
    MetricType("spec_decode_num_draft_tokens", "counter", "Tokens guessed ahead and put into forward passes."),
    MetricType("spec_decode_num_accepted_tokens", "counter", "Guessed tokens that turned out to come next."),
    MetricType("engine_steps", "counter", "Forward passes, each of a batch."),
    MetricType(
        "request_success",
        "counter",
        "Requests ended, by reason: a generation's stop or length, score, embed; the others are no success.",
        ("finished_reason",),
    ),
    MetricType(
        "rejections",
        "counter",
        "HTTP calls answered by an error, by its code (or by its status, where it has none).",
        ("reason",),
    ),
    MetricType("client_disconnects", "counter", "HTTP calls whose client went away before the answer's end."),
    MetricType("mask_cache_hits", "counter", "Token masks found on the device."),
    MetricType("mask_cache_misses", "counter", "Token masks uploaded to the device."),
    MetricType(
        "grammar_compile_seconds", "histogram", "Compiling a constraint, once for each that is not held already."
    ),
    MetricType(
        "time_to_first_token_seconds", "histogram", "From a generation's arrival to its first token.", bounds=LONG
    ),
    MetricType(
        "inter_token_latency_seconds",
        "histogram",
        "From one output token to the next; tokens of one step, such as forced ones, come 0 seconds after each other.",
        bounds=SHORT,
    ),
    MetricType(
        "e2e_request_latency_seconds", "histogram", "From arrival to the end, of requests that succeeded.", bounds=LONG
    ),
    MetricType(
        "request_queue_time_seconds",
        "histogram",
        "From arrival to admission, compiling the constraint included; of requests that succeeded.",
        bounds=LONG,
    ),
    MetricType(
        "request_prefill_time_seconds",
        "histogram",
        "From admission until the prompt is computed; of requests that succeeded.",
        bounds=LONG,
    ),
    MetricType(
        "request_decode_time_seconds",
        "histogram",
        "From there to the end; of generations that succeeded.",
        bounds=LONG,
    ),
    MetricType("request_prompt_tokens", "histogram", "Prompt tokens of requests that succeeded.", bounds=TOKENS),
    MetricType("request_generation_tokens", "histogram", "Output tokens of generations that succeeded.", bounds=TOKENS),
    MetricType(
        "request_params_max_tokens", "histogram", "max_tokens of generations that succeeded and set it.", bounds=TOKENS
    ),
)


def describe() -> list[tuple[str, str, str]]:
    """(name with its labels, type, meaning) of every metric, for people."""
    rows: list[tuple[str, str, str]] = []
    for metric in METRICS:
        labels = ", ".join(("model_name", *metric.labels))
        rows.append((f"{metric.full_name}{{{labels}}}", metric.kind, metric.meaning))
    return rows


class ServiceMetrics:
    """What is counted about one engine. All of it is called in one thread.

    Args:
        model: the label `model_name` of every metric.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._histograms = {metric.name: Histogram(metric.bounds) for metric in METRICS if metric.bounds}
        self._rejections: Counter[str] = Counter()
        self._disconnects = 0

    def generation(self, request: GenerateRequest) -> Generation:
        """Follow a generation: show it every event."""
        return Generation(self, request)

    def answered(self, result: ScoreResult | EmbedResult) -> None:
        """A score or an embedding succeeded."""
        self._succeeded(result.times, result.prompt_tokens)

    def rejected(self, reason: str, count: int = 1) -> None:
        """HTTP calls were answered by an error."""
        known = reason in self._rejections or len(self._rejections) < MAX_REASONS
        self._rejections[reason if known else "other"] += count

    def disconnected(self, count: int = 1) -> None:
        """Clients went away before the end of their answers."""
        self._disconnects += count

    def expose(self, stats: EngineStats, preparing: int = 0) -> str:
        """Everything in Prometheus's text format, with what the engine says of itself.

        `preparing` requests have arrived and are not in the engine's queue yet.
        """
        registry = CollectorRegistry()
        registry.register(_Families(list(self._families(stats, preparing))))
        ProcessCollector(registry=registry)
        return generate_latest(registry).decode()

    def observe(self, name: str, value: float) -> None:
        """Count an observation of a histogram."""
        self._histograms[name].observe(value)

    def _succeeded(self, times: Times, prompt_tokens: int) -> None:
        self.observe("e2e_request_latency_seconds", times.finished - times.arrived)
        self.observe("request_prompt_tokens", prompt_tokens)
        if times.prefilled:  # else it ended without any computation: nothing asked for, or all of it forced
            self.observe("request_queue_time_seconds", times.admitted - times.arrived)
            self.observe("request_prefill_time_seconds", times.prefilled - times.admitted)

    def generated(self, request: GenerateRequest, last: TokenEvent, tokens: int) -> None:
        """A generation succeeded by the event `last`, with `tokens` of output."""
        self._succeeded(last.times, last.prompt_tokens)
        self.observe("request_generation_tokens", tokens)
        if request.sampling.max_tokens is not None:
            self.observe("request_params_max_tokens", request.sampling.max_tokens)
        if last.times.prefilled:
            self.observe("request_decode_time_seconds", last.times.finished - last.times.prefilled)

    def _families(self, stats: EngineStats, preparing: int) -> Iterator[Metric]:
        numbers = self._numbers(stats) | {"num_requests_preparing": {(): preparing}}
        for metric in METRICS:
            labels = ("model_name", *metric.labels)
            name = f"weft:{metric.name}"
            if metric.kind == "histogram":
                yield self._histogram(metric, stats)
                continue
            make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = make(name, metric.meaning, labels=labels)
            for values, number in numbers[metric.name].items():
                family.add_metric([self._model, *values], number)
            yield family

    def _histogram(self, metric: MetricType, stats: EngineStats) -> HistogramMetricFamily:
        family = HistogramMetricFamily(f"weft:{metric.name}", metric.meaning, labels=["model_name"])
        own = self._histograms.get(metric.name)
        buckets, total = (own.buckets(), own.total) if own else (stats.compile_buckets, stats.compile_seconds)
        family.add_metric([self._model], list(buckets), total)
        return family

    def _numbers(self, stats: EngineStats) -> dict[str, Values]:
        """Of each gauge and counter."""
        held = stats.pages_total - stats.pages_free - stats.pages_evictable
        ended = dict.fromkeys(OUTCOMES, 0) | dict(stats.requests)
        return {
            "build_info": {(version("weft"),): 1},
            "num_requests_running": {(): stats.running},
            "num_requests_waiting": {(): stats.waiting},
            "kv_cache_usage_perc": {(): held / stats.pages_total if stats.pages_total else 0.0},
            "kv_cache_pages": {
                ("free",): stats.pages_free,
                ("cached",): stats.pages_cached,
                ("in_use",): stats.pages_in_use,
            },
            "prefix_cache_queries": {(): stats.looked_up_tokens},
            "prefix_cache_hits": {(): stats.cached_tokens},
            "evicted_pages": {(): stats.evicted_pages},
            "demoted_pages": {(): stats.demoted_pages},
            "promoted_tokens": {("host",): stats.host_hit_tokens, ("disk",): stats.disk_hit_tokens},
            "cache_tier_bytes": {("host",): stats.host_cache_bytes, ("disk",): stats.disk_cache_bytes},
            "num_preemptions": {(): stats.retractions},
            "prompt_tokens": {(): stats.prompt_tokens},
            "generation_tokens": {(): stats.generated_tokens},
            "forced_tokens": {(): stats.forced_tokens},
            "computed_tokens": {(): stats.computed_tokens},
            "spec_decode_num_draft_tokens": {(): stats.drafted_tokens},
            "spec_decode_num_accepted_tokens": {(): stats.accepted_tokens},
            "engine_steps": {(): stats.steps},
            "request_success": {(reason,): count for reason, count in ended.items()},
            "rejections": {(reason,): count for reason, count in sorted(self._rejections.items())},
            "client_disconnects": {(): self._disconnects},
            "mask_cache_hits": {(): stats.mask_hits},
            "mask_cache_misses": {(): stats.mask_misses},
        }


class Generation:
    """One generation as its events pass: when its tokens came, by the engine's clock, and how many."""

    def __init__(self, metrics: ServiceMetrics, request: GenerateRequest) -> None:
        self._metrics = metrics
        self._request = request
        self._tokens = 0
        self._last = 0.0

    def take(self, event: TokenEvent) -> None:
        """The next event."""
        times = event.times
        if event.token_id >= 0 and (event.finish is None or times.last_token == times.finished):
            self._token(times)
        if event.finish in (FinishReason.STOP, FinishReason.LENGTH):
            self._metrics.generated(self._request, event, self._tokens)

    def _token(self, times: Times) -> None:
        """A token of the output, as an end-of-sequence token at its end is not."""
        if self._tokens == 0:
            self._metrics.observe("time_to_first_token_seconds", times.first_token - times.arrived)
        else:
            self._metrics.observe("inter_token_latency_seconds", times.last_token - self._last)
        self._tokens += 1
        self._last = times.last_token


class _Families(Collector):
    """Metrics that are there already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families
