"""masked_sample: what every implementation must do, and that they agree."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sampling_cases import assert_same, random_call

from weft.kernels import Adjust, Sampled, SamplingTensors, masked_sample
from weft.kernels.masked_sample import ALL_FORBIDDEN, BROKEN_LOGITS, cpu, reference

Implementation = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, SamplingTensors], Sampled]
both = pytest.mark.parametrize("sample", [reference.masked_sample, cpu.masked_sample], ids=["reference", "cpu"])


def no_mask(batch: int, vocabulary: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(0, (vocabulary + 31) // 32, dtype=torch.int32), torch.full((batch,), -1)


def mask_of(tokens: list[int], vocabulary: int) -> torch.Tensor:
    words = [0] * ((vocabulary + 31) // 32)
    for token in tokens:
        words[token // 32] |= 1 << token % 32
    return torch.tensor([[word - 2**32 if word >= 2**31 else word for word in words]], dtype=torch.int32)


@both
def test_both_zeros_tie(sample: Implementation) -> None:
    logits = torch.tensor([[-1.0, -0.0, 0.0], [-1.0, 0.0, -0.0]])
    assert sample(logits, *no_mask(2, 3), SamplingTensors.build(temperature=[0.0, 0.0])).tokens.tolist() == [1, 1]


@pytest.mark.parametrize("tied", [False, True], ids=["distinct", "tied"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("vocabulary", [7, 33, 1000, 4101])
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_the_compiled_pass_agrees_with_the_reference(
    batch: int, vocabulary: int, dtype: torch.dtype, tied: bool
) -> None:
    for seed in range(4):
        call = random_call(seed * 100 + batch, batch, vocabulary, dtype=dtype, tied=tied, adjusted=seed != 3)
        before = call[0].clone()
        with torch.inference_mode():
            assert_same(cpu.masked_sample(*call), reference.masked_sample(*call))
        assert torch.equal(call[0], before)


def test_the_cpu_takes_the_compiled_pass() -> None:
    call = random_call(1, 8, 1000)
    assert_same(masked_sample(*call), cpu.masked_sample(*call))


@both
def test_greedy_takes_the_lowest_of_equal_logits(sample: Implementation) -> None:
    logits = torch.tensor([[1.0, 5, 2, 5, 5], [5, 5, 5, 5, 5]])
    got = sample(logits, *no_mask(2, 5), SamplingTensors.build(temperature=[0, 0]))
    assert got.tokens.tolist() == [1, 0]
    assert got.allowed.tolist() == [5, 5]


@both
def test_logprob_is_the_raw_models(sample: Implementation) -> None:
    logits = torch.randn(4, 50, generator=torch.Generator().manual_seed(0)) * 4
    table = mask_of([3, 17, 44], 50)
    params = SamplingTensors.build(
        temperature=[0, 0.5, 1, 3],
        top_k=[0, 2, 0, 0],
        adjust=Adjust.build((row, 17, 1.5, 2.0) for row in range(4)),
    )
    got = sample(logits, table, torch.tensor([0, 0, -1, 0]), params)
    expected = logits.double().log_softmax(-1).gather(1, got.tokens[:, None])[:, 0]
    torch.testing.assert_close(got.logprobs.double(), expected, atol=1e-5, rtol=1e-5)
    assert got.allowed.tolist() == [3, 3, 50, 3]


@both
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_nothing_allowed_is_reported_and_never_nan(sample: Implementation, temperature: float) -> None:
    logits = torch.randn(5, 40)
    logits[1, 8] = -torch.inf
    logits[4] = -torch.inf
    table = torch.cat([mask_of([], 40), mask_of([8], 40), mask_of([9], 40)])
    adjust = Adjust.build([(2, 9, 1.0, -torch.inf)])
    params = SamplingTensors.build(temperature=[temperature] * 5, top_p=[0.5] * 5, adjust=adjust)
    got = sample(logits, table, torch.tensor([0, 1, 2, 2, -1]), params)
    assert got.tokens.tolist() == [ALL_FORBIDDEN, ALL_FORBIDDEN, ALL_FORBIDDEN, 9, ALL_FORBIDDEN]
    assert got.allowed.tolist() == [0, 1, 1, 1, 40]
    assert not got.logprobs.isnan().any()
    assert got.logprobs[[0, 1, 2, 4]].tolist() == [-math.inf] * 4


@both
@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_broken_logits_are_reported_even_where_masked(sample: Implementation, temperature: float, value: float) -> None:
    logits = torch.zeros(3, 40)
    logits[0, 3] = logits[2, 39] = value
    params = SamplingTensors.build(temperature=[temperature] * 3)
    got = sample(logits, mask_of([5], 40), torch.tensor([-1, 0, 0]), params)
    assert got.tokens.tolist() == [BROKEN_LOGITS, 5, BROKEN_LOGITS]
    assert not got.logprobs.isnan().any()


@both
def test_forbidden_tokens_are_never_drawn(sample: Implementation) -> None:
    vocabulary, batch = 200, 512
    logits = torch.zeros(batch, vocabulary)
    logits[:, ::2] = 50  # the mask forbids what the model wants
    allowed = [1, 31, 33, 63, 65, 199]
    params = SamplingTensors.build(temperature=[1.0] * batch, seeds=range(batch), top_p=[1.0, 0.9] * (batch // 2))
    got = sample(logits, mask_of(allowed, vocabulary), torch.zeros(batch, dtype=torch.int32), params)
    assert set(got.tokens.tolist()) == set(allowed)


def frequencies(
    sample: Implementation, logits: torch.Tensor, draws: int, table: torch.Tensor, **options: float
) -> Counter[int]:
    batch, found = 2048, Counter[int]()
    rows = torch.full((batch,), 0 if len(table) else -1)
    for start in range(0, draws, batch):
        params = SamplingTensors.build(
            temperature=[options.get("temperature", 1.0)] * batch,
            top_k=[int(options.get("top_k", 0))] * batch,
            top_p=[options.get("top_p", 1.0)] * batch,
            min_p=[options.get("min_p", 0.0)] * batch,
            seeds=[11] * batch,
            positions=range(start, start + batch),
        )
        found.update(sample(logits.expand(batch, -1), table, rows, params).tokens.tolist())
    return found


def assert_follows(found: Counter[int], expected: torch.Tensor) -> None:
    """Chi-square of counts against probabilities, at about 1 chance in 10,000 (Wilson and Hilferty's bound)."""
    draws = sum(found.values())
    support = [token for token in range(len(expected)) if expected[token] > 0]
    assert set(found) <= set(support)
    statistic = sum((found[t] - draws * float(expected[t])) ** 2 / (draws * float(expected[t])) for t in support)
    degrees = max(len(support) - 1, 1)
    bound = degrees * (1 - 2 / (9 * degrees) + 3.72 * math.sqrt(2 / (9 * degrees))) ** 3
    assert statistic < bound


@both
def test_frequencies_follow_the_distribution_renormalised_over_the_mask(sample: Implementation) -> None:
    logits = torch.linspace(0, 2.5, 40)[torch.randperm(40, generator=torch.Generator().manual_seed(3))]
    allowed = [0, 5, 9, 17, 20, 31, 32, 39]
    mask = torch.full((40,), -torch.inf).index_fill_(0, torch.tensor(allowed), 0)
    assert_follows(frequencies(sample, logits, 16384, torch.zeros(0, 2, dtype=torch.int32)), logits.softmax(-1))
    assert_follows(frequencies(sample, logits, 16384, mask_of(allowed, 40)), (logits + mask).softmax(-1))
    warm = frequencies(sample, logits, 16384, mask_of(allowed, 40), temperature=2.0)
    assert_follows(warm, (logits / 2 + mask).softmax(-1))


@both
def test_filters_renormalise_in_order(sample: Implementation) -> None:
    probabilities = torch.tensor([0.30, 0.25, 0.20, 0.15, 0.07, 0.03])
    logits = probabilities.log()
    free = torch.zeros(0, 1, dtype=torch.int32)

    def kept(*tokens: int) -> torch.Tensor:
        chosen = torch.zeros(6).index_fill_(0, torch.tensor(tokens), 1) * probabilities
        return chosen / chosen.sum()

    assert_follows(frequencies(sample, logits, 8192, free, top_k=3), kept(0, 1, 2))
    assert_follows(frequencies(sample, logits, 8192, free, top_p=0.6), kept(0, 1, 2))
    assert_follows(frequencies(sample, logits, 8192, free, min_p=0.4), kept(0, 1, 2, 3))
    # Of the top 3 (0.40, 0.33, 0.27 renormalised) the first two hold 0.73; of all they would hold only 0.55.
    assert_follows(frequencies(sample, logits, 8192, free, top_k=3, top_p=0.7), kept(0, 1))
    assert_follows(frequencies(sample, logits, 8192, free, top_p=0.95, min_p=0.8), kept(0, 1))


def naive_kept(d: list[float], top_k: int, top_p: float) -> set[int]:
    """Which tokens top-k and then top-p keep, by their definition, in exact sums."""
    if top_k:
        kth = sorted(d, reverse=True)[:top_k][-1]
        left = {t for t, value in enumerate(d) if value >= kth}
    else:
        left = set(range(len(d)))
    total = math.fsum(math.exp(d[t]) for t in left)
    return {t for t in left if math.fsum(math.exp(d[u]) for u in left if d[u] > d[t]) < top_p * total or top_p == 1}


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=40),
    st.integers(0, 45),
    st.sampled_from([1.0, 0.97, 0.8, 0.51, 0.2, 0.013, 1e-6]),
)
def test_thresholds_keep_what_the_definition_keeps(steps: list[int], top_k: int, top_p: float) -> None:
    d = [-(step - min(steps)) * 0.37 for step in steps]
    exact = torch.tensor([d], dtype=torch.float32)
    expected = naive_kept(exact[0].tolist(), top_k, top_p)
    least = reference.threshold(exact, torch.tensor([top_k], dtype=torch.int32), torch.tensor([top_p]))
    assert set((exact[0] >= least).nonzero()[:, 0].tolist()) == expected


