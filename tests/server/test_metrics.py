"""What Prometheus is told, figure by figure: scripted events on a clock of their own."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from weft.request import EmbedResult, FinishReason, GenerateRequest, Sampling, ScoreResult, Times, TokenEvent
from weft.runtime.stats import EngineStats
from weft.server.metrics import MAX_REASONS, METRICS, ServiceMetrics, describe

LABEL = {"model_name": "tiny"}
QUIET = EngineStats(compile_buckets=(("+Inf", 0),))


class Told:
    """An exposition, read by Prometheus's own parser."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        return self.samples[(f"weft:{name}", *sorted((LABEL | labels).items()))]

    def histogram(self, name: str) -> tuple[float, float]:
        """(count, sum); each bucket holds those below it too, and the last one all."""
        family = self.families[f"weft:{name}"]
        buckets = [(float(s.labels["le"]), s.value) for s in family.samples if s.name.endswith("_bucket")]
        assert buckets == sorted(buckets)
        assert buckets[-1] == (math.inf, self.value(f"{name}_count"))
        return self.value(f"{name}_count"), self.value(f"{name}_sum")


def told(metrics: ServiceMetrics, stats: EngineStats = QUIET) -> Told:
    return Told(metrics.expose(stats))


def follow(metrics: ServiceMetrics, *events: TokenEvent) -> None:
    generation = metrics.generation(GenerateRequest(id="r", prompt=(1,), sampling=Sampling(max_tokens=30)))
    for event in events:
        generation.take(event)


def token(last: float, first: float = 12.0, **changes: object) -> TokenEvent:
    times = Times(arrived=10.0, admitted=10.5, prefilled=12.0, first_token=first, last_token=last)
    return replace(TokenEvent("r", 5, prompt_tokens=7, times=times), **changes)


def closing(event: TokenEvent, finished: float, finish: FinishReason = FinishReason.STOP) -> TokenEvent:
    return replace(event, finish=finish, times=replace(event.times, finished=finished))


def test_a_generations_times_are_counted_to_the_bucket() -> None:
    metrics = ServiceMetrics("tiny")
    last = token(12.9)
    follow(metrics, token(12.0), token(12.3), closing(last, 12.9, FinishReason.LENGTH))
    shown = told(metrics)
    assert shown.histogram("time_to_first_token_seconds") == (1, 2.0)
    assert shown.histogram("inter_token_latency_seconds") == (2, pytest.approx(0.9))
    assert shown.histogram("e2e_request_latency_seconds") == (1, pytest.approx(2.9))
    assert shown.histogram("request_queue_time_seconds") == (1, 0.5)
    assert shown.histogram("request_prefill_time_seconds") == (1, 1.5)
    assert shown.histogram("request_decode_time_seconds") == (1, pytest.approx(0.9))
    assert shown.histogram("request_prompt_tokens") == (1, 7)
    assert shown.histogram("request_generation_tokens") == (1, 3)
    assert shown.histogram("request_params_max_tokens") == (1, 30)
    assert shown.value("time_to_first_token_seconds_bucket", le="1.0") == 0
    assert shown.value("time_to_first_token_seconds_bucket", le="2.5") == 1
    assert shown.value("inter_token_latency_seconds_bucket", le="0.25") == 0
    assert shown.value("inter_token_latency_seconds_bucket", le="0.5") == 1
    assert shown.value("inter_token_latency_seconds_bucket", le="0.75") == 2
    assert shown.value("request_queue_time_seconds_bucket", le="0.25") == 0
    assert shown.value("request_queue_time_seconds_bucket", le="0.5") == 1, "bounds are inclusive"
    assert shown.value("request_prompt_tokens_bucket", le="5.0") == 0
    assert shown.value("request_prompt_tokens_bucket", le="10.0") == 1


