"""The small ops of a layer: against transformers or the definition, and row by row against the whole batch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from weft.kernels import copy_page, cos_sin_cache, gelu_mul, linear, rms_norm, rope, silu_mul, store_kv

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
TOLERANCE = {torch.float32: 1e-6, torch.bfloat16: 2e-2, torch.float16: 2e-3}


def draw(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def assert_rows_stand_alone(op: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> None:
    """The bits of a row are the same whatever rows it is computed with, and wherever it stands."""
    with torch.inference_mode():
        whole = op(x)
        for start, stop in [(0, 1), (1, 2), (0, 2), (5, 8), (3, 20), (7, 40), (31, 64), (1, 70), (69, 70), (0, 70)]:
            assert torch.equal(op(x[start:stop]), whole[start:stop]), (start, stop)
            assert torch.equal(op(x[start:stop].clone()), whole[start:stop]), (start, stop)


@DTYPES
def test_rms_norm_is_llamas(dtype: torch.dtype) -> None:
    from transformers.models.llama.modeling_llama import LlamaRMSNorm

    norm = LlamaRMSNorm(72, eps=1e-5).to(dtype)
    norm.weight.data = draw(72, dtype=dtype, seed=1)
    x, residual = draw(5, 72, dtype=dtype), draw(5, 72, dtype=dtype, seed=2)
    with torch.inference_mode():
        torch.testing.assert_close(
            rms_norm(x, norm.weight, 1e-5), norm(x), atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype]
        )
        y, total = rms_norm(x, norm.weight, 1e-5, residual)
        assert torch.equal(total, x + residual)
        assert torch.equal(y, rms_norm(total, norm.weight, 1e-5))


@DTYPES
def test_rms_norm_with_one_plus_the_weight_is_gemmas(dtype: torch.dtype) -> None:
    """Also in bfloat16, where 1 + weight would be rounded away were it not kept in float32."""
    from transformers.models.gemma2.modeling_gemma2 import Gemma2RMSNorm

    norm = Gemma2RMSNorm(72, eps=1e-6).to(dtype)
    norm.weight.data = (draw(72, seed=1) * 0.01).to(dtype)
    x = draw(500, 72, dtype=dtype)
    with torch.inference_mode():
        got, wanted = rms_norm(x, 1 + norm.weight.float(), 1e-6), norm(x)
    assert got.dtype == dtype
    if dtype is torch.float32:
        torch.testing.assert_close(got, wanted, atol=1e-6, rtol=1e-6)
    else:
        assert (got == wanted).float().mean() > 0.999  # sums are taken in another order


@pytest.mark.parametrize("width", [64, 577, 4096])
def test_rms_norm_rows_stand_alone(width: int) -> None:
    weight = draw(width, seed=1)
    assert_rows_stand_alone(lambda x: rms_norm(x, weight, 1e-6), draw(70, width))


@DTYPES
def test_rope_is_llamas(dtype: torch.dtype) -> None:
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    q, k = draw(6, 4, 32, dtype=dtype), draw(6, 2, 32, dtype=dtype, seed=1)
    positions = torch.tensor([0, 1, 5, 99, 5, 7])
    inv_freq = 10000.0 ** -(torch.arange(0, 32, 2) / 32)
    angles = torch.outer(positions.float(), inv_freq).repeat(1, 2)
    expected = apply_rotary_pos_emb(q.float()[None], k.float()[None], angles.cos(), angles.sin(), unsqueeze_dim=1)
    before = q.clone(), k.clone()
    with torch.inference_mode():
        got = rope(q, k, positions, cos_sin_cache(inv_freq, 100))
    assert torch.equal(q, before[0])
    assert torch.equal(k, before[1])
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.dtype == dtype
        torch.testing.assert_close(ours.float(), theirs[0], atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])


def test_rope_leaves_what_lies_past_the_rotated_part() -> None:
    q, k, positions = draw(5, 3, 20), draw(5, 1, 20, seed=1), torch.arange(5) * 3
    cache = cos_sin_cache(torch.rand(4, generator=torch.Generator().manual_seed(2)), 16, scale=1.5)
    got = rope(q, k, positions, cache)
    alone = rope(q[..., :8].contiguous(), k[..., :8].contiguous(), positions, cache)
    for ours, part, x in zip(got, alone, (q, k), strict=True):
        assert torch.equal(ours[..., 8:], x[..., 8:])
        assert torch.equal(ours[..., :8], part)
    torch.testing.assert_close(got[0][0, :, :8], q[0, :, :8] * 1.5)  # position 0 turns nothing


def test_rope_may_turn_each_position_by_frequencies_of_its_own() -> None:
    frequencies = torch.rand(9, 4, generator=torch.Generator().manual_seed(2))
    cache = cos_sin_cache(frequencies, 9)
    for position in range(9):
        assert torch.equal(cache[position], cos_sin_cache(frequencies[position], 9)[position])


def test_rope_rows_stand_alone() -> None:
    cache = cos_sin_cache(torch.rand(20), 64)

    def turn(x: torch.Tensor) -> torch.Tensor:
        positions = x[:, 0, 0].long()
        return rope(x, x[:, :1], positions, cache)[0]

    x = draw(70, 3, 40)
    x[:, 0, 0] = torch.arange(70) % 64
    assert_rows_stand_alone(turn, x)


@DTYPES
@pytest.mark.parametrize("batch_invariant", [False, True])
def test_silu_mul(dtype: torch.dtype, batch_invariant: bool) -> None:
    gate_up = draw(5, 2 * 33, dtype=dtype) * 5
    gate_up[0, :3] = torch.tensor([-1000.0, 1000.0, 0.0])
    got = silu_mul(gate_up, batch_invariant=batch_invariant)
    gate, up = gate_up.double().chunk(2, -1)
    assert got.dtype == dtype
    expected = gate * gate.sigmoid() * up
    torch.testing.assert_close(got.double(), expected, atol=TOLERANCE[dtype] * 5, rtol=TOLERANCE[dtype])


@DTYPES
@pytest.mark.parametrize("batch_invariant", [False, True])
def test_gelu_mul(dtype: torch.dtype, batch_invariant: bool) -> None:
    gate_up = draw(5, 2 * 33, dtype=dtype) * 5
    gate_up[0, :3] = torch.tensor([-100.0, 30.0, 0.0])
    got = gelu_mul(gate_up, batch_invariant=batch_invariant)
    gate, up = gate_up.double().chunk(2, -1)
    assert got.dtype == dtype
    expected = torch.nn.functional.gelu(gate, approximate="tanh") * up
    torch.testing.assert_close(got.double(), expected, atol=TOLERANCE[dtype] * 5, rtol=TOLERANCE[dtype])


@pytest.mark.parametrize("activation", [silu_mul, gelu_mul])
@pytest.mark.parametrize("width", [7, 33, 1536])
def test_gated_activations_rows_stand_alone(activation: Callable[..., torch.Tensor], width: int) -> None:
    assert_rows_stand_alone(lambda x: activation(x, batch_invariant=True), draw(70, 2 * width))


@DTYPES
@pytest.mark.parametrize("bias", [False, True])
def test_linear(dtype: torch.dtype, bias: bool) -> None:
    weight, added = draw(50, 64, dtype=dtype, seed=1), draw(50, dtype=dtype, seed=2) if bias else None
    for count in (1, 16, 37):
        x = draw(count, 64, dtype=dtype)
        expected = x.double() @ weight.double().T + (0 if added is None else added.double())
        for batch_invariant in (False, True):
            got = linear(x, weight, added, batch_invariant=batch_invariant)
            assert got.dtype == dtype
            tolerance = max(TOLERANCE[dtype], 1e-5) * 4
            torch.testing.assert_close(got.double(), expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize(("inputs", "outputs"), [(64, 64), (192, 577), (576, 1000), (1537, 33)])
def test_invariant_linear_rows_stand_alone(inputs: int, outputs: int) -> None:
    weight, bias = draw(outputs, inputs, seed=1), draw(outputs, seed=2)
    assert_rows_stand_alone(lambda x: linear(x, weight, bias, batch_invariant=True), draw(70, inputs))


def test_invariant_linear_at_every_count_of_rows() -> None:
    weight, x = draw(130, 96, seed=1), draw(70, 96)
    whole = linear(x, weight, batch_invariant=True)
    for count in range(1, 71):
        assert torch.equal(linear(x[:count], weight, batch_invariant=True), whole[:count])
        assert torch.equal(linear(x[70 - count :], weight, batch_invariant=True), whole[70 - count :])


@DTYPES
def test_store_kv_writes_its_slots_and_nothing_else(dtype: torch.dtype) -> None:
    k_pages = torch.full((2, 5, 4, 8), torch.nan, dtype=dtype)
    v_pages = torch.full((2, 5, 4, 8), torch.nan, dtype=dtype)
    wide = draw(6, 2, 3, 8, dtype=dtype)
    k, v = wide[:, :, 0], wide[:, :, 2]  # strided, as split from one projection
    slots = torch.tensor([19, 0, 7, 8, 13, 1])
    with torch.inference_mode():
        store_kv(k, v, k_pages, v_pages, slots)
    for pages, new in ((k_pages, k), (v_pages, v)):
        for at, slot in enumerate(slots.tolist()):
            assert torch.equal(pages[:, slot // 4, slot % 4], new[at])
        assert int(pages.isnan().all(-1).all(0).sum()) == 20 - 6


def test_copy_page_reads_every_page_before_it_writes_one() -> None:
    pages = draw(3, 6, 4, 8)
    before = pages.clone()
    copy_page(pages, torch.tensor([4, 1, 4]), torch.tensor([1, 0, 5]))
    for src, dst in ((4, 1), (1, 0), (4, 5), (2, 2), (3, 3), (4, 4)):
        assert torch.equal(pages[:, dst], before[:, src])