@both
def test_a_row_draws_the_same_alone_and_anywhere_in_any_batch(sample: Implementation) -> None:
    logits, table, mask_rows, params = random_call(5, 8, 333, adjusted=False)
    order = torch.tensor([3, 3, 0, 7, 5, 1, 2, 6, 4])
    whole = sample(logits, table, mask_rows, params)

    def pick(rows: torch.Tensor) -> SamplingTensors:
        columns = ("temperature", "top_k", "top_p", "min_p", "seeds", "positions")
        return SamplingTensors(*(getattr(params, name)[rows] for name in columns))

    shuffled = sample(logits[order], table, mask_rows[order], pick(order))
    assert shuffled.tokens.tolist() == whole.tokens[order].tolist()
    for row in range(8):
        alone = torch.tensor([row])
        got = sample(logits[alone], table, mask_rows[alone], pick(alone))
        assert got.tokens.tolist() == whole.tokens[alone].tolist()


@both
def test_seed_and_position_each_change_the_draw(sample: Implementation) -> None:
    logits = torch.zeros(64, 4096)
    by_seed = SamplingTensors.build(temperature=[1.0] * 64, seeds=range(64))
    by_position = SamplingTensors.build(temperature=[1.0] * 64, seeds=[5] * 64, positions=range(64))
    for params in (by_seed, by_position):
        assert len(set(sample(logits, *no_mask(64, 4096), params).tokens.tolist())) > 55