def test_an_end_of_sequence_token_is_no_output_but_takes_its_time() -> None:
    metrics = ServiceMetrics("tiny")
    follow(metrics, token(12.0), closing(token(12.0), 13.0))
    shown = told(metrics)
    assert shown.histogram("request_generation_tokens") == (1, 1)
    assert shown.histogram("inter_token_latency_seconds") == (0, 0)
    assert shown.histogram("request_decode_time_seconds") == (1, 1.0)


def test_a_closing_event_without_a_token_adds_none() -> None:
    metrics = ServiceMetrics("tiny")
    follow(metrics, token(12.0), replace(closing(token(12.0), 12.0), token_id=-1))
    assert told(metrics).histogram("request_generation_tokens") == (1, 1)


def test_an_empty_output_has_no_first_token() -> None:
    metrics = ServiceMetrics("tiny")
    follow(metrics, closing(token(0.0, 0.0), 12.0))
    shown = told(metrics)
    assert shown.histogram("time_to_first_token_seconds") == (0, 0)
    assert shown.histogram("request_generation_tokens") == (1, 0)
    assert shown.histogram("e2e_request_latency_seconds") == (1, 2.0)


def test_forced_tokens_of_one_step_come_at_once_and_leading_ones_before_the_prompt_is_computed() -> None:
    metrics = ServiceMetrics("tiny")
    early = Times(arrived=10.0, first_token=10.25, last_token=10.25)
    forced = TokenEvent("r", 5, prompt_tokens=7, times=early)
    follow(metrics, forced, forced, token(12.0, 10.25), closing(token(13.0, 10.25), 13.0))
    shown = told(metrics)
    assert shown.histogram("time_to_first_token_seconds") == (1, 0.25)
    assert shown.histogram("inter_token_latency_seconds") == (3, 2.75)
    assert shown.value("inter_token_latency_seconds_bucket", le="0.001") == 1
    assert shown.histogram("request_prefill_time_seconds") == (1, 1.5)


def test_a_request_that_needed_no_computation_was_in_no_phase() -> None:
    metrics = ServiceMetrics("tiny")
    times = Times(arrived=10.0, finished=10.5)
    follow(metrics, TokenEvent("r", -1, finish=FinishReason.LENGTH, prompt_tokens=7, times=times))
    shown = told(metrics)
    assert shown.histogram("e2e_request_latency_seconds") == (1, 0.5)
    for phase in ("queue", "prefill", "decode"):
        assert shown.histogram(f"request_{phase}_time_seconds") == (0, 0)


@pytest.mark.parametrize("finish", [FinishReason.ABORT, FinishReason.ERROR])
def test_a_generation_that_failed_has_no_latency_but_its_tokens_had(finish: FinishReason) -> None:
    metrics = ServiceMetrics("tiny")
    follow(metrics, token(12.0), replace(closing(token(12.0), 13.0, finish), token_id=-1))
    shown = told(metrics)
    assert shown.histogram("time_to_first_token_seconds") == (1, 2.0)
    assert shown.histogram("e2e_request_latency_seconds") == (0, 0)
    assert shown.histogram("request_generation_tokens") == (0, 0)


def test_scores_and_embeddings_are_requests_without_output() -> None:
    metrics = ServiceMetrics("tiny")
    times = Times(arrived=1.0, admitted=1.5, prefilled=2.5, finished=2.5)
    metrics.answered(ScoreResult("s", ((-1.0,),), prompt_tokens=3, times=times))
    metrics.answered(EmbedResult("e", (1.0,), prompt_tokens=4, times=times))
    shown = told(metrics)
    assert shown.histogram("e2e_request_latency_seconds") == (2, 3.0)
    assert shown.histogram("request_queue_time_seconds") == (2, 1.0)
    assert shown.histogram("request_prefill_time_seconds") == (2, 2.0)
    assert shown.histogram("request_decode_time_seconds") == (0, 0)
    assert shown.histogram("request_prompt_tokens") == (2, 7)
    assert shown.histogram("request_generation_tokens") == (0, 0)


