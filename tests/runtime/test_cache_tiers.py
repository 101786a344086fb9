"""The cache's tiers under a real engine: what comes back is what was computed, to the bit, and costs no prefill."""

from __future__ import annotations

import random
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from tiny import write_llama

from weft.errors import Aborted, EngineClosed, InvalidRequest
from weft.radix_cache import DiskStore
from weft.request import EmbedRequest, GenerateRequest, GenerateResult, Sampling, ScoreRequest
from weft.runtime import Engine

PROMPT = "The quick brown fox reads the name of the thing, and then some more of it."  # some 60 tokens
OTHERS = [f"{at} is another prompt altogether, long enough to need pages of its own." for at in range(4)]


def engine(folder: Path, **options: Any) -> Engine:
    return Engine(folder, device="cpu", **{"page_size": 4, "batch_invariant": True} | options)


def run(engine: Engine, prompt: str = PROMPT, salt: str = "", tokens: int = 12) -> GenerateResult:
    run.count = getattr(run, "count", 0) + 1  # type: ignore[attr-defined]
    request = GenerateRequest(
        id=f"r{run.count}",  # type: ignore[attr-defined]
        prompt=prompt,
        cache_salt=salt,
        sampling=Sampling(max_tokens=tokens, ignore_eos=True, logprobs=True),
    )
    result = engine.generate(request).result(60)
    engine.recount()
    return result


def same(one: GenerateResult, other: GenerateResult) -> bool:
    """To the bit."""
    return (one.token_ids, one.logprobs) == (other.token_ids, other.logprobs)


@pytest.fixture(scope="module")
def plain(tiny_folder: Path) -> GenerateResult:
    """Without any cache."""
    with engine(tiny_folder, radix_cache=False) as plain:
        return run(plain)


def whole_pages(result: GenerateResult) -> int:
    """Most prompt tokens that can come from a cache: the last one is computed for its logits."""
    return (result.prompt_tokens - 1) // 4 * 4


def test_a_restart_serves_a_known_prefix_without_prefill(
    tiny_folder: Path, tmp_path: Path, plain: GenerateResult
) -> None:
    with engine(tiny_folder, cache_dir=tmp_path) as first:
        assert same(run(first), plain)
    with engine(tiny_folder, cache_dir=tmp_path) as second:
        result = run(second)
        stats = second.stats()
    assert result.cached_tokens == whole_pages(plain) > 40
    assert stats.disk_hit_tokens == stats.cached_tokens == result.cached_tokens
    assert stats.computed_tokens == result.prompt_tokens - result.cached_tokens + len(result.token_ids) - 1
    assert same(result, plain)


@pytest.mark.parametrize("where", ["host", "disk"])
def test_what_was_evicted_comes_back_to_the_bit(
    tiny_folder: Path, tmp_path: Path, plain: GenerateResult, where: str
) -> None:
    tier: dict[str, Any] = {"host_cache_bytes": 1 << 24} if where == "host" else {"cache_dir": tmp_path}
    with engine(tiny_folder, num_pages=30, **tier) as small:
        run(small)
        for prompt in OTHERS:
            run(small, prompt)
        before = small.stats()
        assert before.evicted_pages == before.demoted_pages > 0
        if small._tiers is not None and small._tiers.disk is not None:
            assert small._tiers.disk.drain()
        result = run(small)
        stats = small.stats()
    assert result.cached_tokens == whole_pages(plain)
    assert same(result, plain)
    assert (stats.host_hit_tokens > 0, stats.disk_hit_tokens > 0) == (where == "host", where == "disk")
    assert (stats.host_cache_bytes > 0, stats.disk_cache_bytes > 0) == (where == "host", where == "disk")


def test_scores_and_embeddings_find_it_too(tiny_folder: Path, tmp_path: Path) -> None:
    score = ScoreRequest(id="s", prompt=PROMPT, choices=(" one", " two"))
    embed = EmbedRequest(id="e", prompt=PROMPT)
    with engine(tiny_folder, cache_dir=tmp_path) as first:
        scored, embedded = first.score(score).result(60), first.embed(embed).result(60)
    with engine(tiny_folder, cache_dir=tmp_path) as second:
        assert second.score(score).result(60).logprobs == scored.logprobs
        assert second.stats().disk_hit_tokens > 40
        assert second.embed(embed).result(60).embedding == embedded.embedding