@both
def test_adjustments_change_the_draw_and_no_logprob(sample: Implementation) -> None:
    logits = torch.tensor([[4.0, 3.9, -2, -2.1], [4.0, 3.9, -2, -2.1], [1, 2, 3, 4], [4.0, 4.0, 0, 0]])
    adjust = Adjust.build(
        [
            (0, 0, 2.0, 0.0),  # a positive logit is divided ...
            (1, 2, 0.01, 6.0),  # ... and a negative one multiplied; then the bias comes on top: -0.02 + 6
            (2, 3, 1.0, -torch.inf),
            (3, 0, 1.0, -0.5),
            (3, 0, 1.0, -0.5),  # entries of one token add up: 3.0
            (3, 1, 1.0, -0.9),  # 3.1
        ]
    )
    got = sample(logits, *no_mask(4, 4), SamplingTensors.build(temperature=[0] * 4, adjust=adjust))
    assert got.tokens.tolist() == [1, 2, 2, 1]
    expected = logits.log_softmax(-1).gather(1, got.tokens[:, None])[:, 0]
    torch.testing.assert_close(got.logprobs, expected)


@both
def test_a_tiny_temperature_draws_the_greatest(sample: Implementation) -> None:
    logits = torch.randn(16, 300, generator=torch.Generator().manual_seed(0)) * 1e4
    params = SamplingTensors.build(temperature=[1e-30] * 16, seeds=range(16))
    assert sample(logits, *no_mask(16, 300), params).tokens.tolist() == logits.argmax(-1).tolist()


def test_no_entries_make_no_adjust() -> None:
    assert Adjust.build([]) is None


def test_contradicting_shapes_are_refused() -> None:
    logits, params = torch.zeros(2, 40), SamplingTensors.build(temperature=[0, 0])
    table, rows = no_mask(2, 40)
    with pytest.raises(ValueError, match=r"mask table \[R, 2\]"):
        masked_sample(logits, torch.zeros(3, 1, dtype=torch.int32), rows, params)
    with pytest.raises(ValueError, match="mask rows"):
        masked_sample(logits, table, rows[:1], params)
    with pytest.raises(ValueError, match=r"mask rows .* must lie in -1 \.\.\. -1"):
        masked_sample(logits, table, torch.tensor([0, -1]), params)
    stray = SamplingTensors.build(temperature=[0, 0], adjust=Adjust.build([(0, 40, 1.0, 1.0)]))
    with pytest.raises(ValueError, match="adjusted tokens"):
        masked_sample(logits, table, rows, stray)