def test_the_engines_own_counts_are_shown_as_they_are() -> None:
    stats = EngineStats(
        running=2,
        waiting=3,
        pages_total=40,
        pages_free=10,
        pages_cached=24,
        pages_in_use=6,
        pages_evictable=20,
        prompt_tokens=100,
        cached_tokens=60,
        looked_up_tokens=80,
        computed_tokens=90,
        generated_tokens=50,
        forced_tokens=5,
        steps=30,
        requests=(("abort", 1), ("embed", 2), ("length", 4), ("stop", 8)),
        retractions=7,
        mask_hits=11,
        mask_misses=12,
        evicted_pages=13,
        demoted_pages=9,
        host_hit_tokens=32,
        disk_hit_tokens=48,
        host_cache_bytes=4096,
        disk_cache_bytes=8192,
        compile_seconds=0.75,
        compile_buckets=(("0.5", 2), ("+Inf", 3)),
    )
    shown = told(ServiceMetrics("tiny"), stats)
    expected = {
        "num_requests_running": 2,
        "num_requests_waiting": 3,
        "kv_cache_usage_perc": 0.25,
        "prefix_cache_queries_total": 80,
        "prefix_cache_hits_total": 60,
        "evicted_pages_total": 13,
        "demoted_pages_total": 9,
        "num_preemptions_total": 7,
        "prompt_tokens_total": 100,
        "generation_tokens_total": 50,
        "forced_tokens_total": 5,
        "computed_tokens_total": 90,
        "engine_steps_total": 30,
        "mask_cache_hits_total": 11,
        "mask_cache_misses_total": 12,
        "client_disconnects_total": 0,
    }
    assert {name: shown.value(name) for name in expected} == expected
    ended = {"stop": 8, "length": 4, "abort": 1, "deadline": 0, "error": 0, "score": 0, "embed": 2}
    for reason, count in ended.items():
        assert shown.value("request_success_total", finished_reason=reason) == count
    for state, pages in {"free": 10, "cached": 24, "in_use": 6}.items():
        assert shown.value("kv_cache_pages", state=state) == pages
    for tier, tokens, held in (("host", 32, 4096), ("disk", 48, 8192)):
        assert shown.value("promoted_tokens_total", tier=tier) == tokens
        assert shown.value("cache_tier_bytes", tier=tier) == held
    assert shown.histogram("grammar_compile_seconds") == (3, 0.75)
    assert shown.value("grammar_compile_seconds_bucket", le="0.5") == 2


def test_rejections_are_told_apart_up_to_a_bound() -> None:
    metrics = ServiceMetrics("tiny")
    metrics.rejected("overloaded", 2)
    metrics.rejected("overloaded")
    for number in range(MAX_REASONS + 4):
        metrics.rejected(f"made_up_{number}")
    metrics.rejected("overloaded")
    metrics.disconnected(3)
    shown = told(metrics)
    assert shown.value("rejections_total", reason="overloaded") == 4
    assert shown.value("rejections_total", reason="other") == 5
    assert len(shown.families["weft:rejections"].samples) == MAX_REASONS + 1
    assert shown.value("client_disconnects_total") == 3


def test_every_metric_is_explained_named_after_the_model_and_in_the_table() -> None:
    shown = told(ServiceMetrics("tiny"))
    ours = {name: family for name, family in shown.families.items() if name.startswith("weft:")}
    assert set(ours) == {f"weft:{metric.name}" for metric in METRICS}
    for metric in METRICS:
        family = ours[f"weft:{metric.name}"]
        assert (family.documentation, family.type) == (metric.meaning, metric.kind)
        for sample in family.samples:
            assert sample.labels["model_name"] == "tiny"
            assert set(sample.labels) - {"model_name", "le"} == set(metric.labels)
    assert [name.split("{")[0] for name, _, _ in describe()] == [metric.full_name for metric in METRICS]
    assert shown.families["process_resident_memory_bytes"].samples[0].value > 0