def test_requests_that_arrive_together_are_all_served(tiny_folder: Path, tmp_path: Path, plain: GenerateResult) -> None:
    with engine(tiny_folder, cache_dir=tmp_path) as first:
        run(first)
    with engine(tiny_folder, cache_dir=tmp_path) as second:
        tickets = [
            second.generate(
                GenerateRequest(
                    id=str(at), prompt=PROMPT, sampling=Sampling(max_tokens=12, ignore_eos=True, logprobs=True)
                )
            )
            for at in range(6)
        ]
        tickets[3].abort()
        results = [ticket.result(60) for at, ticket in enumerate(tickets) if at != 3]
        second.recount()
    assert all(same(result, plain) for result in results)


def test_what_waits_for_a_slow_disk_delays_no_other_and_can_be_aborted(
    tiny_folder: Path, tmp_path: Path, plain: GenerateResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine(tiny_folder, cache_dir=tmp_path) as first:
        run(first)
    reading, released = Event(), Event()
    read = DiskStore.read

    def slow(self: DiskStore, key: bytes) -> bytes | None:
        reading.set()
        assert released.wait(60)
        return read(self, key)

    monkeypatch.setattr(DiskStore, "read", slow)
    sampling = Sampling(max_tokens=12, ignore_eos=True, logprobs=True)
    with engine(tiny_folder, cache_dir=tmp_path) as second:
        waits, aborted = (
            second.generate(GenerateRequest(id=name, prompt=PROMPT, sampling=sampling)) for name in ("w", "a")
        )
        assert reading.wait(60)
        aborted.abort()
        with pytest.raises(Aborted):
            aborted.result(60)
        assert len(run(second, OTHERS[0]).token_ids) == 12
        assert (second.stats().running, second.stats().waiting) == (0, 1)
        assert not waits.done
        released.set()
        assert same(waits.result(60), plain)
        second.recount()


def test_closing_does_not_wait_for_a_slow_disk(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine(tiny_folder, cache_dir=tmp_path) as first:
        run(first)
    reading, released = Event(), Event()

    def stuck(self: DiskStore, key: bytes) -> None:
        reading.set()
        assert released.wait(60)

    monkeypatch.setattr(DiskStore, "read", stuck)
    with engine(tiny_folder, cache_dir=tmp_path) as second:
        waits = second.generate(GenerateRequest(id="w", prompt=PROMPT))
        assert reading.wait(60)
    with pytest.raises(EngineClosed):
        waits.result(60)
    released.set()


@pytest.mark.parametrize("seed", range(3))
def test_random_traffic_over_all_tiers_gives_what_no_cache_gives(tiny_folder: Path, tmp_path: Path, seed: int) -> None:
    """Few device pages, little host memory, a small directory, a restart in between; greedy, to the bit."""
    rng = random.Random(seed)
    stems = [tuple(rng.randrange(256) for _ in range(40)) for _ in range(3)]
    prompts = [
        (stem := rng.choice(stems))[: rng.randint(8, 40)] + tuple(rng.choice(stem) for _ in range(rng.randint(0, 8)))
        for _ in range(24)
    ]
    salts = [rng.choice(["", "tenant"]) for _ in prompts]

    def serve(engine: Engine, places: range) -> list[tuple[tuple[int, ...], Any]]:
        tickets = [
            engine.generate(
                GenerateRequest(
                    id=f"r{at}",
                    prompt=prompts[at],
                    cache_salt=salts[at],
                    sampling=Sampling(max_tokens=6, ignore_eos=True, logprobs=True),
                )
            )
            for at in places
        ]
        results = [ticket.result(60) for ticket in tickets]
        engine.recount()
        return [(result.token_ids, result.logprobs) for result in results]

    with engine(tiny_folder, radix_cache=False) as plain:
        expected = serve(plain, range(24))
    tiers = {"num_pages": 24, "host_cache_bytes": 1 << 15, "cache_dir": tmp_path, "disk_cache_bytes": 1 << 19}
    found = []
    promoted = 0
    for start in range(0, 24, 8):
        with engine(tiny_folder, **tiers) as small:
            found += serve(small, range(start, start + 8))
            promoted += small.stats().host_hit_tokens + small.stats().disk_hit_tokens
    assert found == expected
    assert promoted > 0


def test_salts_are_kept_apart_and_stand_in_no_file(tiny_folder: Path, tmp_path: Path, plain: GenerateResult) -> None:
    with engine(tiny_folder, cache_dir=tmp_path) as first:
        run(first, salt="tenant-one")
    with engine(tiny_folder, cache_dir=tmp_path) as second:
        assert run(second).cached_tokens == 0
        assert run(second, salt="tenant-two").cached_tokens == 0
        result = run(second, salt="tenant-one")
    assert result.cached_tokens == whole_pages(plain)
    assert same(result, plain)
    files = list(tmp_path.rglob("*.safetensors"))
    assert files
    assert not any(b"tenant" in file.read_bytes() or "tenant" in str(file.relative_to(tmp_path)) for file in files)


def test_bad_files_are_computed_anew(tiny_folder: Path, tmp_path: Path, plain: GenerateResult, caplog: Any) -> None:
    with engine(tiny_folder, cache_dir=tmp_path) as first:
        run(first)
    for at, file in enumerate(sorted(tmp_path.rglob("*.safetensors"))):
        content = file.read_bytes()
        file.write_bytes(content[:-3] if at % 2 else content[:-1] + bytes([content[-1] ^ 1]))
    with engine(tiny_folder, cache_dir=tmp_path) as second:
        result = run(second)
    assert "is not a good page" in caplog.text
    assert result.cached_tokens == 0
    assert same(result, plain)


@pytest.mark.parametrize("change", ["weights", "page size", "mode"])
def test_what_another_model_or_mode_computed_is_not_taken(tiny_folder: Path, tmp_path: Path, change: str) -> None:
    cache = tmp_path / "cache"
    with engine(tiny_folder, cache_dir=cache) as first:
        run(first)
    folder = write_llama(tmp_path / "other", seed=1) if change == "weights" else tiny_folder
    changes: dict[str, Any] = {"page size": {"page_size": 8}, "mode": {"batch_invariant": False}}.get(change, {})
    with engine(folder, cache_dir=cache, **changes) as second:
        assert run(second).cached_tokens == 0


def test_a_flush_forgets_the_disk_too(tiny_folder: Path, tmp_path: Path) -> None:
    with engine(tiny_folder, cache_dir=tmp_path) as first:
        run(first)
    with engine(tiny_folder, cache_dir=tmp_path) as second:
        second.flush_cache()
        assert list(tmp_path.rglob("*.safetensors")) == []
        assert run(second).cached_tokens == 0


def test_a_directory_that_cannot_be_used_is_a_notice(tiny_folder: Path, tmp_path: Path, caplog: Any) -> None:
    file = tmp_path / "file"
    file.write_text("not a directory")
    with engine(tiny_folder, cache_dir=file / "cache") as useless:
        assert run(useless).cached_tokens == 0
        assert run(useless).cached_tokens > 0
    assert "cannot use the disk cache" in caplog.text


def test_what_was_chosen_is_told(tiny_folder: Path, tmp_path: Path) -> None:
    with engine(tiny_folder) as plain, engine(tiny_folder, cache_dir=tmp_path, host_cache_bytes=1 << 20) as tiered:
        assert "host cache: off, because the pages of a CPU lie in host memory already" in plain.choices
        assert "host cache: 1 MiB, because it was asked for" in tiered.choices
        assert any(str(tmp_path) in choice for choice in tiered.choices)


@pytest.mark.parametrize(
    "options",
    [{"host_cache_bytes": -1}, {"disk_cache_bytes": 0}, {"cache_dir": "x", "radix_cache": False}],
    ids=["host", "disk", "no tree"],
)
def test_options_that_cannot_be_are_refused(tiny_folder: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        engine(tiny_folder, **options)
    assert refused.value.param == next(iter(options))
